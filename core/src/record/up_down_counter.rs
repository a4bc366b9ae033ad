use core::marker::PhantomData;

use super::instrument::{Attributes, Bound, Instrument, Measure, Within};
use crate::aggregate::{Kind, PreparedAttributes};
use crate::context::SpanContext;
use crate::platform::{Device, Platform};

/// Counts what grows and shrinks: a sum of `i64` or `f64` for each set of attributes.
///
/// ```
/// # use smoltel_core::Meter;
/// fn count(meter: &Meter) {
///     let waiting = meter.up_down_counter("queue.waiting");
///     waiting.add(3, &[]);
///     waiting.add(-1, &[]);
/// }
/// ```
pub struct UpDownCounter<P: Platform = Device, N = i64> {
    instrument: Instrument<P>,
    number: PhantomData<fn(N)>,
}

impl<P: Platform, N> Clone for UpDownCounter<P, N> {
    fn clone(&self) -> Self {
        Self { instrument: self.instrument.clone(), number: PhantomData }
    }
}

impl<P: Platform, N: Measure> UpDownCounter<P, N> {
    pub(super) const fn new(instrument: Instrument<P>) -> Self {
        Self { instrument, number: PhantomData }
    }

    /// Adds `n` to the sum of those attributes, as [`Counter::add`](super::Counter::add) does. What is not
    /// finite is counted as lost.
    pub fn add(&self, n: N, attributes: Attributes<'_>) {
        self.instrument.put(n.number(), Kind::UpDownCounter, attributes);
    }

    /// The same with attributes that were looked at before.
    pub fn add_prepared<const M: usize>(&self, n: N, attributes: &PreparedAttributes<'_, M>) {
        self.instrument.put_prepared(n.number(), Kind::UpDownCounter, &attributes.as_prepared());
    }

    /// The same within that span, or none, instead of the current one: it may become an exemplar's.
    pub fn add_in(&self, context: impl Into<Option<SpanContext>>, n: N, attributes: Attributes<'_>) {
        self.instrument.measure_in(n.number(), attributes, &Within::span(context));
    }

    /// The sum of those attributes, found once: adding to it costs next to nothing, and its memory is not
    /// given back.
    pub fn bind(&self, attributes: Attributes<'_>) -> BoundUpDownCounter<P, N> {
        BoundUpDownCounter { bound: self.instrument.bind(attributes), number: PhantomData }
    }
}

/// A [`UpDownCounter`] with its attributes.
///
/// ```
/// # use smoltel_core::BoundUpDownCounter;
/// fn left(waiting: &BoundUpDownCounter) {
///     waiting.add(-1);
/// }
/// ```
pub struct BoundUpDownCounter<P: Platform = Device, N = i64> {
    bound: Bound<P>,
    number: PhantomData<fn(N)>,
}

impl<P: Platform, N> Clone for BoundUpDownCounter<P, N> {
    fn clone(&self) -> Self {
        Self { bound: self.bound.clone(), number: PhantomData }
    }
}

impl<P: Platform, N: Measure> BoundUpDownCounter<P, N> {
    /// Adds `n`.
    #[inline]
    pub fn add(&self, n: N) {
        self.bound.put(n.number(), Kind::UpDownCounter);
    }

    /// The same within that span, or none, instead of the current one: it may become an exemplar's.
    pub fn add_in(&self, context: impl Into<Option<SpanContext>>, n: N) {
        self.bound.measure_in(n.number(), &Within::span(context));
    }
}

impl<P: Platform, N> core::fmt::Debug for UpDownCounter<P, N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("UpDownCounter").finish_non_exhaustive()
    }
}

impl<P: Platform, N> core::fmt::Debug for BoundUpDownCounter<P, N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("BoundUpDownCounter").finish_non_exhaustive()
    }
}
