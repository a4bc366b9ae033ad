//! A process that forks in the middle: the child is heard by nobody, waits for nobody, and harms nothing.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use prost::Message;
use smoltel::{Severity, Telemetry};
use smoltel_proto::types::collector::trace::v1::ExportTraceServiceRequest;
use smoltel_tests::fork;
use smoltel_tests::sink::{Reply, Sink};

/// The names of the spans that have arrived, each as often as it has.
fn names(sink: &Sink) -> Vec<String> {
    let mut names = Vec::new();
    for received in sink.received("/v1/traces") {
        let request = ExportTraceServiceRequest::decode(&received.body[..]).unwrap();
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        names.extend(scopes.flat_map(|scope| scope.spans).map(|span| span.name));
    }
    names.sort();
    names
}

#[test]
fn a_child_is_not_sent_and_ends_at_once_and_its_parent_goes_on() {
    static DOWN: AtomicBool = AtomicBool::new(true);
    let sink = Sink::replying(|_| match DOWN.load(Ordering::Acquire) {
        true => Reply::Status(503, "", Vec::new()),
        false => Reply::ok(),
    });
    let dir = tempfile::tempdir().unwrap();
    let build = || Telemetry::builder("t").endpoint(sink.url()).spool(dir.path()).on_message(|_| {}).build();
    let mut telemetry = Some(build().unwrap());
    let tracer = telemetry.as_ref().unwrap().tracer("t");
    tracer.start("spooled").end();
    assert_eq!(telemetry.as_ref().unwrap().flush(Duration::from_secs(30)).spooled, 1);

    let mut open = tracer.start("open");
    tracer.start("queued").end();
    let went_through = fork::goes_through(|| {
        let telemetry = telemetry.take().unwrap();
        open.set("in", "the child");
        tracer.start("of the child").end();
        telemetry.logger("l").log(Severity::Error).text("of the child").emit();
        telemetry.meter("m").counter("c").add(1, &[]);
        let start = Instant::now();
        let flushed = telemetry.flush(Duration::from_secs(3600));
        let report = telemetry.shutdown(Duration::from_secs(3600));
        assert!(start.elapsed() < Duration::from_secs(600));
        // What its parent has queued, and its own span and log record.
        assert_eq!((report.dropped(), &report.reasons[..]), (3, &[("closed", 3)][..]), "{report}");
        assert_eq!(flushed.reasons, report.reasons);
    });
    assert!(went_through);
    // One that only drops it, as a process does that never meant to fork.
    assert!(fork::goes_through(|| drop(telemetry.take())));
    assert!(build().is_err(), "the spool is still the parent's");

    open.end();
    DOWN.store(false, Ordering::Release);
    let report = telemetry.take().unwrap().shutdown(Duration::from_secs(30));
    assert_eq!((report.recorded, report.exported, report.dropped()), (3, 3, 0), "{report}");
    assert_eq!(names(&sink), ["open", "queued", "spooled"]);
    let again = build().unwrap().shutdown(Duration::from_secs(30));
    assert_eq!(again.found, 0, "nothing was left behind in the spool");
}

#[test]
fn a_child_records_although_threads_of_its_parent_held_locks() {
    let sink = Sink::start();
    let telemetry = Telemetry::builder("t").endpoint(sink.url()).build().unwrap();
    let (tracer, logger) = (telemetry.tracer("t"), telemetry.logger("l"));
    let (counter, ended) = (telemetry.meter("m").counter("c"), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    tracer.start("parent's").end();
                    counter.add(1, &[]);
                }
            });
        }
        let all_went_through = (0..100).all(|_| {
            fork::goes_through(|| {
                for _ in 0..10 {
                    tracer.start("child's").end();
                    logger.info("child's");
                    counter.add(1, &[]);
                }
            })
        });
        ended.store(true, Ordering::Relaxed);
        assert!(all_went_through);
    });
    let report = telemetry.shutdown(Duration::from_secs(60));
    assert_eq!(report.recorded, report.exported + report.dropped(), "{report}");
    assert_eq!(HashSet::from_iter(names(&sink)), HashSet::from(["parent's".to_owned()]));
}

#[test]
fn a_child_that_builds_its_own_is_heard() {
    let sink = Sink::start();
    let telemetry = Telemetry::builder("parent").endpoint(sink.url()).build().unwrap();
    telemetry.tracer("t").start("parent's").end();
    assert!(fork::goes_through(|| {
        let own = Telemetry::builder("child").endpoint(sink.url()).build().unwrap();
        own.tracer("t").start("child's").end();
        assert_eq!(own.shutdown(Duration::from_secs(30)).exported, 1);
    }));
    telemetry.shutdown(Duration::from_secs(30));
    assert_eq!(names(&sink), ["child's", "parent's"]);
}
