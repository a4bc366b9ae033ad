//! Counts the instructions of what a device does, one kind after the other, and the longest that each holds interrupts off.
//!
//! The pipeline's own clock costs nothing here; a board's costs what it costs, once for a log record and twice for a span. Nor
//! does the flash, which is simulated in RAM: what a word's programming takes comes on top.
#![no_std]
#![no_main]

use cortex_m::Peripherals;
use cortex_m_rt::{entry, exception};
use semihosting::{eprintln, process};
use smoltel_core::flash::{FlashQueue, Progress, Store, Unknown};
use smoltel_core::link::{Access, Identity};
use smoltel_core::ring::Header;
use smoltel_core::{Key, Logger, Pipeline, Seed, Severity, Tracer};
use smoltel_embedded_example::flash::SimulatedFlash;
use smoltel_embedded_example::loopback::Loopback;
use smoltel_embedded_example::measure::{self, Measure};
use smoltel_embedded_example::stack;
use static_cell::ConstStaticCell;

static TELEMETRY: Pipeline = Pipeline::new(|| 1);
static RING: ConstStaticCell<[u8; 4096]> = ConstStaticCell::new([0; 4096]);
static SLOTS: ConstStaticCell<[[u8; 512]; 4]> = ConstStaticCell::new([[0; 512]; 4]);
static POINTS: ConstStaticCell<[u8; 1024]> = ConstStaticCell::new([0; 1024]);
static FLASH: ConstStaticCell<[u8; 4096]> = ConstStaticCell::new([0; 4096]);

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

#[entry]
fn main() -> ! {
    let Some(peripherals) = Peripherals::take() else { process::abort() };
    let mut measure = Measure::new(peripherals.SYST);
    TELEMETRY.init(RING.take(), SLOTS.take(), Seed::Unique(*b"serial no. 00042"));
    TELEMETRY.init_metrics(POINTS.take());
    let (tracer, logger) = (TELEMETRY.tracer("loop"), TELEMETRY.logger("loop"));
    log(&logger);
    span(&tracer);
    // In steps, so that a new compiler does not change what must be printed.
    eprintln!("stack, recording: at most {} B", stack::deepest().next_multiple_of(256));
    records(&mut measure, &tracer, &logger);
    instruments(&mut measure);
    link(&mut measure, &logger);
    flash(&mut measure, &logger);
    process::exit(0)
}

#[exception]
fn SysTick() {
    measure::interrupted();
}

fn log(logger: &Logger) {
    logger.log(Severity::Info).set(KEYS[0], 3).set(KEYS[2], 21.5).set(KEYS[3], "eco").text("moved").emit();
}

fn span(tracer: &Tracer) {
    let mut span = tracer.start("adjust");
    span.set(KEYS[0], 3).set(KEYS[1], true).set(KEYS[2], 21.5).set(KEYS[3], "eco");
    span.set(KEYS[4], 7).set(KEYS[5], 1450).set(KEYS[6], 12).set(KEYS[7], false);
    span.end();
}

/// Makes room in the rings.
fn empty() {
    for lane in 0..2 {
        TELEMETRY.with_lane(lane, |ring| ring.release(ring.len()));
    }
}

#[inline(never)]
fn records(measure: &mut Measure, tracer: &Tracer, logger: &Logger) {
    measure.print("log, 3 attributes", &mut empty, &mut || log(logger));
    measure.print("span, 8 attributes", &mut empty, &mut || span(tracer));
}

#[inline(never)]
fn instruments(measure: &mut Measure) {
    let meter = TELEMETRY.meter("loop");
    let attributes = &[(KEYS[0], 3.into())];
    let counter = meter.counter("moves").bind(attributes);
    let up_down = meter.up_down_counter("waiting").bind(attributes);
    let gauge = meter.gauge("temperature").bind(attributes);
    let histogram = meter.instrument("duration").bounds(&[0.001, 0.01, 0.1]).histogram().bind(attributes);
    let exponential = meter.instrument("pressure").exponential(16).histogram().bind(attributes);
    measure.print("bound counter, add", &mut || (), &mut || counter.add(1));
    measure.print("bound up-down counter, add", &mut || (), &mut || up_down.add(-1));
    measure.print("bound gauge, record", &mut || (), &mut || gauge.record(21.5));
    measure.print("bound histogram of 4 buckets, record", &mut || (), &mut || histogram.record(0.004));
    measure.print("bound exponential histogram, record", &mut || (), &mut || exponential.record(0.004));
    measure.print("collect all five", &mut empty, &mut || TELEMETRY.collect());
}

#[inline(never)]
fn link(measure: &mut Measure, logger: &Logger) {
    empty();
    let link = Loopback::new(Identity::new(b"00042", 1), |_| Access::Plain);
    link.print(measure, &TELEMETRY, ["link, a frame with CRC", "link, an acknowledgement"], &|| log(logger));
}

#[inline(never)]
fn flash(measure: &mut Measure, logger: &Logger) {
    empty();
    let Ok(queue) = FlashQueue::open(SimulatedFlash::blank(FLASH.take()), Unknown::Refuse) else {
        eprintln!("the flash holds no queue");
        process::exit(1)
    };
    let store = Store::new(queue, &TELEMETRY);
    let mut make_room = || {
        store.with(|queue| queue.release(queue.readable()));
        while !matches!(store.poll(|| true), None | Some(Progress::Idle)) {}
        empty();
        log(logger);
    };
    measure.print("flash, a log appended", &mut make_room, &mut || _ = store.spill(0));
    let mut append = || {
        make_room();
        store.spill(0);
    };
    let mut take = || {
        let mut record = [0; 128];
        store.with(|queue| {
            let (_, next) = queue.record(0, |_| 0).ok()??;
            queue.read(Header::LEN as u64, &mut record).ok()?;
            queue.release(next).ok()
        });
    };
    measure.print("flash, a log read and let go of", &mut append, &mut take);
}
