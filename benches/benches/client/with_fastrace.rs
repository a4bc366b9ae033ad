//! Instrumented by `fastrace`, with `fastrace-opentelemetry` over the blocking client of the `opentelemetry` project's exporter.
//! It has spans only, and texts for values only.

use std::borrow::Cow;
use std::hint::black_box;

use fastrace::collector::{Config, SpanContext};
use fastrace::{Event, Span};
use fastrace_opentelemetry::OpenTelemetryReporter;
use opentelemetry::InstrumentationScope;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use smoltel_benches::workload::{NAME, NAMES, TEXTS};

use crate::program::Program;

pub(crate) fn start(endpoint: &str) -> Program {
    let exporter = SpanExporter::builder().with_http().with_endpoint(format!("{endpoint}/v1/traces"));
    let exporter = exporter.build().expect("an exporter");
    let scope = InstrumentationScope::builder("com.example.instr").build();
    let reporter = OpenTelemetryReporter::new(exporter, Cow::Owned(Resource::builder().build()), scope);
    fastrace::set_reporter(reporter, Config::default());
    Program {
        span: Box::new(span),
        log: None,
        count: None,
        flush: Box::new(fastrace::flush),
        finish: Box::new(|| {
            fastrace::flush();
            "nothing".to_owned()
        }),
    }
}

fn span() {
    let span = Span::root(black_box(NAME), SpanContext::random());
    let span = span.with_properties(|| std::array::from_fn::<_, 8, _>(|i| (NAMES[i], value(i))));
    let event = Event::new("cache.miss");
    span.add_event(event.with_property(|| ("cache.key", black_box(TEXTS[0]).to_owned())));
}

/// Texts are a program's own, made at run time, as for the `opentelemetry` SDK; numbers are made texts.
fn value(i: usize) -> String {
    match black_box(i) {
        0..=3 => TEXTS[i].to_owned(),
        4 => 404.to_string(),
        5 => 8080.to_string(),
        6 => true.to_string(),
        _ => 1234.5.to_string(),
    }
}
