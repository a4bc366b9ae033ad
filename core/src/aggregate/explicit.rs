//! A histogram over given bounds, in the bytes of its point.

use super::bytes::Cells;
use super::distribution;
use crate::otlp::metrics::{Counts, HistogramPoint};

/// Where the buckets begin.
pub(super) const CELLS: usize = distribution::LEN;

/// The bucket of a value: bounds are the greatest value of theirs.
pub(super) fn bucket(bounds: &[f64], value: f64) -> usize {
    bounds.partition_point(|bound| *bound < value)
}

/// Takes in a finite value; how many measurements are lost for it, because a count can be no greater.
pub(super) fn record(state: &mut [u8], width: usize, bucket: usize, value: f64) -> u64 {
    let counted = state.get_mut(CELLS..).is_some_and(|bytes| Cells { bytes, width }.count(bucket));
    if counted {
        distribution::add(state, value);
    }
    u64::from(!counted)
}

/// The point as it is written, without what every kind has.
pub(super) fn point<'a>(state: &'a [u8], width: usize, bounds: &'a [f64]) -> HistogramPoint<'a> {
    let (sum, min, max) = distribution::summary(state);
    let cells = state.get(CELLS..CELLS + (bounds.len() + 1) * width).unwrap_or_default();
    HistogramPoint {
        count: distribution::count(state),
        sum,
        bucket_counts: Counts::cells(cells, width),
        explicit_bounds: bounds,
        min,
        max,
        ..HistogramPoint::default()
    }
}
