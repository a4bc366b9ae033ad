//! An endpoint that is down, slow, silent or refusing: the program goes on, and the counts are exact.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use prost::Message;
use smoltel::{Builder, Report, Telemetry};
use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;
use smoltel_proto::types::common::v1::any_value::Value;
use smoltel_tests::sink::{Reply, Sink};

/// Long enough for anything that ends by itself.
const AMPLE: Duration = Duration::from_secs(20);

fn builder(url: &str) -> Builder {
    Telemetry::builder("outage").endpoint(url).on_message(|_| {})
}

fn log(telemetry: &Telemetry, range: std::ops::Range<u32>) {
    let logger = telemetry.logger("l");
    range.for_each(|i| logger.log(smoltel::Severity::Info).body(format_args!("{i}")).emit());
}

/// The numbers that have arrived, in order of arrival.
fn arrived(sink: &Sink) -> Vec<u32> {
    let requests =
        sink.received("/v1/logs").into_iter().map(|r| ExportLogsServiceRequest::decode(&r.body[..]).unwrap());
    let records =
        requests.flat_map(|r| r.resource_logs).flat_map(|r| r.scope_logs).flat_map(|s| s.log_records);
    records
        .map(|record| match record.body.unwrap().value.unwrap() {
            Value::StringValue(text) => text.parse().unwrap(),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn balanced(report: &Report) {
    let sum = report.exported + report.spooled + report.in_doubt + report.dropped();
    assert_eq!(report.recorded + report.found, sum, "{report}");
}

/// An address where nothing listens, to be taken by a sink later.
fn free_address() -> std::net::SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn what_could_not_be_sent_is_spooled_and_arrives_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let spool = |dir: &Path, url: &str| builder(url).spool_of(dir, 4 << 20).build().unwrap();
    let address = free_address();
    let url = format!("http://{address}");
    let first = spool(dir.path(), &url);
    log(&first, 0..500);
    let report = first.flush(AMPLE);
    assert_eq!((report.spooled, report.dropped(), report.in_doubt), (500, 0, 0), "{report}");
    log(&first, 500..600);
    let report = first.shutdown(AMPLE);
    assert_eq!((report.spooled, report.exported), (600, 0), "{report}");
    balanced(&report);

    let sink = Sink::at(address, |_| Reply::ok());
    let second = spool(dir.path(), &url);
    log(&second, 600..700);
    let report = second.shutdown(AMPLE);
    assert_eq!(
        (report.found, report.recorded, report.exported, report.spooled),
        (600, 100, 700, 0),
        "{report}"
    );
    balanced(&report);
    let mut arrived = arrived(&sink);
    arrived.sort();
    assert_eq!(arrived, (0..700).collect::<Vec<_>>());
}

#[test]
fn an_outage_ends_without_a_restart() {
    spooled_until_accepted(503);
}

#[test]
fn an_expired_token_does_not_empty_the_spool() {
    spooled_until_accepted(401);
}

fn spooled_until_accepted(first: u16) {
    let dir = tempfile::tempdir().unwrap();
    let status = Arc::new(AtomicU16::new(first));
    let answered = status.clone();
    let sink = Sink::replying(move |_| {
        Reply::Status(answered.load(Ordering::Relaxed), "retry-after: 0\r\n", Vec::new())
    });
    let telemetry = builder(&sink.url()).spool_of(dir.path(), 4 << 20).build().unwrap();
    log(&telemetry, 0..10);
    assert_eq!(telemetry.flush(AMPLE).spooled, 10);
    status.store(200, Ordering::Relaxed);
    smoltel_tests::eventually("the spool is drained", || telemetry.report().exported == 10);
    balanced(&telemetry.shutdown(AMPLE));
    assert_eq!(arrived(&sink), (0..10).collect::<Vec<_>>());
}

#[test]
fn without_a_spool_a_short_outage_is_waited_out() {
    let status = Arc::new(AtomicU16::new(503));
    let answered = status.clone();
    // Fails once, then works.
    let sink = Sink::replying(move |_| Reply::Status(answered.swap(200, Ordering::Relaxed), "", Vec::new()));
    let telemetry = builder(&sink.url()).build().unwrap();
    log(&telemetry, 0..10);
    let report = telemetry.shutdown(AMPLE);
    assert_eq!((report.exported, report.dropped(), report.in_doubt), (10, 0, 0), "{report}");
}

#[test]
fn what_is_given_up_is_counted_and_the_deadline_holds() {
    let telemetry = builder(&format!("http://{}", free_address())).build().unwrap();
    log(&telemetry, 0..10);
    let report = telemetry.shutdown(Duration::from_secs(2));
    assert_eq!(report.reasons, [("expired", 10)], "{report}");
    balanced(&report);
}

#[test]
fn a_silent_endpoint_holds_nobody_and_leaves_doubt() {
    let sink = Sink::replying(|_| Reply::Silence);
    let telemetry = builder(&sink.url()).build().unwrap();
    log(&telemetry, 0..10);
    let before = Instant::now();
    let report = telemetry.shutdown(Duration::from_millis(300));
    assert!(before.elapsed() < AMPLE, "the endpoint's own timeout is 10 s and the sink never answers");
    assert_eq!((report.in_doubt, report.dropped(), report.exported), (10, 0, 0), "{report}");
    balanced(&report);
}

/// The worker is in a call that does not end when somebody asks it for a flush.
#[test]
fn a_flush_keeps_its_deadline_while_another_signals_call_hangs() {
    let asked = Arc::new(AtomicU16::new(0));
    let count = asked.clone();
    let sink = Sink::replying(move |request| match &*request.path {
        "/v1/traces" => {
            count.fetch_add(1, Ordering::Relaxed);
            Reply::Silence
        }
        _ => Reply::ok(),
    });
    let telemetry = builder(&sink.url()).timeout(Duration::from_secs(2)).build().unwrap();
    let mut span = telemetry.tracer("t").start("s");
    span.fail("at once");
    span.end();
    smoltel_tests::eventually("the call hangs", || asked.load(Ordering::Relaxed) > 0);
    log(&telemetry, 0..10);
    let before = Instant::now();
    let report = telemetry.flush(Duration::from_millis(100));
    assert!(before.elapsed() < Duration::from_secs(2), "the call has two seconds");
    assert_eq!((report.recorded, report.exported, report.dropped()), (11, 0, 0), "{report}");
    smoltel_tests::eventually("the others are sent when it is over", || arrived(&sink).len() == 10);
    let report = telemetry.shutdown(Duration::from_millis(100));
    assert_eq!((report.exported, report.in_doubt, report.dropped()), (10, 1, 0), "{report}");
}

/// Who waits for nothing has not to wait: there is no other try before the deadline.
#[test]
fn a_flush_ends_when_the_next_try_lies_behind_its_deadline() {
    let sink = Sink::replying(|_| Reply::Status(503, "retry-after: 300\r\n", Vec::new()));
    let telemetry = builder(&sink.url()).build().unwrap();
    log(&telemetry, 0..10);
    let (before, long) = (Instant::now(), Duration::from_secs(120));
    let report = telemetry.flush(long);
    assert_eq!((report.exported, report.dropped(), sink.connections()), (0, 0, 1), "{report}");
    assert_eq!(telemetry.shutdown(long).reasons, [("expired", 10)]);
    assert!(before.elapsed() < long, "they were not waited out");
}

#[test]
fn a_silent_endpoint_and_a_spool_leave_none() {
    let dir = tempfile::tempdir().unwrap();
    let sink = Sink::replying(|_| Reply::Silence);
    let telemetry = builder(&sink.url())
        .timeout(Duration::from_millis(100))
        .spool_of(dir.path(), 4 << 20)
        .build()
        .unwrap();
    log(&telemetry, 0..10);
    let report = telemetry.shutdown(AMPLE);
    assert_eq!((report.spooled, report.in_doubt), (10, 0), "{report}");
}

#[test]
fn refusals_are_final_and_rejected_items_are_counted() {
    for (status, body, exported, rejected) in [
        (400, &b""[..], 0, 10),
        (401, b"", 0, 10),
        (404, b"", 0, 10),
        (500, b"", 0, 10),
        (200, b"\x0A\x02\x08\x04", 6, 4),
    ] {
        let sink = Sink::replying(move |_| Reply::Status(status, "", body.to_vec()));
        let telemetry = builder(&sink.url()).build().unwrap();
        log(&telemetry, 0..10);
        let report = telemetry.shutdown(AMPLE);
        assert_eq!(
            (report.exported, &report.reasons[..]),
            (exported, &[("rejected", rejected)][..]),
            "{status}"
        );
        balanced(&report);
        assert_eq!(sink.connections(), 1, "{status}: sent once");
    }
}

#[test]
fn requests_and_responses_are_bounded() {
    use smoltel::Signal;
    use smoltel::transport::Endpoint;
    let sink = Sink::replying(|_| Reply::Status(200, "", vec![b'x'; 100_000]));
    let sent = |max_request, max_response| {
        let endpoint = Endpoint { max_request, max_response, ..Endpoint::under(&sink.url(), Signal::Logs) };
        let telemetry = builder(&sink.url()).endpoint_for(Signal::Logs, endpoint).build().unwrap();
        log(&telemetry, 0..10);
        telemetry.shutdown(AMPLE)
    };
    assert_eq!(sent(100, 1 << 20).reasons, [("rejected", 10)], "too large to be sent");
    assert!(sink.received("/v1/logs").is_empty());
    assert_eq!(sent(1 << 20, 1000).exported, 10, "it was accepted, whatever else the answer says");
}

#[test]
fn a_connection_that_breaks_is_tried_again() {
    let count = Arc::new(AtomicU16::new(0));
    let counted = count.clone();
    let decide =
        move |_: &_| if counted.fetch_add(1, Ordering::Relaxed) == 0 { Reply::Close } else { Reply::ok() };
    let sink = Sink::replying(decide);
    let telemetry = builder(&sink.url()).build().unwrap();
    log(&telemetry, 0..10);
    assert_eq!(telemetry.shutdown(AMPLE).exported, 10);
    assert_eq!(arrived(&sink), (0..10).collect::<Vec<_>>());
}

#[test]
fn a_burst_beyond_memory_is_counted_to_the_record() {
    let sink = Sink::replying(|_| Reply::Silence);
    let telemetry = builder(&sink.url()).build().unwrap();
    let text = "x".repeat(1000);
    let logger = telemetry.logger("l");
    (0..5000).for_each(|_| logger.info(&text));
    let report = telemetry.report();
    assert_eq!(report.recorded, 5000);
    assert!(
        report.dropped() > 1000 && report.reasons.iter().all(|(reason, _)| *reason == "queue_full"),
        "{report}"
    );
    balanced(&telemetry.shutdown(Duration::from_millis(50)));
}

#[test]
fn a_queue_holds_as_many_bytes_as_it_is_told() {
    let sink = Sink::replying(|_| Reply::Silence);
    let dropped = |bytes: usize| {
        let telemetry =
            builder(&sink.url()).logs(move |logs| logs.batch.queue_bytes = bytes).build().unwrap();
        let (logger, text) = (telemetry.logger("l"), "x".repeat(1000));
        (0..5000).for_each(|_| logger.info(&text));
        let dropped = telemetry.report().dropped();
        balanced(&telemetry.shutdown(Duration::from_millis(50)));
        dropped
    };
    assert_eq!(dropped(6 << 20), 0, "all fit");
    assert!(dropped(0) > 4800, "64 KiB at the least, and as much again while they are sent");
}

#[test]
fn a_spool_in_use_is_refused_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let _first = builder("http://127.0.0.1:9").spool(dir.path()).build().unwrap();
    let error = builder("http://127.0.0.1:9").spool(dir.path()).build().unwrap_err().to_string();
    assert!(error.contains("LOCK") && !error.contains('\n'), "{error}");
}

#[test]
fn recording_after_the_end_goes_nowhere_and_harms_nobody() {
    let sink = Sink::start();
    let telemetry = builder(&sink.url()).build().unwrap();
    let logger = telemetry.logger("l");
    let mut span = telemetry.tracer("t").start("open");
    telemetry.shutdown(AMPLE);
    span.set("still", "works");
    span.end();
    logger.info("late");
    assert_eq!(sink.connections(), 0);
}

/// An endpoint that takes no more than so many bytes at once.
fn takes(bytes: usize) -> impl Fn(&smoltel_tests::sink::Received) -> Reply {
    move |request| Reply::Status(if request.body.len() > bytes { 413 } else { 200 }, "", Vec::new())
}

#[test]
fn what_is_too_long_for_the_endpoint_comes_in_smaller_parts_and_only_what_never_fits_is_lost() {
    let sink = Sink::replying(takes(4_000));
    let telemetry = builder(&sink.url()).build().unwrap();
    log(&telemetry, 0..1000);
    telemetry.logger("l").info(&"x".repeat(5_000));
    log(&telemetry, 1000..2000);
    let report = telemetry.shutdown(AMPLE);
    assert_eq!((report.exported, &report.reasons[..]), (2000, &[("rejected", 1)][..]), "{report}");
    assert_eq!(arrived(&sink), (0..2000).collect::<Vec<_>>());
    balanced(&report);
}

#[test]
fn what_was_spooled_and_is_too_long_comes_in_smaller_parts_too() {
    let dir = tempfile::tempdir().unwrap();
    let address = free_address();
    let first = builder(&format!("http://{address}")).spool_of(dir.path(), 4 << 20).build().unwrap();
    log(&first, 0..1000);
    first.logger("l").info(&"x".repeat(5_000));
    assert_eq!(first.shutdown(AMPLE).spooled, 1001);
    let sink = Sink::at(address, takes(4_000));
    let second = builder(&sink.url()).spool_of(dir.path(), 4 << 20).build().unwrap();
    let report = second.shutdown(AMPLE);
    assert_eq!((report.exported, &report.reasons[..]), (1000, &[("rejected", 1)][..]), "{report}");
    balanced(&report);
    let mut arrived = arrived(&sink);
    arrived.sort();
    assert_eq!(arrived, (0..1000).collect::<Vec<_>>());
}

/// What the disk lost between two runs is no silence at the endpoint.
#[test]
fn what_the_disk_lost_is_told_to_the_endpoint() {
    let dir = tempfile::tempdir().unwrap();
    let address = free_address();
    let spooled = |url: &str| builder(url).spool_of(dir.path(), 4 << 20).build().unwrap();
    let first = spooled(&format!("http://{address}"));
    log(&first, 0..7);
    assert_eq!(first.shutdown(AMPLE).spooled, 7);
    let path = dir.path().join("spool.dat");
    let mut bytes = std::fs::read(&path).unwrap();
    // The header of the only record.
    bytes[130] ^= 1;
    std::fs::write(&path, bytes).unwrap();

    let sink = Sink::at(address, |_| Reply::ok());
    let report = spooled(&format!("http://{address}")).shutdown(AMPLE);
    assert_eq!(report.exported, 1, "{report}");
    let request = ExportLogsServiceRequest::decode(&sink.received("/v1/logs")[0].body[..]).unwrap();
    let record = &request.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!(record.event_name, "smoltel.gap");
    let items = record.attributes.iter().find(|attribute| attribute.key == "smoltel.gap.items").unwrap();
    assert_eq!(items.value.as_ref().unwrap().value, Some(Value::IntValue(7)));
}
