//! A histogram over given bounds, in the bytes of its point.

use super::behaviour::Collected;
use super::bytes::Cells;
use super::{Aggregation, DIRECT, Measurement, distribution};
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
    let below = |bound: &f64| *bound < value;
    if !DIRECT || bounds.len() > 15 {
        return bounds.partition_point(below) as i32;
    }
    // The usual bounds are fifteen: four looks, each into the middle of what is left.
    let look = |at: usize, half: usize| {
        if bounds.get(at + half - 1).is_some_and(below) { at + half } else { at }
    };
    look(look(look(look(0, 8), 4), 2), 1) as i32
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_belongs_to_the_first_bound_that_is_not_below_it() {
        let bounds: [f64; 20] = core::array::from_fn(|i| i as f64);
        for len in 0..=bounds.len() {
            let bounds = &bounds[..len];
            for value in (-3..45).map(|half| f64::from(half) / 2.0) {
                let expected = bounds.iter().filter(|bound| **bound < value).count() as i32;
                assert_eq!(bucket_of(bounds, value), expected, "{value} among {len} bounds");
            }
        }
    }
}
