//! A histogram over given bounds, in the bytes of its point.

use super::behaviour::Collected;
use super::bytes::Cells;
use super::{Aggregation, Measurement, distribution};
use crate::otlp::metrics::{Counts, HistogramPoint, Number, point};
use crate::wire::{Full, Writer};

/// Where the buckets begin.
pub(super) const CELLS: usize = distribution::LEN;

/// The bucket of a value: bounds are the greatest value of theirs.
pub(super) fn bucket(aggregation: Aggregation, value: Number) -> i32 {
    match (aggregation, value) {
        (Aggregation::Explicit(bounds), Number::Double(value)) => bucket_of(bounds, value),
        _ => 0,
    }
}

/// The same of bounds.
#[inline(always)]
pub(super) fn bucket_of(bounds: &[f64], value: f64) -> i32 {
    bounds.partition_point(|bound| *bound < value) as i32
}

/// Takes in a finite value; how many measurements are lost for it, because a count can be no greater.
#[inline(always)]
pub(super) fn record(state: &mut [u8], width: usize, _: Aggregation, measurement: &Measurement) -> u64 {
    let Number::Double(value) = measurement.value else { return 1 };
    let bucket = measurement.bucket as usize;
    let counted = state.get_mut(CELLS..).is_some_and(|bytes| Cells { bytes, width }.count(bucket));
    if counted {
        distribution::add(state, value);
    }
    u64::from(!counted)
}

/// Writes a point.
pub(super) fn write(of: &Collected<'_>, w: &mut Writer<'_>) -> Result<(), Full> {
    let Aggregation::Explicit(bounds) = of.aggregation else { return Ok(()) };
    let (sum, min, max) = distribution::summary(of.state);
    let cells = of.state.get(CELLS..CELLS + (bounds.len() + 1) * of.width).unwrap_or_default();
    let one = HistogramPoint {
        attributes: of.attributes(),
        start: of.start,
        time: of.time,
        count: distribution::count(of.state),
        sum,
        bucket_counts: Counts::cells(cells, of.width),
        explicit_bounds: bounds,
        exemplars: of.exemplars.into(),
        flags: 0,
        min,
        max,
    };
    point(&one, w)
}
