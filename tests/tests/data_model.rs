//! Small rules of the data model, one by one.

use std::sync::atomic::{AtomicU64, Ordering};

use prost::Message;
use smoltel_core::platform::Device;
use smoltel_core::propagation::TraceState;
use smoltel_core::wire::{Payload, Reader};
use smoltel_core::{Aggregation, Key, Resource, Seed, Severity, Signal, SpanContext, SpanId, TraceId, Value};
use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;
use smoltel_proto::types::collector::metrics::v1::ExportMetricsServiceRequest;
use smoltel_proto::types::collector::trace::v1::ExportTraceServiceRequest;
use smoltel_proto::types::common::v1::any_value::Value as Any;
use smoltel_proto::types::metrics::v1::{metric, number_data_point};
use smoltel_proto::types::trace::v1::{ResourceSpans, Span};
use smoltel_tests::device::{self, KEEP, LOW, pipeline, request};

fn spans(pipeline: &smoltel_core::Pipeline) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(&request(pipeline, LOW, Signal::Traces)[..]).unwrap();
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

#[test]
fn ids_are_lower_case_hexadecimal() {
    let trace_id: [u8; 16] = core::array::from_fn(|i| (i * 16 + 15 - i) as u8);
    assert_eq!(TraceId(trace_id).to_string(), "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
    assert_eq!(SpanId([0xAB, 0, 1, 2, 3, 4, 5, 0xCD]).to_string(), "ab000102030405cd");
}

#[test]
fn an_invalid_parent_is_none() {
    let pipeline = pipeline();
    let (trace_id, span_id) = (TraceId([1; 16]), SpanId([2; 8]));
    let valid = SpanContext { trace_id, span_id, flags: SpanContext::SAMPLED, is_remote: true };
    let invalid = [
        SpanContext { trace_id: TraceId([0; 16]), ..valid },
        SpanContext { span_id: SpanId([0; 8]), ..valid },
    ];
    for parent in invalid {
        assert!(!parent.is_valid());
        pipeline.tracer("t").span("root").parent(parent).start().end();
    }
    for span in spans(pipeline) {
        assert!(span.parent_span_id.is_empty() && span.trace_id != trace_id.0);
        assert_ne!((span.trace_id, span.span_id), (vec![0; 16], vec![0; 8]));
    }
}

#[test]
fn ids_differ_between_devices_and_between_spans() {
    let ids = |seed| {
        let pipeline: &'static smoltel_core::Pipeline =
            Box::leak(Box::new(smoltel_core::Pipeline::new(|| 7)));
        pipeline.init(vec![0; 64].leak(), vec![[0; 64]; 2].leak(), Seed::Unique([seed; 16]));
        let tracer = pipeline.tracer("t");
        (0..100).map(move |_| tracer.start("s").context()).collect::<Vec<_>>()
    };
    let all = [ids(1), ids(2)].concat();
    let unique: std::collections::HashSet<_> = all.iter().map(|context| context.span_id).collect();
    assert_eq!(unique.len(), 200);
    let unique: std::collections::HashSet<_> = all.iter().map(|context| context.trace_id).collect();
    assert_eq!(unique.len(), 200);
}

#[test]
fn keys_are_not_empty_and_keep_their_case() {
    let pipeline = pipeline();
    let mut span = pipeline.tracer("t").start("s");
    span.set("key", 1).set("KEY", 2).set("", 3).set("Key", 4).set("KEY", 5);
    span.end();
    let span = &spans(pipeline)[0];
    let keys: Vec<_> = span.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    assert_eq!((keys, span.dropped_attributes_count), (vec!["key", "Key", "KEY"], 1));
}

#[test]
fn what_is_zero_or_empty_is_kept() {
    let pipeline = pipeline();
    let empty = [Value::Empty, Value::Str(""), Value::Empty];
    let values = [
        Value::Empty,
        Value::Str(""),
        Value::Bool(false),
        Value::Int(0),
        Value::Double(0.0),
        Value::Bytes(&[]),
        Value::Array(&[]),
        Value::Map(&[]),
        Value::Array(&empty),
    ];
    let mut span = pipeline.tracer("t").start("s");
    for (i, value) in values.into_iter().enumerate() {
        span.set(i.to_string().as_str(), value);
    }
    span.end();
    let attributes = &spans(pipeline)[0].attributes;
    let found: Vec<_> = attributes.iter().map(|attribute| attribute.value.clone().unwrap().value).collect();
    let nothing = |value: &Any| match value {
        Any::StringValue(text) => text.is_empty(),
        Any::BoolValue(value) => !value,
        Any::IntValue(value) => *value == 0,
        Any::DoubleValue(value) => *value == 0.0,
        Any::BytesValue(bytes) => bytes.is_empty(),
        Any::ArrayValue(array) => array.values.is_empty(),
        Any::KvlistValue(map) => map.values.is_empty(),
        other => panic!("{other:?}"),
    };
    assert_eq!((found.len(), &found[0]), (9, &None));
    assert!(found[1..8].iter().all(|value| value.as_ref().is_some_and(nothing)), "{found:?}");
    let Some(Any::ArrayValue(array)) = &found[8] else { panic!("an array") };
    let kept: Vec<_> = array.values.iter().map(|element| element.value.is_some()).collect();
    assert_eq!(kept, [false, true, false]);
}

#[test]
fn limits_have_the_defaults_of_the_specification() {
    let pipeline = pipeline();
    let keys: Vec<String> = (0..129).map(|i| format!("k{i}")).collect();
    let attributes: Vec<(Key<'_>, Value<'_>)> =
        keys.iter().map(|key| (key.as_str().into(), Value::Bool(true))).collect();
    let link = pipeline.tracer("t").start("linked").context();
    let mut span = pipeline.tracer("t").start("s");
    span.event("all", &attributes).link(&link, TraceState::EMPTY, &attributes);
    (1..129).for_each(|_| _ = span.event("one", &[]).link(&link, TraceState::EMPTY, &[]));
    span.end();
    pipeline.tracer("t").start("long").set("long", "x".repeat(15_000).as_str());
    let mut many = pipeline.tracer("t").start("many attributes");
    attributes.iter().for_each(|(key, value)| _ = many.set(*key, *value));
    many.end();
    let found = spans(pipeline);
    let span = &found[1];
    assert_eq!((span.events.len(), span.dropped_events_count), (128, 1));
    assert_eq!((span.links.len(), span.dropped_links_count), (128, 1));
    assert_eq!((span.events[0].attributes.len(), span.events[0].dropped_attributes_count), (128, 1));
    assert_eq!((span.links[0].attributes.len(), span.links[0].dropped_attributes_count), (128, 1));
    assert_eq!((found[2].attributes.len(), found[2].dropped_attributes_count), (1, 0), "of any length");
    assert_eq!((found[3].attributes.len(), found[3].dropped_attributes_count), (128, 1));
}

#[test]
fn a_resource_keeps_all_its_attributes() {
    let mut resource = Resource::<4096>::new();
    for i in 0..150 {
        resource = resource.with(format!("k{i}").as_str(), "a value").unwrap();
    }
    let spans = ResourceSpans::decode(resource.as_bytes()).unwrap();
    assert_eq!(spans.resource.unwrap().attributes.len(), 150);
}

/// The messages that stand in fields of that number.
fn messages(message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    Reader::new(message).map(Result::unwrap).filter_map(move |field| match field {
        (found, Payload::Len(bytes)) if found == number => Some(bytes),
        (found, payload) if found == number => panic!("{number} is {payload:?}"),
        _ => None,
    })
}

/// The bytes at the end of a path of fields, each of which is there once.
fn at<'a>(message: &'a [u8], path: &[u32]) -> &'a [u8] {
    path.iter().fold(message, |message, number| {
        let mut found = messages(message, *number);
        let only = found.next().unwrap_or_else(|| panic!("{number} of {path:?}"));
        assert!(found.next().is_none(), "{number} of {path:?} is there twice");
        only
    })
}

#[test]
fn numbers_that_repeat_are_packed() {
    let pipeline = pipeline();
    let meter = pipeline.meter("m");
    let explicit = meter.instrument("h").bounds(&[1.0, 2.0]).histogram();
    let exponential = meter.instrument("e").exponential(16).histogram();
    [0.5, 1.5, 8.0].iter().for_each(|value| explicit.record(*value, &[]));
    [1.0, 8.0, 8.0].iter().for_each(|value| exponential.record(*value, &[]));
    pipeline.collect();
    let request = request(pipeline, LOW, Signal::Metrics);
    let scope = at(&request, &[1, 2]);
    let metrics: Vec<_> = messages(scope, 2).collect();
    let point = at(metrics[0], &[9, 1]);
    let one = 1u64.to_le_bytes();
    assert_eq!(at(point, &[6]), [one, one, one].concat(), "counts of buckets");
    assert_eq!(at(point, &[7]), [1.0f64.to_le_bytes(), 2.0f64.to_le_bytes()].concat(), "bounds");
    let counts = at(metrics[1], &[10, 1, 8, 2]);
    assert_eq!((counts.len() > 2, counts.iter().sum::<u8>()), (true, 3), "varints of one byte");
}

#[test]
fn histograms_have_the_defaults_of_the_specification() {
    let pipeline = pipeline();
    let meter = pipeline.meter("m");
    meter.histogram("h").record(3.0, &[]);
    let wide = meter.instrument("e").exponential(Aggregation::DEFAULT_SIZE).histogram();
    // At scale 5 a range of 32 buckets doubles: 160 of them reach from 1 to 32, and no more.
    wide.record(1.001, &[]);
    wide.record(32.0, &[]);
    pipeline.collect();
    let request = ExportMetricsServiceRequest::decode(&request(pipeline, LOW, Signal::Metrics)[..]).unwrap();
    let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
    let Some(metric::Data::Histogram(histogram)) = &metrics[0].data else { panic!("a histogram") };
    let point = &histogram.data_points[0];
    let bounds = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000].map(f64::from);
    assert_eq!((&point.explicit_bounds[..], point.min, point.max), (&bounds[..], Some(3.0), Some(3.0)));
    let Some(metric::Data::ExponentialHistogram(histogram)) = &metrics[1].data else { panic!("another") };
    let point = &histogram.data_points[0];
    let buckets = point.positive.as_ref().unwrap().bucket_counts.len();
    assert_eq!((point.scale, buckets, point.min, point.max), (5, 160, Some(1.001), Some(32.0)));
}

#[test]
fn what_a_restart_loses_begins_again_with_a_new_start() {
    static CLOCK: AtomicU64 = AtomicU64::new(0);
    let sum_of_a_run = |start: u64, n: u64| {
        let pipeline = device::on(Device::new(|| CLOCK.load(Ordering::Relaxed)));
        CLOCK.store(start, Ordering::Relaxed);
        pipeline.meter("m").counter("c").add(n, &[]);
        CLOCK.store(start + 10, Ordering::Relaxed);
        pipeline.collect();
        let request = request(pipeline, LOW, Signal::Metrics);
        let request = ExportMetricsServiceRequest::decode(&request[..]).unwrap();
        let Some(metric::Data::Sum(sum)) = &request.resource_metrics[0].scope_metrics[0].metrics[0].data
        else {
            panic!("a sum")
        };
        let point = &sum.data_points[0];
        (point.start_time_unix_nano, point.time_unix_nano, point.value)
    };
    let first = sum_of_a_run(100, 7);
    let second = sum_of_a_run(200, 5);
    assert_eq!(first, (100, 110, Some(number_data_point::Value::AsInt(7))));
    assert_eq!(second, (200, 210, Some(number_data_point::Value::AsInt(5))));
}

#[test]
fn severities_are_six_groups_of_four() {
    use Severity::*;
    let groups = [
        [Trace, Trace2, Trace3, Trace4],
        [Debug, Debug2, Debug3, Debug4],
        [Info, Info2, Info3, Info4],
        [Warn, Warn2, Warn3, Warn4],
        [Error, Error2, Error3, Error4],
        [Fatal, Fatal2, Fatal3, Fatal4],
    ];
    let pipeline = pipeline();
    groups.iter().flatten().for_each(|severity| pipeline.logger("l").log(*severity).emit());
    let mut found = Vec::new();
    for lane in [LOW, KEEP] {
        let request = ExportLogsServiceRequest::decode(&request(pipeline, lane, Signal::Logs)[..]).unwrap();
        let records = &request.resource_logs[0].scope_logs[0].log_records;
        found.extend(records.iter().map(|record| (record.severity_number, record.severity_text.clone())));
    }
    let names = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    let expected = names.iter().flat_map(|name| ["", "2", "3", "4"].map(|number| format!("{name}{number}")));
    assert_eq!(found, (1..).zip(expected).collect::<Vec<_>>());
}
