//! A span that says all that a span can.

use prost::Message;
use smoltel_core::platform::Device;
use smoltel_core::propagation::TraceState;
use smoltel_core::{AttributeLimits, Limits, Signal, SpanContext, SpanId, SpanKind, TraceId};
use smoltel_proto::types::collector::trace::v1::ExportTraceServiceRequest;
use smoltel_proto::types::trace::v1::span::{Event, Link};
use smoltel_proto::types::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, TracesData};
use smoltel_tests::device;

use super::producer::{self, RESOURCE_SCHEMA, SCOPE, SCOPE_SCHEMA};
use super::values::{VALUES, attributes};

const PARENT: SpanContext =
    SpanContext { trace_id: TraceId([1; 16]), span_id: SpanId([2; 8]), flags: 0x03, is_remote: true };

/// As many attributes as there are values, and one event and link.
const LIMITS: Limits = {
    let attributes = AttributeLimits { count: VALUES.len() as u16, ..AttributeLimits::DEFAULT };
    let count = VALUES.len() as u16;
    Limits {
        span: attributes,
        log: attributes,
        events: 1,
        links: 1,
        event_attributes: count,
        link_attributes: count,
    }
};

/// The request, after prost has found in it what was put in.
pub(crate) fn request() -> Vec<u8> {
    let pipeline = device::on(Device { limits: LIMITS, ..Device::new(|| 7) });
    let one_too_many: Vec<_> = VALUES.into_iter().chain([("over".into(), 1.into())]).collect();
    let state = TraceState::parse(b"a=1,b=2").unwrap();
    let tracer = pipeline.scope(&SCOPE).tracer();
    let span = tracer.span("adjust").kind(SpanKind::Server).parent(PARENT).trace_state(state);
    let mut span = span.start_time(5).start();
    let id = span.context().span_id.0.to_vec();
    for (key, value) in &one_too_many {
        span.set(*key, *value);
    }
    span.event_at(6, "moved", &one_too_many).event("another", &[]);
    span.link(&PARENT, state, &one_too_many).link(&PARENT, state, &[]);
    span.fail("stuck");
    span.end_at(9);
    let bytes = producer::request(pipeline, device::KEEP, Signal::Traces);
    assert_eq!(ExportTraceServiceRequest::decode(&bytes[..]).unwrap().resource_spans, [expected(id)]);
    assert_eq!(
        TracesData::decode(&bytes[..]).unwrap().encode_to_vec(),
        ExportTraceServiceRequest::decode(&bytes[..]).unwrap().encode_to_vec(),
        "data at rest are the same bytes"
    );
    bytes
}

fn expected(span_id: Vec<u8>) -> ResourceSpans {
    let (trace_id, parent_span_id) = (vec![1; 16], vec![2; 8]);
    let event = Event {
        time_unix_nano: 6,
        name: "moved".into(),
        attributes: attributes(&VALUES),
        dropped_attributes_count: 1,
    };
    let link = Link {
        trace_id: trace_id.clone(),
        span_id: parent_span_id.clone(),
        trace_state: "a=1,b=2".into(),
        attributes: attributes(&VALUES),
        dropped_attributes_count: 1,
        flags: 0x303,
    };
    let span = Span {
        trace_id,
        span_id,
        trace_state: "a=1,b=2".into(),
        parent_span_id,
        flags: 0x303,
        name: "adjust".into(),
        kind: 2,
        start_time_unix_nano: 5,
        end_time_unix_nano: 9,
        attributes: attributes(&VALUES),
        dropped_attributes_count: 1,
        events: vec![event],
        dropped_events_count: 1,
        links: vec![link],
        dropped_links_count: 1,
        status: Some(Status { message: "stuck".into(), code: 2 }),
    };
    let scope =
        ScopeSpans { scope: Some(producer::scope()), spans: vec![span], schema_url: SCOPE_SCHEMA.into() };
    ResourceSpans {
        resource: Some(producer::resource()),
        scope_spans: vec![scope],
        schema_url: RESOURCE_SCHEMA.into(),
    }
}
