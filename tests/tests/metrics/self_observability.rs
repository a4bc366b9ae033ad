//! What a pipeline says of itself.

use smoltel_core::platform::{Device, Platform};
use smoltel_core::sampler::{AlwaysOff, AlwaysRecord};
use smoltel_core::time::Bounds;
use smoltel_core::transport::{Transport, http::Http};
use smoltel_core::{Limits, Loss, MetricSettings, Pipeline, Signal};
use smoltel_proto::types::metrics::v1::metric;
use smoltel_tests::device;

use crate::receiver::{collect, pipeline, pipeline_with, values};

const SPANS: &str =
    "otel.component.name=batching_span_processor/0,otel.component.type=batching_span_processor";
const LOGS: &str = "otel.component.name=batching_log_processor/0,otel.component.type=batching_log_processor";

const ACCEPTED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
const REFUSED: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
/// A partial success that rejects two items.
const TWO_REJECTED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\x0A\x02\x08\x02";

const SECOND: u64 = 1_000_000_000;

/// An exporter that asks for nothing but answers.
fn exporter<P: Platform>(pipeline: &Pipeline<P>) -> Http<'static> {
    pipeline.learn_time(Bounds::exactly(1_700_000_000 * SECOND, 7).unwrap());
    Http::new("gateway:4318", b"", 0, 1)
}

/// Sends one request, if there is something to send, which gets that answer.
fn export<P: Platform>(pipeline: &Pipeline<P>, http: &mut Http<'_>, now: u64, answer: &[u8]) {
    let mut out = [0; 1024];
    while http.transmit(now, pipeline, &mut out).is_some() {}
    http.receive(now, pipeline, answer);
}

/// The value of the metric of that name with those attributes. It is taken out of the low lane: what is to stay has to
/// be in the other.
fn value<P: Platform>(pipeline: &Pipeline<P>, name: &str, attributes: &str) -> Option<f64> {
    let found = values(&collect(pipeline), name).into_iter().find(|(text, _)| text == attributes);
    found.map(|(_, value)| value)
}

fn failed_span(pipeline: &'static Pipeline) {
    let mut span = pipeline.tracer("t").start("s");
    span.fail("x");
    span.end();
}

fn exporter_of(kind: &str) -> String {
    format!("otel.component.name=otlp_http_{kind}_exporter/0,otel.component.type=otlp_http_{kind}_exporter")
}

#[test]
fn spans_are_counted_by_their_sampling_and_their_parents() {
    let pipeline = pipeline(8192, MetricSettings::DEFAULT);
    pipeline.meter("smoltel").observe_pipeline();
    let live = pipeline.tracer("t").start("live");
    let child = pipeline.tracer("t").span("without a slot").child_of(&live).start();
    drop(child);
    let sampled = "otel.span.sampling_result=RECORD_AND_SAMPLE";
    assert_eq!(value(pipeline, "otel.sdk.span.live", sampled), Some(1.0));
    assert_eq!(value(pipeline, "otel.sdk.span.live", "otel.span.sampling_result=RECORD_ONLY"), Some(0.0));
    let started = |origin| {
        value(pipeline, "otel.sdk.span.started", &format!("otel.span.parent.origin={origin},{sampled}"))
    };
    assert_eq!((started("none"), started("local"), started("remote")), (Some(1.0), Some(1.0), None));
    live.end();
    assert_eq!(value(pipeline, "otel.sdk.span.live", sampled), Some(0.0));
    let no_slot = format!("error.type=no_slot,{SPANS}");
    assert_eq!(value(pipeline, "otel.sdk.processor.span.processed", &no_slot), Some(1.0));
    assert_eq!(pipeline.counters().lost(Signal::Metrics, Loss::NoSlot), 0);
}

#[test]
fn what_is_recorded_is_queued_until_it_is_exported_and_then_is_processed() {
    let pipeline = pipeline(8192, MetricSettings::DEFAULT);
    pipeline.meter("smoltel").observe_pipeline();
    let of = |name: &str| {
        value(pipeline, &format!("otel.sdk.{name}"), if name.contains("log") { LOGS } else { SPANS })
    };
    let mut http = exporter(pipeline);
    for _ in 0..3 {
        pipeline.logger("l").warn("created");
    }
    failed_span(pipeline);
    assert_eq!(value(pipeline, "otel.sdk.log.created", ""), Some(3.0));
    assert_eq!((of("processor.log.queue.size"), of("processor.log.processed")), (Some(3.0), Some(0.0)));
    assert_eq!((of("processor.span.queue.size"), of("processor.span.processed")), (Some(1.0), Some(0.0)));
    // Spans are first. What becomes of an export, and how often it is tried, does not count.
    export(pipeline, &mut http, 0, BUSY);
    assert_eq!((of("processor.span.queue.size"), of("processor.span.processed")), (Some(0.0), Some(1.0)));
    assert_eq!((of("processor.log.queue.size"), of("processor.log.processed")), (Some(3.0), Some(0.0)));
    export(pipeline, &mut http, 100 * SECOND, REFUSED);
    export(pipeline, &mut http, 100 * SECOND, TWO_REJECTED);
    assert_eq!((of("processor.span.queue.size"), of("processor.span.processed")), (Some(0.0), Some(1.0)));
    assert_eq!((of("processor.log.queue.size"), of("processor.log.processed")), (Some(0.0), Some(3.0)));
    pipeline.logger("l").warn("one more");
    assert_eq!((of("processor.log.queue.size"), of("processor.log.processed")), (Some(1.0), Some(3.0)));
    let processed = values(&collect(pipeline), "otel.sdk.processor.log.processed");
    assert_eq!(processed, [(LOGS.to_owned(), 3.0)], "and has no errors");
}

#[test]
fn a_span_that_is_only_recorded_is_processed_when_it_ends() {
    let sampler = AlwaysRecord(AlwaysOff);
    let pipeline = device::on(Device { clock: || 7, limits: Limits::DEFAULT, processor: (), sampler });
    pipeline.meter("smoltel").observe_pipeline();
    pipeline.tracer("t").start("s").end();
    assert_eq!(value(pipeline, "otel.sdk.processor.span.processed", SPANS), Some(1.0));
    assert_eq!(value(pipeline, "otel.sdk.processor.span.queue.size", SPANS), Some(0.0));
}

#[test]
fn what_is_exported_counts_once_after_the_last_attempt() {
    let pipeline = pipeline(8192, MetricSettings::DEFAULT);
    pipeline.meter("smoltel").observe_exporter();
    let of = |name, error: &str| {
        value(pipeline, &format!("otel.sdk.exporter.log.{name}"), &format!("{error}{}", exporter_of("log")))
    };
    let mut http = exporter(pipeline);
    for _ in 0..5 {
        pipeline.logger("l").warn("x");
    }
    assert_eq!((of("inflight", ""), of("exported", "")), (Some(0.0), Some(0.0)));
    for now in [0, 100, 200] {
        export(pipeline, &mut http, now * SECOND, BUSY);
        assert_eq!((of("inflight", ""), of("exported", "")), (Some(5.0), Some(0.0)));
    }
    export(pipeline, &mut http, 300 * SECOND, TWO_REJECTED);
    assert_eq!((of("inflight", ""), of("exported", "")), (Some(0.0), Some(3.0)));
    assert_eq!(of("exported", "error.type=rejected,"), Some(2.0));
    pipeline.logger("l").warn("x");
    export(pipeline, &mut http, 300 * SECOND, REFUSED);
    assert_eq!((of("inflight", ""), of("exported", "")), (Some(0.0), Some(3.0)));
    assert_eq!(of("exported", "error.type=rejected,"), Some(3.0));
}

#[test]
fn points_of_these_metrics_are_exported_as_any_others() {
    let pipeline = pipeline(8192, MetricSettings::DEFAULT);
    pipeline.meter("smoltel").observe_exporter();
    let mut http = exporter(pipeline);
    pipeline.collect();
    let points = pipeline.counters().recorded(Signal::Metrics) as f64;
    export(pipeline, &mut http, 0, ACCEPTED);
    let before = pipeline.counters();
    export(pipeline, &mut http, 1000 * SECOND, ACCEPTED);
    assert_eq!(pipeline.counters(), before, "what was exported makes nothing more to export");
    let exported = value(pipeline, "otel.sdk.exporter.metric_data_point.exported", &exporter_of("metric"));
    assert_eq!((points, exported), (6.0, Some(points)));
}

/// Scope, name, unit, and whether they only grow.
fn instruments(pipeline: &Pipeline) -> Vec<(String, String, String, bool)> {
    let mut found: Vec<_> = collect(pipeline)
        .into_iter()
        .map(|(scope, metric)| {
            let Some(metric::Data::Sum(sum)) = &metric.data else { panic!("a sum") };
            (scope, metric.name, metric.unit, sum.is_monotonic)
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[test]
fn names_units_and_kinds_are_those_of_the_conventions() {
    let pipeline = pipeline(8192, MetricSettings::DEFAULT);
    pipeline.meter("smoltel").observe_pipeline();
    pipeline.meter("smoltel").observe_exporter();
    pipeline.tracer("t").start("s").end();
    let expected = [
        ("otel.sdk.exporter.log.exported", "{log_record}", true),
        ("otel.sdk.exporter.log.inflight", "{log_record}", false),
        ("otel.sdk.exporter.metric_data_point.exported", "{data_point}", true),
        ("otel.sdk.exporter.metric_data_point.inflight", "{data_point}", false),
        ("otel.sdk.exporter.span.exported", "{span}", true),
        ("otel.sdk.exporter.span.inflight", "{span}", false),
        ("otel.sdk.log.created", "{log_record}", true),
        ("otel.sdk.processor.log.processed", "{log_record}", true),
        ("otel.sdk.processor.log.queue.size", "{log_record}", false),
        ("otel.sdk.processor.span.processed", "{span}", true),
        ("otel.sdk.processor.span.queue.size", "{span}", false),
        ("otel.sdk.span.live", "{span}", false),
        ("otel.sdk.span.started", "{span}", true),
    ];
    let expected = expected.map(|(name, unit, grows)| ("smoltel".into(), name.into(), unit.into(), grows));
    assert_eq!(instruments(pipeline), expected);
    assert!(pipeline.metric_usage().instruments < smoltel_core::platform::TABLE, "a device has some left");
}

#[test]
fn what_found_no_room_is_a_full_queue() {
    let pipeline = pipeline_with(8192, 4096, 8192, MetricSettings::DEFAULT);
    for _ in 0..500 {
        pipeline.logger("l").info("one of too many");
    }
    let evicted = pipeline.counters().lost(Signal::Logs, Loss::Evicted);
    assert!(evicted > 100);
    pipeline.meter("smoltel").observe_pipeline();
    let metrics = collect(pipeline);
    let full = format!("error.type=queue_full,{LOGS}");
    let processed = values(&metrics, "otel.sdk.processor.log.processed");
    assert!(processed.contains(&(full, evicted as f64)), "{processed:?}");
    let queued = [(LOGS.to_owned(), 500.0 - evicted as f64)];
    assert_eq!(values(&metrics, "otel.sdk.processor.log.queue.size"), queued);
}

#[test]
fn what_was_lost_at_once_is_not_queued() {
    let pipeline: &'static Pipeline = Box::leak(Box::new(Pipeline::new(|| 7)));
    pipeline.logger("l").info("there is no memory yet");
    assert_eq!((pipeline.counters().queued(Signal::Logs), pipeline.counters().lost_in_all()), (0, 1));
}
