//! Records of every signal with everything in them, as prost has them.
#![allow(dead_code, reason = "no test needs all of it")]

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use prost::Message;
use smoltel_core::Signal;
use smoltel_proto::types::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value::Value};
use smoltel_proto::types::logs::v1::LogRecord;
use smoltel_proto::types::metrics::v1::*;
use smoltel_proto::types::trace::v1::span::{Event, Link};
use smoltel_proto::types::trace::v1::{Span, Status};

/// The keys that attributes have.
pub(crate) const KEYS: [&str; 6] = ["kept", "dropped", "masked", "hashed", "cut", "cut.too"];

/// A record of some signal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Any {
    Span(Span),
    Log(LogRecord),
    Metric(Metric),
}

impl Any {
    pub(crate) fn signal(&self) -> Signal {
        match self {
            Self::Span(_) => Signal::Traces,
            Self::Log(_) => Signal::Logs,
            Self::Metric(_) => Signal::Metrics,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Span(span) => span.encode_to_vec(),
            Self::Log(log) => log.encode_to_vec(),
            Self::Metric(metric) => metric.encode_to_vec(),
        }
    }

    /// A record of the same signal.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Self {
        match self {
            Self::Span(_) => Self::Span(Span::decode(bytes).unwrap()),
            Self::Log(_) => Self::Log(LogRecord::decode(bytes).unwrap()),
            Self::Metric(_) => Self::Metric(Metric::decode(bytes).unwrap()),
        }
    }

    /// Calls `f` with every list of attributes.
    pub(crate) fn each_attributes(&mut self, f: &mut dyn FnMut(&mut Vec<KeyValue>)) {
        match self {
            Self::Span(span) => {
                f(&mut span.attributes);
                span.events.iter_mut().for_each(|event| f(&mut event.attributes));
                span.links.iter_mut().for_each(|link| f(&mut link.attributes));
            }
            Self::Log(log) => f(&mut log.attributes),
            Self::Metric(metric) => each_point(metric, &mut |point| {
                f(point.attributes);
                point.exemplars.iter_mut().for_each(|exemplar| f(&mut exemplar.filtered_attributes));
            }),
        }
    }

    /// Calls `f` with every time.
    pub(crate) fn each_time(&mut self, f: &mut dyn FnMut(&mut u64)) {
        match self {
            Self::Span(span) => {
                f(&mut span.start_time_unix_nano);
                f(&mut span.end_time_unix_nano);
                span.events.iter_mut().for_each(|event| f(&mut event.time_unix_nano));
            }
            Self::Log(log) => {
                f(&mut log.time_unix_nano);
                f(&mut log.observed_time_unix_nano);
            }
            Self::Metric(metric) => each_point(metric, &mut |point| {
                f(point.start);
                f(point.time);
                point.exemplars.iter_mut().for_each(|exemplar| f(&mut exemplar.time_unix_nano));
            }),
        }
    }
}

/// What points of every kind have.
struct Point<'a> {
    attributes: &'a mut Vec<KeyValue>,
    start: &'a mut u64,
    time: &'a mut u64,
    exemplars: &'a mut [Exemplar],
}

fn each_point(metric: &mut Metric, f: &mut dyn FnMut(Point<'_>)) {
    macro_rules! points {
        ($data:expr, $point:ident => $exemplars:expr) => {
            for $point in &mut $data.data_points {
                f(Point {
                    attributes: &mut $point.attributes,
                    start: &mut $point.start_time_unix_nano,
                    time: &mut $point.time_unix_nano,
                    exemplars: $exemplars,
                });
            }
        };
    }
    match &mut metric.data {
        Some(metric::Data::Gauge(data)) => points!(data, point => &mut point.exemplars),
        Some(metric::Data::Sum(data)) => points!(data, point => &mut point.exemplars),
        Some(metric::Data::Histogram(data)) => points!(data, point => &mut point.exemplars),
        Some(metric::Data::ExponentialHistogram(data)) => points!(data, point => &mut point.exemplars),
        Some(metric::Data::Summary(data)) => points!(data, point => &mut []),
        None => {}
    }
}

/// Times, some of them not known.
fn time() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1..1u64 << 62, 1..300u64]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,6}", "[a-zé]{0,20}", "[a-z]{90,140}"]
}

pub(crate) fn value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        4 => text().prop_map(|text| Some(Value::StringValue(text))),
        1 => any::<i64>().prop_map(|int| Some(Value::IntValue(int))),
        1 => (0..100i64).prop_map(|int| Some(Value::IntValue(int))),
        1 => vec(any::<u8>(), 0..30).prop_map(|bytes| Some(Value::BytesValue(bytes))),
        1 => Just(None),
        1 => text().prop_map(|text| {
            let inner = AnyValue { value: Some(Value::StringValue(text)) };
            Some(Value::ArrayValue(ArrayValue { values: vec![inner] }))
        }),
        1 => text().prop_map(|text| {
            let inner = AnyValue { value: Some(Value::StringValue(text)) };
            let values = vec![KeyValue { key: "masked".into(), value: Some(inner), ..KeyValue::default() }];
            Some(Value::KvlistValue(KeyValueList { values }))
        }),
    ];
    leaf.prop_map(|value| AnyValue { value })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let one = (prop::sample::select(&KEYS[..]), option::weighted(0.95, value()));
    vec(one.prop_map(|(key, value)| KeyValue { key: key.into(), value, ..KeyValue::default() }), 0..5)
}

fn id(len: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), len)
}

fn span() -> impl Strategy<Value = Span> {
    let event = (time(), text(), attributes()).prop_map(|(time_unix_nano, name, attributes)| Event {
        time_unix_nano,
        name,
        attributes,
        dropped_attributes_count: 7,
    });
    let link = (id(16), attributes()).prop_map(|(trace_id, attributes)| Link {
        span_id: trace_id[..8].to_vec(),
        trace_id,
        trace_state: "a=b".into(),
        attributes,
        dropped_attributes_count: 3,
        flags: 1,
    });
    let lists = (vec(event, 0..4), vec(link, 0..3), attributes());
    (id(16), text(), time(), time(), lists, 0..3i32).prop_map(
        |(trace_id, name, start_time_unix_nano, end_time_unix_nano, (events, links, attributes), code)| {
            Span {
                span_id: trace_id[..8].to_vec(),
                trace_id,
                name: name.clone(),
                start_time_unix_nano,
                end_time_unix_nano,
                events,
                links,
                attributes,
                dropped_attributes_count: 300,
                status: Some(Status { message: name, code }),
                flags: 0x101,
                ..Span::default()
            }
        },
    )
}

fn log() -> impl Strategy<Value = LogRecord> {
    (time(), time(), 0..25i32, option::of(value()), attributes(), id(16)).prop_map(
        |(time_unix_nano, observed_time_unix_nano, severity_number, body, attributes, trace_id)| LogRecord {
            time_unix_nano,
            observed_time_unix_nano,
            severity_number,
            severity_text: "INFO".into(),
            body,
            attributes,
            span_id: trace_id[..8].to_vec(),
            trace_id,
            flags: 1,
            event_name: "opened".into(),
            ..LogRecord::default()
        },
    )
}

fn exemplars() -> impl Strategy<Value = Vec<Exemplar>> {
    let one =
        (time(), attributes(), id(16)).prop_map(|(time_unix_nano, filtered_attributes, trace_id)| Exemplar {
            time_unix_nano,
            filtered_attributes,
            span_id: trace_id[..8].to_vec(),
            trace_id,
            value: Some(exemplar::Value::AsInt(2)),
        });
    vec(one, 0..3)
}

fn numbers() -> impl Strategy<Value = Vec<NumberDataPoint>> {
    let one = (time(), time(), attributes(), exemplars(), any::<i64>()).prop_map(
        |(start_time_unix_nano, time_unix_nano, attributes, exemplars, int)| NumberDataPoint {
            start_time_unix_nano,
            time_unix_nano,
            attributes,
            exemplars,
            flags: 1,
            value: Some(number_data_point::Value::AsInt(int)),
        },
    );
    vec(one, 0..4)
}

fn histogram() -> impl Strategy<Value = HistogramDataPoint> {
    (time(), time(), attributes(), exemplars()).prop_map(
        |(start_time_unix_nano, time_unix_nano, attributes, exemplars)| HistogramDataPoint {
            start_time_unix_nano,
            time_unix_nano,
            attributes,
            exemplars,
            count: 5,
            sum: Some(1.5),
            bucket_counts: vec![2, 3],
            explicit_bounds: vec![1.0],
            ..HistogramDataPoint::default()
        },
    )
}

fn exponential() -> impl Strategy<Value = ExponentialHistogramDataPoint> {
    use exponential_histogram_data_point::Buckets;
    (time(), time(), attributes(), exemplars()).prop_map(
        |(start_time_unix_nano, time_unix_nano, attributes, exemplars)| ExponentialHistogramDataPoint {
            start_time_unix_nano,
            time_unix_nano,
            attributes,
            exemplars,
            count: 5,
            scale: -3,
            zero_count: 1,
            positive: Some(Buckets { offset: -2, bucket_counts: vec![1, 300] }),
            max: Some(9.0),
            ..ExponentialHistogramDataPoint::default()
        },
    )
}

fn summary() -> impl Strategy<Value = SummaryDataPoint> {
    use summary_data_point::ValueAtQuantile;
    (time(), time(), attributes()).prop_map(|(start_time_unix_nano, time_unix_nano, attributes)| {
        SummaryDataPoint {
            start_time_unix_nano,
            time_unix_nano,
            attributes,
            count: 5,
            quantile_values: vec![ValueAtQuantile { quantile: 0.5, value: 2.0 }],
            ..SummaryDataPoint::default()
        }
    })
}

fn metric() -> impl Strategy<Value = Metric> {
    use metric::Data;
    let aggregation_temporality = 2;
    let data = prop_oneof![
        numbers().prop_map(|data_points| Data::Gauge(Gauge { data_points })),
        numbers().prop_map(move |data_points| {
            Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true })
        }),
        vec(histogram(), 0..3).prop_map(move |data_points| {
            Data::Histogram(Histogram { data_points, aggregation_temporality })
        }),
        vec(exponential(), 0..3).prop_map(move |data_points| {
            Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality })
        }),
        vec(summary(), 0..3).prop_map(|data_points| Data::Summary(Summary { data_points })),
    ];
    (text(), data).prop_map(|(name, data)| Metric {
        name,
        unit: "ms".into(),
        data: Some(data),
        ..Metric::default()
    })
}

pub(crate) fn record() -> impl Strategy<Value = Any> {
    prop_oneof![span().prop_map(Any::Span), log().prop_map(Any::Log), metric().prop_map(Any::Metric)]
}
