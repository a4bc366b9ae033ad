//! Small rules of the data model, one by one.

use prost::Message;
use smoltel_core::{Seed, Severity, Signal, SpanContext, SpanId, TraceId, Value};
use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;
use smoltel_proto::types::collector::trace::v1::ExportTraceServiceRequest;
use smoltel_proto::types::common::v1::any_value::Value as Any;
use smoltel_proto::types::trace::v1::Span;
use smoltel_tests::device::{KEEP, LOW, pipeline, request};

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
