//! Messages of every kind, made from the descriptors and so without the table that is under test.

#![allow(dead_code, reason = "each test file uses its part")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use proptest::prelude::*;
use protox::prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value,
};
use smoltel_proto::table::{self, Message};

#[path = "../../examples/generate/generator.rs"]
pub(crate) mod generator;

/// Our own `.proto` files, compiled.
pub(crate) fn pool() -> DescriptorPool {
    generator::compile(&generator::crate_dir().join("proto"))
}

/// A reference, if it is beside the workspace.
pub(crate) fn reference(path: &str) -> Option<PathBuf> {
    let path = generator::crate_dir().join("../../shared/reference").join(path);
    path.exists().then_some(path)
}

/// Says what did not run, past the capture of the test harness: nothing is left out in silence.
pub(crate) fn not_compared(what: &str) {
    let line = format!("NOT COMPARED: {what} is not here\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// The table's messages by name: all that the roots lead to.
pub(crate) fn messages() -> BTreeMap<&'static str, &'static Message> {
    let mut found = BTreeMap::new();
    let mut todo: Vec<&'static Message> = vec![
        &table::EXPORT_TRACE_SERVICE_REQUEST,
        &table::EXPORT_TRACE_SERVICE_RESPONSE,
        &table::EXPORT_METRICS_SERVICE_REQUEST,
        &table::EXPORT_METRICS_SERVICE_RESPONSE,
        &table::EXPORT_LOGS_SERVICE_REQUEST,
        &table::EXPORT_LOGS_SERVICE_RESPONSE,
        &table::EXPORT_PROFILES_SERVICE_REQUEST,
        &table::EXPORT_PROFILES_SERVICE_RESPONSE,
        &table::TRACES_DATA,
        &table::METRICS_DATA,
        &table::LOGS_DATA,
        &table::PROFILES_DATA,
        &table::STATUS,
        &table::RETRY_INFO,
        &table::BAD_REQUEST,
    ];
    while let Some(message) = todo.pop() {
        if found.insert(message.name, message).is_none() {
            todo.extend(message.fields().filter_map(|field| match field.kind {
                table::Kind::Message(inner) => Some(inner),
                _ => None,
            }));
        }
    }
    found
}

/// Random choices; when they run out, the smallest is taken, so that failures shrink.
pub(crate) struct Tape(std::vec::IntoIter<u64>);

impl Tape {
    pub(crate) fn next(&mut self) -> u64 {
        self.0.next().unwrap_or(0)
    }
}

/// Choices for one message.
pub(crate) fn tape() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(any::<u64>(), 1..600)
}

/// A message of the named type with any of its fields set to anything.
pub(crate) fn arbitrary(pool: &DescriptorPool, name: &str, tape: Vec<u64>) -> DynamicMessage {
    let message = pool.get_message_by_name(name).expect("a message of ours");
    fill(&message, &mut Tape(tape.into_iter()), 9)
}

fn fill(message: &MessageDescriptor, tape: &mut Tape, depth: usize) -> DynamicMessage {
    let mut made = DynamicMessage::new(message.clone());
    for field in message.fields() {
        let choice = tape.next();
        let too_deep = depth == 0 && matches!(field.kind(), Kind::Message(_));
        if choice.is_multiple_of(4) || too_deep {
            continue;
        }
        if field.is_list() {
            let elements = (0..choice / 4 % 4).map(|_| value(&field, tape, depth)).collect();
            made.set_field(&field, Value::List(elements));
        } else {
            made.set_field(&field, value(&field, tape, depth));
        }
    }
    made
}

const TEXTS: [&str; 7] = [
    "",
    "name",
    "\"quoted\\\"",
    "line\nbreak\u{1}\u{7f}",
    "Grüße 🦀",
    "\u{2028}",
    "a longer text than sixteen bytes",
];

fn value(field: &FieldDescriptor, tape: &mut Tape, depth: usize) -> Value {
    let bits = match tape.next() {
        raw if raw % 5 == 0 => raw / 5 % 3,
        raw if raw % 5 == 1 => u64::MAX - raw / 5 % 3,
        raw if raw % 5 == 2 => (1 << 53) + 1,
        raw if raw % 5 == 3 => 1 << 63,
        raw => raw,
    };
    let doubles = [0.0, -0.0, 1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324, 1e300];
    match field.kind() {
        Kind::Bool => Value::Bool(bits % 2 == 1),
        Kind::Int32 | Kind::Sint32 => Value::I32(bits as i32),
        Kind::Enum(_) => Value::EnumNumber(bits as i32),
        Kind::Int64 | Kind::Sfixed64 => Value::I64(bits as i64),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(bits as u32),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(bits),
        Kind::Double => match tape.next() {
            choice if choice % 2 == 0 => Value::F64(doubles[(choice / 2 % 8) as usize]),
            raw if f64::from_bits(raw).is_nan() => Value::F64(f64::NAN),
            raw => Value::F64(f64::from_bits(raw)),
        },
        Kind::String => Value::String(TEXTS[(bits % 7) as usize].into()),
        Kind::Bytes => Value::Bytes((0..bits % 20).map(|_| tape.next() as u8).collect::<Vec<_>>().into()),
        Kind::Message(message) => Value::Message(fill(&message, tape, depth - 1)),
        other => unreachable!("OTLP has no {other:?}"),
    }
}
