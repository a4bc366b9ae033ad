//! Attribute values of every kind, in our form and in prost's.

use smoltel_core::{Key, Value};
use smoltel_proto::types::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value};

/// Every kind of value, with something in it and with nothing in it.
pub(crate) const VALUES: [(Key<'static>, Value<'static>); 15] = [
    (Key::new("string"), Value::Str("text")),
    (Key::new("string.empty"), Value::Str("")),
    (Key::new("bool"), Value::Bool(true)),
    (Key::new("bool.false"), Value::Bool(false)),
    (Key::new("int"), Value::Int(-5)),
    (Key::new("int.zero"), Value::Int(0)),
    (Key::new("double"), Value::Double(1.5)),
    (Key::new("double.zero"), Value::Double(0.0)),
    (Key::new("bytes"), Value::Bytes(&[0, 255])),
    (Key::new("bytes.empty"), Value::Bytes(&[])),
    (Key::new("array"), Value::Array(&[Value::Int(0), Value::Str(""), Value::Empty])),
    (Key::new("array.empty"), Value::Array(&[])),
    (
        Key::new("map"),
        Value::Map(&[(Key::new("a"), Value::Array(&[Value::Map(&[])])), (Key::new("b"), Value::Int(0))]),
    ),
    (Key::new("map.empty"), Value::Map(&[])),
    (Key::new("empty"), Value::Empty),
];

/// A value as prost has it.
pub(crate) fn value(value: &Value<'_>) -> AnyValue {
    use any_value::Value as V;
    let value = match *value {
        Value::Empty => None,
        Value::Str(text) => Some(V::StringValue(text.into())),
        Value::Bool(value) => Some(V::BoolValue(value)),
        Value::Int(value) => Some(V::IntValue(value)),
        Value::Double(value) => Some(V::DoubleValue(value)),
        Value::Bytes(bytes) => Some(V::BytesValue(bytes.into())),
        Value::Array(values) => {
            Some(V::ArrayValue(ArrayValue { values: values.iter().map(self::value).collect() }))
        }
        Value::Map(pairs) => Some(V::KvlistValue(KeyValueList { values: attributes(pairs) })),
    };
    AnyValue { value }
}

/// Attributes as prost has them.
pub(crate) fn attributes(pairs: &[(Key<'_>, Value<'_>)]) -> Vec<KeyValue> {
    let pair = |(key, value): &(Key<'_>, Value<'_>)| KeyValue {
        key: key.name().to_owned(),
        value: Some(self::value(value)),
        ..KeyValue::default()
    };
    pairs.iter().map(pair).collect()
}

/// The same in the order of their keys.
pub(crate) fn sorted(pairs: &[(Key<'_>, Value<'_>)]) -> Vec<KeyValue> {
    let mut attributes = attributes(pairs);
    attributes.sort_by(|a, b| a.key.cmp(&b.key));
    attributes
}
