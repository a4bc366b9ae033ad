//! What the link takes when its frames are sealed: `cost` has the same with CRC. A feature of its own, as the cipher's code is
//! in all programs that are built with it.
#![no_std]
#![no_main]

use cortex_m::Peripherals;
use cortex_m_rt::{entry, exception};
use semihosting::process;
use smoltel_core::link::{Access, Identity, Key};
use smoltel_core::{Pipeline, Seed, Severity};
use smoltel_embedded_example::loopback::Loopback;
use smoltel_embedded_example::measure::{self, Measure};
use static_cell::ConstStaticCell;

static TELEMETRY: Pipeline = Pipeline::new(|| 1);
static RING: ConstStaticCell<[u8; 4096]> = ConstStaticCell::new([0; 4096]);
static SLOTS: ConstStaticCell<[[u8; 512]; 1]> = ConstStaticCell::new([[0; 512]; 1]);

/// No secret: nothing leaves the program.
const KEY: Key = Key::new([7; 32]);

#[entry]
fn main() -> ! {
    let Some(peripherals) = Peripherals::take() else { process::abort() };
    TELEMETRY.init(RING.take(), SLOTS.take(), Seed::Unique(*b"serial no. 00042"));
    let logger = TELEMETRY.logger("loop");
    let record = || {
        let log = logger.log(Severity::Info).set("valve.id", 3).set("target.celsius", 21.5);
        log.set("mode", "eco").text("moved").emit();
    };
    let identity = Identity { key: Some(KEY), ..Identity::new(b"00042", 1) };
    let link = Loopback::new(identity, |_| Access::Sealed(KEY));
    let names = ["link, a sealed frame", "link, a sealed acknowledgement"];
    link.print(&mut Measure::new(peripherals.SYST), &TELEMETRY, names, &record);
    process::exit(0)
}

#[exception]
fn SysTick() {
    measure::interrupted();
}
