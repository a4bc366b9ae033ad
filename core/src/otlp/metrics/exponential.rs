use super::parts::{
    Attributes, Counts, Exemplars, Point, nonzero, nonzero_len, optional, optional_len, varint_field,
    varint_len, zigzag,
};
use crate::wire::{Full, Writer, len_field, varint};

mod field {
    pub(super) const ATTRIBUTES: u32 = 1;
    pub(super) const START: u32 = 2;
    pub(super) const TIME: u32 = 3;
    pub(super) const COUNT: u32 = 4;
    pub(super) const SUM: u32 = 5;
    pub(super) const SCALE: u32 = 6;
    pub(super) const ZERO_COUNT: u32 = 7;
    pub(super) const POSITIVE: u32 = 8;
    pub(super) const NEGATIVE: u32 = 9;
    pub(super) const FLAGS: u32 = 10;
    pub(super) const EXEMPLARS: u32 = 11;
    pub(super) const MIN: u32 = 12;
    pub(super) const MAX: u32 = 13;
    pub(super) const ZERO_THRESHOLD: u32 = 14;
    pub(super) mod buckets {
        pub(in super::super) const OFFSET: u32 = 1;
        pub(in super::super) const COUNTS: u32 = 2;
    }
}

/// A distribution over exponential buckets: the one of index `i` holds values above `base^i`, up to
/// and including `base^(i + 1)`, where `base` is 2 to the power of 2 to the power of `-scale`. Times are in
/// nanoseconds.
///
/// ```
/// use smoltel_core::otlp::metrics::{Buckets, ExponentialPoint};
/// let above_one = Buckets { offset: 0, counts: (&[2, 1][..]).into() }; // up to 2, up to 4
/// let point = ExponentialPoint { time: 7, count: 3, positive: above_one, ..ExponentialPoint::default() };
/// assert_eq!(point.count, point.zero_count + point.positive.counts.iter().sum::<u64>());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ExponentialPoint<'a> {
    /// What tells the series from others.
    pub attributes: Attributes<'a>,
    /// Since when it counts; zero if that is not known.
    pub start: u64,
    /// Up to when.
    pub time: u64,
    /// Measurements in all.
    pub count: u64,
    /// Their sum; not for measurements that may be negative.
    pub sum: Option<f64>,
    /// How fine the buckets are.
    pub scale: i32,
    /// Measurements that are zero, or as near to it as `zero_threshold`.
    pub zero_count: u64,
    /// Buckets of positive measurements.
    pub positive: Buckets<'a>,
    /// Buckets of negative measurements, by their absolute value.
    pub negative: Buckets<'a>,
    /// [`NO_RECORDED_VALUE`](super::NO_RECORDED_VALUE) or zero.
    pub flags: u32,
    /// Measurements that are part of it.
    pub exemplars: Exemplars<'a>,
    /// The least measurement.
    pub min: Option<f64>,
    /// The greatest measurement.
    pub max: Option<f64>,
    /// The greatest absolute value that counts as zero.
    pub zero_threshold: f64,
}

/// Buckets next to each other.
///
/// ```
/// use smoltel_core::otlp::metrics::Buckets;
/// assert!(Buckets::default().counts.is_empty());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Buckets<'a> {
    /// The index of the first.
    pub offset: i32,
    /// Measurements in each.
    pub counts: Counts<'a>,
}

impl Buckets<'_> {
    fn packed_len(&self) -> usize {
        self.counts.iter().map(varint::len).sum()
    }

    fn encoded_len(&self) -> usize {
        let packed = if self.counts.is_empty() { 0 } else { len_field(self.packed_len()) };
        varint_len(zigzag(self.offset)) + packed
    }

    fn is_default(&self) -> bool {
        self.offset == 0 && self.counts.is_empty()
    }

    fn field_len(&self) -> usize {
        if self.is_default() { 0 } else { len_field(self.encoded_len()) }
    }

    fn encode_as(&self, number: u32, w: &mut Writer<'_>) -> Result<(), Full> {
        if self.is_default() {
            return Ok(());
        }
        w.head(number, self.encoded_len())?;
        varint_field(w, field::buckets::OFFSET, zigzag(self.offset))?;
        if self.counts.is_empty() {
            return Ok(());
        }
        w.head(field::buckets::COUNTS, self.packed_len())?;
        self.counts.iter().try_for_each(|count| w.varint(count))
    }
}

impl ExponentialPoint<'_> {
    pub(crate) const ATTRIBUTES: u32 = field::ATTRIBUTES;
    pub(crate) const EXEMPLARS: u32 = field::EXEMPLARS;
}

impl Point for ExponentialPoint<'_> {
    fn encoded_len(&self) -> usize {
        self.attributes.encoded_len()
            + nonzero_len(self.start)
            + 2 * 9
            + [self.sum, self.min, self.max].into_iter().map(optional_len).sum::<usize>()
            + varint_len(zigzag(self.scale))
            + nonzero_len(self.zero_count)
            + self.positive.field_len()
            + self.negative.field_len()
            + varint_len(self.flags.into())
            + self.exemplars.encoded_len()
            + nonzero_len(self.zero_threshold.to_bits())
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        self.attributes.encode(field::ATTRIBUTES, w)?;
        nonzero(w, field::START, self.start)?;
        w.fixed64(field::TIME, self.time)?;
        w.fixed64(field::COUNT, self.count)?;
        optional(w, field::SUM, self.sum)?;
        varint_field(w, field::SCALE, zigzag(self.scale))?;
        nonzero(w, field::ZERO_COUNT, self.zero_count)?;
        self.positive.encode_as(field::POSITIVE, w)?;
        self.negative.encode_as(field::NEGATIVE, w)?;
        varint_field(w, field::FLAGS, self.flags.into())?;
        self.exemplars.encode(field::EXEMPLARS, w)?;
        optional(w, field::MIN, self.min)?;
        optional(w, field::MAX, self.max)?;
        nonzero(w, field::ZERO_THRESHOLD, self.zero_threshold.to_bits())
    }
}
