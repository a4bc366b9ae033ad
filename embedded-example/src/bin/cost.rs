//! Counts the instructions of what a device does, one kind after the other.
//!
//! Under `-icount shift=10` QEMU's clock moves by 1.024 µs for each instruction, so that the timer says how many there
//! were. They are instructions and no cycles: there are no wait states and no pipeline. The pipeline's own clock costs nothing
//! here; a board's costs what it costs, once for a log record and twice for a span.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use semihosting::{eprintln, process};
use smoltel_core::{Key, Pipeline, Seed, Severity};
use smoltel_embedded_example::clock::uptime_ns;
use static_cell::ConstStaticCell;

static TELEMETRY: Pipeline = Pipeline::new(|| 1);
static RING: ConstStaticCell<[u8; 4096]> = ConstStaticCell::new([0; 4096]);
static SLOTS: ConstStaticCell<[[u8; 512]; 4]> = ConstStaticCell::new([[0; 512]; 4]);
static POINTS: ConstStaticCell<[u8; 512]> = ConstStaticCell::new([0; 512]);

const KEYS: [Key<'static>; 8] = [
    Key::new("valve.id"),
    Key::new("valve.open"),
    Key::new("target.celsius"),
    Key::new("mode"),
    Key::new("pump.id"),
    Key::new("pump.rpm"),
    Key::new("loop.count"),
    Key::new("manual"),
];
/// Nanoseconds that the clock moves for an instruction.
const NS: u64 = 1024;

#[entry]
fn main() -> ! {
    TELEMETRY.init(RING.take(), SLOTS.take(), Seed::Unique(*b"serial no. 00042"));
    TELEMETRY.init_metrics(POINTS.take());
    let (tracer, logger) = (TELEMETRY.tracer("loop"), TELEMETRY.logger("loop"));
    let meter = TELEMETRY.meter("loop");
    let counter = meter.counter("moves").bind(&[(KEYS[0], 3.into())]);
    let histogram = meter.instrument("duration").bounds(&[0.001, 0.01, 0.1]).histogram();
    let histogram = histogram.bind(&[(KEYS[0], 3.into())]);

    count("log, 3 attributes", || {
        logger
            .log(Severity::Info)
            .set(KEYS[0], 3)
            .set(KEYS[2], 21.5)
            .set(KEYS[3], "eco")
            .text("moved")
            .emit();
    });
    count("span, 8 attributes", || {
        let mut span = tracer.start("adjust");
        span.set(KEYS[0], 3).set(KEYS[1], true).set(KEYS[2], 21.5).set(KEYS[3], "eco");
        span.set(KEYS[4], 7).set(KEYS[5], 1450).set(KEYS[6], 12).set(KEYS[7], false);
        span.end();
    });
    count("bound counter, add", || counter.add(1));
    count("bound histogram, record", || histogram.record(0.004));
    count("collect both", || TELEMETRY.collect());
    process::exit(0)
}

/// Prints the instructions of `work`, the third time that it is done: tables are filled then.
#[inline(never)]
fn count(what: &str, mut work: impl FnMut()) {
    let mut taken = 0;
    for _ in 0..3 {
        let empty = uptime_ns();
        let start = uptime_ns();
        work();
        let end = uptime_ns();
        taken = (end - start).saturating_sub(start - empty) / NS;
    }
    // In steps, so that a new compiler does not change what must be printed.
    eprintln!("{what}: at most {}", taken.next_multiple_of(100));
}
