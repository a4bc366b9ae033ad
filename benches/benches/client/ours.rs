//! Instrumented by smoltel, as it comes: no spool, nothing compressed.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use smoltel::{Builder, Key, PreparedAttributes, Severity, Telemetry};
use smoltel_benches::workload::{BODY, CONST_KEYS, NAME, TEXTS, set_attributes};

use crate::program::Program;

const LONG: Duration = Duration::from_secs(100);

pub(crate) fn start(endpoint: &str) -> Program {
    on(Telemetry::builder("bench").endpoint(endpoint))
}

pub(crate) fn on(builder: Builder) -> Program {
    let telemetry = Arc::new(builder.build().expect("settings that work"));
    let (tracer, logger) = (telemetry.tracer("com.example.instr"), telemetry.logger("com.example.instr"));
    let counter = telemetry.meter("com.example.instr").counter("orders");
    let attributes =
        vec![(CONST_KEYS[1], TEXTS[1].into()), (CONST_KEYS[0], "GET".into()), (CONST_KEYS[4], 200.into())];
    let prepared = PreparedAttributes::<128>::new(attributes.leak());
    let flushing = Arc::clone(&telemetry);
    Program {
        span: Box::new(move || {
            let mut span = tracer.start(black_box(NAME));
            set_attributes(&mut span, CONST_KEYS.len());
            span.event("cache.miss", &[(Key::new("cache.key"), black_box(TEXTS[0]).into())]);
        }),
        log: Some(Box::new(move || {
            let mut log = logger.log(Severity::Info).text(black_box(BODY));
            log.add(CONST_KEYS[1], black_box(TEXTS[1]))
                .add(CONST_KEYS[2], black_box(TEXTS[2]))
                .add(CONST_KEYS[3], black_box(TEXTS[3]))
                .add(CONST_KEYS[4], black_box(404))
                .add(CONST_KEYS[5], black_box(8080))
                .add(CONST_KEYS[6], black_box(true));
            log.emit();
        })),
        count: Some(Box::new(move || counter.add_prepared(black_box(1), black_box(&prepared)))),
        flush: Box::new(move || _ = flushing.flush(LONG)),
        finish: Box::new(move || {
            let report = telemetry.flush(LONG);
            (report.dropped() + report.in_doubt).to_string()
        }),
    }
}
