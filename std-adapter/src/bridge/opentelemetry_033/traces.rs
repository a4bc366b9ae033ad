use opentelemetry::trace::{SpanContext as Context, SpanKind as Kind, Status};
use opentelemetry_sdk::trace::SpanData;
use smoltel_core::otlp::trace::{CompleteSpan, Event, Link};
use smoltel_core::propagation::TraceState;

use super::request::Request;
use super::values::{Values, nanos};
use crate::{SpanContext, SpanId, SpanKind, StatusCode, TraceId};

/// Adds a span to a request.
pub(super) fn add<'a>(request: &mut Request<'a>, span: &'a SpanData, values: Values<'a>) {
    let complete = complete(span, values);
    let scope = &span.instrumentation_scope;
    request.add((scope.name(), scope), |w| complete.encode(w));
}

fn complete<'a>(span: &'a SpanData, values: Values<'a>) -> CompleteSpan<'a> {
    let context = context(&span.span_context);
    let (status, reason) = status(&span.status);
    CompleteSpan {
        trace_state: trace_state(&span.span_context, values),
        parent: parent(span, context),
        name: &span.name,
        kind: kind(&span.span_kind),
        start: nanos(span.start_time),
        end: nanos(span.end_time),
        attributes: values.attributes(&span.attributes),
        dropped_attributes: span.dropped_attributes_count,
        events: values.list(span.events.events.iter().map(|event| Event {
            time: nanos(event.timestamp),
            name: &event.name,
            attributes: values.attributes(&event.attributes),
            dropped_attributes: event.dropped_attributes_count,
        })),
        dropped_events: span.events.dropped_count,
        links: values.list(span.links.links.iter().map(|link| Link {
            context: self::context(&link.span_context),
            trace_state: trace_state(&link.span_context, values),
            attributes: values.attributes(&link.attributes),
            dropped_attributes: link.dropped_attributes_count,
        })),
        dropped_links: span.links.dropped_count,
        status,
        reason,
        ..CompleteSpan::new(context)
    }
}

pub(super) fn context(context: &Context) -> SpanContext {
    SpanContext {
        trace_id: TraceId(context.trace_id().to_bytes()),
        span_id: SpanId(context.span_id().to_bytes()),
        flags: context.trace_flags().to_u8(),
        is_remote: context.is_remote(),
    }
}

fn parent(span: &SpanData, child: SpanContext) -> Option<SpanContext> {
    let span_id = SpanId(span.parent_span_id.to_bytes());
    let parent = SpanContext { span_id, is_remote: span.parent_span_is_remote, ..child };
    Some(parent).filter(SpanContext::is_valid)
}

/// The SDK takes only what W3C allows; what is not is worth nothing to others.
fn trace_state<'a>(context: &Context, values: Values<'a>) -> TraceState<'a> {
    let header = context.trace_state().header();
    TraceState::parse(values.0.alloc_str(&header).as_bytes()).unwrap_or_default()
}

fn kind(kind: &Kind) -> SpanKind {
    match kind {
        Kind::Client => SpanKind::Client,
        Kind::Server => SpanKind::Server,
        Kind::Producer => SpanKind::Producer,
        Kind::Consumer => SpanKind::Consumer,
        Kind::Internal => SpanKind::Internal,
    }
}

fn status(status: &Status) -> (StatusCode, &str) {
    match status {
        Status::Unset => (StatusCode::Unset, ""),
        Status::Ok => (StatusCode::Ok, ""),
        Status::Error { description } => (StatusCode::Error, description),
    }
}
