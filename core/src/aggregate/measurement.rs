use super::{Aggregation, DIRECT, Declared, explicit};
use crate::otlp::metrics::Number;

/// A value, and the bucket of a histogram that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measurement {
    pub(super) value: Number,
    pub(super) bucket: i32,
}

impl Measurement {
    /// None for what the instrument, or the stream that it has become, does not take.
    #[inline]
    pub(crate) fn new(value: Number, of: &Declared) -> Option<Self> {
        (of.kind.takes(value) && of.measures.takes(value))
            .then(|| Self { value, bucket: (of.behaviour.bucket)(of.aggregation, value) })
    }

    /// The same where measuring is to be quick rather than small.
    #[inline(always)]
    pub(crate) fn of_histogram(value: f64, of: &Declared) -> Option<Self> {
        let number = Number::Double(value);
        match of.aggregation {
            Aggregation::Explicit(bounds) if DIRECT => {
                let bucket = explicit::bucket_of(bounds, value);
                value.is_finite().then_some(Self { value: number, bucket })
            }
            _ => Self::new(number, of),
        }
    }

    /// The same with a floating-point number.
    pub(super) fn in_double(&self) -> Self {
        Self { value: in_double(self.value), ..*self }
    }
}

/// A number as a histogram takes it.
pub(super) fn in_double(value: Number) -> Number {
    match value {
        Number::Int(value) => Number::Double(value as f64),
        Number::Double(_) => value,
    }
}
