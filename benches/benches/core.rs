//! What recording costs, from the call to the request's bytes, in instructions.

use std::hint::black_box;
use std::time::{Duration, Instant};

use smoltel::transport::{Answer, Outcome, Request, Transport};
use smoltel::{Key, Severity, Telemetry, Value};
use smoltel_benches::{Case, count_instructions};

fn main() {
    count_instructions(CASES);
}

const CASES: &[Case] = &[
    ("span, 8 attributes, 1 event, const keys, to request bytes", |n| spans(n, 8, &CONST_KEYS)),
    ("span, 8 attributes, 1 event, &str keys, to request bytes", |n| str_spans(n)),
    ("span, 3 attributes, 1 event, const keys, to request bytes", |n| spans(n, 3, &CONST_KEYS)),
    ("span, no attributes, 1 event, to request bytes", |n| spans(n, 0, &CONST_KEYS)),
    ("log, 6 attributes, body of 80 bytes, to request bytes", logs),
    ("counter.add, 3 attributes", |n| counter(n, false)),
    ("bound counter.add", |n| counter(n, true)),
];

const NAMES: [&str; 8] = [
    "http.request.method",
    "http.route",
    "server.address",
    "user_agent.name",
    "http.response.status_code",
    "server.port",
    "cache.hit",
    "queue.wait_ms",
];
const CONST_KEYS: [Key<'static>; 8] = {
    let mut keys = [Key::new(""); 8];
    let mut i = 0;
    while i < 8 {
        keys[i] = Key::new(NAMES[i]);
        i += 1;
    }
    keys
};
const TEXTS: [&str; 4] = ["x9-kq/ab_c0d.ef1", "/api/v1/orders/x", "ip-10-0-13-37-ab", "curl-8.5.0-linux"];
const BODY: &str = "an order was placed, paid for, packed, sent off and signed for by a neighbour .....";

/// Takes requests and throws them away.
struct Null;

impl Transport for Null {
    fn send(&mut self, request: &Request<'_>, _: Instant) -> Outcome {
        black_box(request.body);
        Outcome::new(Answer::Accepted { rejected: 0 }, "")
    }

    fn destination(&self) -> String {
        String::new()
    }
}

/// Calls `round` that often, sending in between, so that nothing is lost.
fn run(rounds: u64, mut round: impl FnMut(&Telemetry)) {
    let telemetry = Telemetry::builder("bench").transport(Null).build().expect("settings that work");
    for i in 1..=rounds {
        round(&telemetry);
        if i % 512 == 0 {
            telemetry.flush(Duration::from_secs(100));
        }
    }
    let report = telemetry.shutdown(Duration::from_secs(100));
    assert_eq!(report.dropped(), 0, "{report}");
}

fn value(i: usize) -> Value<'static> {
    match i {
        0..=3 => TEXTS[i].into(),
        4 => 404.into(),
        5 => 8080.into(),
        6 => true.into(),
        _ => 1234.5.into(),
    }
}

fn spans(rounds: u64, attributes: usize, keys: &[Key<'static>; 8]) {
    let mut tracer = None;
    run(rounds, |telemetry| {
        let tracer = tracer.get_or_insert_with(|| telemetry.tracer("com.example.instr"));
        let mut span = tracer.start(black_box("GET /api/v1/orders/x"));
        for (i, key) in keys.iter().enumerate().take(attributes) {
            span.set(*key, black_box(value(i)));
        }
        span.event("cache.miss", &[(Key::new("cache.key"), black_box("0123456789abcdef").into())]);
    });
}

fn str_spans(rounds: u64) {
    let mut tracer = None;
    run(rounds, |telemetry| {
        let tracer = tracer.get_or_insert_with(|| telemetry.tracer("com.example.instr"));
        let mut span = tracer.start(black_box("GET /api/v1/orders/x"));
        for (i, name) in NAMES.iter().enumerate() {
            span.set(black_box(*name), black_box(value(i)));
        }
        span.event("cache.miss", &[(black_box("cache.key").into(), black_box("0123456789abcdef").into())]);
    });
}

fn logs(rounds: u64) {
    let mut logger = None;
    run(rounds, |telemetry| {
        let logger = logger.get_or_insert_with(|| telemetry.logger("com.example.instr"));
        let mut log = logger.log(Severity::Info).text(black_box(BODY));
        for (i, key) in CONST_KEYS.iter().enumerate().skip(1).take(6) {
            log = log.set(*key, black_box(value(i)));
        }
        log.emit();
    });
}

fn counter(rounds: u64, bound: bool) {
    let telemetry = Telemetry::builder("bench").transport(Null).build().expect("settings that work");
    let counter = telemetry.meter("m").counter("orders");
    let attributes =
        [(CONST_KEYS[1], TEXTS[1].into()), (CONST_KEYS[0], "GET".into()), (CONST_KEYS[4], Value::Int(200))];
    let one = counter.bind(&attributes);
    for _ in 0..rounds {
        if bound {
            one.add(black_box(1));
        } else {
            counter.add(black_box(1), black_box(&attributes));
        }
    }
    telemetry.shutdown(Duration::from_secs(100));
}
