//! Metrics of every kind that say all that they can, and points of zeros that are set.

use prost::Message;
use smoltel_core::batch::Source;
use smoltel_core::otlp::metrics::{
    Attributes, Buckets, Data, Exemplar, ExponentialPoint, HistogramPoint, Metric, NO_RECORDED_VALUE, Number,
    NumberPoint, Quantile, SummaryPoint, Temporality,
};
use smoltel_core::ring::{Header, Ring};
use smoltel_core::wire::Writer;
use smoltel_core::{Scope, Signal, SpanContext, SpanId, TraceId};
use smoltel_proto::types::collector::metrics::v1::ExportMetricsServiceRequest;
use smoltel_proto::types::metrics::v1 as types;
use types::{exponential_histogram_data_point, metric, number_data_point, summary_data_point};

use super::producer::{self, RESOURCE_SCHEMA, SCOPE, SCOPE_SCHEMA};
use super::values::{VALUES, attributes};

const SPAN: SpanContext =
    SpanContext { trace_id: TraceId([1; 16]), span_id: SpanId([2; 8]), flags: 1, is_remote: false };
const ALL: Attributes<'_> = Attributes::list(&VALUES);
const METADATA: [(smoltel_core::Key<'_>, smoltel_core::Value<'_>); 1] =
    [(smoltel_core::Key::new("unit.full"), smoltel_core::Value::Str("second"))];

/// Metrics in a ring, all of one scope.
struct Metrics(Ring<Vec<u8>>);

impl Source for Metrics {
    fn record(&self, offset: usize) -> Option<(Header, usize)> {
        self.0.record(offset)
    }

    fn read(&self, offset: usize, out: &mut [u8]) -> usize {
        self.0.read(offset, out)
    }

    fn scope<R>(&self, _: u16, f: impl FnOnce(Scope<'_>) -> R) -> R {
        f(SCOPE)
    }
}

impl Metrics {
    fn push(&mut self, data: Data<'_>) {
        let metadata = Attributes::list(&METADATA);
        let metric = Metric { name: "name", description: "what", unit: "s", metadata, ..Metric::new(data) };
        let mut buf = [0; 4096];
        let mut w = Writer::new(&mut buf);
        metric.encode(&mut w).unwrap();
        assert_eq!(w.len(), metric.encoded_len());
        let (kind, items) = (Signal::Metrics as u8, data.len() as u8);
        self.0.push(Header { len: w.len() as u16, scope: 0, kind, items }, w.written()).unwrap();
    }
}

/// The request, after prost has found in it what was put in.
pub(crate) fn request() -> Vec<u8> {
    let mut metrics = Metrics(Ring::new(vec![0; 1 << 16]));
    push_all(&mut metrics);
    let bytes = producer::request_of(&metrics, Signal::Metrics);
    let scope = types::ScopeMetrics {
        scope: Some(producer::scope()),
        metrics: expected(),
        schema_url: SCOPE_SCHEMA.into(),
    };
    let resource = types::ResourceMetrics {
        resource: Some(producer::resource()),
        scope_metrics: vec![scope],
        schema_url: RESOURCE_SCHEMA.into(),
    };
    let decoded = ExportMetricsServiceRequest::decode(&bytes[..]).unwrap();
    assert_eq!(decoded.resource_metrics, [resource]);
    let data = types::MetricsData::decode(&bytes[..]).unwrap();
    assert_eq!(data.encode_to_vec(), decoded.encode_to_vec(), "data at rest are the same bytes");
    bytes
}

fn push_all(metrics: &mut Metrics) {
    let int = Exemplar { filtered_attributes: ALL, time: 3, value: Number::Int(4), context: Some(SPAN) };
    let exemplars = &[
        int,
        Exemplar { value: Number::Double(4.5), ..int },
        Exemplar::default(),
        Exemplar { value: Number::Double(0.0), ..Exemplar::default() },
    ];
    let exemplars = exemplars[..].into();
    let (attributes, start, time, flags) = (ALL, 1, 2, NO_RECORDED_VALUE);
    let point = |value| NumberPoint { attributes, start, time, value, exemplars, flags };
    let zero = |value| NumberPoint { value: Some(value), ..NumberPoint::default() };
    let points = &[
        point(Some(Number::Int(-5))),
        point(Some(Number::Double(5.5))),
        point(None),
        zero(Number::Int(0)),
        zero(Number::Double(0.0)),
    ];
    metrics.push(Data::Gauge(points));
    metrics.push(Data::Sum { points, temporality: Temporality::Delta, monotonic: true });

    let some = Some(5.5);
    let (sum, min, max) = (some, some, some);
    let counts = [0, 7][..].into();
    let point = HistogramPoint {
        attributes,
        start,
        time,
        count: 7,
        sum,
        bucket_counts: counts,
        explicit_bounds: &[0.5],
        exemplars,
        flags,
        min,
        max,
    };
    let zero = Some(0.0);
    let zeros = HistogramPoint { sum: zero, min: zero, max: zero, ..HistogramPoint::default() };
    metrics.push(Data::Histogram { points: &[point, zeros], temporality: Temporality::Cumulative });

    let point = ExponentialPoint {
        attributes,
        start,
        time,
        count: 15,
        sum,
        scale: -3,
        zero_count: 1,
        positive: Buckets { offset: -1, counts },
        negative: Buckets { offset: 2, counts },
        flags,
        exemplars,
        min,
        max,
        zero_threshold: 0.25,
    };
    let zeros = ExponentialPoint { sum: zero, min: zero, max: zero, ..ExponentialPoint::default() };
    metrics.push(Data::ExponentialHistogram { points: &[point, zeros], temporality: Temporality::Delta });

    let quantiles = &[Quantile { quantile: 0.5, value: 6.5 }];
    metrics.push(Data::Summary(&[SummaryPoint {
        attributes,
        start,
        time,
        count: 7,
        sum: 5.5,
        quantiles,
        flags,
    }]));
}

fn expected() -> Vec<types::Metric> {
    let numbers = numbers();
    let (delta, cumulative) = (1, 2);
    let sum = types::Sum { data_points: numbers.clone(), aggregation_temporality: delta, is_monotonic: true };
    let all = [
        metric::Data::Gauge(types::Gauge { data_points: numbers }),
        metric::Data::Sum(sum),
        metric::Data::Histogram(types::Histogram {
            data_points: histograms(),
            aggregation_temporality: cumulative,
        }),
        metric::Data::ExponentialHistogram(types::ExponentialHistogram {
            data_points: exponentials(),
            aggregation_temporality: delta,
        }),
        metric::Data::Summary(types::Summary { data_points: vec![summary()] }),
    ];
    let metric = |data| types::Metric {
        name: "name".into(),
        description: "what".into(),
        unit: "s".into(),
        metadata: attributes(&METADATA),
        data: Some(data),
    };
    all.into_iter().map(metric).collect()
}

fn exemplars() -> Vec<types::Exemplar> {
    use types::exemplar::Value;
    let of = |value| types::Exemplar { value: Some(value), ..types::Exemplar::default() };
    let full = |value| types::Exemplar {
        time_unix_nano: 3,
        span_id: vec![2; 8],
        trace_id: vec![1; 16],
        filtered_attributes: attributes(&VALUES),
        ..of(value)
    };
    vec![full(Value::AsInt(4)), full(Value::AsDouble(4.5)), of(Value::AsInt(0)), of(Value::AsDouble(0.0))]
}

fn numbers() -> Vec<types::NumberDataPoint> {
    use number_data_point::Value;
    let full = |value| types::NumberDataPoint {
        start_time_unix_nano: 1,
        time_unix_nano: 2,
        exemplars: exemplars(),
        attributes: attributes(&VALUES),
        flags: 1,
        value,
    };
    let zero = |value| types::NumberDataPoint { value: Some(value), ..Default::default() };
    vec![
        full(Some(Value::AsInt(-5))),
        full(Some(Value::AsDouble(5.5))),
        full(None),
        zero(Value::AsInt(0)),
        zero(Value::AsDouble(0.0)),
    ]
}

fn histograms() -> Vec<types::HistogramDataPoint> {
    let some = Some(5.5);
    let full = types::HistogramDataPoint {
        start_time_unix_nano: 1,
        time_unix_nano: 2,
        count: 7,
        sum: some,
        bucket_counts: vec![0, 7],
        explicit_bounds: vec![0.5],
        exemplars: exemplars(),
        attributes: attributes(&VALUES),
        flags: 1,
        min: some,
        max: some,
    };
    let zero = Some(0.0);
    vec![full, types::HistogramDataPoint { sum: zero, min: zero, max: zero, ..Default::default() }]
}

fn exponentials() -> Vec<types::ExponentialHistogramDataPoint> {
    let some = Some(5.5);
    let buckets = |offset| exponential_histogram_data_point::Buckets { offset, bucket_counts: vec![0, 7] };
    let full = types::ExponentialHistogramDataPoint {
        attributes: attributes(&VALUES),
        start_time_unix_nano: 1,
        time_unix_nano: 2,
        count: 15,
        sum: some,
        scale: -3,
        zero_count: 1,
        positive: Some(buckets(-1)),
        negative: Some(buckets(2)),
        flags: 1,
        exemplars: exemplars(),
        min: some,
        max: some,
        zero_threshold: 0.25,
    };
    let zero = Some(0.0);
    vec![full, types::ExponentialHistogramDataPoint { sum: zero, min: zero, max: zero, ..Default::default() }]
}

fn summary() -> types::SummaryDataPoint {
    types::SummaryDataPoint {
        start_time_unix_nano: 1,
        time_unix_nano: 2,
        count: 7,
        sum: 5.5,
        quantile_values: vec![summary_data_point::ValueAtQuantile { quantile: 0.5, value: 6.5 }],
        attributes: attributes(&VALUES),
        flags: 1,
    }
}
