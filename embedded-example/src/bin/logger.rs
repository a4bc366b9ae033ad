//! Counts the instructions of defmt's frames on their way into the link's channel, and the longest that each holds interrupts off. `cost`
//! has the same of what smoltel records.
#![no_std]
#![no_main]

use cortex_m::Peripherals;
use cortex_m_rt::{entry, exception};
use semihosting::process;
use smoltel_embedded_example::channel;
use smoltel_embedded_example::measure::{self, Measure};

/// With what is around it, as long as a frame can be.
const TEXT: &str = "a text that is as long as one can be in a frame that is to be copied at once while nobody may interrupt that";

defmt::timestamp!("{=u64:us}", 1);

#[entry]
fn main() -> ! {
    let Some(peripherals) = Peripherals::take() else { process::abort() };
    let mut measure = Measure::new(peripherals.SYST);
    measure.print("defmt, a frame with 2 numbers", &mut channel::clear, &mut || {
        defmt::info!("valve {=u8} moved to {=u8} %", 3, 40);
    });
    measure
        .print("defmt, a frame with a long text", &mut channel::clear, &mut || defmt::info!("{=str}", TEXT));
    channel::clear();
    defmt::info!("{=str}", TEXT);
    // What was too long would not wait.
    process::exit(if channel::waiting() > TEXT.len() { 0 } else { 1 })
}

#[exception]
fn SysTick() {
    measure::interrupted();
}
