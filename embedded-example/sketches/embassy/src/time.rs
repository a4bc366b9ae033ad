//! Stands for a HAL's time driver (a feature such as `time-driver-any`): microseconds of the board's clock, and a SysTick that
//! looks every millisecond whether somebody is to be woken.

use core::cell::RefCell;
use core::task::Waker;

use cortex_m::peripheral::{Peripherals, syst::SystClkSource};
use cortex_m_rt::exception;
use critical_section::Mutex;
use embassy_time_driver::{Driver, time_driver_impl};
use embassy_time_queue_utils::Queue;
use smoltel_embedded_example::clock;

/// SysTick counts the 25 MHz clock.
const TICKS_PER_MS: u32 = 25_000;

struct Time(Mutex<RefCell<Queue>>);

time_driver_impl!(static TIME: Time = Time(Mutex::new(RefCell::new(Queue::new()))));

impl Driver for Time {
    fn now(&self) -> u64 {
        clock::uptime_ns() / 1000
    }

    /// The next SysTick sees to it.
    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| self.0.borrow_ref_mut(cs).schedule_wake(at, waker));
    }
}

/// Lets the ticks begin; from the second call on does nothing.
pub(crate) fn start() {
    let Some(mut core) = Peripherals::take() else { return };
    core.SYST.set_clock_source(SystClkSource::Core);
    core.SYST.set_reload(TICKS_PER_MS - 1);
    core.SYST.clear_current();
    core.SYST.enable_interrupt();
    core.SYST.enable_counter();
}

#[exception]
fn SysTick() {
    critical_section::with(|cs| TIME.0.borrow_ref_mut(cs).next_expiration(TIME.now()));
}
