use super::parts::{
    Attributes, Counts, Exemplars, Point, nonzero, nonzero_len, optional, optional_len, varint_field,
    varint_len,
};
use crate::wire::{Full, Writer, len_field};

mod field {
    pub(super) const START: u32 = 2;
    pub(super) const TIME: u32 = 3;
    pub(super) const COUNT: u32 = 4;
    pub(super) const SUM: u32 = 5;
    pub(super) const BUCKET_COUNTS: u32 = 6;
    pub(super) const EXPLICIT_BOUNDS: u32 = 7;
    pub(super) const EXEMPLARS: u32 = 8;
    pub(super) const ATTRIBUTES: u32 = 9;
    pub(super) const FLAGS: u32 = 10;
    pub(super) const MIN: u32 = 11;
    pub(super) const MAX: u32 = 12;
}

/// A distribution over given bounds. Times are in nanoseconds.
///
/// There is one count more than there are bounds, or neither; a bucket includes its upper bound.
///
/// ```
/// use smoltel_core::otlp::metrics::HistogramPoint;
/// let point = HistogramPoint {
///     time: 7,
///     count: 4,
///     sum: Some(0.0), // a zero that is there is written
///     bucket_counts: (&[3, 1][..]).into(),
///     explicit_bounds: &[10.0],
///     ..HistogramPoint::default()
/// };
/// assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct HistogramPoint<'a> {
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
    /// Measurements in each bucket.
    pub bucket_counts: Counts<'a>,
    /// The buckets' bounds, strictly increasing.
    pub explicit_bounds: &'a [f64],
    /// Measurements that are part of it.
    pub exemplars: Exemplars<'a>,
    /// [`NO_RECORDED_VALUE`](super::NO_RECORDED_VALUE) or zero.
    pub flags: u32,
    /// The least measurement.
    pub min: Option<f64>,
    /// The greatest measurement.
    pub max: Option<f64>,
}

impl HistogramPoint<'_> {
    pub(crate) const ATTRIBUTES: u32 = field::ATTRIBUTES;
    pub(crate) const EXEMPLARS: u32 = field::EXEMPLARS;
}

impl Point for HistogramPoint<'_> {
    fn encoded_len(&self) -> usize {
        self.attributes.encoded_len()
            + nonzero_len(self.start)
            + 2 * 9
            + [self.sum, self.min, self.max].into_iter().map(optional_len).sum::<usize>()
            + packed_len(self.bucket_counts.len())
            + packed_len(self.explicit_bounds.len())
            + self.exemplars.encoded_len()
            + varint_len(self.flags.into())
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        self.attributes.encode(field::ATTRIBUTES, w)?;
        nonzero(w, field::START, self.start)?;
        w.fixed64(field::TIME, self.time)?;
        w.fixed64(field::COUNT, self.count)?;
        optional(w, field::SUM, self.sum)?;
        let counts = self.bucket_counts;
        packed(w, field::BUCKET_COUNTS, counts.len(), counts.iter())?;
        let bounds = self.explicit_bounds;
        packed(w, field::EXPLICIT_BOUNDS, bounds.len(), bounds.iter().map(|bound| bound.to_bits()))?;
        self.exemplars.encode(field::EXEMPLARS, w)?;
        varint_field(w, field::FLAGS, self.flags.into())?;
        optional(w, field::MIN, self.min)?;
        optional(w, field::MAX, self.max)
    }
}

/// Bytes of a packed field of that many 64-bit numbers.
const fn packed_len(numbers: usize) -> usize {
    if numbers == 0 { 0 } else { len_field(8 * numbers) }
}

fn packed(
    w: &mut Writer<'_>,
    number: u32,
    len: usize,
    mut bits: impl Iterator<Item = u64>,
) -> Result<(), Full> {
    if len == 0 {
        return Ok(());
    }
    w.head(number, 8 * len)?;
    bits.try_for_each(|bits| w.put(&bits.to_le_bytes()))
}
