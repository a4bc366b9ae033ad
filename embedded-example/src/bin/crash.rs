//! Crashes three times: a panic, a fault, a loop without an end. What was recorded, the spans that were open and why it was reset arrive at the
//! gateway once each, after the reset.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use semihosting::{eprintln, process};
use smoltel_core::link::{DeviceEnd, Identity};
use smoltel_core::recorder::{Reset, Words};
use smoltel_core::{Logger, Pipeline, Resource, Seed, Tracer};
use smoltel_cortex_m::{faulted, hung, with_frame};
use smoltel_embedded_example::clock::uptime_ns;
use smoltel_embedded_example::watchdog::Watchdog;
use smoltel_embedded_example::wire::Wire;
use smoltel_embedded_example::{panic, report};

static TELEMETRY: Pipeline = Pipeline::new(uptime_ns);

/// A quarter is for what matters: a crash takes some 400 bytes of it, and there are two before the gateway hears of them.
const RING: usize = 4096;
const SEED: Seed = Seed::Unique(*b"serial no. 00044");
/// What a build script finds out.
const BUILD: [u8; 8] = *b"crash  1";
/// When the program gives up.
const DEADLINE: u64 = 30_000_000_000;

#[entry]
fn main() -> ! {
    let (Some(mut wire), Some(mut watchdog)) = (Wire::take(), Watchdog::start(500)) else { process::abort() };
    let memory = match smoltel_cortex_m::take::<RING, 4, 256>() {
        Ok(memory) => memory,
        Err(lacking) => {
            eprintln!("{lacking}");
            process::exit(1)
        }
    };
    let words = memory.words;
    let image = TELEMETRY.init_recorder(memory, SEED, BUILD, Reset::Unknown);
    panic::record();
    let (boot, tracer, logger) = (words.boots(), TELEMETRY.tracer("valve"), TELEMETRY.logger("valve"));
    eprintln!("boot {boot}: {image:?}");
    let resource = Resource::<64>::new().with("service.name", "valve");
    let Ok(resource) = resource.and_then(|resource| resource.with("device.id", "00044")) else {
        process::abort()
    };
    let mut link = DeviceEnd::new(Identity::new(b"00044", u64::from(boot) << 32), resource.as_bytes());
    logger.info("ready");
    // The second boot crashes before the gateway has heard of it.
    if boot != 1 && !deliver(&mut wire, &mut link, words, &mut watchdog) {
        eprintln!("{} bytes of records are not stored; {:?}", report::waiting(&TELEMETRY), link.stats());
        process::exit(1)
    }
    match boot {
        0 => adjust(&tracer, &logger, || panic!("no valve at {}", 3)),
        1 => adjust(&tracer, &logger, || cortex_m::asm::udf()),
        2 => adjust(&tracer, &logger, || {
            loop {
                cortex_m::asm::nop();
            }
        }),
        _ => process::exit(if report::losses(&TELEMETRY) { 0 } else { 1 }),
    }
}

/// What the device is for. It does not come to an end.
fn adjust(tracer: &Tracer, logger: &Logger, crash: fn() -> !) -> ! {
    let mut adjust = tracer.start("adjust");
    adjust.set("target.celsius", 21.5);
    let mut turn = tracer.span("turn").child_of(&adjust).start();
    turn.set("valve.id", 3);
    logger.log(smoltel_core::Severity::Info).context(turn.context()).text("turning").emit();
    crash()
}

/// The main loop: moves bytes until everything is stored, or for as long as that may take.
fn deliver(wire: &mut Wire, link: &mut DeviceEnd<'_>, words: &Words, watchdog: &mut Watchdog) -> bool {
    while uptime_ns() < DEADLINE {
        watchdog.feed();
        words.alive(uptime_ns());
        wire.turn(link, |link, now, frame| link.transmit(now, &TELEMETRY, frame));
        if link.is_idle() && report::waiting(&TELEMETRY) == 0 {
            return true;
        }
    }
    false
}

with_frame!(HardFault, faulted);
with_frame!(NonMaskableInt, hung);
