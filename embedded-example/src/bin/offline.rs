//! Records while nobody listens: what the ring has no room for goes to flash, and arrives once when the line is back.
//!
//! On UART0 the program says what somebody is to do: `plug` the line in, and `restart` the gateway while it is being told.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use semihosting::{eprintln, process};
use smoltel_core::flash::{FlashQueue, Store, Unknown};
use smoltel_core::link::{DeviceEnd, Identity};
use smoltel_core::{Logger, Pipeline, Resource, Seed, Severity};
use smoltel_embedded_example::clock::uptime_ns;
use smoltel_embedded_example::flash::SimulatedFlash;
use smoltel_embedded_example::report;
use smoltel_embedded_example::uart::Uart0;
use smoltel_embedded_example::wire::Wire;
use static_cell::ConstStaticCell;

static TELEMETRY: Pipeline = Pipeline::new(uptime_ns);

/// Room for some ten records.
static RING: ConstStaticCell<[u8; 1024]> = ConstStaticCell::new([0; 1024]);
static SLOTS: ConstStaticCell<[[u8; 192]; 2]> = ConstStaticCell::new([[0; 192]; 2]);
static FLASH: ConstStaticCell<[u8; 8192]> = ConstStaticCell::new([0; 8192]);

const SEED: Seed = Seed::Unique(*b"serial no. 00042");
/// Readings without a gateway, and with one.
const ALONE: u64 = 48;
const ALL: u64 = 56;
/// Between two of them, in nanoseconds.
const PERIOD: u64 = 5_000_000;
/// When the program gives up.
const DEADLINE: u64 = 50_000_000_000;

#[entry]
fn main() -> ! {
    let (Some(mut console), Some(mut wire)) = (Uart0::take(), Wire::take()) else { process::abort() };
    TELEMETRY.init(RING.take(), SLOTS.take(), SEED);
    let resource = Resource::<64>::new().with("service.name", "buoy");
    let Ok(resource) = resource.and_then(|resource| resource.with("device.id", "00043")) else {
        eprintln!("the resource is longer than its buffer");
        process::exit(1)
    };
    let Ok(queue) = FlashQueue::open(SimulatedFlash::blank(FLASH.take()), Unknown::Refuse) else {
        eprintln!("the flash holds no queue");
        process::exit(1)
    };
    let store = Store::new(queue, &TELEMETRY);
    let mut link = DeviceEnd::new(Identity::new(b"00043", 1), resource.as_bytes());
    let logger = TELEMETRY.logger("buoy");
    let (mut readings, mut most, mut restarted, mut stored) = (0, 0, false, false);
    while uptime_ns() < DEADLINE && !stored {
        if readings < ALL && uptime_ns() >= readings * PERIOD && (readings < ALONE || restarted) {
            measure(&logger, readings);
            readings += 1;
            if readings == ALONE {
                most = in_flash(&store);
                console.write_all(b"plug\n");
            }
        }
        if !link.is_up() {
            store.spill(256);
        }
        // A buoy that is being rocked by a wave would say no here.
        store.poll(|| true);
        wire.turn(&mut link, |link, now, frame| link.transmit_with(now, &TELEMETRY, &store, frame));
        let left = in_flash(&store);
        if readings == ALONE && !restarted && left < most / 2 {
            restarted = true;
            console.write_all(b"restart\n");
        }
        stored = readings == ALL && link.is_idle() && left == 0 && report::waiting(&TELEMETRY) == 0;
    }
    eprintln!("in flash: at most {} B, now {} B", most.next_multiple_of(1024), in_flash(&store));
    if !stored {
        eprintln!("{} bytes wait in the rings; {:?}", report::waiting(&TELEMETRY), link.stats());
    }
    process::exit(if report::losses(&TELEMETRY) && stored { 0 } else { 1 })
}

fn in_flash(store: &Store<'_, SimulatedFlash>) -> u64 {
    store.with(|queue| queue.len()).unwrap_or(0)
}

/// What the device is for.
fn measure(logger: &Logger, number: u64) {
    let severity = if number % 8 == 5 { Severity::Warn } else { Severity::Info };
    logger.log(severity).set("wave.number", number as i64).text("a wave of 1.2 m").emit();
}
