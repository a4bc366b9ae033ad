//! A histogram over exponential buckets, in the bytes of its point.
//!
//! ```text
//! ┌──────────────┬───────┬────────────────┬────────────────┬───────┬─────────────┬─────────────┐
//! │ count … max  │ zeros │ positive range │ negative range │ scale │ max_size    │ max_size    │
//! │              │ u64   │ i32, u16       │ i32, u16       │ i8, 3 │ positive    │ negative    │
//! └──────────────┴───────┴────────────────┴────────────────┴───────┴─────────────┴─────────────┘
//! ```
//!
//! It starts at the finest scale, and takes the next coarser one only when the values do not fit: so its
//! scale always is the finest at which they do.

use super::behaviour::Collected;
use super::bytes::{Cells, get, set, set_u64, u16_at, u64_at};
use super::mapping::{self, MAX_SCALE};
use super::{Aggregation, Measurement, distribution};
use crate::otlp::metrics::{Buckets, Counts, ExponentialPoint, Number, point};
use crate::wire::{Full, Writer};

const ZEROS: usize = distribution::LEN;
/// Where the ranges are kept: a first index and a length each.
const RANGES: [usize; 2] = [ZEROS + 8, ZEROS + 14];
/// By how much the scale is below the finest: a point begins as zeros.
const COARSENESS: usize = ZEROS + 20;
/// Where the buckets begin.
pub(super) const CELLS: usize = ZEROS + 24;

/// Buckets next to each other, from `first` on.
#[derive(Clone, Copy)]
struct Range {
    first: i32,
    len: u16,
}

impl Range {
    fn of(state: &[u8], side: usize) -> Self {
        let at = RANGES[side & 1];
        Self { first: i32::from_le_bytes(get(state, at)), len: u16_at(state, at + 4) }
    }

    fn keep(self, state: &mut [u8], side: usize) {
        let at = RANGES[side & 1];
        set(state, at, self.first.to_le_bytes());
        set(state, at + 4, self.len.to_le_bytes());
    }

    fn last(self) -> i32 {
        self.first + i32::from(self.len) - 1
    }

    /// The first and last index with `index` among them.
    fn with(self, index: i32) -> (i32, i32) {
        if self.len == 0 { (index, index) } else { (self.first.min(index), self.last().max(index)) }
    }
}

/// The finest bucket of a value.
pub(super) fn bucket(_: Aggregation, value: Number) -> i32 {
    match value {
        Number::Double(value) => mapping::index(value.abs()),
        Number::Int(_) => 0,
    }
}

/// Takes in a finite value; how many measurements are lost for it, because a count can be no greater.
pub(super) fn record(
    state: &mut [u8],
    width: usize,
    aggregation: Aggregation,
    measurement: &Measurement,
) -> u64 {
    match (aggregation, measurement.value) {
        (Aggregation::Exponential { max_size }, Number::Double(value)) => {
            Exponential { state, width, max_size }.record(value, measurement.bucket)
        }
        _ => 1,
    }
}

/// The histogram of one point while it is changed.
struct Exponential<'a> {
    state: &'a mut [u8],
    width: usize,
    max_size: u16,
}

impl Exponential<'_> {
    /// Takes in a finite value, whose [`index`](super::mapping::index) is that of its absolute value; how
    /// many measurements are lost for it, because a count can be no greater.
    fn record(&mut self, value: f64, index: i32) -> u64 {
        if value == 0.0 {
            set_u64(self.state, ZEROS, u64_at(self.state, ZEROS).saturating_add(1));
            distribution::add(self.state, value);
            return 0;
        }
        let side = usize::from(value < 0.0);
        let mut lost = self.make_room(side, index);
        let index = index >> coarseness(self.state);
        self.cover(side, index);
        let at = (index - Range::of(self.state, side).first) as usize;
        if self.cells(side).count(at) {
            distribution::add(self.state, value);
        } else {
            lost += 1;
        }
        lost
    }

    fn cells(&mut self, side: usize) -> Cells<'_> {
        let len = usize::from(self.max_size) * self.width;
        let at = CELLS + side * len;
        Cells { bytes: self.state.get_mut(at..at + len).unwrap_or_default(), width: self.width }
    }

    /// Makes the scale as coarse as it has to be for the range to reach `index`, one of the finest scale.
    fn make_room(&mut self, side: usize, index: i32) -> u64 {
        let (mut low, mut high) = Range::of(self.state, side).with(index >> coarseness(self.state));
        let mut by = 0;
        while high - low >= i32::from(self.max_size) {
            (low, high, by) = (low >> 1, high >> 1, by + 1);
        }
        if by == 0 {
            return 0;
        }
        set(self.state, COARSENESS, [coarseness(self.state) + by]);
        let lost = self.merge(0, by) + self.merge(1, by);
        distribution::uncount(self.state, lost);
        lost
    }

    /// Merges the buckets of one side `by` a number of scales.
    fn merge(&mut self, side: usize, by: u8) -> u64 {
        let old = Range::of(self.state, side);
        if old.len == 0 {
            return 0;
        }
        let new = Range { first: old.first >> by, len: 0 };
        let mut cells = self.cells(side);
        let mut lost = 0;
        let mut to = 0;
        for i in 0..usize::from(old.len) {
            let count = cells.get(i);
            cells.set(i, 0);
            to = (((old.first + i as i32) >> by) - new.first) as usize;
            let sum = cells.get(to).saturating_add(count);
            lost += cells.set(to, sum);
        }
        Range { len: to as u16 + 1, ..new }.keep(self.state, side);
        lost
    }

    /// Extends the range to `index`, for which there is room.
    fn cover(&mut self, side: usize, index: i32) {
        let old = Range::of(self.state, side);
        let (low, high) = old.with(index);
        let up = if old.len == 0 { 0 } else { (old.first - low) as usize };
        if up > 0 {
            let used = usize::from(old.len) * self.width;
            let by = up * self.width;
            let cells = self.cells(side);
            if by + used <= cells.bytes.len() {
                cells.bytes.copy_within(..used, by);
                cells.bytes.get_mut(..by).unwrap_or_default().fill(0);
            }
        }
        Range { first: low, len: (high - low + 1) as u16 }.keep(self.state, side);
    }
}

fn coarseness(state: &[u8]) -> u8 {
    let [steps] = get(state, COARSENESS);
    steps
}

/// Writes a point.
pub(super) fn write(of: &Collected<'_>, w: &mut Writer<'_>) -> Result<(), Full> {
    let Aggregation::Exponential { max_size } = of.aggregation else { return Ok(()) };
    let (state, width) = (of.state, of.width);
    let (sum, min, max) = distribution::summary(state);
    let buckets = |side: usize| {
        let range = Range::of(state, side);
        let at = CELLS + side * usize::from(max_size) * width;
        let cells = state.get(at..at + usize::from(range.len) * width).unwrap_or_default();
        Buckets { offset: range.first, counts: Counts::cells(cells, width) }
    };
    let one = ExponentialPoint {
        attributes: of.attributes(),
        start: of.start,
        time: of.time,
        count: distribution::count(state),
        sum,
        scale: MAX_SCALE - i32::from(coarseness(state)),
        zero_count: u64_at(state, ZEROS),
        positive: buckets(0),
        negative: buckets(1),
        exemplars: of.exemplars.into(),
        min,
        max,
        ..ExponentialPoint::default()
    };
    point(&one, w)
}
