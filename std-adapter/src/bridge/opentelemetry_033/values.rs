use std::time::{SystemTime, UNIX_EPOCH};

use bumpalo::Bump;
use bumpalo::collections::{CollectIn, Vec};
use opentelemetry::logs::AnyValue;
use opentelemetry::{Array, KeyValue};

use crate::{Key, Value};

/// What the SDK has, as values that only borrow: lists lie in one arena, which goes as a whole.
#[derive(Clone, Copy)]
pub(super) struct Values<'a>(pub(super) &'a Bump);

/// Deeper than OTLP's decoders read.
const DEPTH: u8 = 64;

impl<'a> Values<'a> {
    /// A list that stays as long as the arena does.
    pub(super) fn list<T: 'a>(self, items: impl IntoIterator<Item = T>) -> &'a [T] {
        let list: Vec<'a, T> = items.into_iter().collect_in(self.0);
        list.into_bump_slice()
    }

    pub(super) fn attributes(
        self,
        pairs: impl IntoIterator<Item = &'a KeyValue>,
    ) -> &'a [(Key<'a>, Value<'a>)] {
        self.list(pairs.into_iter().map(|pair| (pair.key.as_str().into(), self.value(&pair.value))))
    }

    pub(super) fn value(self, value: &'a opentelemetry::Value) -> Value<'a> {
        match value {
            opentelemetry::Value::Bool(value) => (*value).into(),
            opentelemetry::Value::I64(value) => (*value).into(),
            opentelemetry::Value::F64(value) => (*value).into(),
            opentelemetry::Value::String(value) => value.as_str().into(),
            opentelemetry::Value::Array(values) => self.array(values),
            unknown => self.shown(unknown),
        }
    }

    fn array(self, values: &'a Array) -> Value<'a> {
        Value::Array(match values {
            Array::Bool(values) => self.list(values.iter().map(|value| Value::from(*value))),
            Array::I64(values) => self.list(values.iter().map(|value| Value::from(*value))),
            Array::F64(values) => self.list(values.iter().map(|value| Value::from(*value))),
            Array::String(values) => self.list(values.iter().map(|value| value.as_str().into())),
            unknown => return self.shown(unknown),
        })
    }

    pub(super) fn any(self, value: &'a AnyValue) -> Value<'a> {
        self.any_within(value, DEPTH)
    }

    fn any_within(self, value: &'a AnyValue, depth: u8) -> Value<'a> {
        let Some(depth) = depth.checked_sub(1) else { return Value::Empty };
        match value {
            AnyValue::Int(value) => (*value).into(),
            AnyValue::Double(value) => (*value).into(),
            AnyValue::String(value) => value.as_str().into(),
            AnyValue::Boolean(value) => (*value).into(),
            AnyValue::Bytes(bytes) => Value::Bytes(bytes),
            AnyValue::ListAny(values) => {
                Value::Array(self.list(values.iter().map(|value| self.any_within(value, depth))))
            }
            AnyValue::Map(pairs) => {
                let pair = |(key, value): (&'a opentelemetry::Key, _)| {
                    (key.as_str().into(), self.any_within(value, depth))
                };
                Value::Map(self.list(pairs.iter().map(pair)))
            }
            unknown => self.shown(unknown),
        }
    }

    /// What a later version of the crate knows and this bridge does not.
    fn shown(self, value: &impl std::fmt::Debug) -> Value<'a> {
        Value::Str(self.0.alloc_str(&format!("{value:?}")))
    }
}

/// Nanoseconds since 1970; zero for a time before.
pub(super) fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
