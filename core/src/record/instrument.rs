use crate::aggregate::{
    AttributeSet, Declared, ExemplarFilter, Keep, Kind, Measurement, Metrics, PointRef, Prepared, STREAMS,
    Sample, VALUE,
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
        let plain = kind.takes(value) && self.declared.plain;
        let put = self.declared.number.filter(|_| plain).and_then(|number| {
            let set = AttributeSet::new(attributes, self.declared.filter)?;
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
        let plain = kind.takes(value) && self.declared.plain;
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
        let plain = of.plain && Within::<P>::current(of.exemplars).is_none();
        let lost = Measurement::of_histogram(value, of).filter(|_| plain).and_then(|measurement| {
            self.pipeline.metrics(|metrics| {
                let fields = (of.aggregation.fields().0, state_len);
                let point = metrics.find_prepared(of, attributes, fields)?;
                Some(metrics.distribute(point, of, measurement))
            })
        });
        match lost {
            Some(0) => {}
            Some(lost) => self.pipeline.add_unmeasured(Loss::Invalid, lost),
            None => self.measure(Number::Double(value), attributes.list),
        }
    }

    pub(super) fn bind(&self, attributes: Attributes<'_>) -> Bound<P> {
        let (pipeline, declared) = (self.pipeline.clone(), self.declared);
        let point = bind(&pipeline, &declared, attributes);
        let mut others = [None; STREAMS - 1];
        let mut places = others.iter_mut();
        others_of(&pipeline, &declared, |stream| {
            if let Some(place) = places.next() {
                *place = bind(&pipeline, stream, attributes);
            }
        });
        Bound { point, plain: point.filter(|_| declared.plain), others, pipeline, declared }
    }
}

fn bind<P: Platform>(
    pipeline: &crate::Pipeline<P>,
    stream: &Declared,
    attributes: Attributes<'_>,
) -> Option<PointRef> {
    let set = AttributeSet::new(attributes, stream.filter);
    let now = pipeline.now();
    pipeline.metrics(|metrics| metrics.bind(stream.number?, set.as_ref(), now))
}

/// Does something for each further stream that views make of an instrument; the answer is false if one of them found
/// no room.
#[inline]
fn others_of<P: Platform>(
    pipeline: &crate::Pipeline<P>,
    declared: &Declared,
    mut work: impl FnMut(&Declared),
) -> bool {
    let mut also = declared.also;
    while also != 0 {
        let Some(stream) = pipeline.metrics(|metrics| metrics.stream(also)) else { return false };
        work(&stream);
        also = stream.also;
    }
    true
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
    measure_stream(pipeline, declared, value, attributes, within);
    let all =
        others_of(pipeline, declared, |stream| measure_stream(pipeline, stream, value, attributes, within));
    if !all {
        pipeline.add_unmeasured(Loss::NoSlot, 1);
    }
}

fn measure_stream<P: Platform>(
    pipeline: &crate::Pipeline<P>,
    declared: &Declared,
    value: Number,
    attributes: Attributes<'_>,
    within: &Within<P>,
) {
    if declared.dropped {
        return;
    }
    // All that takes long is done outside the lock: the bucket, the hash, the clock.
    let Some(measurement) = Measurement::new(value, declared) else {
        return pipeline.add_unmeasured(Loss::Invalid, 1);
    };
    let Some(number) = declared.number else { return pipeline.add_unmeasured(Loss::NoSlot, 1) };
    let set = AttributeSet::new(attributes, declared.filter);
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
    /// The point, if measurements may take the short way.
    plain: Option<PointRef>,
    /// The points of further streams, in their order.
    others: [Option<PointRef>; STREAMS - 1],
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
                let lost = self.pipeline.metrics(|metrics| metrics.distribute(point, of, measurement));
                if lost > 0 {
                    self.pipeline.add_unmeasured(Loss::Invalid, lost);
                }
            }
            _ => self.measure_in(Number::Double(value), &Within::NONE),
        }
    }

    #[inline(never)]
    pub(super) fn measure_in(&self, value: Number, within: &Within<P>) {
        self.measure_point(&self.declared, self.point, value, within);
        let mut others = self.others.iter();
        let all = others_of(&self.pipeline, &self.declared, |stream| {
            self.measure_point(stream, others.next().copied().flatten(), value, within);
        });
        if !all {
            self.lose(false);
        }
    }

    fn measure_point(&self, of: &Declared, point: Option<PointRef>, value: Number, within: &Within<P>) {
        if of.dropped {
            return;
        }
        let measurement = Measurement::new(value, of);
        let (Some(measurement), Some(point)) = (measurement, point) else {
            return self.lose(measurement.is_none());
        };
        let sample = within.sample(&self.pipeline, of, None);
        let lost = self.pipeline.metrics(|metrics| metrics.record(point, of, &measurement, sample.as_ref()));
        if lost > 0 {
            self.pipeline.add_unmeasured(Loss::Invalid, lost);
        }
    }

    #[cold]
    fn lose(&self, invalid: bool) {
        self.pipeline.add_unmeasured(if invalid { Loss::Invalid } else { Loss::NoSlot }, 1);
    }
}
