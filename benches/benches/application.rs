//! Recording in an application: through smoltel, from the call to the request's bytes, all threads together.

use std::hint::black_box;
use std::time::{Duration, Instant};

use smoltel::transport::{Answer, Outcome, Request, Transport};
use smoltel::{Builder, Key, PreparedAttributes, Severity, Signal, Telemetry};
use smoltel_benches::workload::{BODY, CONST_KEYS, NAMES, TEXTS, set_attributes};
use smoltel_benches::{Case, count_instructions};

fn main() {
    count_instructions(CASES);
}

const CASES: &[Case] = &[
    ("span, 8 attributes, 1 event, const keys, to request bytes", |n| spans(n, 8)),
    ("span, 8 attributes, 1 event, `&str` keys, to request bytes", str_spans),
    ("span, 3 attributes, 1 event, const keys, to request bytes", |n| spans(n, 3)),
    ("span, no attributes, 1 event, to request bytes", |n| spans(n, 0)),
    ("span, no attributes, 1 event, with crash evidence, to request bytes", evident_spans),
    ("log, 6 attributes, body of 80 bytes, to request bytes", logs),
    ("counter.add, 3 attributes", |n| counter(n, How::Listed)),
    ("counter.add, 3 attributes prepared", |n| counter(n, How::Prepared)),
    ("bound counter.add", |n| counter(n, How::Bound)),
    ("bound histogram.record", histogram),
];

/// Takes requests and throws them away.
struct Null;

impl Transport for Null {
    fn send(&mut self, request: &Request<'_>, _: Instant) -> Outcome {
        black_box(request.body);
        Outcome::new(Answer::Accepted { rejected: 0 }, "")
    }

    fn destination(&self, _: Signal) -> String {
        String::new()
    }
}

/// Calls `round` that often, sending in between, so that nothing is lost.
fn run(rounds: u64, round: impl FnMut(&Telemetry)) {
    run_on(Telemetry::builder("bench"), rounds, round);
}

fn run_on(builder: Builder, rounds: u64, mut round: impl FnMut(&Telemetry)) {
    let telemetry = builder.transport(Null).build().expect("settings that work");
    for i in 1..=rounds {
        round(&telemetry);
        if i % 512 == 0 {
            telemetry.flush(Duration::from_secs(100));
        }
    }
    let report = telemetry.shutdown(Duration::from_secs(100));
    assert_eq!(report.dropped(), 0, "{report}");
}

fn spans(rounds: u64, attributes: usize) {
    spans_on(Telemetry::builder("bench"), rounds, attributes);
}

/// What the system does for its call is not counted.
fn evident_spans(rounds: u64) {
    let dir = tempfile::tempdir().expect("a place for a file");
    spans_on(Telemetry::builder("bench").crash_evidence(dir.path().join("evidence")), rounds, 0);
}

fn spans_on(builder: Builder, rounds: u64, attributes: usize) {
    let mut tracer = None;
    run_on(builder, rounds, |telemetry| {
        let tracer = tracer.get_or_insert_with(|| telemetry.tracer("com.example.instr"));
        let mut span = tracer.start(black_box("GET /api/v1/orders/x"));
        set_attributes(&mut span, attributes);
        span.event("cache.miss", &[(Key::new("cache.key"), black_box("0123456789abcdef").into())]);
    });
}

fn str_spans(rounds: u64) {
    let mut tracer = None;
    run(rounds, |telemetry| {
        let tracer = tracer.get_or_insert_with(|| telemetry.tracer("com.example.instr"));
        let mut span = tracer.start(black_box("GET /api/v1/orders/x"));
        span.set(black_box(NAMES[0]), black_box(TEXTS[0]))
            .set(black_box(NAMES[1]), black_box(TEXTS[1]))
            .set(black_box(NAMES[2]), black_box(TEXTS[2]))
            .set(black_box(NAMES[3]), black_box(TEXTS[3]))
            .set(black_box(NAMES[4]), black_box(404))
            .set(black_box(NAMES[5]), black_box(8080))
            .set(black_box(NAMES[6]), black_box(true))
            .set(black_box(NAMES[7]), black_box(1234.5));
        span.event("cache.miss", &[(black_box("cache.key").into(), black_box("0123456789abcdef").into())]);
    });
}

fn logs(rounds: u64) {
    let mut logger = None;
    run(rounds, |telemetry| {
        let logger = logger.get_or_insert_with(|| telemetry.logger("com.example.instr"));
        let mut log = logger.log(Severity::Info).text(black_box(BODY));
        log.add(CONST_KEYS[1], black_box(TEXTS[1]))
            .add(CONST_KEYS[2], black_box(TEXTS[2]))
            .add(CONST_KEYS[3], black_box(TEXTS[3]))
            .add(CONST_KEYS[4], black_box(404))
            .add(CONST_KEYS[5], black_box(8080))
            .add(CONST_KEYS[6], black_box(true));
        log.emit();
    });
}

/// How a counter gets its attributes.
enum How {
    Listed,
    Prepared,
    Bound,
}

fn counter(rounds: u64, how: How) {
    let telemetry = Telemetry::builder("bench").transport(Null).build().expect("settings that work");
    let counter = telemetry.meter("m").counter("orders");
    let attributes =
        [(CONST_KEYS[1], TEXTS[1].into()), (CONST_KEYS[0], "GET".into()), (CONST_KEYS[4], 200.into())];
    let (one, prepared) = (counter.bind(&attributes), PreparedAttributes::<128>::new(&attributes));
    for _ in 0..rounds {
        match how {
            How::Listed => counter.add(black_box(1), black_box(&attributes)),
            How::Prepared => counter.add_prepared(black_box(1), black_box(&prepared)),
            How::Bound => one.add(black_box(1)),
        }
    }
    telemetry.shutdown(Duration::from_secs(100));
}

/// Sixteen values over the usual bounds.
fn histogram(rounds: u64) {
    let telemetry = Telemetry::builder("bench").transport(Null).build().expect("settings that work");
    let one = telemetry.meter("m").histogram("duration").bind(&[(CONST_KEYS[0], TEXTS[0].into())]);
    (0..rounds).for_each(|i| one.record(black_box((i % 16) as f64 * 100.0)));
    telemetry.shutdown(Duration::from_secs(100));
}
