use std::borrow::Cow;

use fastrace::collector::{Config, SpanContext};
use fastrace_opentelemetry::OpenTelemetryReporter;
use opentelemetry::InstrumentationScope;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;

fn main() {
    let url = std::env::args().nth(1).expect("an endpoint") + "/v1/traces";
    let exporter = SpanExporter::builder().with_http().with_endpoint(url).build().expect("an exporter");
    let scope = InstrumentationScope::builder("smallest").build();
    let reporter = OpenTelemetryReporter::new(exporter, Cow::Owned(Resource::builder().build()), scope);
    fastrace::set_reporter(reporter, Config::default());
    drop(fastrace::Span::root("only", SpanContext::random()));
    fastrace::flush();
}
