use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::metrics::data::{self, AggregatedMetrics, MetricData};
use smoltel_core::otlp::metrics::{
    Attributes, Buckets, Data, Exemplar, Exemplars, ExponentialPoint, HistogramPoint, Metric, Number,
    NumberPoint, Temporality,
};

use super::request::Request;
use super::values::{Values, nanos};
use crate::{SpanContext, SpanId, TraceId};

/// Adds a metric to a request; how many points it has.
pub(super) fn add<'a>(
    request: &mut Request<'a>,
    metric: &'a data::Metric,
    scope: &'a InstrumentationScope,
    values: Values<'a>,
) -> usize {
    let data = match metric.data() {
        AggregatedMetrics::F64(data) => values.data(data),
        AggregatedMetrics::U64(data) => values.data(data),
        AggregatedMetrics::I64(data) => values.data(data),
    };
    let (name, description, unit) = (metric.name(), metric.description(), metric.unit());
    let metric = Metric { name, description, unit, ..Metric::new(data) };
    request.add((scope.name(), scope), |w| metric.encode(w));
    data.len()
}

/// The numbers that the SDK measures in.
trait Measured: Copy {
    fn number(self) -> Number;
    /// A distribution is one of floating-point numbers in OTLP.
    fn double(self) -> f64;
}

impl Measured for f64 {
    fn number(self) -> Number {
        Number::Double(self)
    }

    fn double(self) -> f64 {
        self
    }
}

impl Measured for i64 {
    fn number(self) -> Number {
        Number::Int(self)
    }

    fn double(self) -> f64 {
        self as f64
    }
}

/// OTLP's whole numbers end at `i64::MAX`, and so does this.
impl Measured for u64 {
    fn number(self) -> Number {
        Number::Int(i64::try_from(self).unwrap_or(i64::MAX))
    }

    fn double(self) -> f64 {
        self as f64
    }
}

impl<'a> Values<'a> {
    fn data<T: Measured>(self, data: &'a MetricData<T>) -> Data<'a> {
        match data {
            MetricData::Gauge(gauge) => {
                let (start, time) = (gauge.start_time().map(nanos).unwrap_or_default(), nanos(gauge.time()));
                Data::Gauge(self.list(gauge.data_points().map(|point| NumberPoint {
                    attributes: self.of(point.attributes()),
                    value: Some(point.value().number()),
                    exemplars: self.exemplars(point.exemplars()),
                    start,
                    time,
                    flags: 0,
                })))
            }
            MetricData::Sum(sum) => {
                let (start, time) = (nanos(sum.start_time()), nanos(sum.time()));
                let points = self.list(sum.data_points().map(|point| NumberPoint {
                    attributes: self.of(point.attributes()),
                    value: Some(point.value().number()),
                    exemplars: self.exemplars(point.exemplars()),
                    start,
                    time,
                    flags: 0,
                }));
                Data::Sum {
                    points,
                    temporality: temporality(sum.temporality()),
                    monotonic: sum.is_monotonic(),
                }
            }
            MetricData::Histogram(histogram) => self.histogram(histogram),
            MetricData::ExponentialHistogram(histogram) => self.exponential(histogram),
        }
    }

    fn histogram<T: Measured>(self, histogram: &'a data::Histogram<T>) -> Data<'a> {
        let (start, time) = (nanos(histogram.start_time()), nanos(histogram.time()));
        let points = self.list(histogram.data_points().map(|point| HistogramPoint {
            attributes: self.of(point.attributes()),
            start,
            time,
            count: point.count(),
            sum: Some(point.sum().double()),
            bucket_counts: self.list(point.bucket_counts()).into(),
            explicit_bounds: self.list(point.bounds()),
            exemplars: self.exemplars(point.exemplars()),
            flags: 0,
            min: point.min().map(Measured::double),
            max: point.max().map(Measured::double),
        }));
        Data::Histogram { points, temporality: temporality(histogram.temporality()) }
    }

    fn exponential<T: Measured>(self, histogram: &'a data::ExponentialHistogram<T>) -> Data<'a> {
        let (start, time) = (nanos(histogram.start_time()), nanos(histogram.time()));
        let points = self.list(histogram.data_points().map(|point| ExponentialPoint {
            attributes: self.of(point.attributes()),
            start,
            time,
            count: point.count() as u64,
            sum: Some(point.sum().double()),
            scale: point.scale().into(),
            zero_count: point.zero_count(),
            positive: self.buckets(point.positive_bucket()),
            negative: self.buckets(point.negative_bucket()),
            flags: 0,
            exemplars: self.exemplars(point.exemplars()),
            min: point.min().map(Measured::double),
            max: point.max().map(Measured::double),
            zero_threshold: point.zero_threshold(),
        }));
        Data::ExponentialHistogram { points, temporality: temporality(histogram.temporality()) }
    }

    fn buckets(self, buckets: &'a data::ExponentialBucket) -> Buckets<'a> {
        Buckets { offset: buckets.offset(), counts: self.list(buckets.counts()).into() }
    }

    fn of(self, attributes: impl Iterator<Item = &'a opentelemetry::KeyValue>) -> Attributes<'a> {
        Attributes::list(self.attributes(attributes))
    }

    fn exemplars<T: Measured + 'a>(
        self,
        exemplars: impl Iterator<Item = &'a data::Exemplar<T>>,
    ) -> Exemplars<'a> {
        self.list(exemplars.map(|exemplar| Exemplar {
            filtered_attributes: self.of(exemplar.filtered_attributes()),
            time: nanos(exemplar.time()),
            value: exemplar.value.number(),
            context: context(exemplar),
        }))
        .into()
    }
}

/// The span that it was measured in, if there was one.
fn context<T>(exemplar: &data::Exemplar<T>) -> Option<SpanContext> {
    let (trace_id, span_id) = (TraceId(*exemplar.trace_id()), SpanId(*exemplar.span_id()));
    let context = SpanContext { trace_id, span_id, flags: 0, is_remote: false };
    Some(context).filter(SpanContext::is_valid)
}

fn temporality(temporality: opentelemetry_sdk::metrics::Temporality) -> Temporality {
    match temporality {
        opentelemetry_sdk::metrics::Temporality::Delta => Temporality::Delta,
        // Points of `LowMemory` are said to be one or the other.
        _ => Temporality::Cumulative,
    }
}
