//! JSON to wire.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::scalar::{Raw, Scalar, convert};
use super::{any_type, text};
use crate::check::MAX_DEPTH;
use crate::table::{Cardinality, DURATION, Field, Form, Kind, Message, WireType};
use crate::wire::put_varint;

/// Appends the message that a piece of OTLP/JSON stands for, in protobuf.
///
/// Unknown members are ignored at any depth, and a snake_case name is unknown. `null` is the default. A member
/// that comes twice, or two members of one oneof, are refused: readers differ in what they take such JSON for.
/// Fields come out in the order of the members; `out` grows by at most 4 times the length of `json`.
///
/// # Errors
/// [`JsonError`] for what is not JSON or does not fit the message; nothing has been appended then.
pub fn from_json(root: &'static Message, json: &[u8], out: &mut Vec<u8>) -> Result<(), JsonError> {
    let start = out.len();
    let mut sink = Sink { out, path: Vec::new(), depth: 0 };
    let mut source = serde_json::Deserializer::from_slice(json);
    source.disable_recursion_limit(); // MAX_DEPTH messages are the limit
    let read = MessageBody { message: root, sink: &mut sink }.deserialize(&mut source);
    read.and_then(|()| source.end()).map_err(|error| {
        let path = sink.path();
        sink.out.truncate(start);
        JsonError::new(&error, path)
    })
}

/// Why JSON is not the message it should be, and where. Send `400 Bad Request`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// The line, from 1 on.
    pub line: usize,
    /// The column in bytes: how far the reader had come.
    pub column: usize,
    /// The members and indexes that lead there, such as `resourceSpans[0].scopeSpans[2]`; empty for the root.
    pub path: String,
    /// What is wrong.
    pub what: String,
}

impl JsonError {
    fn new(error: &serde_json::Error, path: String) -> Self {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let what = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text).to_owned();
        Self { line, column, path, what }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.what)
    }
}

impl core::error::Error for JsonError {}

#[derive(Clone, Copy)]
enum Step {
    Member(&'static str),
    Index(usize),
}

/// Where the bytes go, and where in the JSON the reader is. After an error the path stays as it was.
struct Sink<'o> {
    out: &'o mut Vec<u8>,
    path: Vec<Step>,
    depth: usize,
}

impl Sink<'_> {
    fn path(&self) -> String {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Member(name) if path.is_empty() => path.push_str(name),
                Step::Member(name) => path.extend([".", name]),
                Step::Index(index) => path.push_str(&format!("[{index}]")),
            }
        }
        path
    }

    fn tag(&mut self, number: u32, wire: WireType) {
        put_varint(self.out, u64::from(number << 3 | wire as u32));
    }

    fn raw(&mut self, raw: &Raw<'_>) {
        match raw {
            Raw::Varint(value) => put_varint(self.out, *value),
            Raw::Fixed64(value) => self.out.extend_from_slice(&value.to_le_bytes()),
            Raw::Fixed32(value) => self.out.extend_from_slice(&value.to_le_bytes()),
            Raw::Text(text) => self.delimited(text.as_bytes()),
            Raw::Bytes(bytes) => self.delimited(bytes),
        }
    }

    fn delimited(&mut self, bytes: &[u8]) {
        put_varint(self.out, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    /// Puts the length in front of what has been written since `start`. Bytes move by the length's own size,
    /// once for each message around them.
    fn close(&mut self, start: usize) {
        let end = self.out.len();
        put_varint(self.out, (end - start) as u64);
        let size = self.out.len() - end;
        self.out[start..].rotate_right(size);
    }
}

/// Reads a message's members, or whatever its form has in their place.
struct MessageBody<'s, 'o> {
    message: &'static Message,
    sink: &'s mut Sink<'o>,
}

impl<'de> DeserializeSeed<'de> for MessageBody<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MessageBody<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object for {}", self.message.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        if self.message.form == Form::Any {
            return read_any(map, self.message, self.sink);
        }
        read_members(&mut map, self.message, self.sink)
    }
}

fn read_members<'de, A: MapAccess<'de>>(
    map: &mut A,
    message: &'static Message,
    sink: &mut Sink<'_>,
) -> Result<(), A::Error> {
    let mut seen = 0_u64;
    let mut oneof = false;
    while let Some(member) = map.next_key_seed(Name(message))? {
        let Some(field) = member else {
            map.next_value::<IgnoredAny>()?;
            continue;
        };
        sink.path.push(Step::Member(field.json_name));
        if seen >> field.number & 1 == 1 {
            return Err(A::Error::custom("the member is there twice"));
        }
        seen |= 1 << field.number;
        let is_set = map.next_value_seed(FieldValue { field, place: Place::Member, sink })?;
        if is_set && field.cardinality == Cardinality::Oneof && std::mem::replace(&mut oneof, true) {
            return Err(A::Error::custom("another member of the same oneof is set"));
        }
        sink.path.pop();
    }
    Ok(())
}

/// `@type` comes first, as all writers have it; then the members of the message that it names, or `value`.
fn read_any<'de, A: MapAccess<'de>>(
    mut map: A,
    message: &'static Message,
    sink: &mut Sink<'_>,
) -> Result<(), A::Error> {
    let Some(key) = map.next_key::<String>()? else { return Ok(()) };
    sink.path.push(Step::Member("@type"));
    if key != "@type" {
        return Err(A::Error::custom("@type has to come first"));
    }
    let url = map.next_value::<String>()?;
    sink.path.pop();
    sink.tag(1, WireType::Length);
    sink.delimited(url.as_bytes());
    let Some(inner) = any_type(&url) else { return read_members(&mut map, message, sink) };
    sink.tag(2, WireType::Length);
    let start = sink.out.len();
    read_members(&mut map, inner, sink)?;
    sink.close(start);
    Ok(())
}

/// A member's name: the field, or none when it is unknown.
struct Name(&'static Message);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<&'static Field>;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Option<&'static Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.field_named(name))
    }
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Member,
    /// An element with a tag of its own.
    Element,
    /// An element in a packed block.
    Packed,
}

/// Reads one value of a field. Gives false for `null`.
struct FieldValue<'s, 'o> {
    field: &'static Field,
    place: Place,
    sink: &'s mut Sink<'o>,
}

impl FieldValue<'_, '_> {
    fn scalar<E: serde::de::Error>(self, scalar: Scalar<'_>) -> Result<bool, E> {
        let Self { field, place, sink } = self;
        if place == Place::Member && field.is_repeated() {
            return Err(E::custom("expected an array"));
        }
        if let (Kind::Message(&Message { form: Form::Duration, .. }), Scalar::Text(text)) =
            (field.kind, scalar)
        {
            return duration(field.number, text, sink);
        }
        let raw = convert(field.kind, scalar).map_err(E::custom)?;
        if field.cardinality == Cardinality::Singular && raw.is_default() {
            return Ok(true);
        }
        if place != Place::Packed {
            sink.tag(field.number, field.wire);
        }
        sink.raw(&raw);
        Ok(true)
    }
}

fn duration<E: serde::de::Error>(number: u32, text: &str, sink: &mut Sink<'_>) -> Result<bool, E> {
    let (seconds, nanos) = text::duration(text).ok_or_else(|| E::custom("expected seconds, such as 1.5s"))?;
    sink.tag(number, WireType::Length);
    let start = sink.out.len();
    let parts = [seconds as u64, i64::from(nanos) as u64];
    for (field, value) in DURATION.fields().zip(parts).filter(|(_, value)| *value != 0) {
        sink.tag(field.number, field.wire);
        put_varint(sink.out, value);
    }
    sink.close(start);
    Ok(true)
}

impl<'de> DeserializeSeed<'de> for FieldValue<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<bool, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FieldValue<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.field.kind, self.place) {
            (_, Place::Member) if self.field.is_repeated() => "an array",
            (Kind::Message(Message { form: Form::Duration, .. }), _) => "a string such as 1.5s",
            (Kind::Message(_), _) => "an object",
            _ => "a single value",
        })
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<bool, E> {
        if self.place == Place::Member { Ok(false) } else { Err(E::custom("null cannot be in an array")) }
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<bool, E> {
        self.scalar(Scalar::Bool(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<bool, E> {
        self.scalar(Scalar::Unsigned(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<bool, E> {
        self.scalar(Scalar::Signed(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<bool, E> {
        self.scalar(Scalar::Float(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<bool, E> {
        self.scalar(Scalar::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<bool, A::Error> {
        let Self { field, place, sink } = self;
        let packed = field.cardinality == Cardinality::Packed;
        if place != Place::Member || !field.is_repeated() {
            return Err(A::Error::custom("an array is not expected"));
        }
        let before = sink.out.len();
        if packed {
            sink.tag(field.number, WireType::Length);
        }
        let start = sink.out.len();
        let place = if packed { Place::Packed } else { Place::Element };
        for index in 0.. {
            sink.path.push(Step::Index(index));
            if elements.next_element_seed(FieldValue { field, place, sink })?.is_none() {
                break;
            }
            sink.path.pop();
        }
        sink.path.pop();
        match (packed, sink.out.len() == start) {
            (true, true) => sink.out.truncate(before),
            (true, false) => sink.close(start),
            _ => {}
        }
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<bool, A::Error> {
        let Self { field, place, sink } = self;
        let message = match field.kind {
            Kind::Message(message) if message.form != Form::Duration => message,
            _ => return Err(A::Error::custom("an object is not expected")),
        };
        if place == Place::Member && field.is_repeated() {
            return Err(A::Error::custom("expected an array"));
        }
        if sink.depth == MAX_DEPTH {
            return Err(A::Error::custom("nested too deep"));
        }
        sink.tag(field.number, WireType::Length);
        let start = sink.out.len();
        sink.depth += 1;
        MessageBody { message, sink }.visit_map(map)?;
        sink.depth -= 1;
        sink.close(start);
        Ok(true)
    }
}
