//! Who watches the exports, and who scrapes, sees what the receiver sees; and nothing a program gives the worker can end it.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use smoltel::transport::{Encoding, Otlp, Outcome, Request, Transport};
use smoltel::{Builder, ExportEvent, Loss, Signal, Telemetry, Unsent};
use smoltel_tests::sink::{Reply, Sink};

/// Long enough for anything that ends by itself.
const AMPLE: Duration = Duration::from_secs(20);

fn builder(url: &str) -> Builder {
    Telemetry::builder("observed").endpoint(url).on_message(|_| {})
}

fn log(telemetry: &Telemetry, records: usize) {
    (0..records).for_each(|_| telemetry.logger("l").info("x"));
}

/// An event without its words.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    Exported(u64),
    Retried(u64),
    Spooled(u64),
    Dropped(u64, Loss),
}

/// What the worker says of logs.
fn watched(builder: Builder) -> (Builder, Arc<Mutex<Vec<Seen>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let list = seen.clone();
    let builder = builder.on_export(move |event| {
        let (signal, what) = match *event {
            ExportEvent::Exported { signal, items } => (signal, Seen::Exported(items)),
            ExportEvent::Retried { signal, items, why } => {
                assert!(!why.is_empty());
                (signal, Seen::Retried(items))
            }
            ExportEvent::Spooled { signal, items } => (signal, Seen::Spooled(items)),
            ExportEvent::Dropped { signal, items, reason } => (signal, Seen::Dropped(items, reason)),
            _ => return,
        };
        assert_eq!(signal, Signal::Logs);
        list.lock().unwrap().push(what);
    });
    (builder, seen)
}

/// The value of a sample in Prometheus' text.
fn sample(text: &str, name: &str) -> u64 {
    let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = values.next().unwrap_or_else(|| panic!("{name} is not in\n{text}"));
    assert_eq!(values.next(), None, "{name} is there once");
    value.parse().unwrap()
}

#[test]
fn who_watches_is_told_of_retries_exports_and_rejections() {
    let status = Arc::new(AtomicU16::new(503));
    let answered = status.clone();
    // Not now; then all but four.
    let sink = Sink::replying(move |_| {
        Reply::Status(answered.swap(200, Ordering::Relaxed), "", b"\x0A\x02\x08\x04".to_vec())
    });
    let (builder, seen) = watched(builder(&sink.url()));
    let telemetry = builder.build().unwrap();
    log(&telemetry, 10);
    let report = telemetry.shutdown(AMPLE);
    assert_eq!((report.exported, report.dropped()), (6, 4), "{report}");
    let expected = [Seen::Retried(10), Seen::Exported(6), Seen::Dropped(4, Loss::Rejected)];
    assert_eq!(*seen.lock().unwrap(), expected);
    assert_eq!(sink.received("/v1/logs").len(), 1);
}

#[test]
fn who_watches_is_told_of_what_is_spooled_and_given_up() {
    // Later than anybody here waits.
    let sink = Sink::replying(|_| Reply::Status(503, "retry-after: 60\r\n", Vec::new()));
    let dir = tempfile::tempdir().unwrap();
    let (spooling, seen) = watched(builder(&sink.url()).spool_of(dir.path(), 4 << 20));
    let telemetry = spooling.build().unwrap();
    log(&telemetry, 10);
    assert_eq!(telemetry.shutdown(AMPLE).spooled, 10);
    assert_eq!(*seen.lock().unwrap(), [Seen::Retried(10), Seen::Spooled(10)]);

    let (builder, seen) = watched(builder(&sink.url()));
    let telemetry = builder.build().unwrap();
    log(&telemetry, 3);
    assert_eq!(telemetry.shutdown(Duration::from_secs(3)).reasons, [("expired", 3)]);
    assert_eq!(seen.lock().unwrap().last(), Some(&Seen::Dropped(3, Loss::Expired)));
}

#[test]
fn a_ready_request_that_nobody_took_in_time_is_lost_and_not_queued() {
    let telemetry = builder("http://127.0.0.1:9").build().unwrap();
    let body = [0x0A, 6, 0x12, 4, 0x12, 2, 0x10, 9];
    let request = Request { signal: Signal::Logs, body: &body, encoding: Encoding::Identity, items: 1 };
    assert_eq!(telemetry.send(&request, Duration::from_millis(10)), Err(Unsent::Late));
    let text = telemetry.prometheus();
    assert_eq!(sample(&text, "smoltel_dropped_items_total{signal=\"logs\",reason=\"expired\"}"), 1);
    assert_eq!(sample(&text, "smoltel_queued_items{signal=\"logs\"}"), 0);
}

#[test]
fn who_scrapes_sees_what_the_receiver_has() {
    let sink = Sink::replying(|request| match request.path.as_str() {
        "/v1/logs" => Reply::Status(400, "", Vec::new()),
        _ => Reply::ok(),
    });
    let dir = tempfile::tempdir().unwrap();
    let telemetry = builder(&sink.url()).spool_of(dir.path(), 4 << 20).build().unwrap();
    log(&telemetry, 5);
    (0..7).for_each(|_| telemetry.tracer("t").start("s").end());
    telemetry.meter("m").counter("c").add(1, &[("k".into(), "v".into())]);
    let before = telemetry.prometheus();
    assert_eq!(sample(&before, "smoltel_queued_items{signal=\"traces\"}"), 7);
    telemetry.flush(AMPLE);
    let text = telemetry.prometheus();
    assert_eq!(sample(&text, "smoltel_recorded_items_total{signal=\"logs\"}"), 5);
    assert_eq!(sample(&text, "smoltel_dropped_items_total{signal=\"logs\",reason=\"rejected\"}"), 5);
    assert_eq!(sample(&text, "smoltel_exported_items_total{signal=\"traces\"}"), 7);
    assert_eq!(sample(&text, "smoltel_exported_items_total{signal=\"metrics\"}"), 1);
    assert_eq!(sample(&text, "smoltel_queued_items{signal=\"traces\"}"), 0);
    assert_eq!(sample(&text, "smoltel_spooled_items{signal=\"traces\"}"), 0);
    assert_eq!(sample(&text, "smoltel_metric_series"), 1);
    // Every sample belongs to a family that was declared before it.
    let mut family = "";
    for line in text.lines() {
        match line.strip_prefix("# TYPE ") {
            Some(declared) => family = declared.split(' ').next().unwrap(),
            None if line.starts_with('#') => {}
            None => assert_eq!(line.split(['{', ' ']).next(), Some(family), "{line}"),
        }
    }
}

/// Panics at its first attempt.
struct Breaks(Otlp, bool);

impl Transport for Breaks {
    fn send(&mut self, request: &Request<'_>, deadline: Instant) -> Outcome {
        assert!(std::mem::replace(&mut self.1, true), "a transport breaks, as it is meant to");
        self.0.send(request, deadline)
    }

    fn destination(&self, signal: Signal) -> String {
        self.0.destination(signal)
    }
}

#[test]
fn a_transport_that_panics_is_tried_again() {
    let sink = Sink::start();
    let breaks = Breaks(Otlp::under(&sink.url()).unwrap(), false);
    let telemetry = builder(&sink.url()).transport(breaks).build().unwrap();
    log(&telemetry, 10);
    let report = telemetry.shutdown(AMPLE);
    assert_eq!((report.exported, report.dropped(), report.in_doubt), (10, 0, 0), "{report}");
    assert_eq!(sink.received("/v1/logs").len(), 1);
}

#[test]
fn who_watches_and_panics_does_not_end_the_worker() {
    let asked = Arc::new(AtomicU16::new(0));
    let count = asked.clone();
    let sink = Sink::replying(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Reply::Status(400, "", Vec::new())
    });
    let telemetry = builder(&sink.url())
        .on_message(|_| panic!("a sink breaks, as it is meant to"))
        .on_export(|_| panic!("a watcher breaks, as it is meant to"))
        .build()
        .unwrap();
    for _ in 0..2 {
        log(&telemetry, 1);
        telemetry.flush(AMPLE);
    }
    assert_eq!(telemetry.shutdown(AMPLE).reasons, [("rejected", 2)]);
    assert_eq!(asked.load(Ordering::Relaxed), 2, "the worker has gone on");
}

#[test]
fn many_threads_flush_at_once_and_each_gets_its_own_away() {
    let sink = Sink::start();
    let telemetry = builder(&sink.url()).build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                log(&telemetry, 5);
                assert!(telemetry.flush(AMPLE).exported >= 5);
            });
        }
    });
    let report = telemetry.shutdown(AMPLE);
    assert_eq!((report.exported, report.in_doubt, report.dropped()), (40, 0, 0), "{report}");
}

#[test]
fn a_spool_whose_directory_vanishes_is_said_and_keeps_nothing() {
    let status = Arc::new(AtomicU16::new(503));
    let answered = status.clone();
    let sink = Sink::replying(move |_| {
        Reply::Status(answered.load(Ordering::Relaxed), "retry-after: 0\r\n", Vec::new())
    });
    let dir = tempfile::tempdir().unwrap();
    let spool = dir.path().join("spool");
    let said = Arc::new(Mutex::new(Vec::new()));
    let list = said.clone();
    let telemetry = Telemetry::builder("observed")
        .endpoint(sink.url())
        .on_message(move |message| list.lock().unwrap().push(message.to_owned()))
        .spool_of(&spool, 4 << 20)
        .build()
        .unwrap();
    log(&telemetry, 2);
    assert_eq!(telemetry.flush(AMPLE).spooled, 2);
    std::fs::remove_dir_all(&spool).unwrap();
    log(&telemetry, 3);
    let report = telemetry.flush(Duration::from_millis(100));
    assert_eq!(
        (report.spooled, report.in_doubt),
        (0, 5),
        "nothing is safe that is not on the disk: {report}"
    );
    let messages = said.lock().unwrap().iter().filter(|message| message.contains("spool")).count();
    assert_eq!(messages, 1, "{said:?}");
    // What is still in memory, or in the file without a name, arrives when the endpoint is back.
    status.store(200, Ordering::Relaxed);
    let report = telemetry.shutdown(AMPLE);
    assert_eq!((report.exported, report.in_doubt, report.dropped()), (5, 0, 0), "{report}");
}
