//! What a pipeline says of itself.

use smoltel_core::{Loss, MetricSettings, Signal};
use smoltel_proto::types::metrics::v1::metric;

use crate::receiver::{collect, pipeline, pipeline_with, values};

const SPANS: &str =
    "otel.component.name=batching_span_processor/0,otel.component.type=batching_span_processor";
const LOGS: &str = "otel.component.name=batching_log_processor/0,otel.component.type=batching_log_processor";

#[test]
fn spans_and_logs_are_counted_as_the_conventions_name_them() {
    let pipeline = pipeline(8192, MetricSettings::DEFAULT);
    pipeline.meter("smoltel").observe_pipeline();
    let live = pipeline.tracer("t").start("live");
    let child = pipeline.tracer("t").span("without a slot").child_of(&live).start();
    drop(child);
    pipeline.logger("l").info("created");
    let metrics = collect(pipeline);
    let of = |metrics: &[_], name, attributes: &str| {
        let found = values(metrics, name).into_iter().find(|(text, _)| text == attributes);
        found.map(|(_, value)| value)
    };
    let sampled = "otel.span.sampling_result=RECORD_AND_SAMPLE";
    assert_eq!(of(&metrics, "otel.sdk.span.live", sampled), Some(1.0));
    assert_eq!(of(&metrics, "otel.sdk.span.live", "otel.span.sampling_result=RECORD_ONLY"), Some(0.0));
    let started = |origin| format!("otel.span.parent.origin={origin},{sampled}");
    assert_eq!(of(&metrics, "otel.sdk.span.started", &started("none")), Some(1.0));
    assert_eq!(of(&metrics, "otel.sdk.span.started", &started("local")), Some(1.0));
    assert_eq!(of(&metrics, "otel.sdk.span.started", &started("remote")), None);
    assert_eq!(of(&metrics, "otel.sdk.log.created", ""), Some(1.0));
    let no_slot = format!("error.type=no_slot,{SPANS}");
    assert_eq!(of(&metrics, "otel.sdk.processor.span.processed", &no_slot), Some(1.0));
    assert_eq!(of(&metrics, "otel.sdk.processor.span.processed", SPANS), Some(0.0));
    assert_eq!(of(&metrics, "otel.sdk.processor.log.processed", LOGS), Some(1.0));

    live.end();
    let metrics = collect(pipeline);
    assert_eq!(of(&metrics, "otel.sdk.span.live", sampled), Some(0.0));
    assert_eq!(of(&metrics, "otel.sdk.processor.span.processed", SPANS), Some(1.0));
    assert_eq!(pipeline.counters().lost(Signal::Metrics, Loss::NoSlot), 0);
}

#[test]
fn names_units_and_kinds_are_those_of_the_conventions() {
    let pipeline = pipeline(8192, MetricSettings::DEFAULT);
    pipeline.meter("smoltel").observe_pipeline();
    pipeline.tracer("t").start("s").end();
    let metrics = collect(pipeline);
    let mut found: Vec<_> = metrics
        .iter()
        .map(|(scope, metric)| {
            let Some(metric::Data::Sum(sum)) = &metric.data else { panic!("a sum") };
            (scope.as_str(), metric.name.as_str(), metric.unit.as_str(), sum.is_monotonic)
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    let expected = [
        ("smoltel", "otel.sdk.log.created", "{log_record}", true),
        ("smoltel", "otel.sdk.processor.log.processed", "{log_record}", true),
        ("smoltel", "otel.sdk.processor.span.processed", "{span}", true),
        ("smoltel", "otel.sdk.span.live", "{span}", false),
        ("smoltel", "otel.sdk.span.started", "{span}", true),
    ];
    assert_eq!(found, expected);
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
    let processed = values(&collect(pipeline), "otel.sdk.processor.log.processed");
    let full = format!("error.type=queue_full,{LOGS}");
    let expected = [(full, evicted as f64), (LOGS.to_owned(), 500.0 - evicted as f64)];
    assert!(expected.iter().all(|one| processed.contains(one)), "{processed:?}");
}
