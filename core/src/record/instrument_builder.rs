use super::instrument::{Instrument, Measure};
use super::{Counter, Gauge, Histogram, UpDownCounter};
use crate::aggregate::{Aggregation, Behaviour, Declared, Description, Filter, Kind};
use crate::counters::Loss;
use crate::otlp::common::Scope;
use crate::platform::{Device, Platform};

/// An instrument to be described before it is made: its kind comes last.
///
/// The same name (in any case), unit and kind give the same instrument, as it was described first, with the
/// longest description. An instrument of another kind or unit is another stream of that name, and counted as a
/// [conflict](crate::MetricUsage::conflicts). When the table of instruments is full, what is measured is
/// counted as lost.
///
/// ```
/// # use smoltel_core::Meter;
/// fn instruments(meter: &Meter) {
///     let energy = meter.instrument("pump.energy").unit("J").description("since the last start");
///     energy.counter::<f64>().add(12.5, &[]);
///     let latency = meter.instrument("request.duration").unit("s").exponential(32).keep(&["route"]);
///     latency.histogram().record(0.3, &[("route".into(), "/orders".into()), ("user".into(), 42.into())]);
/// }
/// ```
#[must_use = "an instrument exists from counter(), histogram() and so on"]
pub struct InstrumentBuilder<P: Platform = Device> {
    pipeline: P::Handle,
    is: Description<P>,
    aggregation: Option<Aggregation>,
    limit: Option<u16>,
}

impl<P: Platform> InstrumentBuilder<P> {
    pub(super) fn new(pipeline: P::Handle, scope: u16, name: P::Text, empty: &P::Text) -> Self {
        let is = Description {
            scope,
            name,
            unit: empty.clone(),
            text: empty.clone(),
            view: None,
            kind: Kind::Counter,
            measures: Kind::Counter,
            double: false,
            aggregation: Aggregation::Value,
            behaviour: &Behaviour::LAST,
            filter: Filter::All,
            limit: 0,
        };
        Self { pipeline, is, aggregation: None, limit: None }
    }

    /// The unit, in UCUM notation: `By`, `s`, `{request}`.
    pub fn unit(mut self, unit: impl Into<P::Text>) -> Self {
        self.is.unit = unit.into();
        self
    }

    /// What is measured, for people.
    pub fn description(mut self, text: impl Into<P::Text>) -> Self {
        self.is.text = text.into();
        self
    }

    /// A histogram's buckets: their upper bounds, strictly increasing; up to
    /// [`MAX_BOUNDS`](Aggregation::MAX_BOUNDS), and only those before the first that is out of order. Default:
    /// [`histograms`](crate::MetricSettings::histograms).
    pub fn bounds(self, bounds: &'static [f64]) -> Self {
        self.aggregation(Aggregation::Explicit(bounds))
    }

    /// Makes a histogram's buckets exponential: up to `max_size` of positive values, and as many of negative
    /// ones. A usual size is [`DEFAULT_SIZE`](Aggregation::DEFAULT_SIZE); a device may be content with 16.
    pub fn exponential(self, max_size: u16) -> Self {
        self.aggregation(Aggregation::Exponential { max_size })
    }

    fn aggregation(mut self, aggregation: Aggregation) -> Self {
        self.aggregation = Some(aggregation);
        self
    }

    /// Keeps only attributes of those keys; measurements are counted together that differ in others.
    /// Exemplars still have them.
    pub fn keep(mut self, keys: &'static [&'static str]) -> Self {
        self.is.filter = Filter::Only(keys);
        self
    }

    /// The most sets of attributes, besides the overflow point. Default:
    /// [`cardinality_limit`](crate::MetricSettings::cardinality_limit).
    pub fn cardinality_limit(mut self, sets: u16) -> Self {
        self.limit = Some(sets);
        self
    }

    /// Counts what only grows, in `u64` or `f64`.
    pub fn counter<N: Measure>(self) -> Counter<P, N> {
        Counter::new(self.sum::<N>(Kind::Counter))
    }

    /// Counts what grows and shrinks, in `i64` or `f64`.
    pub fn up_down_counter<N: Measure>(self) -> UpDownCounter<P, N> {
        UpDownCounter::new(self.sum::<N>(Kind::UpDownCounter))
    }

    /// Keeps the last value, an `f64`.
    pub fn gauge(self) -> Gauge<P> {
        Gauge::new(self.build(Kind::Gauge, true, &Behaviour::LAST))
    }

    /// Keeps the last value, an `i64`.
    pub fn int_gauge(self) -> Gauge<P, i64> {
        Gauge::new(self.build(Kind::Gauge, false, &Behaviour::LAST))
    }

    /// Counts how values are distributed.
    pub fn histogram(mut self) -> Histogram<P> {
        let usual = || self.pipeline.metrics(|metrics| metrics.settings().histograms);
        self.is.aggregation = self.aggregation.unwrap_or_else(usual).valid();
        let behaviour = self.is.aggregation.behaviour();
        Histogram::new(self.build(Kind::Histogram, true, behaviour))
    }

    /// Is told at each collection what a sum is that only grows.
    pub fn observable_counter(self, callback: P::Callback) {
        self.observe(Kind::ObservableCounter, callback);
    }

    /// Is told at each collection what a sum is that grows and shrinks.
    pub fn observable_up_down_counter(self, callback: P::Callback) {
        self.observe(Kind::ObservableUpDownCounter, callback);
    }

    /// Is told at each collection what a value is.
    pub fn observable_gauge(self, callback: P::Callback) {
        self.observe(Kind::ObservableGauge, callback);
    }

    fn sum<N: Measure>(self, kind: Kind) -> Instrument<P> {
        let behaviour = if N::DOUBLE { &Behaviour::DOUBLE_SUM } else { &Behaviour::INT_SUM };
        self.build(kind, N::DOUBLE, behaviour)
    }

    fn build(self, kind: Kind, double: bool, behaviour: &'static Behaviour) -> Instrument<P> {
        let pipeline = self.pipeline.clone();
        Instrument::new(pipeline, self.declare(kind, double, behaviour))
    }

    fn observe(self, kind: Kind, callback: P::Callback) {
        let pipeline = self.pipeline.clone();
        let declared = self.declare(kind, false, &Behaviour::OBSERVED);
        if declared.dropped {
            return;
        }
        let number = declared.number;
        let added = number
            .is_some_and(|number| pipeline.metrics(|metrics| metrics.observe_by(number, callback)).is_ok());
        if !added {
            pipeline.add_unmeasured(Loss::NoSlot, 1);
        }
    }

    fn declare(mut self, kind: Kind, double: bool, behaviour: &'static Behaviour) -> Declared {
        (self.is.kind, self.is.measures, self.is.double, self.is.behaviour) = (kind, kind, double, behaviour);
        let (pipeline, now, scope) = (&self.pipeline, self.pipeline.now(), self.is.scope);
        let in_scope = |is: &dyn Fn(&Scope<'_>) -> bool| pipeline.with_scope(scope, |scope| is(&scope));
        pipeline.metrics(|metrics| metrics.declare(self.is, self.limit, &in_scope, now))
    }
}

crate::opaque_debug!(InstrumentBuilder<P>);
