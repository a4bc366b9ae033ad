//! Every field of `metrics.proto`, written and decoded.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use prost::Message;
use smoltel_core::otlp::metrics as ours;
use smoltel_core::wire::Writer;
use smoltel_core::{Key, MetricSettings, SpanContext, SpanId, TraceId, Value};
use smoltel_proto::types::common::v1::{AnyValue, KeyValue, any_value};
use smoltel_proto::types::metrics::v1::{
    self as theirs, exponential_histogram_data_point, summary_data_point,
};

use crate::receiver::{pipeline, take};

type Pairs = Vec<(String, i64)>;

fn borrowed(pairs: &Pairs) -> Vec<(Key<'_>, Value<'_>)> {
    pairs.iter().map(|(key, value)| (key.as_str().into(), (*value).into())).collect()
}

fn owned(pairs: &Pairs) -> Vec<KeyValue> {
    let value = |value: i64| AnyValue { value: Some(any_value::Value::IntValue(value)) };
    let pair = |(key, n): &(String, i64)| KeyValue {
        key: key.clone(),
        value: Some(value(*n)),
        ..Default::default()
    };
    pairs.iter().map(pair).collect()
}

fn pairs() -> impl Strategy<Value = Pairs> {
    proptest::collection::btree_map("[a-z.]{1,20}", any::<i64>(), 0..4)
        .prop_map(|map| map.into_iter().collect())
}

fn number() -> impl Strategy<Value = ours::Number> {
    prop_oneof![
        any::<i64>().prop_map(ours::Number::Int),
        double().prop_map(ours::Number::Double),
        Just(ours::Number::Int(0))
    ]
}

fn double() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), -1e9..1e9, Just(f64::INFINITY)]
}

#[derive(Clone, Debug)]
struct Common {
    attributes: Pairs,
    times: (u64, u64),
    flags: u32,
    exemplar: Option<(Pairs, u64, ours::Number, bool)>,
}

fn common() -> impl Strategy<Value = Common> {
    let times = prop_oneof![Just((0, 1)), any::<(u64, u64)>()];
    let exemplar = option::of((pairs(), any::<u64>(), number(), any::<bool>()));
    (pairs(), times, prop_oneof![Just(0), Just(1), any::<u32>()], exemplar)
        .prop_map(|(attributes, times, flags, exemplar)| Common { attributes, times, flags, exemplar })
}

const CONTEXT: SpanContext =
    SpanContext { trace_id: TraceId([7; 16]), span_id: SpanId([8; 8]), flags: 1, is_remote: false };

impl Common {
    /// Calls `f` with our attributes and exemplars.
    fn with<R>(&self, f: impl FnOnce(ours::Attributes<'_>, ours::Exemplars<'_>) -> R) -> R {
        let attributes = borrowed(&self.attributes);
        let filtered = self.exemplar.as_ref().map(|(filtered, ..)| borrowed(filtered)).unwrap_or_default();
        let exemplar = self.exemplar.as_ref().map(|(_, time, value, in_span)| ours::Exemplar {
            filtered_attributes: filtered[..].into(),
            time: *time,
            value: *value,
            context: in_span.then_some(CONTEXT),
        });
        f(attributes[..].into(), exemplar.as_slice().into())
    }

    fn exemplars(&self) -> Vec<theirs::Exemplar> {
        let one = |(filtered, time, value, in_span): &(Pairs, u64, ours::Number, bool)| theirs::Exemplar {
            filtered_attributes: owned(filtered),
            time_unix_nano: *time,
            value: Some(match *value {
                ours::Number::Int(value) => theirs::exemplar::Value::AsInt(value),
                ours::Number::Double(value) => theirs::exemplar::Value::AsDouble(value),
            }),
            span_id: if *in_span { vec![8; 8] } else { vec![] },
            trace_id: if *in_span { vec![7; 16] } else { vec![] },
        };
        self.exemplar.iter().map(one).collect()
    }
}

fn check(data: ours::Data<'_>, expected: theirs::metric::Data, metadata: &Pairs) {
    let pairs = borrowed(metadata);
    let metric = ours::Metric { name: "n", description: "d", unit: "u", data, metadata: pairs[..].into() };
    let mut buf = vec![0; metric.encoded_len()];
    let mut w = Writer::new(&mut buf);
    metric.encode(&mut w).expect("room for as much as was said");
    assert_eq!(w.room(), 0, "and no more");
    let decoded = theirs::Metric::decode(&buf[..]).unwrap();
    assert_eq!((&decoded.name[..], &decoded.description[..], &decoded.unit[..]), ("n", "d", "u"));
    assert_eq!(decoded.metadata, owned(metadata));
    assert_eq!(decoded.data, Some(expected));
    let less = buf.len() - 1;
    assert!(metric.encode(&mut Writer::new(&mut buf[..less])).is_err());
}

fn temporality(delta: bool) -> (ours::Temporality, i32) {
    if delta { (ours::Temporality::Delta, 1) } else { (ours::Temporality::Cumulative, 2) }
}

proptest! {
    #[test]
    fn gauges_and_sums_decode_to_what_was_written(
        common in common(), value in option::of(number()), sum in option::of(any::<(bool, bool)>()), metadata in pairs(),
    ) {
        let point = theirs::NumberDataPoint {
            attributes: owned(&common.attributes),
            start_time_unix_nano: common.times.0,
            time_unix_nano: common.times.1,
            exemplars: common.exemplars(),
            flags: common.flags,
            value: value.map(|value| match value {
                ours::Number::Int(value) => theirs::number_data_point::Value::AsInt(value),
                ours::Number::Double(value) => theirs::number_data_point::Value::AsDouble(value),
            }),
        };
        common.with(|attributes, exemplars| {
            let (start, time) = common.times;
            let points = [ours::NumberPoint { attributes, start, time, value, exemplars, flags: common.flags }; 2];
            let data_points = vec![point.clone(), point];
            match sum {
                None => check(ours::Data::Gauge(&points), theirs::metric::Data::Gauge(theirs::Gauge { data_points }), &metadata),
                Some((delta, monotonic)) => {
                    let (temporality, number) = temporality(delta);
                    let expected = theirs::Sum { data_points, aggregation_temporality: number, is_monotonic: monotonic };
                    check(ours::Data::Sum { points: &points, temporality, monotonic }, theirs::metric::Data::Sum(expected), &metadata);
                }
            }
        });
    }

    #[test]
    fn histograms_decode_to_what_was_written(
        common in common(), count in any::<u64>(), delta in any::<bool>(),
        sum in option::of(double()), min in option::of(double()), max in option::of(double()),
        counts in vec(any::<u64>(), 0..40), bounds in vec(double(), 0..40),
    ) {
        let point = theirs::HistogramDataPoint {
            attributes: owned(&common.attributes),
            start_time_unix_nano: common.times.0,
            time_unix_nano: common.times.1,
            count, sum, min, max,
            bucket_counts: counts.clone(),
            explicit_bounds: bounds.clone(),
            exemplars: common.exemplars(),
            flags: common.flags,
        };
        common.with(|attributes, exemplars| {
            let (start, time) = common.times;
            let points = [ours::HistogramPoint {
                attributes, start, time, count, sum, min, max, exemplars, flags: common.flags,
                bucket_counts: counts[..].into(),
                explicit_bounds: &bounds,
            }];
            let (temporality, number) = temporality(delta);
            let expected = theirs::Histogram { data_points: vec![point.clone()], aggregation_temporality: number };
            check(ours::Data::Histogram { points: &points, temporality }, theirs::metric::Data::Histogram(expected), &vec![]);
        });
    }

    #[test]
    fn exponential_histograms_decode_to_what_was_written(
        common in common(), count in any::<u64>(), delta in any::<bool>(), scale in prop_oneof![-10..21i32, any::<i32>()],
        zeros in (any::<u64>(), double()), sum in option::of(double()), min in option::of(double()), max in option::of(double()),
        positive in (any::<i32>(), vec(prop_oneof![0..200u64, any::<u64>()], 0..200)),
        negative in (-3..3i32, vec(any::<u64>(), 0..3)),
    ) {
        let buckets = |(offset, counts): &(i32, Vec<u64>)| {
            let buckets = exponential_histogram_data_point::Buckets { offset: *offset, bucket_counts: counts.clone() };
            (*offset != 0 || !counts.is_empty()).then_some(buckets)
        };
        let point = theirs::ExponentialHistogramDataPoint {
            attributes: owned(&common.attributes),
            start_time_unix_nano: common.times.0,
            time_unix_nano: common.times.1,
            count, sum, min, max, scale,
            zero_count: zeros.0,
            zero_threshold: zeros.1,
            positive: buckets(&positive),
            negative: buckets(&negative),
            exemplars: common.exemplars(),
            flags: common.flags,
        };
        common.with(|attributes, exemplars| {
            let (start, time) = common.times;
            let points = [ours::ExponentialPoint {
                attributes, start, time, count, sum, min, max, scale, exemplars, flags: common.flags,
                zero_count: zeros.0,
                zero_threshold: zeros.1,
                positive: ours::Buckets { offset: positive.0, counts: positive.1[..].into() },
                negative: ours::Buckets { offset: negative.0, counts: negative.1[..].into() },
            }];
            let (temporality, number) = temporality(delta);
            let expected = theirs::ExponentialHistogram { data_points: vec![point.clone()], aggregation_temporality: number };
            check(ours::Data::ExponentialHistogram { points: &points, temporality }, theirs::metric::Data::ExponentialHistogram(expected), &vec![]);
        });
    }

    #[test]
    fn summaries_decode_to_what_was_written(common in common(), count in any::<u64>(), sum in double(), quantiles in vec((0.0..1.0f64, double()), 0..5)) {
        let point = theirs::SummaryDataPoint {
            attributes: owned(&common.attributes),
            start_time_unix_nano: common.times.0,
            time_unix_nano: common.times.1,
            count, sum,
            quantile_values: quantiles.iter().map(|(quantile, value)| summary_data_point::ValueAtQuantile { quantile: *quantile, value: *value }).collect(),
            flags: common.flags,
        };
        common.with(|attributes, _| {
            let (start, time) = common.times;
            let quantiles: Vec<_> = quantiles.iter().map(|(quantile, value)| ours::Quantile { quantile: *quantile, value: *value }).collect();
            let points = [ours::SummaryPoint { attributes, start, time, count, sum, quantiles: &quantiles, flags: common.flags }];
            check(ours::Data::Summary(&points), theirs::metric::Data::Summary(theirs::Summary { data_points: vec![point.clone()] }), &vec![]);
        });
    }
}

#[test]
fn a_metric_that_was_made_elsewhere_is_sent_as_it_is() {
    let pipeline = pipeline(0, MetricSettings::DEFAULT);
    let gone = ours::NumberPoint { time: 7, flags: ours::NO_RECORDED_VALUE, ..ours::NumberPoint::default() };
    let meter = pipeline.meter("bus");
    let write = |points: &[ours::NumberPoint<'_>]| {
        meter.write(&ours::Metric { name: "level", ..ours::Metric::new(ours::Data::Gauge(points)) });
    };
    write(&[gone]);
    write(&[]);
    let metrics = take(pipeline);
    assert_eq!((metrics.len(), &metrics[0].0[..], &metrics[0].1.name[..]), (1, "bus", "level"));
    let counters = || pipeline.counters();
    assert_eq!((counters().recorded(smoltel_core::Signal::Metrics), counters().lost_in_all()), (1, 0));
    write(&[gone; 64]);
    write(&[ours::NumberPoint {
        attributes: [("k".into(), "x".repeat(5000).as_str().into())][..].into(),
        ..gone
    }]);
    assert_eq!(counters().lost(smoltel_core::Signal::Metrics, smoltel_core::Loss::TooLarge), 65);
}
