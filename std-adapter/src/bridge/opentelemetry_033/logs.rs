use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::logs::{SdkLogRecord, TraceContext};
use smoltel_core::otlp::logs::CompleteLog;

use super::request::Request;
use super::values::{Values, nanos};
use crate::{Severity, SpanContext, SpanId, TraceId};

/// Adds a log record to a request. Its target is the scope's name, as it is in the SDK's own exporter.
pub(super) fn add<'a>(
    request: &mut Request<'a>,
    log: &'a SdkLogRecord,
    scope: &'a InstrumentationScope,
    values: Values<'a>,
) {
    let complete = complete(log, values);
    let name = log.target().map_or(scope.name(), |target| &**target);
    request.add((name, scope), |w| complete.encode(w));
}

fn complete<'a>(log: &'a SdkLogRecord, values: Values<'a>) -> CompleteLog<'a> {
    let attributes = log.attributes_iter().map(|(key, value)| (key.as_str().into(), values.any(value)));
    CompleteLog {
        time: log.timestamp().map(nanos).unwrap_or_default(),
        observed_time: log.observed_timestamp().map(nanos).unwrap_or_default(),
        severity: log.severity_number().map_or(Severity::Unspecified, severity),
        severity_text: log.severity_text().unwrap_or_default(),
        body: log.body().map(|body| values.any(body)),
        attributes: values.list(attributes),
        context: log.trace_context().map(context),
        event_name: log.event_name().unwrap_or_default(),
        ..CompleteLog::default()
    }
}

fn context(context: &TraceContext) -> SpanContext {
    SpanContext {
        trace_id: TraceId(context.trace_id.to_bytes()),
        span_id: SpanId(context.span_id.to_bytes()),
        flags: context.trace_flags.unwrap_or_default().to_u8(),
        is_remote: false,
    }
}

/// Both count as OTLP does.
fn severity(severity: opentelemetry::logs::Severity) -> Severity {
    Severity::from_number(severity as u8).unwrap_or(Severity::Unspecified)
}
