//! Each field of OTLP alone, to JSON and back, in the form that its type asks for.

mod support;

use protox::prost_reflect::prost::Message as _;
use protox::prost_reflect::{DynamicMessage, FieldDescriptor, Kind, Value};
use serde_json::{Value as Json, json};
use smoltel_proto::{from_json, to_json};

/// A value for the field, and the JSON for it.
fn sample(field: &FieldDescriptor) -> (Value, Json) {
    let is_id = matches!(field.name(), "trace_id" | "span_id" | "parent_span_id");
    match field.kind() {
        Kind::Bool => (Value::Bool(true), json!(true)),
        Kind::Int32 | Kind::Sint32 => (Value::I32(-7), json!(-7)),
        Kind::Enum(_) => (Value::EnumNumber(2), json!(2)),
        Kind::Int64 | Kind::Sfixed64 => (Value::I64(i64::MIN), json!("-9223372036854775808")),
        Kind::Uint32 | Kind::Fixed32 => (Value::U32(u32::MAX), json!(u32::MAX)),
        Kind::Uint64 | Kind::Fixed64 => (Value::U64(u64::MAX), json!("18446744073709551615")),
        Kind::Double => (Value::F64(-2.5), json!(-2.5)),
        Kind::String => (Value::String("t\"".into()), json!("t\"")),
        Kind::Bytes if is_id => (Value::Bytes(vec![0xab, 0x01].into()), json!("ab01")),
        Kind::Bytes => (Value::Bytes(vec![0xab, 0x01].into()), json!("qwE=")),
        Kind::Message(message) => (Value::Message(DynamicMessage::new(message)), json!({})),
        other => unreachable!("OTLP has no {other:?}"),
    }
}

#[test]
fn every_field_goes_both_ways() {
    let (pool, table) = (support::pool(), support::messages());
    let mut done = 0;
    for field in pool.all_messages().flat_map(|message| message.fields().collect::<Vec<_>>()) {
        let message = field.parent_message();
        if !message.full_name().starts_with("opentelemetry.proto.") {
            continue;
        }
        let (value, member) = sample(&field);
        let (value, member) = if field.is_list() {
            (Value::List(vec![value; 2]), json!([member, member]))
        } else {
            (value, member)
        };
        let mut made = DynamicMessage::new(message.clone());
        made.set_field(&field, value);
        let wire = made.encode_to_vec();
        let root = table[message.full_name()];
        let (mut json, mut back) = (Vec::new(), Vec::new());
        to_json(root, &wire, &mut json).unwrap();
        let parsed: Json = serde_json::from_slice(&json).unwrap();
        assert_eq!(parsed, json!({ field.json_name(): member }), "{}", field.full_name());
        from_json(root, &json, &mut back).unwrap();
        assert_eq!(back, wire, "{}", field.full_name());
        done += 1;
    }
    assert_eq!(done, 223);
}
