//! `defmt::Format` of what is more than its fields. All else derives it.

use defmt::{Format, Formatter, write};

use crate::transport::http::Http;
use crate::{SpanId, TraceId, Value};

impl Format for TraceId {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "{=u128:032x}", u128::from_be_bytes(self.0));
    }
}

impl Format for SpanId {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "{=u64:016x}", u64::from_be_bytes(self.0));
    }
}

// Derived, it would ask of itself whether its elements have it.
impl Format for Value<'_> {
    fn format(&self, f: Formatter<'_>) {
        match *self {
            Self::Empty => write!(f, "Empty"),
            Self::Str(text) => write!(f, "{=str:?}", text),
            Self::Bool(value) => write!(f, "{=bool}", value),
            Self::Int(value) => write!(f, "{=i64}", value),
            Self::Double(value) => write!(f, "{=f64}", value),
            Self::Bytes(bytes) => write!(f, "{=[u8]:02x}", bytes),
            Self::Array(values) => write!(f, "{=[?]}", values),
            Self::Map(pairs) => write!(f, "{=[?]}", pairs),
        }
    }
}

impl Format for Http<'_> {
    fn format(&self, f: Formatter<'_>) {
        let (status, words) = self.last_answer();
        write!(f, "Http {{ is_idle: {=bool}, last_answer: {=u16} {=str} }}", self.is_idle(), status, words);
    }
}

#[cfg(feature = "link")]
impl Format for crate::link::DeviceEnd<'_> {
    fn format(&self, f: Formatter<'_>) {
        write!(f, "DeviceEnd {{ is_up: {=bool}, stats: {} }}", self.is_up(), self.stats());
    }
}
