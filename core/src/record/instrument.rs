use crate::aggregate::{
    AttributeSet, Declared, ExemplarFilter, Keep, Kind, Measurement, Metrics, PointRef, Prepared, Sample,
    VALUE,
};
use crate::context::SpanContext;
use crate::counters::Loss;
use crate::otlp::common::{Key, Value};
use crate::otlp::metrics::Number;
use crate::platform::Platform;

/// A number that can be measured: `i64`, `u64` and `f64`. Whole numbers are signed in OTLP: what is above
/// `i64::MAX` counts as that.
///
/// ```
/// use smoltel_core::{Measure, otlp::metrics::Number};
/// assert_eq!(u64::MAX.number(), Number::Int(i64::MAX));
/// assert_eq!(1.5.number(), Number::Double(1.5));
/// ```
pub trait Measure: Copy {
    /// Whether numbers of this kind are floating-point numbers.
    const DOUBLE: bool;

    /// The number as OTLP has it.
    fn number(self) -> Number;
}

impl Measure for i64 {
    const DOUBLE: bool = false;

    #[inline]
    fn number(self) -> Number {
        Number::Int(self)
    }
}

impl Measure for u64 {
    const DOUBLE: bool = false;

    #[inline]
    fn number(self) -> Number {
        Number::Int(i64::try_from(self).unwrap_or(i64::MAX))
    }
}

impl Measure for f64 {
    const DOUBLE: bool = true;

    #[inline]
    fn number(self) -> Number {
        Number::Double(self)
    }
}

/// Attributes as they are given to an instrument.
pub(super) type Attributes<'a> = &'a [(Key<'a>, Value<'a>)];

/// The span that a measurement was made in, and how it becomes an exemplar: a program has the code for that if
/// it names a span, or settings.
pub(super) struct Within<P: Platform> {
    context: Option<SpanContext>,
    keep: Option<Keep<P>>,
}

impl<P: Platform> Within<P> {
    /// No span.
    pub(super) const NONE: Self = Self { context: None, keep: None };

    /// The thread's current span, if a measurement made there may become an exemplar.
    #[inline(always)]
    fn current(filter: ExemplarFilter) -> Option<Self> {
        P::with_current(|current, _| {
            current.filter(|current| filter.admits(Some(current))).map(|current| Self::span(*current))
        })
    }

    pub(super) fn span(context: impl Into<Option<SpanContext>>) -> Self {
        Self { context: context.into(), keep: Some(Metrics::keep) }
    }

    /// The measurement as an exemplar, if it may be one.
    fn sample<'a>(
        &self,
        pipeline: &crate::Pipeline<P>,
        of: &Declared,
        set: Option<&'a AttributeSet<'a>>,
    ) -> Option<Sample<'a, P>> {
        let admitted = of.exemplars.admits(self.context.as_ref());
        admitted.then(|| Sample { time: pipeline.now(), context: self.context, set, keep: self.keep })
    }
}

/// What every instrument is to who holds it.
pub(super) struct Instrument<P: Platform> {
    pipeline: P::Handle,
    declared: Declared,
}

impl<P: Platform> Clone for Instrument<P> {
    fn clone(&self) -> Self {
        Self { pipeline: self.pipeline.clone(), declared: self.declared }
    }
}

impl<P: Platform> Instrument<P> {
    pub(super) fn new(pipeline: P::Handle, declared: Declared) -> Self {
        Self { pipeline, declared }
    }

    pub(super) fn measure_in(&self, value: Number, attributes: Attributes<'_>, within: &Within<P>) {
        measure(&self.pipeline, &self.declared, value, attributes, within);
    }

    /// [`measure_in`](Self::measure_in) the current span, if there is one.
    pub(super) fn measure(&self, value: Number, attributes: Attributes<'_>) {
        let within = Within::current(self.declared.exemplars).unwrap_or(Within::NONE);
        self.measure_in(value, attributes, &within);
    }

    /// [`measure`](Self::measure) for sums and gauges: nearly always the point is there, and there is no exemplar.
    #[inline]
    pub(super) fn put(&self, value: Number, kind: Kind, attributes: Attributes<'_>) {
        if let Some(within) = Within::current(self.declared.exemplars) {
            return self.measure_in(value, attributes, &within);
        }
        let plain = kind.takes(value) && self.declared.exemplars != ExemplarFilter::AlwaysOn;
        let put = self.declared.number.filter(|_| plain).and_then(|number| {
            let set = AttributeSet::new(attributes, self.declared.keep)?;
            self.pipeline.metrics(|metrics| {
                let point = metrics.find_value(number, &set)?;
                metrics.put(point, kind, value);
                Some(())
            })
        });
        if put.is_none() {
            self.measure_in(value, attributes, &Within::NONE);
        }
    }

    /// [`put`](Self::put) with attributes that were looked at before.
    #[inline]
    pub(super) fn put_prepared(&self, value: Number, kind: Kind, attributes: &Prepared<'_>) {
        let plain = kind.takes(value) && self.declared.exemplars != ExemplarFilter::AlwaysOn;
        let put = || {
            self.pipeline.metrics(|metrics| {
                let point = metrics.find_prepared(&self.declared, attributes, VALUE)?;
                metrics.put(point, kind, value);
                Some(())
            })
        };
        if !plain || Within::<P>::current(self.declared.exemplars).is_some() || put().is_none() {
            self.measure(value, attributes.list);
        }
    }

    /// [`measure`](Self::measure) for histograms, with attributes that were looked at before.
    #[inline]
    pub(super) fn distribute_prepared(&self, value: f64, attributes: &Prepared<'_>) {
        let (of, state_len) = (&self.declared, self.declared.aggregation.state_len(P::CELL));
        let plain = of.exemplars != ExemplarFilter::AlwaysOn && Within::<P>::current(of.exemplars).is_none();
        let lost = Measurement::of_histogram(value, of).filter(|_| plain).and_then(|measurement| {
            self.pipeline.metrics(|metrics| {
                let fields = (of.aggregation.fields().0, state_len);
                let point = metrics.find_prepared(of, attributes, fields)?;
                Some(metrics.distribute(point, of, &measurement))
            })
        });
        match lost {
            Some(0) => {}
            Some(lost) => self.pipeline.add_unmeasured(Loss::Invalid, lost),
            None => self.measure(Number::Double(value), attributes.list),
        }
    }

    pub(super) fn bind(&self, attributes: Attributes<'_>) -> Bound<P> {
        let set = AttributeSet::new(attributes, self.declared.keep);
        let now = self.pipeline.now();
        let point = self
            .declared
            .number
            .and_then(|number| self.pipeline.metrics(|metrics| metrics.bind(number, set.as_ref(), now)));
        let plain = point.filter(|_| self.declared.exemplars != ExemplarFilter::AlwaysOn);
        Bound { pipeline: self.pipeline.clone(), declared: self.declared, point, plain }
    }
}

/// Takes in one measurement, or counts it as lost.
#[inline(never)]
pub(super) fn measure<P: Platform>(
    pipeline: &crate::Pipeline<P>,
    declared: &Declared,
    value: Number,
    attributes: Attributes<'_>,
    within: &Within<P>,
) {
    // All that takes long is done outside the lock: the bucket, the hash, the clock.
    let Some(measurement) = Measurement::new(value, declared) else {
        return pipeline.add_unmeasured(Loss::Invalid, 1);
    };
    let Some(number) = declared.number else { return pipeline.add_unmeasured(Loss::NoSlot, 1) };
    let set = AttributeSet::new(attributes, declared.keep);
    let sample = within.sample(pipeline, declared, set.as_ref());
    let known = pipeline.metrics(|metrics| {
        let point = metrics.find(number, set.as_ref()?)?;
        Some(metrics.record(point, declared, &measurement, sample.as_ref()))
    });
    let lost = known.or_else(|| {
        let now = pipeline.now();
        pipeline.metrics(|metrics| {
            let point = metrics.point(number, set.as_ref(), now)?;
            Some(metrics.record(point, declared, &measurement, sample.as_ref()))
        })
    });
    count(pipeline, lost);
}

/// Counts what became of a measurement: without a point it is lost.
#[inline]
fn count<P: Platform>(pipeline: &crate::Pipeline<P>, lost: Option<u64>) {
    match lost {
        Some(0) => {}
        Some(lost) => pipeline.add_unmeasured(Loss::Invalid, lost),
        None => pipeline.add_unmeasured(Loss::NoSlot, 1),
    }
}

/// An instrument with its attributes.
pub(super) struct Bound<P: Platform> {
    pipeline: P::Handle,
    declared: Declared,
    point: Option<PointRef>,
    /// The point, unless every measurement may become an exemplar.
    plain: Option<PointRef>,
}

impl<P: Platform> Clone for Bound<P> {
    fn clone(&self) -> Self {
        Self { pipeline: self.pipeline.clone(), ..*self }
    }
}

impl<P: Platform> Bound<P> {
    /// [`measure_in`](Self::measure_in) the current span, if there is one, for sums and gauges.
    #[inline]
    pub(super) fn put(&self, value: Number, kind: Kind) {
        if let Some(within) = Within::current(self.declared.exemplars) {
            return self.measure_in(value, &within);
        }
        match self.plain {
            Some(point) if kind.takes(value) => {
                self.pipeline.metrics(|metrics| metrics.put(point, kind, value));
            }
            _ => self.measure_in(value, &Within::NONE),
        }
    }

    /// [`measure_in`](Self::measure_in) the current span, if there is one, for histograms.
    #[inline]
    pub(super) fn distribute(&self, value: f64) {
        if let Some(within) = Within::current(self.declared.exemplars) {
            return self.measure_in(Number::Double(value), &within);
        }
        match (self.plain, Measurement::of_histogram(value, &self.declared)) {
            (Some(point), Some(measurement)) => {
                let of = &self.declared;
                let lost = self.pipeline.metrics(|metrics| metrics.distribute(point, of, &measurement));
                if lost > 0 {
                    self.pipeline.add_unmeasured(Loss::Invalid, lost);
                }
            }
            _ => self.measure_in(Number::Double(value), &Within::NONE),
        }
    }

    #[inline(never)]
    pub(super) fn measure_in(&self, value: Number, within: &Within<P>) {
        let declared = &self.declared;
        let measurement = Measurement::new(value, declared);
        let (Some(measurement), Some(point)) = (measurement, self.point) else {
            return self.lose(measurement.is_none());
        };
        let sample = within.sample(&self.pipeline, declared, None);
        let lost =
            self.pipeline.metrics(|metrics| metrics.record(point, declared, &measurement, sample.as_ref()));
        if lost > 0 {
            self.pipeline.add_unmeasured(Loss::Invalid, lost);
        }
    }

    #[cold]
    fn lose(&self, invalid: bool) {
        self.pipeline.add_unmeasured(if invalid { Loss::Invalid } else { Loss::NoSlot }, 1);
    }
}
