//! Telemetry that sends to an endpoint, and what arrived there.

use std::time::Duration;

use prost::Message;
use smoltel::{Builder, Telemetry};
use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;
use smoltel_proto::types::collector::metrics::v1::ExportMetricsServiceRequest;
use smoltel_proto::types::collector::trace::v1::ExportTraceServiceRequest;
use smoltel_proto::types::common::v1::{KeyValue, any_value::Value};
use smoltel_proto::types::logs::v1::LogRecord;
use smoltel_proto::types::metrics::v1::Metric;
use smoltel_proto::types::trace::v1::Span;
use smoltel_tests::sink::{Received, Sink};

/// Telemetry with its endpoint.
pub(crate) struct Harness {
    pub(crate) telemetry: Telemetry,
    pub(crate) sink: Sink,
}

/// All that arrived, each with its scope's name.
pub(crate) struct Arrived {
    pub(crate) spans: Vec<(String, Span)>,
    pub(crate) logs: Vec<(String, LogRecord)>,
    pub(crate) metrics: Vec<(String, Metric)>,
}

impl Harness {
    pub(crate) fn start() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(settings: impl FnOnce(Builder) -> Builder) -> Self {
        let sink = Sink::start();
        let telemetry = settings(Telemetry::builder("bridged").endpoint(sink.url())).build().unwrap();
        Self { telemetry, sink }
    }

    /// Shuts down; nothing may have been lost.
    pub(crate) fn finish(self) -> Arrived {
        let report = self.telemetry.shutdown(Duration::from_secs(30));
        assert_eq!((report.dropped(), report.in_doubt), (0, 0), "{report}");
        arrived(&self.sink)
    }
}

impl Arrived {
    /// The only span of that name.
    pub(crate) fn span(&self, name: &str) -> &Span {
        let mut found = self.spans.iter().filter(|(_, span)| span.name == name);
        let span = found.next().unwrap_or_else(|| panic!("no span {name}"));
        assert!(found.next().is_none(), "two spans {name}");
        &span.1
    }

    /// The only log record with that body.
    pub(crate) fn log(&self, body: &str) -> &LogRecord {
        let mut found = self.logs.iter().filter(|(_, log)| self::body(log) == body);
        let log = found.next().unwrap_or_else(|| panic!("no log record \"{body}\""));
        assert!(found.next().is_none(), "two log records \"{body}\"");
        &log.1
    }
}

/// What a sink has got.
pub(crate) fn arrived(sink: &Sink) -> Arrived {
    Arrived { spans: spans(sink), logs: logs(sink), metrics: metrics(sink) }
}

fn decoded<R: Message + Default>(sink: &Sink, path: &str) -> Vec<R> {
    let decode = |received: &Received| R::decode(&received.body[..]).unwrap();
    sink.received(path).iter().map(decode).collect()
}

fn spans(sink: &Sink) -> Vec<(String, Span)> {
    let requests = decoded::<ExportTraceServiceRequest>(sink, "/v1/traces").into_iter();
    let scopes = requests.flat_map(|r| r.resource_spans).flat_map(|r| r.scope_spans);
    let named = scopes.map(|scope| (scope.scope.unwrap_or_default().name, scope.spans));
    named.flat_map(|(name, spans)| spans.into_iter().map(move |span| (name.clone(), span))).collect()
}

fn logs(sink: &Sink) -> Vec<(String, LogRecord)> {
    let requests = decoded::<ExportLogsServiceRequest>(sink, "/v1/logs").into_iter();
    let scopes = requests.flat_map(|r| r.resource_logs).flat_map(|r| r.scope_logs);
    let named = scopes.map(|scope| (scope.scope.unwrap_or_default().name, scope.log_records));
    named.flat_map(|(name, logs)| logs.into_iter().map(move |log| (name.clone(), log))).collect()
}

fn metrics(sink: &Sink) -> Vec<(String, Metric)> {
    let requests = decoded::<ExportMetricsServiceRequest>(sink, "/v1/metrics").into_iter();
    let scopes = requests.flat_map(|r| r.resource_metrics).flat_map(|r| r.scope_metrics);
    let named = scopes.map(|scope| (scope.scope.unwrap_or_default().name, scope.metrics));
    named.flat_map(|(name, metrics)| metrics.into_iter().map(move |metric| (name.clone(), metric))).collect()
}

/// A body that is text.
pub(crate) fn body(log: &LogRecord) -> &str {
    match log.body.as_ref().and_then(|body| body.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}

/// An attribute as text: strings in quotes.
pub(crate) fn shown(attributes: &[KeyValue], key: &str) -> String {
    let mut found = attributes.iter().filter(|attribute| attribute.key == key);
    let value = found.next().and_then(|attribute| attribute.value.as_ref()?.value.as_ref());
    assert!(found.next().is_none(), "{key} is there twice");
    match value {
        None => "none".to_owned(),
        Some(Value::StringValue(text)) => format!("{text:?}"),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => format!("{number:?}"),
        Some(Value::BoolValue(flag)) => flag.to_string(),
        Some(Value::BytesValue(bytes)) => format!("{bytes:?}"),
        Some(other) => format!("{other:?}"),
    }
}
