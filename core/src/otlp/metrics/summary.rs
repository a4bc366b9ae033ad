use super::parts::{Attributes, Point, nonzero, nonzero_len, varint_field, varint_len};
use crate::wire::{Full, Writer, len_field};

mod field {
    pub(super) const START: u32 = 2;
    pub(super) const TIME: u32 = 3;
    pub(super) const COUNT: u32 = 4;
    pub(super) const SUM: u32 = 5;
    pub(super) const QUANTILE_VALUES: u32 = 6;
    pub(super) const ATTRIBUTES: u32 = 7;
    pub(super) const FLAGS: u32 = 8;
    pub(super) mod quantile {
        pub(in super::super) const QUANTILE: u32 = 1;
        pub(in super::super) const VALUE: u32 = 2;
    }
}

/// A distribution by its quantiles. Times are in nanoseconds.
///
/// ```
/// use smoltel_core::otlp::metrics::{Quantile, SummaryPoint};
/// let median = [Quantile { quantile: 0.5, value: 12.0 }];
/// let point = SummaryPoint { time: 7, count: 3, sum: 40.0, quantiles: &median, ..SummaryPoint::default() };
/// assert_eq!(point.quantiles.len(), 1);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SummaryPoint<'a> {
    /// What tells the series from others.
    pub attributes: Attributes<'a>,
    /// Since when it counts; zero if that is not known.
    pub start: u64,
    /// Up to when.
    pub time: u64,
    /// Measurements in all.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// In the order of their quantiles.
    pub quantiles: &'a [Quantile],
    /// [`NO_RECORDED_VALUE`](super::NO_RECORDED_VALUE) or zero.
    pub flags: u32,
}

/// The value at one quantile.
///
/// ```
/// use smoltel_core::otlp::metrics::Quantile;
/// let greatest = Quantile { quantile: 1.0, value: 99.0 };
/// assert!(greatest.quantile <= 1.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Quantile {
    /// From 0, the least, to 1, the greatest.
    pub quantile: f64,
    /// At or above 0.
    pub value: f64,
}

impl Quantile {
    fn encoded_len(&self) -> usize {
        nonzero_len(self.quantile.to_bits()) + nonzero_len(self.value.to_bits())
    }
}

impl Point for SummaryPoint<'_> {
    fn encoded_len(&self) -> usize {
        self.attributes.encoded_len()
            + nonzero_len(self.start)
            + 2 * 9
            + nonzero_len(self.sum.to_bits())
            + self.quantiles.iter().map(|one| len_field(one.encoded_len())).sum::<usize>()
            + varint_len(self.flags.into())
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        self.attributes.encode(field::ATTRIBUTES, w)?;
        nonzero(w, field::START, self.start)?;
        w.fixed64(field::TIME, self.time)?;
        w.fixed64(field::COUNT, self.count)?;
        nonzero(w, field::SUM, self.sum.to_bits())?;
        for one in self.quantiles {
            w.head(field::QUANTILE_VALUES, one.encoded_len())?;
            nonzero(w, field::quantile::QUANTILE, one.quantile.to_bits())?;
            nonzero(w, field::quantile::VALUE, one.value.to_bits())?;
        }
        varint_field(w, field::FLAGS, self.flags.into())
    }
}
