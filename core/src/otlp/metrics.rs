//! `metrics.proto`: a metric and its points.

use crate::wire::{Full, VARINT, Writer, len_field, tag};

mod field {
    pub(super) mod metric {
        pub(in super::super) const NAME: u32 = 1;
        pub(in super::super) const UNIT: u32 = 3;
        pub(in super::super) const SUM: u32 = 7;
    }
    pub(super) mod sum {
        pub(in super::super) const DATA_POINTS: u32 = 1;
        pub(in super::super) const TEMPORALITY: u32 = 2;
        pub(in super::super) const IS_MONOTONIC: u32 = 3;
    }
    pub(super) mod point {
        pub(in super::super) const START: u32 = 2;
        pub(in super::super) const TIME: u32 = 3;
        pub(in super::super) const AS_INT: u32 = 6;
        pub(in super::super) const ATTRIBUTES: u32 = 7;
    }
}

/// The number of a point's attributes field: points keep theirs encoded.
pub(crate) const POINT_ATTRIBUTES: u32 = field::point::ATTRIBUTES;

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u8 = 2;

/// What identifies a metric, beside the kind of its data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity<'a> {
    pub(crate) name: &'a str,
    pub(crate) unit: &'a str,
}

/// One point of a sum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NumberPoint<'a> {
    pub(crate) start: u64,
    pub(crate) time: u64,
    pub(crate) value: i64,
    /// Encoded before, as fields of the point.
    pub(crate) attributes: &'a [u8],
}

impl NumberPoint<'_> {
    /// Bytes of the message, without its tag and length.
    fn encoded_len(&self) -> usize {
        3 * 9 + self.attributes.len()
    }

    /// Bytes within a metric's data.
    pub(crate) fn field_len(&self) -> usize {
        len_field(self.encoded_len())
    }

    /// Writes the point as a field of the metric's data.
    pub(crate) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        w.head(field::sum::DATA_POINTS, self.encoded_len())?;
        w.put(self.attributes)?;
        w.fixed64(field::point::START, self.start)?;
        w.fixed64(field::point::TIME, self.time)?;
        w.fixed64(field::point::AS_INT, self.value as u64)
    }
}

/// Bytes of a metric around its points, at the most.
pub(crate) fn sum_overhead(identity: &Identity<'_>) -> usize {
    len_field(identity.name.len()) + len_field(identity.unit.len()) + 4 + 1 + 5
}

/// Writes a metric with a cumulative monotonic sum up to its points; `points` is their length, as
/// [`NumberPoint::field_len`] gives it.
pub(crate) fn sum_head(w: &mut Writer<'_>, identity: &Identity<'_>, points: usize) -> Result<(), Full> {
    w.string(field::metric::NAME, identity.name)?;
    if !identity.unit.is_empty() {
        w.string(field::metric::UNIT, identity.unit)?;
    }
    w.head(field::metric::SUM, 4 + points)?;
    let temporality = tag(field::sum::TEMPORALITY, VARINT) as u8;
    w.put(&[temporality, CUMULATIVE, tag(field::sum::IS_MONOTONIC, VARINT) as u8, 1])
}
