//! A program that is instrumented with the `opentelemetry` SDK and switched over: its exporters are smoltel's, which block,
//! need no runtime and keep in a spool what cannot be sent. Nothing else of it has changed.
//!
//! ```console
//! $ cargo run -p smoltel --features bridge-opentelemetry-033 --example opentelemetry_app -- http://127.0.0.1:4318
//! ```
//!
//! With a second argument, a directory, that is where the spool is.

use std::time::Duration;

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Span, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use smoltel::Telemetry;
use smoltel::bridge::opentelemetry_033::{LogExporter, MetricExporter, SpanExporter};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let mut builder = Telemetry::builder("switched");
    if let Some(endpoint) = args.next() {
        builder = builder.endpoint(endpoint);
    }
    if let Some(spool) = args.next() {
        builder = builder.spool(spool);
    }
    let telemetry = builder.build()?;

    let resource = Resource::builder().with_service_name("switched").build();
    let traces = SdkTracerProvider::builder()
        .with_resource(resource.clone())
        .with_batch_exporter(SpanExporter::new(&telemetry)) // the line that has changed
        .build();
    let logs = SdkLoggerProvider::builder()
        .with_resource(resource.clone())
        .with_batch_exporter(LogExporter::new(&telemetry)) // and here
        .build();
    let metrics = SdkMeterProvider::builder()
        .with_resource(resource)
        .with_periodic_exporter(MetricExporter::new(&telemetry)) // and here
        .build();

    work(&traces, &logs, &metrics);

    // The SDK first, so that what it holds reaches smoltel.
    traces.shutdown()?;
    logs.shutdown()?;
    metrics.shutdown()?;
    let report = telemetry.shutdown(Duration::from_secs(5));
    println!("{report}");
    if report.dropped() + report.in_doubt > 0 { Err("not everything is safe".into()) } else { Ok(()) }
}

fn work(traces: &SdkTracerProvider, logs: &SdkLoggerProvider, metrics: &SdkMeterProvider) {
    let (tracer, logger) = (traces.tracer("control-loop"), logs.logger("control-loop"));
    let moves = metrics.meter("control-loop").u64_counter("valve.moves").build();
    for valve in 0..3 {
        let mut turn = tracer.span_builder("turn").with_kind(SpanKind::Internal).start(&tracer);
        turn.set_attribute(KeyValue::new("valve.id", valve));
        let context = Context::current_with_span(turn);
        let mut adjust = tracer.start_with_context("adjust", &context);
        if valve == 2 {
            adjust.set_status(Status::error("stuck"));
        }
        adjust.end();
        moves.add(1, &[KeyValue::new("valve.id", valve)]);
        let _attached = context.attach();
        let mut log = logger.create_log_record();
        log.set_severity_number(Severity::Info);
        log.set_body(AnyValue::from("valve moved"));
        logger.emit(log);
    }
}
