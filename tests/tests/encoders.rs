//! Whatever is recorded through the API, encoded and batched, decodes with prost to the same values.

use proptest::prelude::*;
use prost::Message;
use smoltel_core::propagation::TraceState;
use smoltel_core::{Key, Pipeline, Seed, Severity, Signal, SpanKind, Tracer, Value};
use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;
use smoltel_proto::types::collector::metrics::v1::ExportMetricsServiceRequest;
use smoltel_proto::types::collector::trace::v1::ExportTraceServiceRequest;
use smoltel_proto::types::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value};
use smoltel_proto::types::metrics::v1::{metric, number_data_point};
use smoltel_proto::types::trace::v1::Span;
use smoltel_proto::{check, table};
use smoltel_tests::device::{LOW, pipeline, request};

/// A value as prost knows it, which owns what ours borrows.
fn any_value() -> impl Strategy<Value = AnyValue> {
    use any_value::Value as V;
    let text = || prop_oneof![".{0,20}", "[a-z]{100,200}"];
    let leaf = prop_oneof![
        Just(None),
        text().prop_map(|text| Some(V::StringValue(text))),
        any::<bool>().prop_map(|value| Some(V::BoolValue(value))),
        prop_oneof![any::<i64>(), -3..300i64].prop_map(|value| Some(V::IntValue(value))),
        any::<f64>()
            .prop_filter("NaN is not equal to itself", |value| !value.is_nan())
            .prop_map(|value| Some(V::DoubleValue(value))),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Some(V::BytesValue(bytes))),
    ];
    leaf.prop_map(|value| AnyValue { value }).prop_recursive(3, 12, 4, |inner| {
        let list = proptest::collection::vec(inner.clone(), 0..4);
        let map = proptest::collection::btree_map("[a-z]{0,5}", inner, 0..4);
        prop_oneof![
            list.prop_map(|values| AnyValue { value: Some(V::ArrayValue(ArrayValue { values })) }),
            map.prop_map(|map| {
                let values = map.into_iter().map(|(key, value)| key_value(key, value)).collect();
                AnyValue { value: Some(V::KvlistValue(KeyValueList { values })) }
            }),
        ]
    })
}

fn key_value(key: String, value: AnyValue) -> KeyValue {
    KeyValue { key, value: Some(value), ..KeyValue::default() }
}

/// Calls `f` with our borrowed form of a value.
fn with_ours(value: &AnyValue, f: &mut dyn FnMut(Value<'_>)) {
    use any_value::Value as V;
    match &value.value {
        None => f(Value::Empty),
        Some(V::StringValue(text)) => f(text.as_str().into()),
        Some(V::BoolValue(value)) => f((*value).into()),
        Some(V::IntValue(value)) => f((*value).into()),
        Some(V::DoubleValue(value)) => f((*value).into()),
        Some(V::BytesValue(bytes)) => f(bytes.as_slice().into()),
        Some(V::ArrayValue(array)) => with_array(&array.values, &mut Vec::new(), f),
        Some(V::KvlistValue(list)) => with_map(&list.values, &mut Vec::new(), f),
        Some(other) => panic!("not generated: {other:?}"),
    }
}

fn with_array(rest: &[AnyValue], done: &mut Vec<Value<'_>>, f: &mut dyn FnMut(Value<'_>)) {
    match rest.split_first() {
        None => f(Value::Array(done)),
        Some((first, rest)) => with_ours(first, &mut |value| {
            let mut done: Vec<Value<'_>> = done.to_vec();
            done.push(value);
            with_array(rest, &mut done, f);
        }),
    }
}

fn with_map(rest: &[KeyValue], done: &mut Vec<(Key<'_>, Value<'_>)>, f: &mut dyn FnMut(Value<'_>)) {
    match rest.split_first() {
        None => f(Value::Map(done)),
        Some((first, rest)) => with_ours(first.value.as_ref().unwrap(), &mut |value| {
            let mut done: Vec<(Key<'_>, Value<'_>)> = done.to_vec();
            done.push((first.key.as_str().into(), value));
            with_map(rest, &mut done, f);
        }),
    }
}

#[derive(Clone, Debug)]
struct Model {
    scope: usize,
    name: String,
    kind: SpanKind,
    attributes: Vec<(String, AnyValue)>,
    events: Vec<String>,
    failure: Option<String>,
}

fn model() -> impl Strategy<Value = Model> {
    let kind = prop_oneof![Just(SpanKind::Internal), Just(SpanKind::Client), Just(SpanKind::Consumer)];
    let attributes = proptest::collection::vec(("[ab]{1,2}|[a-z.]{1,40}", any_value()), 0..24);
    let events = proptest::collection::vec(".{0,10}", 0..3);
    let failure = proptest::option::of(prop_oneof![".{0,20}", "[a-z]{100,150}"]);
    (0..3usize, ".{0,40}", kind, attributes, events, failure).prop_map(
        |(scope, name, kind, attributes, events, failure)| Model {
            scope,
            name,
            kind,
            attributes,
            events,
            failure,
        },
    )
}

const SCOPES: [&str; 3] = ["", "one", "another scope with a longer name"];

fn record(tracers: &[Tracer; 3], model: &Model) {
    let mut span = tracers[model.scope].span(&model.name).kind(model.kind).start();
    for (key, value) in &model.attributes {
        with_ours(value, &mut |value| _ = span.set(key.as_str(), value));
    }
    for event in &model.events {
        span.event(event, &[]);
    }
    if let Some(failure) = &model.failure {
        span.fail("first").fail(failure);
    }
}

/// The attributes that have to be there: of equal keys the last, in the order in which they were set.
fn last_of_each(attributes: &[(String, AnyValue)]) -> Vec<KeyValue> {
    let is_last = |&(i, (key, _)): &(usize, &(String, AnyValue))| {
        !attributes[i + 1..].iter().any(|(later, _)| later == key)
    };
    attributes
        .iter()
        .enumerate()
        .filter(is_last)
        .map(|(_, (key, value))| key_value(key.clone(), value.clone()))
        .collect()
}

proptest! {
    #[test]
    fn spans_decode_to_what_was_recorded(models in proptest::collection::vec(model(), 1..8)) {
        let pipeline = pipeline();
        let tracers = SCOPES.map(|scope| pipeline.tracer(scope));
        models.iter().for_each(|model| record(&tracers, model));
        let mut found: Vec<(String, Span)> = Vec::new();
        for lane in [0, 1] {
            let request = ExportTraceServiceRequest::decode(&request(pipeline, lane, Signal::Traces)[..]).unwrap();
            for scope in request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans) {
                let name = scope.scope.unwrap().name;
                found.extend(scope.spans.into_iter().map(|span| (name.clone(), span)));
            }
        }
        prop_assert_eq!(found.len(), models.len());
        for model in &models {
            let expected = last_of_each(&model.attributes);
            let at = found.iter().position(|(scope, span)| scope == SCOPES[model.scope] && span.name == model.name && span.attributes == expected);
            let (_, span) = found.remove(at.expect("the span with its attributes"));
            prop_assert_eq!(span.kind, model.kind as i32);
            prop_assert_eq!(&span.events.iter().map(|event| event.name.clone()).collect::<Vec<_>>(), &model.events);
            prop_assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (7, 7));
            let status = span.status.map(|status| (status.code, status.message));
            prop_assert_eq!(status, model.failure.clone().map(|failure| (2, failure)));
            prop_assert_eq!(span.dropped_attributes_count + span.dropped_events_count, 0);
        }
    }

    #[test]
    fn logs_decode_to_what_was_recorded(body in ".{0,300}", attributes in proptest::collection::vec(("[a-z]{1,3}", any_value()), 0..24)) {
        let pipeline = pipeline();
        let mut log = Some(pipeline.logger("l").log(Severity::Debug3));
        for (key, value) in &attributes {
            with_ours(value, &mut |value| log = log.take().map(|log| log.set(key.as_str(), value)));
        }
        log.unwrap().body(format_args!("{body}{}", 1)).emit();
        let request = ExportLogsServiceRequest::decode(&request(pipeline, 0, Signal::Logs)[..]).unwrap();
        let record = &request.resource_logs[0].scope_logs[0].log_records[0];
        let text = any_value::Value::StringValue(format!("{body}1"));
        prop_assert_eq!(record.body.clone().unwrap().value, Some(text));
        prop_assert_eq!(&record.attributes, &last_of_each(&attributes));
        prop_assert_eq!((record.severity_number, record.severity_text.as_str()), (7, "DEBUG3"));
    }

    #[test]
    fn sums_decode_to_what_was_added(additions in proptest::collection::vec(("[ab]", 0..3i64, 0..1000u64), 1..50)) {
        let pipeline = pipeline();
        let counter = pipeline.meter("m").counter("c");
        let mut expected = std::collections::BTreeMap::new();
        for (key, value, n) in &additions {
            counter.add(*n, &[(key.as_str().into(), (*value).into())]);
            *expected.entry((key.clone(), *value)).or_insert(0) += *n as i64;
        }
        pipeline.collect();
        let request = ExportMetricsServiceRequest::decode(&request(pipeline, 0, Signal::Metrics)[..]).unwrap();
        let metrics = request.resource_metrics[0].scope_metrics[0].metrics.iter();
        let points = metrics.flat_map(|metric| match &metric.data {
            Some(metric::Data::Sum(sum)) => &sum.data_points,
            other => panic!("a sum, not {other:?}"),
        });
        let found: std::collections::BTreeMap<_, _> = points.map(|point| {
            let Some(number_data_point::Value::AsInt(value)) = point.value else { panic!("an integer") };
            let attribute = &point.attributes[0];
            let Some(any_value::Value::IntValue(id)) = attribute.value.as_ref().unwrap().value else { panic!("an integer") };
            ((attribute.key.clone(), id), value)
        }).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn what_does_not_fit_in_a_slot_is_counted_in_the_record() {
    static PIPELINE: Pipeline = Pipeline::new(|| 7);
    PIPELINE.init(vec![0; 4096].leak(), vec![[0; 160]; 2].leak(), Seed::Unique([3; 16]));
    let mut span = PIPELINE.tracer("t").start(&"n".repeat(200));
    for i in 0..10_000 {
        span.set(format!("key{i}").as_str(), "some text");
        span.event("event", &[]);
    }
    span.set("", "no key");
    span.end();
    let request = ExportTraceServiceRequest::decode(&request(&PIPELINE, 0, Signal::Traces)[..]).unwrap();
    let span = &request.resource_spans[0].scope_spans[0].spans[0];
    let (attributes, events) = (span.attributes.len() as u32, span.events.len() as u32);
    assert_eq!(span.dropped_attributes_count + attributes, 10_001 + 1, "and the name, which was cut");
    assert_eq!(span.dropped_events_count + events, 10_000);
    assert_eq!(span.end_time_unix_nano, 7, "ending always has room");
    assert!(!span.name.is_empty());
}

#[test]
fn a_body_or_reason_that_is_cut_says_so() {
    static PIPELINE: Pipeline = Pipeline::new(|| 7);
    PIPELINE.init(vec![0; 8192].leak(), vec![[0; 160]; 2].leak(), Seed::Unique([3; 16]));
    let (logger, long) = (PIPELINE.logger("l"), "x".repeat(500));
    logger.info("short");
    logger.info(&long);
    logger.log(Severity::Info).body(format_args!("{long}{}", 1)).emit();
    let request_of = |lane, signal| request(&PIPELINE, lane, signal);
    let logs = ExportLogsServiceRequest::decode(&request_of(0, Signal::Logs)[..]).unwrap();
    let records = logs.resource_logs[0].scope_logs[0].log_records.iter();
    assert_eq!(records.map(|record| record.dropped_attributes_count).collect::<Vec<_>>(), [0, 1, 1]);
    PIPELINE.tracer("t").start("s").fail(&long);
    let traces = ExportTraceServiceRequest::decode(&request_of(1, Signal::Traces)[..]).unwrap();
    let span = &traces.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!((span.dropped_attributes_count, span.status.as_ref().unwrap().code), (1, 2));
}

#[test]
fn without_slots_contexts_still_tie_spans_together() {
    static PIPELINE: Pipeline = Pipeline::new(|| 7);
    let tracer = PIPELINE.tracer("t");
    let parent = tracer.start("parent");
    let child = tracer.span("child").parent(parent.context()).start();
    assert!(parent.context().is_valid() && !parent.is_recording());
    assert_eq!(child.context().trace_id, parent.context().trace_id);
    PIPELINE.logger("l").error("nowhere to go");
    PIPELINE.meter("m").counter("c").add(1, &[]);
    let counters = PIPELINE.counters();
    for (signal, lost) in [(Signal::Traces, 2), (Signal::Logs, 1), (Signal::Metrics, 1)] {
        assert_eq!(counters.lost(signal, smoltel_core::Loss::NoSlot), lost);
    }
}

#[test]
fn a_full_device_gives_up_the_oldest_and_counts_it() {
    static PIPELINE: Pipeline = Pipeline::new(|| 7);
    PIPELINE.init(vec![0; 1024].leak(), vec![[0; 256]; 2].leak(), Seed::Unique([3; 16]));
    let logger = PIPELINE.logger("l");
    logger.error("an error stays");
    (0..100).for_each(|i| logger.log(Severity::Info).body(format_args!("{i}")).emit());
    let bodies = |lane| -> Vec<String> {
        let request = ExportLogsServiceRequest::decode(&request(&PIPELINE, lane, Signal::Logs)[..]).unwrap();
        let records = request.resource_logs[0].scope_logs[0].log_records.iter();
        let text = |value: &AnyValue| match value.value.as_ref().unwrap() {
            any_value::Value::StringValue(text) => text.clone(),
            other => panic!("{other:?}"),
        };
        records.map(|record| text(record.body.as_ref().unwrap())).collect()
    };
    assert_eq!(bodies(1), ["an error stays"]);
    let kept = bodies(0);
    assert_eq!(kept.last().map(String::as_str), Some("99"));
    let evicted = PIPELINE.counters().lost(Signal::Logs, smoltel_core::Loss::Evicted);
    assert_eq!(evicted + kept.len() as u64, 100);
}

/// Calls `f` with a value of that many arrays or maps within each other.
fn nested(levels: usize, maps: bool, value: Value<'_>, f: &mut dyn FnMut(Value<'_>)) {
    match (levels, maps) {
        (0, _) => f(value),
        (_, true) => nested(levels - 1, maps, Value::Map(&[("k".into(), value)]), f),
        (_, false) => nested(levels - 1, maps, Value::Array(&[value]), f),
    }
}

#[test]
fn values_of_any_depth_leave_a_request_that_can_be_read() {
    let pipeline = pipeline();
    let (tracer, logger) = (pipeline.tracer("t"), pipeline.logger("l"));
    for maps in [false, true] {
        for levels in [1, 30, 31, 46, 47, 64, 300] {
            nested(levels, maps, 7.into(), &mut |value| {
                let mut span = tracer.start("s");
                span.set("k", value).event("e", &[("k".into(), value)]);
                span.link(&span.context(), TraceState::EMPTY, &[("k".into(), value)]);
                logger.log(Severity::Info).set("k", value).value(&value).emit();
            });
        }
    }
    let (traces, logs) = (request(pipeline, LOW, Signal::Traces), request(pipeline, LOW, Signal::Logs));
    assert_eq!(check(&table::EXPORT_TRACE_SERVICE_REQUEST, &traces).unwrap().items, 14);
    assert_eq!(check(&table::EXPORT_LOGS_SERVICE_REQUEST, &logs).unwrap().items, 14);
    assert!(ExportTraceServiceRequest::decode(&traces[..]).is_ok());
    assert!(ExportLogsServiceRequest::decode(&logs[..]).is_ok());
}
