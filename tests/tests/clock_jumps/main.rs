//! The wall clock is set while a program records, sends and spools: nothing hangs, every record arrives once, and
//! no time is impossible.

#![cfg(target_os = "linux")]

mod wall_clock;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost::Message;
use smoltel::{Builder, Preference, Report, Telemetry};
use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;
use smoltel_proto::types::collector::metrics::v1::ExportMetricsServiceRequest;
use smoltel_proto::types::collector::trace::v1::ExportTraceServiceRequest;
use smoltel_proto::types::logs::v1::LogRecord;
use smoltel_proto::types::metrics::v1::{NumberDataPoint, metric, number_data_point};
use smoltel_proto::types::trace::v1::Span;
use smoltel_tests::eventually;
use smoltel_tests::sink::{Reply, Sink};
use wall_clock::{jump, jumping};

/// Long enough for anything that ends by itself.
const AMPLE: Duration = Duration::from_secs(20);
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// The process has one wall clock.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn builder(url: &str) -> Builder {
    Telemetry::builder("jumps").endpoint(url).on_message(|_| {})
}

fn spans(sink: &Sink) -> Vec<Span> {
    let requests = sink.received("/v1/traces").into_iter();
    let requests = requests.map(|r| ExportTraceServiceRequest::decode(&r.body[..]).unwrap());
    requests.flat_map(|r| r.resource_spans).flat_map(|r| r.scope_spans).flat_map(|s| s.spans).collect()
}

fn logs(sink: &Sink) -> Vec<LogRecord> {
    let requests = sink.received("/v1/logs").into_iter();
    let requests = requests.map(|r| ExportLogsServiceRequest::decode(&r.body[..]).unwrap());
    requests.flat_map(|r| r.resource_logs).flat_map(|r| r.scope_logs).flat_map(|s| s.log_records).collect()
}

fn points(sink: &Sink) -> Vec<NumberDataPoint> {
    let requests = sink.received("/v1/metrics").into_iter();
    let requests = requests.map(|r| ExportMetricsServiceRequest::decode(&r.body[..]).unwrap());
    let metrics =
        requests.flat_map(|r| r.resource_metrics).flat_map(|r| r.scope_metrics).flat_map(|s| s.metrics);
    let points = metrics.flat_map(|metric| match metric.data.unwrap() {
        metric::Data::Sum(sum) => sum.data_points,
        other => panic!("{other:?}"),
    });
    points.collect()
}

fn all_exported(report: &Report, items: u64) {
    assert_eq!((report.recorded, report.exported, report.dropped()), (items, items, 0), "{report}");
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn the_wall_clock_of_this_process_can_be_set() {
    let _alone = alone();
    let now = unix_seconds();
    jump(-DAY);
    let back = unix_seconds();
    jump(0);
    assert!((now - DAY as u64..=now - DAY as u64 + 60).contains(&back), "{now} {back}");
}

#[test]
fn a_record_has_the_time_that_the_clock_shows_and_a_span_never_ends_before_it_starts() {
    let _alone = alone();
    let sink = Sink::start();
    let telemetry = builder(&sink.url()).build().unwrap();
    let (tracer, logger) = (telemetry.tracer("t"), telemetry.logger("l"));
    let span = tracer.start("the clock is set back within");
    jump(-DAY);
    span.end();
    let yesterday = unix_seconds();
    logger.info("yesterday");
    let span = tracer.start("the clock is set forward within");
    jump(0);
    span.end();
    jump(-i64::try_from(unix_seconds()).unwrap() - DAY);
    logger.info("before 1970");
    jump(0);
    all_exported(&telemetry.shutdown(AMPLE), 4);
    let length = |span: &Span| span.end_time_unix_nano - span.start_time_unix_nano;
    let spans = spans(&sink);
    assert_eq!(length(&spans[0]), 0, "how long it took is not known");
    assert!(length(&spans[1]) >= 1_000_000_000 * DAY as u64, "as the clock has shown");
    let times: Vec<u64> = logs(&sink).iter().map(|log| log.time_unix_nano / 1_000_000_000).collect();
    assert!((yesterday..yesterday + 60).contains(&times[0]) && times[1] == 0, "{times:?}");
}

#[test]
fn everything_arrives_once_while_the_clock_jumps() {
    let _alone = alone();
    let sink = Sink::start();
    let settings = |metrics: &mut smoltel::MetricSettings| metrics.temporality = Preference::Delta;
    let telemetry =
        builder(&sink.url()).metrics(settings).metric_interval(Duration::from_millis(1)).build().unwrap();
    let counter = telemetry.meter("m").counter("c");
    let rounds = 2_000;
    jumping(|| {
        for round in 0..rounds {
            telemetry.tracer("t").start("s").end();
            telemetry.logger("l").info("hello");
            counter.add(1, &[]);
            if round % 100 == 0 {
                let report = telemetry.flush(AMPLE);
                assert_eq!((report.dropped(), report.spooled), (0, 0), "{report}");
            }
        }
    });
    let report = telemetry.shutdown(AMPLE);
    all_exported(&report, report.recorded);
    let (spans, points) = (spans(&sink), points(&sink));
    assert_eq!((spans.len(), logs(&sink).len()), (rounds, rounds));
    assert!(spans.iter().all(|span| span.start_time_unix_nano <= span.end_time_unix_nano));
    assert!(points.iter().all(|point| point.start_time_unix_nano <= point.time_unix_nano));
    let added = points.iter().map(|point| match point.value {
        Some(number_data_point::Value::AsInt(value)) => value,
        ref other => panic!("{other:?}"),
    });
    assert_eq!(added.sum::<i64>(), rounds as i64, "what deltas say in all");
}

/// Waiting goes by a clock that only goes forward.
#[test]
fn an_endpoint_that_comes_back_gets_everything_although_the_clock_was_set() {
    let _alone = alone();
    for seconds in [10 * 365 * DAY, -10 * 365 * DAY] {
        let status = Arc::new(AtomicU16::new(503));
        let answered = status.clone();
        let sink = Sink::replying(move |_| {
            Reply::Status(answered.load(Ordering::Relaxed), "retry-after: 1\r\n", Vec::new())
        });
        let telemetry = builder(&sink.url()).logs(|logs| logs.batch.delay = Duration::ZERO).build().unwrap();
        telemetry.logger("l").error("in trouble");
        eventually("the first try", || sink.connections() > 0);
        jump(seconds);
        status.store(200, Ordering::Relaxed);
        eventually("it is sent after a second", || logs(&sink).len() == 1);
        jump(0);
        all_exported(&telemetry.shutdown(AMPLE), 1);
    }
}

#[test]
fn what_was_spooled_under_another_clock_arrives_once_and_in_order() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{address}");
    let spooled = |seconds: i64, severity: smoltel::Severity| {
        jump(seconds);
        let telemetry = builder(&url).spool_of(dir.path(), 4 << 20).build().unwrap();
        jumping(|| {
            (0..50).for_each(|_| telemetry.logger("l").log(severity).text("hello").emit());
            telemetry.flush(AMPLE)
        });
        telemetry.shutdown(AMPLE)
    };
    assert_eq!(spooled(0, smoltel::Severity::Info).spooled, 50);
    assert_eq!(spooled(-30 * 365 * DAY, smoltel::Severity::Warn).spooled, 100);
    assert_eq!(spooled(30 * 365 * DAY, smoltel::Severity::Error).spooled, 150);
    jump(-DAY);
    let sink = Sink::at(address, |_| Reply::ok());
    let telemetry = builder(&url).spool_of(dir.path(), 4 << 20).build().unwrap();
    eventually("the spool is drained", || telemetry.report().exported == 150);
    jump(0);
    let report = telemetry.shutdown(AMPLE);
    assert_eq!(
        (report.found, report.exported, report.spooled, report.dropped()),
        (150, 150, 0, 0),
        "{report}"
    );
    let severities: Vec<i32> = logs(&sink).iter().map(|log| log.severity_number).collect();
    assert_eq!(severities, [[9; 50], [13; 50], [17; 50]].concat());
}
