//! Logs by defmt, as existing firmware does, over the link on UART1: the gateway makes OTLP logs of it.
//!
//! The strings stay in the ELF, which the gateway finds by the build id that the device says. One frame is longer than the
//! buffer: it is dropped and counted, and what comes later arrives.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use semihosting::{eprintln, process};
use smoltel_core::link::{DeviceEnd, Identity};
use smoltel_core::{Pipeline, Resource, Seed, Severity};
use smoltel_embedded_example::build_id::build_id;
use smoltel_embedded_example::clock::uptime_ns;
use smoltel_embedded_example::wire::Wire;
use smoltel_embedded_example::{channel, report};
use static_cell::ConstStaticCell;

static TELEMETRY: Pipeline = Pipeline::new(uptime_ns);
static RING: ConstStaticCell<[u8; 1024]> = ConstStaticCell::new([0; 1024]);
static SLOTS: ConstStaticCell<[[u8; 256]; 2]> = ConstStaticCell::new([[0; 256]; 2]);

/// When the program gives up.
const DEADLINE: u64 = 50_000_000_000;

// The clock of the link, so that the gateway can tell the true time.
defmt::timestamp!("{=u64:us}", uptime_ns() / 1000);

#[entry]
fn main() -> ! {
    let Some(mut wire) = Wire::take() else { process::abort() };
    TELEMETRY.init(RING.take(), SLOTS.take(), Seed::Unique(*b"serial no. 00042"));
    let Ok(resource) = Resource::<64>::new().with("service.name", "thermometer") else { process::abort() };
    let identity = Identity { build: build_id(), ..Identity::new(b"00042", 1) };
    let mut link = DeviceEnd::new(identity, resource.as_bytes());

    defmt::info!("valve {=u8} moved to {=u8} %", 3, 40);
    defmt::warn!("severity {}, {=[?]}", Severity::Fatal, [1, 2].as_slice());
    let mut sent = run(&mut wire, &mut link);
    defmt::debug!("too long: {=[u8]}", [7; channel::CAPACITY].as_slice());
    defmt::error!("after the gap, session {=u32}", link.stats().sessions);
    sent &= run(&mut wire, &mut link);
    // Of the link's own records: when it is stored, what was sent before has arrived.
    TELEMETRY.logger("main").info("all is said");
    sent &= run(&mut wire, &mut link);
    if !sent {
        eprintln!("{} bytes wait; {:?}", channel::waiting(), link.stats());
    }
    process::exit(if report::losses(&TELEMETRY) && sent { 0 } else { 1 })
}

/// Until everything is on its way and what was recorded is stored; whether it is.
fn run(wire: &mut Wire, link: &mut DeviceEnd<'_>) -> bool {
    while uptime_ns() < DEADLINE {
        wire.turn(link, |link, now, frame| {
            link.transmit(now, &TELEMETRY, frame).or_else(|| channel::transmit(link, frame))
        });
        if channel::waiting() == 0 && link.is_idle() && report::waiting(&TELEMETRY) == 0 {
            return true;
        }
    }
    false
}
