//! A deadline is for all signals: one whose call hangs takes its share of the time, and what no time is left for is kept.

use std::time::{Duration, Instant};

use prost::Message;
use smoltel::{Builder, Report, Telemetry};
use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;
use smoltel_proto::types::collector::metrics::v1::ExportMetricsServiceRequest;
use smoltel_tests::sink::{Reply, Sink};

/// What everybody has together. A share of it is ample for an endpoint that answers, and short for one that does not.
const ALL: Duration = Duration::from_secs(4);

/// An endpoint that swallows traces, which come first.
fn swallowing() -> Sink {
    Sink::replying(|request| if request.path == "/v1/traces" { Reply::Silence } else { Reply::ok() })
}

fn builder(url: &str) -> Builder {
    // Nothing leaves before somebody asks, and no call ends by itself.
    let builder = Telemetry::builder("deadlines").endpoint(url).timeout(10 * ALL).on_message(|_| {});
    builder.traces(|traces| traces.batch.delay = 10 * ALL).logs(|logs| logs.batch.delay = 10 * ALL)
}

/// Two spans, ten log records and a point.
fn record(telemetry: &Telemetry) {
    (0..2).for_each(|_| telemetry.tracer("t").start("s").end());
    (0..10).for_each(|_| telemetry.logger("l").info("hello"));
    telemetry.meter("m").counter("c").add(1, &[]);
}

/// Log records and metrics that have arrived.
fn arrived(sink: &Sink) -> (usize, usize) {
    let logs = sink.received("/v1/logs").into_iter().map(|request| {
        let request = ExportLogsServiceRequest::decode(&request.body[..]).unwrap();
        request.resource_logs[0].scope_logs[0].log_records.len()
    });
    let metrics = sink.received("/v1/metrics").into_iter().map(|request| {
        let request = ExportMetricsServiceRequest::decode(&request.body[..]).unwrap();
        request.resource_metrics[0].scope_metrics[0].metrics.len()
    });
    (logs.sum(), metrics.sum())
}

fn counts(report: &Report) -> [u64; 5] {
    [report.recorded, report.exported, report.spooled, report.in_doubt, report.dropped()]
}

#[test]
fn a_signal_that_hangs_leaves_the_others_their_share_of_a_shutdown() {
    let sink = swallowing();
    let telemetry = builder(&sink.url()).build().unwrap();
    record(&telemetry);
    let before = Instant::now();
    let report = telemetry.shutdown(ALL);
    assert!(before.elapsed() < 10 * ALL, "the call has so long");
    assert_eq!(arrived(&sink), (10, 1), "{report}");
    assert_eq!(counts(&report), [13, 11, 0, 2, 0], "{report}");
}

#[test]
fn and_with_a_spool_it_keeps_what_hangs() {
    let (sink, dir) = (swallowing(), tempfile::tempdir().unwrap());
    let telemetry = builder(&sink.url()).spool_of(dir.path(), 4 << 20).build().unwrap();
    record(&telemetry);
    let report = telemetry.flush(ALL);
    assert_eq!(arrived(&sink), (10, 1), "{report}");
    assert_eq!(counts(&report), [13, 11, 2, 0, 0], "{report}");
    telemetry.shutdown(Duration::ZERO);
}

#[test]
fn with_a_spool_a_shutdown_without_any_time_loses_nothing() {
    let (sink, dir) = (Sink::start(), tempfile::tempdir().unwrap());
    let spooling = || builder(&sink.url()).spool_of(dir.path(), 4 << 20).build();
    let first = spooling().unwrap();
    record(&first);
    assert_eq!(first.shutdown(Duration::ZERO).dropped(), 0);
    assert_eq!(arrived(&sink), (0, 0), "there was no time");

    // The worker may be a little longer at it than the shutdown waits.
    let mut second = None;
    smoltel_tests::eventually("the spool is free", || {
        second = spooling().ok();
        second.is_some()
    });
    let report = second.unwrap().shutdown(ALL);
    assert_eq!((report.found, report.exported), (13, 13), "{report}");
    assert_eq!(arrived(&sink), (10, 1));
}
