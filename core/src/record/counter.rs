use core::marker::PhantomData;

use super::instrument::{Attributes, Bound, Instrument, Measure, Within};
use crate::aggregate::{Kind, PreparedAttributes};
use crate::context::SpanContext;
use crate::platform::{Device, Platform};

/// Counts what only grows: a monotonic sum of `u64` or `f64` for each set of attributes.
///
/// ```
/// # use smoltel_core::Meter;
/// fn count(meter: &Meter) {
///     let moves = meter.counter("valve.moves");
///     moves.add(1, &[("valve.id".into(), 3.into())]);
///     let bound = moves.bind(&[("valve.id".into(), 4.into())]); // looked up once
///     bound.add(1);
/// }
/// ```
pub struct Counter<P: Platform = Device, N = u64> {
    instrument: Instrument<P>,
    number: PhantomData<fn(N)>,
}

impl<P: Platform, N> Clone for Counter<P, N> {
    fn clone(&self) -> Self {
        Self { instrument: self.instrument.clone(), number: PhantomData }
    }
}

impl<P: Platform, N: Measure> Counter<P, N> {
    pub(super) const fn new(instrument: Instrument<P>) -> Self {
        Self { instrument, number: PhantomData }
    }

    /// Adds `n` to the sum of those attributes. Their order does not matter; of equal keys the last
    /// counts. Sets that find no room are summed under `otel.metric.overflow`. What is negative or not finite
    /// is counted as lost.
    pub fn add(&self, n: N, attributes: Attributes<'_>) {
        self.instrument.put(n.number(), Kind::Counter, attributes);
    }

    /// The same with attributes that were looked at before.
    pub fn add_prepared<const M: usize>(&self, n: N, attributes: &PreparedAttributes<'_, M>) {
        self.instrument.put_prepared(n.number(), Kind::Counter, &attributes.as_prepared());
    }

    /// The same within that span, or none, instead of the current one: it may become an exemplar's.
    pub fn add_in(&self, context: impl Into<Option<SpanContext>>, n: N, attributes: Attributes<'_>) {
        self.instrument.measure_in(n.number(), attributes, &Within::span(context));
    }

    /// The sum of those attributes, found once: adding to it costs next to nothing, and its memory is not
    /// given back.
    pub fn bind(&self, attributes: Attributes<'_>) -> BoundCounter<P, N> {
        BoundCounter { bound: self.instrument.bind(attributes), number: PhantomData }
    }
}

/// A [`Counter`] with its attributes.
///
/// ```
/// # use smoltel_core::BoundCounter;
/// fn moved(moves: &BoundCounter) {
///     moves.add(1);
/// }
/// ```
pub struct BoundCounter<P: Platform = Device, N = u64> {
    bound: Bound<P>,
    number: PhantomData<fn(N)>,
}

impl<P: Platform, N> Clone for BoundCounter<P, N> {
    fn clone(&self) -> Self {
        Self { bound: self.bound.clone(), number: PhantomData }
    }
}

impl<P: Platform, N: Measure> BoundCounter<P, N> {
    /// Adds `n`.
    #[inline]
    pub fn add(&self, n: N) {
        self.bound.put(n.number(), Kind::Counter);
    }

    /// The same within that span, or none, instead of the current one: it may become an exemplar's.
    pub fn add_in(&self, context: impl Into<Option<SpanContext>>, n: N) {
        self.bound.measure_in(n.number(), &Within::span(context));
    }
}

impl<P: Platform, N> core::fmt::Debug for Counter<P, N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Counter").finish_non_exhaustive()
    }
}

impl<P: Platform, N> core::fmt::Debug for BoundCounter<P, N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("BoundCounter").finish_non_exhaustive()
    }
}
