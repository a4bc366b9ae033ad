//! Many threads record at once: what is full, leaked or unwound is counted to the last one, and recording asks
//! neither the allocator nor the system for anything.

use std::collections::HashSet;
use std::process::Command;
use std::time::Duration;

use prost::Message;
use smoltel::{Key, Severity, Span, Telemetry, Value};
use smoltel_proto::types::collector::trace::v1::ExportTraceServiceRequest;
use smoltel_proto::types::trace::v1;
use smoltel_tests::allocations::{Counting, during};
use smoltel_tests::sink::Sink;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn spans(sink: &Sink) -> Vec<v1::Span> {
    let mut spans = Vec::new();
    for received in sink.received("/v1/traces") {
        let request = ExportTraceServiceRequest::decode(&received.body[..]).unwrap();
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        spans.extend(scopes.flat_map(|scope| scope.spans));
    }
    spans
}

#[test]
fn what_threads_record_is_exported_or_dropped_to_the_last_one() {
    const THREADS: u64 = 8;
    const EACH: u64 = 4000;
    let sink = Sink::start();
    let telemetry = Telemetry::builder("t").endpoint(sink.url()).build().unwrap();
    let text = "x".repeat(1000);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let (tracer, logger) = (telemetry.tracer("t"), telemetry.logger("l"));
            scope.spawn(|| {
                let (tracer, logger, text) = (tracer, logger, &text);
                for _ in 0..EACH {
                    tracer.start("s").set("text", text.as_str());
                    logger.log(Severity::Info).text(text).emit();
                }
            });
        }
    });
    let report = telemetry.shutdown(Duration::from_secs(60));
    assert_eq!(report.recorded, 2 * THREADS * EACH);
    assert_eq!(report.recorded, report.exported + report.dropped(), "{report}");
    assert!(report.reasons.iter().all(|(reason, _)| *reason == "queue_full"), "{report}");
    assert!(report.dropped() > 0, "64 MiB in no time: not all of it fits into the lanes");
    let arrived = spans(&sink);
    let ids: HashSet<_> = arrived.iter().map(|span| &span.span_id).collect();
    assert_eq!(ids.len(), arrived.len(), "each once");
    let logs: usize = sink.received("/v1/logs").iter().map(|received| logs(&received.body)).sum();
    assert_eq!((arrived.len() + logs) as u64, report.exported, "what was exported has arrived");
}

fn logs(body: &[u8]) -> usize {
    use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;
    let request = ExportLogsServiceRequest::decode(body).unwrap();
    let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
    scopes.map(|scope| scope.log_records.len()).sum()
}

#[test]
fn threads_that_record_allocate_nothing() {
    let telemetry =
        Telemetry::builder("t").endpoint("http://127.0.0.1:9").on_message(|_| {}).build().unwrap();
    let tracer = telemetry.tracer("t");
    // As many slots as will be open at once, and one for log records.
    drop((0..9).map(|_| tracer.start("warm")).collect::<Vec<_>>());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                record_on(&tracer, 1);
                let ((), count) = during(|| record_on(&tracer, 100));
                assert_eq!(count, 0);
            });
        }
    });
    telemetry.shutdown(Duration::ZERO);
}

fn record_on(tracer: &smoltel::Tracer, rounds: usize) {
    for _ in 0..rounds {
        let span = tracer.start("outer");
        let _entered = span.enter();
        tracer.start("inner").set("key", "value").event("event", &[]);
    }
}

/// Some of everything.
fn record(telemetry: &Telemetry, rounds: usize) {
    let (tracer, logger, meter) = (telemetry.tracer("t"), telemetry.logger("l"), telemetry.meter("m"));
    let (counter, histogram) = (meter.counter("counter"), meter.histogram("histogram"));
    let attributes = [(Key::new("key"), Value::Int(3))];
    for _ in 0..rounds {
        record_on(&tracer, 1);
        logger.info("text");
        counter.add(1, &attributes);
        histogram.record(1.5, &attributes);
    }
}

/// The environment variable that makes the next test the child of the one after it.
const CHILD: &str = "SMOLTEL_TEST_RECORDS_BETWEEN_MARKS";

#[test]
fn records_between_two_marks() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let telemetry =
        Telemetry::builder("t").endpoint("http://127.0.0.1:9").on_message(|_| {}).build().unwrap();
    record(&telemetry, 10);
    let (tracer, logger, meter) = (telemetry.tracer("t"), telemetry.logger("l"), telemetry.meter("m"));
    let counter = meter.counter("counter");
    mark();
    for _ in 0..100 {
        record_on(&tracer, 1);
        logger.info("text");
        counter.add(1, &[]);
    }
    mark();
    telemetry.shutdown(Duration::ZERO);
}

/// A system call that nothing else makes.
fn mark() {
    let _ = std::os::unix::process::parent_id();
}

#[test]
fn recording_makes_no_system_call() {
    let dir = tempfile::tempdir().unwrap();
    let traced = Command::new("strace")
        .args(["-ff", "-o"])
        .arg(dir.path().join("thread"))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "records_between_two_marks"])
        .env(CHILD, "")
        .output();
    let Ok(traced) = traced else {
        eprintln!("not tested: there is no strace");
        return;
    };
    assert!(traced.status.success(), "{}", String::from_utf8_lossy(&traced.stderr));
    let threads: Vec<String> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .filter(|calls| calls.contains("getppid("))
        .collect();
    let [recording] = &threads[..] else { panic!("one thread records") };
    let between = recording.split_once("getppid(").unwrap().1.rsplit_once("getppid(").unwrap().0;
    // The first line is the rest of the mark. Clocks are read without a call where the machine can do that.
    let calls: Vec<&str> =
        between.lines().skip(1).filter(|call| !call.starts_with("clock_gettime(")).collect();
    assert!(calls.is_empty(), "{calls:#?}");
}

#[test]
fn a_span_ends_with_its_thread_and_one_that_is_forgotten_keeps_its_slot() {
    const SLOTS: u64 = 1024;
    let sink = Sink::start();
    let telemetry = Telemetry::builder("t").endpoint(sink.url()).build().unwrap();
    let tracer = telemetry.tracer("t");
    let held = tracer.start("held");
    std::thread::scope(|scope| {
        let ended = scope.spawn(|| {
            let _kept = tracer.start("thread ended");
        });
        ended.join().unwrap();
        let panicked = scope.spawn(|| {
            let _span = tracer.start("thread panicked");
            let mut judged = tracer.start("judged before");
            judged.succeed();
            panic!("on purpose");
        });
        assert!(panicked.join().is_err());
    });
    // All slots but one: that is for log records.
    for _ in 2..SLOTS {
        std::mem::forget::<Span>(tracer.start("forgotten"));
    }
    tracer.start("no slot").end();
    telemetry.logger("l").info("there is room for me");
    drop(held);
    tracer.start("room again").end();
    let report = telemetry.shutdown(Duration::from_secs(30));
    assert_eq!(report.reasons, [("no_slot", 1)]);
    assert_eq!((report.recorded, report.exported), (7, 6), "{report}");
    let arrived = spans(&sink);
    let status = |name| arrived.iter().find(|span: &&v1::Span| span.name == name).unwrap().status.clone();
    assert_eq!(status("thread ended"), None);
    let panicked = status("thread panicked").expect("unwinding is a failure");
    assert_eq!((panicked.code, &*panicked.message), (2, "panicked"));
    assert_eq!(status("judged before").unwrap().code, 1, "what was said stays");
    assert_eq!(arrived.len(), 5);
}
