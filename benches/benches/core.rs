//! smoltel-core alone, as on a device: what recording costs up to the ring, and a request out of it.
//!
//! The lock is `critical-section` over a mutex here; on a microcontroller it is two instructions.

use std::hint::black_box;

use smoltel_benches::workload::{CONST_KEYS, TEXTS, set_attributes, value};
use smoltel_benches::{Case, count_instructions};
use smoltel_core::batch::{Batch, Cursor, Lane};
use smoltel_core::{Pipeline, Seed, Signal};

fn main() {
    count_instructions(CASES);
}

const CASES: &[Case] = &[
    ("core: span, no attributes", |n| spans(n, 0)),
    ("core: span, 3 attributes", |n| spans(n, 3)),
    ("core: span, 8 attributes", |n| spans(n, 8)),
    ("core: log, no attributes", |n| logs(n, 0)),
    ("core: log, 3 attributes", |n| logs(n, 3)),
    ("core: log, 8 attributes", |n| logs(n, 8)),
    ("core: counter.add, no attributes", |n| counter(n, 0)),
    ("core: counter.add, 3 attributes", |n| counter(n, 3)),
    ("core: counter.add, 8 attributes", |n| counter(n, 8)),
    ("core: bound counter.add", bound),
    ("core: histogram.record, 3 attributes", |n| histogram(n, false)),
    ("core: bound histogram.record", |n| histogram(n, true)),
    ("core: point without attributes, collected", |n| collect(n, 0)),
    ("core: point of 3 attributes, collected", |n| collect(n, 3)),
    ("core: point of 8 attributes, collected", |n| collect(n, 8)),
    ("core: request of 512 spans with 3 attributes, out of the ring", requests),
];

/// Few enough to fit in the ring, whatever a record holds.
const RECORDS: u64 = 512;

fn pipeline() -> &'static Pipeline {
    let pipeline: &'static Pipeline = Box::leak(Box::new(Pipeline::new(|| 7)));
    pipeline.init(vec![0; 1 << 20].leak(), vec![[0; 1024]; 2].leak(), Seed::Unique([3; 16]));
    pipeline.init_metrics(vec![0; 4096].leak());
    pipeline
}

/// Lets go of everything, as if it had been sent.
fn empty(pipeline: &Pipeline) {
    let emptied = pipeline.with_lane(0, |ring| ring.release(ring.len()));
    assert_eq!((emptied, pipeline.counters().lost_in_all()), (Some(()), 0));
}

/// Calls `record` that often, emptying the ring in between.
fn run(rounds: u64, pipeline: &'static Pipeline, mut record: impl FnMut()) {
    for i in 1..=rounds {
        record();
        if i % RECORDS == 0 {
            empty(pipeline);
        }
    }
}

fn spans(rounds: u64, attributes: usize) {
    let pipeline = pipeline();
    let tracer = pipeline.tracer("com.example.instr");
    run(rounds, pipeline, || {
        let mut span = tracer.start(black_box("GET /api/v1/orders/x"));
        set_attributes(&mut span, attributes);
    });
}

fn logs(rounds: u64, attributes: usize) {
    let pipeline = pipeline();
    let logger = pipeline.logger("com.example.instr");
    run(rounds, pipeline, || {
        let mut log = logger.log(smoltel_core::Severity::Info).text(black_box(TEXTS[1]));
        for (i, key) in CONST_KEYS.iter().enumerate().take(attributes) {
            log = log.set(*key, black_box(value(i)));
        }
        log.emit();
    });
}

fn counter(rounds: u64, attributes: usize) {
    let counter = pipeline().meter("m").counter("orders");
    let attributes: Vec<_> = (0..attributes).map(|i| (CONST_KEYS[i], value(i))).collect();
    for _ in 0..rounds {
        counter.add(black_box(1), black_box(&attributes));
    }
}

fn bound(rounds: u64) {
    let counter = pipeline().meter("m").counter("orders").bind(&[(CONST_KEYS[0], value(0))]);
    for _ in 0..rounds {
        counter.add(black_box(1));
    }
}

/// Sixteen values over the usual bounds.
fn histogram(rounds: u64, bound: bool) {
    let histogram = pipeline().meter("m").histogram("duration");
    let attributes = [0, 4, 6].map(|i| (CONST_KEYS[i], value(i)));
    let one = histogram.bind(&attributes);
    for i in 0..rounds {
        let value = black_box((i % 16) as f64 * 100.0);
        if bound { one.record(value) } else { histogram.record(value, black_box(&attributes)) }
    }
}

fn collect(rounds: u64, attributes: usize) {
    let pipeline = pipeline();
    let counter = pipeline.meter("m").counter("orders");
    let attributes: Vec<_> = (0..attributes).map(|i| (CONST_KEYS[i], value(i))).collect();
    counter.add(1, &attributes);
    run(rounds, pipeline, || pipeline.collect());
}

/// A round is a request: planned, and copied out in pieces of a network packet's size.
fn requests(rounds: u64) {
    let pipeline = pipeline();
    fill(pipeline);
    let source = Lane { pipeline, number: 0 };
    let mut packet = [0; 1400];
    for _ in 0..rounds {
        let batch = Batch::plan(&source, Signal::Traces, 3, (0, usize::MAX), usize::MAX).expect("512 spans");
        assert_eq!(u64::from(batch.items()), RECORDS);
        let mut cursor = Cursor::default();
        while cursor.copy(&batch, &source, b"res", &mut packet) == packet.len() {
            black_box(&packet);
        }
    }
}

fn fill(pipeline: &'static Pipeline) {
    let tracer = pipeline.tracer("com.example.instr");
    for _ in 0..RECORDS {
        let mut span = tracer.start("GET /api/v1/orders/x");
        for (i, key) in CONST_KEYS.iter().enumerate().take(3) {
            span.set(*key, value(i));
        }
    }
}
