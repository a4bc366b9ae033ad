use core::marker::PhantomData;

use super::instrument::{Attributes, Bound, Instrument, Measure, Within};
use crate::aggregate::{Kind, PreparedAttributes};
use crate::context::SpanContext;
use crate::platform::{Device, Platform};

/// Keeps the last value, `f64` or `i64`, for each set of attributes.
///
/// ```
/// # use smoltel_core::Meter;
/// fn measure(meter: &Meter) {
///     let temperature = meter.instrument("room.temperature").unit("Cel").gauge();
///     temperature.record(21.5, &[("room".into(), "kitchen".into())]);
/// }
/// ```
pub struct Gauge<P: Platform = Device, N = f64> {
    instrument: Instrument<P>,
    number: PhantomData<fn(N)>,
}

impl<P: Platform, N> Clone for Gauge<P, N> {
    fn clone(&self) -> Self {
        Self { instrument: self.instrument.clone(), number: PhantomData }
    }
}

impl<P: Platform, N: Measure> Gauge<P, N> {
    pub(super) const fn new(instrument: Instrument<P>) -> Self {
        Self { instrument, number: PhantomData }
    }

    /// Sets the value of those attributes, whatever it is. Sets that find no room share one value, under
    /// `otel.metric.overflow`.
    pub fn record(&self, value: N, attributes: Attributes<'_>) {
        self.instrument.put(value.number(), Kind::Gauge, attributes);
    }

    /// The same with attributes that were looked at before.
    pub fn record_prepared<const M: usize>(&self, value: N, attributes: &PreparedAttributes<'_, M>) {
        self.instrument.put_prepared(value.number(), Kind::Gauge, &attributes.as_prepared());
    }

    /// The same within that span, or none, instead of the current one: it may become an exemplar's.
    pub fn record_in(&self, context: impl Into<Option<SpanContext>>, value: N, attributes: Attributes<'_>) {
        self.instrument.measure_in(value.number(), attributes, &Within::span(context));
    }

    /// The value of those attributes, found once: setting it costs next to nothing, and its memory is not
    /// given back.
    pub fn bind(&self, attributes: Attributes<'_>) -> BoundGauge<P, N> {
        BoundGauge { bound: self.instrument.bind(attributes), number: PhantomData }
    }
}

/// A [`Gauge`] with its attributes.
///
/// ```
/// # use smoltel_core::BoundGauge;
/// fn sampled(temperature: &BoundGauge) {
///     temperature.record(21.5);
/// }
/// ```
pub struct BoundGauge<P: Platform = Device, N = f64> {
    bound: Bound<P>,
    number: PhantomData<fn(N)>,
}

impl<P: Platform, N> Clone for BoundGauge<P, N> {
    fn clone(&self) -> Self {
        Self { bound: self.bound.clone(), number: PhantomData }
    }
}

impl<P: Platform, N: Measure> BoundGauge<P, N> {
    /// Sets the value.
    #[inline]
    pub fn record(&self, value: N) {
        self.bound.put(value.number(), Kind::Gauge);
    }

    /// The same within that span, or none, instead of the current one: it may become an exemplar's.
    pub fn record_in(&self, context: impl Into<Option<SpanContext>>, value: N) {
        self.bound.measure_in(value.number(), &Within::span(context));
    }
}

impl<P: Platform, N> core::fmt::Debug for Gauge<P, N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Gauge").finish_non_exhaustive()
    }
}

impl<P: Platform, N> core::fmt::Debug for BoundGauge<P, N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("BoundGauge").finish_non_exhaustive()
    }
}
