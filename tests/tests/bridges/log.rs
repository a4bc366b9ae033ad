use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use log::{LevelFilter, Log, Metadata, Record};
use smoltel::bridge::LogBridge;

use crate::receiver::{Harness, arrived, body, shown};

#[test]
fn a_record_arrives_with_everything_it_says() {
    let harness = Harness::start();
    log::set_max_level(LevelFilter::Trace);
    let logger = LogBridge::new(&harness.telemetry);
    let span = harness.telemetry.tracer("t").start("request");
    let error = std::io::Error::other("no valve");
    {
        let _current = span.enter();
        log::warn!(
            logger: logger, target: "control-loop", valve = 3, ratio = 0.5, open = true, name = "north", letter = 'x',
            big = u64::MAX, list:? = [1, 2], error:err = error; "valve {} stuck", 3
        );
    }
    log::debug!(logger: logger, "outside");
    let context = span.context();
    drop(span);

    let arrived = harness.finish();
    let log = arrived.log("valve 3 stuck");
    assert_eq!((log.severity_number, log.severity_text.as_str()), (13, "WARN"));
    assert_eq!((&log.trace_id[..], &log.span_id[..]), (&context.trace_id.0[..], &context.span_id.0[..]));
    assert!(arrived.logs.iter().any(|(scope, log)| scope == "control-loop" && body(log) == "valve 3 stuck"));
    for (key, value) in [
        ("valve", "3"),
        ("ratio", "0.5"),
        ("open", "true"),
        ("name", "\"north\""),
        ("letter", "\"x\""),
        ("big", "\"18446744073709551615\""),
        ("list", "\"[1, 2]\""),
        ("error", "\"no valve\""),
        ("exception.message", "\"no valve\""),
        ("exception.stacktrace", "none"),
        ("code.module.name", "\"bridges::log\""),
        ("code.file.path", "\"tests/tests/bridges/log.rs\""),
    ] {
        assert_eq!(shown(&log.attributes, key), value, "{key}");
    }
    assert_ne!(shown(&log.attributes, "code.line.number"), "none");
    let outside = arrived.log("outside");
    assert_eq!((outside.severity_number, outside.trace_id.len()), (5, 0));
}

/// Keeps what it is told, above `DEBUG`.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<String>>>);

impl Log for Memory {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() < log::Level::Debug
    }

    fn log(&self, record: &Record<'_>) {
        self.0.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {
        self.0.lock().unwrap().push("flushed".to_owned());
    }
}

#[test]
fn another_logger_hears_it_too_and_a_flush_sends() {
    let harness = Harness::start();
    log::set_max_level(LevelFilter::Trace);
    let memory = Memory::default();
    let logger = LogBridge::new(&harness.telemetry).level(LevelFilter::Warn).and(memory.clone());
    let metadata = |level| Metadata::builder().level(level).build();
    let enabled =
        [log::Level::Warn, log::Level::Info, log::Level::Debug].map(|level| logger.enabled(&metadata(level)));
    assert_eq!(enabled, [true, true, false]);
    log::warn!(logger: logger, "both");
    log::info!(logger: logger, "the other");
    logger.flush();
    assert_eq!(*memory.0.lock().unwrap(), ["both", "the other", "flushed"]);
    let arrived = arrived(&harness.sink);
    assert_eq!(arrived.logs.iter().map(|(_, log)| body(log)).collect::<Vec<_>>(), ["both"]);
}

/// One test that sets the program's logger: there is one for the whole process.
#[test]
fn what_the_worker_logs_while_it_sends_is_not_sent() {
    /// Counts what the HTTP client logs.
    struct Client(Arc<AtomicUsize>);

    impl Log for Client {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &Record<'_>) {
            self.0.fetch_add(record.target().starts_with("ureq").into(), Ordering::Relaxed);
        }

        fn flush(&self) {}
    }

    let harness = Harness::start();
    let heard = Arc::new(AtomicUsize::new(0));
    LogBridge::new(&harness.telemetry).and(Client(heard.clone())).install().unwrap();
    log::info!("installed");
    harness.telemetry.flush(Duration::from_secs(30));
    let report = harness.telemetry.flush(Duration::from_secs(30));
    assert_eq!((report.recorded, report.exported), (1, 1));
    assert!(heard.load(Ordering::Relaxed) > 0, "the client logs");
    assert_eq!(harness.finish().logs.len(), 1);
}
