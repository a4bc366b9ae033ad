//! Uptime, from TIMER0 of the mps2-an385: an Arm CMSDK APB timer, which counts the 25 MHz clock down in 32 bits.

use core::cell::RefCell;

use cortex_m::interrupt::{self, Mutex};

use crate::registers::Registers;

static CLOCK: Mutex<RefCell<Clock>> = Mutex::new(RefCell::new(Clock::new()));

/// Nanoseconds since the first call. It never runs backwards, and keeps time as long as somebody asks every 170 s.
pub fn uptime_ns() -> u64 {
    interrupt::free(|cs| CLOCK.borrow(cs).borrow_mut().ticks()) * NS_PER_TICK
}

const NS_PER_TICK: u64 = 1_000_000_000 / 25_000_000;

/// The timer, extended to 64 bits.
struct Clock {
    timer: Registers<0x4000_0000>,
    /// The timer's value when it was last read; `None` while it is off.
    last: Option<u32>,
    ticks: u64,
}

impl Clock {
    const fn new() -> Self {
        Self { timer: Registers, last: None, ticks: 0 }
    }

    fn ticks(&mut self) -> u64 {
        let last = self.last.unwrap_or_else(|| self.start());
        let now = self.timer.read(VALUE);
        // Right across a wrap too, of which there is one at most between two readings.
        self.ticks += u64::from(last.wrapping_sub(now));
        self.last = Some(now);
        self.ticks
    }

    /// Lets the timer run from its highest value, to which it wraps by itself, and returns that.
    fn start(&mut self) -> u32 {
        self.timer.write(RELOAD, u32::MAX);
        self.timer.write(VALUE, u32::MAX);
        self.timer.write(CONTROL, ENABLE);
        u32::MAX
    }
}

/// Registers, by their offset.
const CONTROL: usize = 0x0;
const VALUE: usize = 0x4;
const RELOAD: usize = 0x8;

/// Bits of the control register.
const ENABLE: u32 = 1 << 0;
