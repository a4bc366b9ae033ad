//! What instruments do with measurements, as tables of functions. Only the constructors of instruments name
//! them, so that a program has the code of those kinds only that it uses.

use super::bytes::{f64_at, u64_at};
use super::distribution::sum;
use super::measurement::in_double;
use super::{Aggregation, Measurement, explicit, exponential};
use crate::otlp::metrics::{Attributes, Number, StoredExemplars, StoredPoint};
use crate::wire::{Full, Writer};

/// What an instrument does.
#[derive(Debug)]
pub(crate) struct Behaviour {
    /// The bucket of a value: found before the lock is taken.
    pub(super) bucket: fn(Aggregation, Number) -> i32,
    /// Takes a measurement into the value of its point, whose counts are so wide; how many measurements are
    /// lost for it, because a count can be no greater.
    pub(super) record: fn(&mut [u8], usize, Aggregation, &Measurement) -> u64,
    /// Writes a point.
    pub(super) write: fn(&Collected<'_>, &mut Writer<'_>) -> Result<(), Full>,
}

/// A point that is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Collected<'a> {
    pub(super) state: &'a [u8],
    pub(super) attributes: &'a [u8],
    pub(super) exemplars: StoredExemplars<'a>,
    /// 0 for what has no start.
    pub(super) start: u64,
    pub(super) time: u64,
    /// Whether the value is a floating-point number.
    pub(super) double: bool,
    /// Whether it is to be counted from what was observed before.
    pub(super) since_before: bool,
    pub(super) aggregation: Aggregation,
    /// Bytes of a count.
    pub(super) width: usize,
}

impl Behaviour {
    /// A sum of whole numbers.
    pub(crate) const INT_SUM: Self = Self { bucket: |_, _| 0, record: add_int, write: write_value };
    /// A sum of floating-point numbers.
    pub(crate) const DOUBLE_SUM: Self = Self { bucket: |_, _| 0, record: add_double, write: write_value };
    /// The last value.
    pub(crate) const LAST: Self = Self { bucket: |_, _| 0, record: replace, write: write_value };
    /// The last value, and the one that was sent last behind it.
    pub(crate) const OBSERVED: Self = Self { bucket: |_, _| 0, record: replace, write: write_observed };
    /// A histogram over given bounds.
    pub(crate) const EXPLICIT: Self =
        Self { bucket: explicit::bucket, record: explicit::record, write: explicit::write };
    /// A histogram of whole numbers over given bounds.
    pub(crate) const EXPLICIT_OF_INTS: Self = Self {
        bucket: |aggregation, value| explicit::bucket(aggregation, in_double(value)),
        record: |state, width, aggregation, m| explicit::record(state, width, aggregation, &m.in_double()),
        write: explicit::write,
    };
    /// A histogram of whole numbers over exponential buckets.
    pub(crate) const EXPONENTIAL_OF_INTS: Self = Self {
        bucket: |aggregation, value| exponential::bucket(aggregation, in_double(value)),
        record: |state, width, aggregation, m| exponential::record(state, width, aggregation, &m.in_double()),
        write: exponential::write,
    };
    /// A histogram over exponential buckets.
    pub(crate) const EXPONENTIAL: Self =
        Self { bucket: exponential::bucket, record: exponential::record, write: exponential::write };
}

fn add_int(state: &mut [u8], _: usize, _: Aggregation, measurement: &Measurement) -> u64 {
    if let (Some(place), Number::Int(value)) = (state.first_chunk_mut::<8>(), measurement.value) {
        *place = i64::from_le_bytes(*place).saturating_add(value).to_le_bytes();
    }
    0
}

fn add_double(state: &mut [u8], _: usize, _: Aggregation, measurement: &Measurement) -> u64 {
    if let (Some(place), Number::Double(value)) = (state.first_chunk_mut::<8>(), measurement.value) {
        *place = sum(f64::from_le_bytes(*place), value).to_le_bytes();
    }
    0
}

fn replace(state: &mut [u8], _: usize, _: Aggregation, measurement: &Measurement) -> u64 {
    if let Some(place) = state.first_chunk_mut::<8>() {
        *place = measurement.value.bits().to_le_bytes();
    }
    0
}

fn write_value(point: &Collected<'_>, w: &mut Writer<'_>) -> Result<(), Full> {
    let bits = u64_at(point.state, 0);
    let value = if point.double { Number::Double(f64::from_bits(bits)) } else { Number::Int(bits as i64) };
    point.write(value, w)
}

/// Writes the last value, or how much it is above the one before. A counter that began anew is below that:
/// all of it is new.
fn write_observed(point: &Collected<'_>, w: &mut Writer<'_>) -> Result<(), Full> {
    if !point.since_before {
        return write_value(point, w);
    }
    let value = if point.double {
        let (now, before) = (f64_at(point.state, 0), f64_at(point.state, 8));
        Number::Double(if now < before { now } else { now - before })
    } else {
        let (now, before) = (u64_at(point.state, 0) as i64, u64_at(point.state, 8) as i64);
        Number::Int(if now < before { now } else { now - before })
    };
    point.write(value, w)
}

impl<'a> Collected<'a> {
    pub(super) fn attributes(&self) -> Attributes<'a> {
        Attributes::encoded(self.attributes)
    }

    fn write(&self, value: Number, w: &mut Writer<'_>) -> Result<(), Full> {
        let Self { attributes, exemplars, start, time, .. } = *self;
        StoredPoint { attributes, start, time, value, exemplars }.encode(w)
    }
}
