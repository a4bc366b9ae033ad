//! Instrumented by the `opentelemetry` SDK with its batch processors, and its OTLP exporter over a blocking HTTP client.

use std::hint::black_box;

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Span, Tracer, TracerProvider};
use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use smoltel_benches::workload::{BODY, NAME, NAMES, TEXTS};

use crate::program::Program;

pub(crate) fn start(endpoint: &str) -> Program {
    let url = |signal| format!("{endpoint}/v1/{signal}");
    let traces =
        SpanExporter::builder().with_http().with_endpoint(url("traces")).build().expect("an exporter");
    let logs = LogExporter::builder().with_http().with_endpoint(url("logs")).build().expect("an exporter");
    let metrics =
        MetricExporter::builder().with_http().with_endpoint(url("metrics")).build().expect("an exporter");
    let traces = SdkTracerProvider::builder().with_batch_exporter(traces).build();
    let logs = SdkLoggerProvider::builder().with_batch_exporter(logs).build();
    let metrics = SdkMeterProvider::builder().with_periodic_exporter(metrics).build();
    let (tracer, logger) = (traces.tracer("com.example.instr"), logs.logger("com.example.instr"));
    let counter = metrics.meter("com.example.instr").u64_counter("orders").build();
    let prepared =
        [KeyValue::new(NAMES[1], TEXTS[1]), KeyValue::new(NAMES[0], "GET"), KeyValue::new(NAMES[4], 200)];
    let (some_traces, some_logs) = (traces.clone(), logs.clone());
    Program {
        span: Box::new(move || {
            let attributes = NAMES.iter().enumerate().map(|(i, name)| KeyValue::new(*name, value(i)));
            let builder =
                tracer.span_builder(black_box(NAME)).with_attributes(attributes.collect::<Vec<_>>());
            let mut span = builder.start(&tracer);
            span.add_event("cache.miss", vec![KeyValue::new("cache.key", black_box(TEXTS[0]).to_owned())]);
            span.end();
        }),
        log: Some(Box::new(move || {
            let mut log = logger.create_log_record();
            log.set_severity_number(Severity::Info);
            log.set_body(AnyValue::from(black_box(BODY).to_owned()));
            for (i, name) in NAMES.iter().enumerate().skip(1).take(6) {
                log.add_attribute(Key::new(*name), any_value(i));
            }
            logger.emit(log);
        })),
        count: Some(Box::new(move || counter.add(black_box(1), black_box(&prepared)))),
        flush: Box::new(move || {
            let _ = some_traces.force_flush();
            let _ = some_logs.force_flush();
        }),
        finish: Box::new(move || {
            let ended = traces.shutdown();
            let _ = (logs.shutdown(), metrics.shutdown());
            ended.map_or_else(|error| error.to_string(), |()| "Ok".to_owned())
        }),
    }
}

/// Texts are a program's own, made at run time: an API that cannot borrow copies them.
fn value(i: usize) -> Value {
    match black_box(i) {
        0..=3 => TEXTS[i].to_owned().into(),
        4 => 404.into(),
        5 => 8080.into(),
        6 => true.into(),
        _ => 1234.5.into(),
    }
}

fn any_value(i: usize) -> AnyValue {
    match black_box(i) {
        0..=3 => TEXTS[i].to_owned().into(),
        4 => 404.into(),
        5 => 8080.into(),
        6 => true.into(),
        _ => 1234.5.into(),
    }
}
