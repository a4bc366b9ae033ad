use super::field::data;
use super::parts::{
    Attributes, Exemplars, Point, StoredExemplars, nonzero, nonzero_len, varint_field, varint_len,
};
use crate::wire::{Full, Writer};

mod field {
    pub(super) const START: u32 = 2;
    pub(super) const TIME: u32 = 3;
    pub(super) const AS_DOUBLE: u32 = 4;
    pub(super) const EXEMPLARS: u32 = 5;
    pub(super) const AS_INT: u32 = 6;
    pub(super) const ATTRIBUTES: u32 = 7;
    pub(super) const FLAGS: u32 = 8;
}

/// A value that is a whole or a floating-point number. Zero is a value like any other.
///
/// ```
/// use smoltel_core::otlp::metrics::Number;
/// assert_ne!(Number::Int(0), Number::Double(0.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum Number {
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Double(f64),
}

impl Number {
    /// The eight bytes of the number.
    pub(crate) const fn bits(self) -> u64 {
        match self {
            Self::Int(value) => value as u64,
            Self::Double(value) => value.to_bits(),
        }
    }

    pub(super) fn encode(self, int: u32, double: u32, w: &mut Writer<'_>) -> Result<(), Full> {
        match self {
            Self::Int(value) => w.fixed64(int, value as u64),
            Self::Double(value) => w.fixed64(double, value.to_bits()),
        }
    }
}

/// A point of a gauge or a sum. Times are in nanoseconds.
///
/// ```
/// use smoltel_core::otlp::metrics::{Number, NumberPoint};
/// let point = NumberPoint { start: 1, time: 7, value: Some(Number::Int(3)), ..NumberPoint::default() };
/// assert_eq!(point.flags, 0);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NumberPoint<'a> {
    /// What tells the series from others.
    pub attributes: Attributes<'a>,
    /// Since when a sum counts; zero if that is not known, and for gauges.
    pub start: u64,
    /// Up to when.
    pub time: u64,
    /// The value; none only with [`NO_RECORDED_VALUE`](super::NO_RECORDED_VALUE).
    pub value: Option<Number>,
    /// Measurements that are part of it.
    pub exemplars: Exemplars<'a>,
    /// [`NO_RECORDED_VALUE`](super::NO_RECORDED_VALUE) or zero.
    pub flags: u32,
}

impl NumberPoint<'_> {
    pub(crate) const ATTRIBUTES: u32 = field::ATTRIBUTES;
    pub(crate) const EXEMPLARS: u32 = field::EXEMPLARS;
}

/// A point whose attributes and exemplars are encoded already, as fields of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoredPoint<'a> {
    pub(crate) attributes: &'a [u8],
    pub(crate) start: u64,
    pub(crate) time: u64,
    pub(crate) value: Number,
    pub(crate) exemplars: StoredExemplars<'a>,
}

impl StoredPoint<'_> {
    /// Writes it as one of its metric's points.
    pub(crate) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        let start = nonzero_len(self.start);
        w.head(data::POINTS, self.attributes.len() + start + 9 + 9 + self.exemplars.encoded_len())?;
        w.put(self.attributes)?;
        nonzero(w, field::START, self.start)?;
        w.fixed64(field::TIME, self.time)?;
        self.value.encode(field::AS_INT, field::AS_DOUBLE, w)?;
        self.exemplars.encode(w)
    }
}

impl Point for NumberPoint<'_> {
    fn encoded_len(&self) -> usize {
        let value = if self.value.is_some() { 9 } else { 0 };
        self.attributes.encoded_len()
            + nonzero_len(self.start)
            + 9
            + value
            + self.exemplars.encoded_len()
            + varint_len(self.flags.into())
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        self.attributes.encode(field::ATTRIBUTES, w)?;
        nonzero(w, field::START, self.start)?;
        w.fixed64(field::TIME, self.time)?;
        if let Some(value) = self.value {
            value.encode(field::AS_INT, field::AS_DOUBLE, w)?;
        }
        self.exemplars.encode(field::EXEMPLARS, w)?;
        varint_field(w, field::FLAGS, self.flags.into())
    }
}
