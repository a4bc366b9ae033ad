use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::receiver::{Harness, arrived, shown};

/// One test: there is one hook for the whole process.
#[test]
fn a_panic_is_told_before_the_program_goes_on() {
    static CALLED: AtomicBool = AtomicBool::new(false);
    std::panic::set_hook(Box::new(|_| CALLED.store(true, Ordering::Release)));
    let harness = Harness::start();
    harness.telemetry.install_panic_hook(Duration::from_secs(30));
    let tracer = harness.telemetry.tracer("t");
    let mut context = None;
    let work = || {
        let span = tracer.start("adjust");
        context = Some(span.context());
        let _current = span.enter();
        panic!("valve {} exploded", 3);
    };
    assert!(catch_unwind(AssertUnwindSafe(work)).is_err());

    // No flush, no shutdown: the hook has sent it.
    let told = arrived(&harness.sink);
    let log = told.log("valve 3 exploded");
    assert_eq!((log.severity_number, log.severity_text.as_str()), (21, "FATAL"));
    assert_eq!(log.span_id, context.unwrap().span_id.0);
    for (key, value) in [
        ("exception.type", "\"panic\""),
        ("exception.message", "\"valve 3 exploded\""),
        ("code.file.path", "\"tests/tests/bridges/panics.rs\""),
        ("thread.name", "\"panics::a_panic_is_told_before_the_program_goes_on\""),
    ] {
        assert_eq!(shown(&log.attributes, key), value, "{key}");
    }
    assert!(CALLED.load(Ordering::Acquire), "the hook before it is still called");

    let status = harness.finish().span("adjust").status.clone().unwrap();
    assert_eq!((status.code, status.message.as_str()), (2, "panicked"));
    let _ = std::panic::take_hook();
}
