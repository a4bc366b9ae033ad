//! Counts the instructions of a piece of work, and the longest that an interrupt waits while it is done.
//!
//! Under `-icount shift=10` QEMU's clock moves by 1.024 µs for each instruction, so that a timer says how many there
//! were. They are instructions and no cycles: there are no wait states and no pipeline.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use semihosting::eprintln;

use crate::clock::uptime_ns;

/// Nanoseconds that the clock moves for an instruction.
const NS: u64 = 1024;
/// Nanoseconds of a tick of the timer that interrupts.
const NS_PER_TICK: u64 = 40;
/// From which that timer counts down after it has interrupted.
const TOP: u32 = 0x00FF_FFFF;
/// Ticks that the last interrupt came late.
static LATE: AtomicU32 = AtomicU32::new(0);

/// Call it from the program's `SysTick` handler.
pub fn interrupted() {
    LATE.store(TOP - SYST::get_current(), Ordering::Relaxed);
}

/// What measures.
pub struct Measure(SYST);

impl Measure {
    /// By that timer.
    pub fn new(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        Self(timer)
    }

    /// Prints what `work` takes, each time after `prepare`. In steps, so that a new compiler does not change what must be printed.
    #[inline(never)]
    pub fn print(&mut self, what: &str, prepare: &mut dyn FnMut(), work: &mut dyn FnMut()) {
        let taken = instructions(prepare, work);
        let held = self.longest_wait(taken, prepare, work);
        let (taken, held) = (taken.next_multiple_of(100), held.next_multiple_of(100));
        eprintln!("{what}: at most {taken}, with interrupts off at most {held}");
    }

    /// The longest that an interrupt waits which is raised before the first instruction of `work`, or the second, and so on.
    fn longest_wait(&mut self, taken: u64, prepare: &mut dyn FnMut(), work: &mut dyn FnMut()) -> u64 {
        let (mut least, mut most) = (u32::MAX, 0);
        for instruction in 1..taken + 50 {
            prepare();
            self.raise_in(instruction);
            work();
            self.0.disable_counter();
            let late = LATE.swap(0, Ordering::Relaxed);
            if late > 0 {
                (least, most) = (least.min(late), most.max(late));
            }
        }
        // The least is the handler's own way to the timer.
        u64::from(most.saturating_sub(least)) * NS_PER_TICK / NS
    }

    fn raise_in(&mut self, instructions: u64) {
        self.0.set_reload((instructions * NS / NS_PER_TICK) as u32);
        self.0.clear_current();
        self.0.enable_interrupt();
        self.0.enable_counter();
        self.0.set_reload(TOP);
    }
}

/// How many `work` takes, each time after `prepare`; the third time that it is done: tables are filled then.
pub fn instructions(prepare: &mut dyn FnMut(), work: &mut dyn FnMut()) -> u64 {
    let mut taken = 0;
    for _ in 0..3 {
        prepare();
        let empty = uptime_ns();
        let start = uptime_ns();
        work();
        let end = uptime_ns();
        taken = (end - start).saturating_sub(start - empty) / NS;
    }
    taken
}
