use super::instrument::{Attributes, Bound, Instrument, Within};
use crate::aggregate::PreparedAttributes;
use crate::context::SpanContext;
use crate::otlp::metrics::Number;
use crate::platform::{Device, Platform};

/// Counts how values are distributed, for each set of attributes.
///
/// ```
/// # use smoltel_core::Meter;
/// fn measure(meter: &Meter) {
///     let latency = meter.instrument("request.duration").unit("s").bounds(&[0.01, 0.1, 1.0]).histogram();
///     latency.record(0.025, &[("route".into(), "/orders".into())]);
///     let fine = meter.instrument("adc.noise").exponential(16).histogram();
///     fine.record(0.0031, &[]);
/// }
/// ```
pub struct Histogram<P: Platform = Device> {
    instrument: Instrument<P>,
}

impl<P: Platform> Clone for Histogram<P> {
    fn clone(&self) -> Self {
        Self { instrument: self.instrument.clone() }
    }
}

impl<P: Platform> Histogram<P> {
    pub(super) const fn new(instrument: Instrument<P>) -> Self {
        Self { instrument }
    }

    /// Takes in a value. Sets that find no room share one distribution, under `otel.metric.overflow`. What
    /// is not finite is counted as lost; a distribution with negative values has no sum.
    pub fn record(&self, value: f64, attributes: Attributes<'_>) {
        self.instrument.measure(Number::Double(value), attributes);
    }

    /// The same with attributes that were looked at before.
    pub fn record_prepared<const M: usize>(&self, value: f64, attributes: &PreparedAttributes<'_, M>) {
        self.instrument.distribute_prepared(value, &attributes.as_prepared());
    }

    /// The same within that span, or none, instead of the current one: it may become an exemplar's.
    pub fn record_in(&self, context: impl Into<Option<SpanContext>>, value: f64, attributes: Attributes<'_>) {
        self.instrument.measure_in(Number::Double(value), attributes, &Within::span(context));
    }

    /// The distribution of those attributes, found once: its memory is not given back.
    pub fn bind(&self, attributes: Attributes<'_>) -> BoundHistogram<P> {
        BoundHistogram { bound: self.instrument.bind(attributes) }
    }
}

/// A [`Histogram`] with its attributes.
///
/// ```
/// # use smoltel_core::BoundHistogram;
/// fn answered(latency: &BoundHistogram) {
///     latency.record(12.5);
/// }
/// ```
pub struct BoundHistogram<P: Platform = Device> {
    bound: Bound<P>,
}

impl<P: Platform> Clone for BoundHistogram<P> {
    fn clone(&self) -> Self {
        Self { bound: self.bound.clone() }
    }
}

impl<P: Platform> BoundHistogram<P> {
    /// Takes in a value.
    #[inline]
    pub fn record(&self, value: f64) {
        self.bound.distribute(value);
    }

    /// The same within that span, or none, instead of the current one: it may become an exemplar's.
    pub fn record_in(&self, context: impl Into<Option<SpanContext>>, value: f64) {
        self.bound.measure_in(Number::Double(value), &Within::span(context));
    }
}

crate::opaque_debug!(Histogram<P>);
crate::opaque_debug!(BoundHistogram<P>);
