use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Event, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use prost::Message;
use smoltel::bridge::opentelemetry_033::SpanExporter;

use super::{attributes, now, resource, scope, sort};
use crate::receiver::{Harness, arrived};

fn at(nanos: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(1_760_000_000_000_000_000 + nanos)
}

fn context(number: u64, remote: bool, state: &str) -> SpanContext {
    let state = TraceState::from_key_value(state.split(',').filter_map(|pair| pair.split_once('='))).unwrap();
    let (trace, span) = (TraceId::from(u128::from(number) + 1), SpanId::from(number + 7));
    SpanContext::new(trace, span, TraceFlags::new(number as u8 & 3), remote, state)
}

/// A span that has everything, in another way for each number.
fn span(number: u64, scope: InstrumentationScope) -> SpanData {
    let mut events = SpanEvents::default();
    events.dropped_count = (number % 3) as u32;
    let event = |n: u64| Event::new(format!("event {n}"), at(n), attributes(), (n % 2) as u32);
    events.events = (0..number % 4).map(event).collect();
    let mut links = SpanLinks::default();
    links.dropped_count = (number % 2) as u32;
    let link = |n: u64| Link::new(context(n + 100, n.is_multiple_of(2), "x=1"), attributes(), n as u32);
    links.links = (0..number % 3).map(link).collect();
    let kinds =
        [SpanKind::Client, SpanKind::Server, SpanKind::Producer, SpanKind::Consumer, SpanKind::Internal];
    let statuses = [Status::Unset, Status::Ok, Status::error(""), Status::error("no air")];
    SpanData {
        span_context: context(number, false, if number.is_multiple_of(2) { "" } else { "a=1,b=2" }),
        parent_span_id: if number.is_multiple_of(3) { SpanId::INVALID } else { SpanId::from(number) },
        parent_span_is_remote: number % 3 == 1,
        span_kind: kinds[number as usize % 5].clone(),
        name: format!("span {number}").into(),
        start_time: at(number),
        end_time: at(number + 1000),
        attributes: if number % 5 == 4 { vec![] } else { attributes() },
        dropped_attributes_count: (number % 4) as u32,
        events,
        links,
        status: statuses[number as usize % 4].clone(),
        instrumentation_scope: scope,
    }
}

fn normal(mut request: ExportTraceServiceRequest) -> ExportTraceServiceRequest {
    for resource in &mut request.resource_spans {
        sort(&mut resource.resource.as_mut().unwrap().attributes);
        for scope in &mut resource.scope_spans {
            sort(&mut scope.scope.as_mut().unwrap().attributes);
            for span in &mut scope.spans {
                sort(&mut span.attributes);
                span.events.iter_mut().for_each(|event| sort(&mut event.attributes));
                span.links.iter_mut().for_each(|link| sort(&mut link.attributes));
                // A status that says nothing is the same as none.
                span.status.get_or_insert_default();
            }
        }
    }
    request
}

#[test]
fn spans_arrive_as_the_sdks_own_exporter_sends_them() {
    let harness = Harness::start();
    let mut exporter = SpanExporter::new(&harness.telemetry);
    exporter.set_resource(&resource());
    let scopes = [scope("valves"), InstrumentationScope::builder("pumps").build(), scope("tanks")];
    let batch: Vec<_> = (0..60).map(|n| span(n, scopes[n as usize / 2 % 3].clone())).collect();
    now(exporter.export(batch.clone())).unwrap();
    let received = harness.sink.received("/v1/traces");
    let [request] = &received[..] else { panic!("one request") };
    let ours = ExportTraceServiceRequest::decode(&request.body[..]).unwrap();
    let resource = ResourceAttributesWithSchema::from(&resource());
    let oracle =
        ExportTraceServiceRequest { resource_spans: group_spans_by_resource_and_scope(batch, &resource) };
    assert_eq!(normal(ours), normal(oracle));
    let report = harness.telemetry.report();
    assert_eq!((report.recorded, report.exported), (60, 60), "{report}");
}

#[test]
fn attributes_that_come_twice_arrive_once() {
    let harness = Harness::start();
    let exporter = SpanExporter::new(&harness.telemetry);
    let mut twice = span(4, scope("valves"));
    twice.attributes = vec![KeyValue::new("k", 1), KeyValue::new("", 2), KeyValue::new("k", 3)];
    twice.dropped_attributes_count = 5;
    now(exporter.export(vec![twice])).unwrap();
    let arrived = arrived(&harness.sink);
    let span = arrived.span("span 4");
    assert_eq!((span.attributes.len(), span.dropped_attributes_count), (1, 6));
    assert_eq!(crate::receiver::shown(&span.attributes, "k"), "3");
}

#[test]
fn a_program_that_changes_one_line_loses_no_span() {
    let harness = Harness::start();
    let provider =
        SdkTracerProvider::builder().with_batch_exporter(SpanExporter::new(&harness.telemetry)).build();
    let tracer = provider.tracer("control-loop");
    (0..1000).for_each(|n| tracer.in_span(format!("turn {n}"), |_| ()));
    provider.shutdown().unwrap();
    assert_eq!(harness.finish().spans.len(), 1000);
}

#[test]
fn what_cannot_be_sent_is_an_error_or_in_the_spool() {
    let dir = tempfile::tempdir().unwrap();
    let dead = || smoltel::Telemetry::builder("t").endpoint("http://127.0.0.1:9").on_message(|_| {});
    let telemetry = dead().timeout(Duration::from_millis(200)).build().unwrap();
    let batch = || vec![span(1, scope("valves"))];
    let exporter = SpanExporter::new(&telemetry).with_timeout(Duration::from_millis(300));
    assert!(now(exporter.export(batch())).is_err());
    assert_eq!(telemetry.shutdown(Duration::ZERO).dropped(), 1);

    let telemetry = dead().spool(dir.path()).build().unwrap();
    now(SpanExporter::new(&telemetry).export(batch())).unwrap();
    assert_eq!(telemetry.shutdown(Duration::from_secs(30)).spooled, 1);
    let harness = Harness::with(|builder| builder.spool(dir.path()));
    assert_eq!(harness.finish().spans.len(), 1);
}
