//! The watchdog of the mps2-an385: an Arm CMSDK APB watchdog at 25 MHz. When it runs out it raises an NMI, and when that did not feed it, it
//! resets the part.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::registers::Registers;

/// The watchdog. There is one, so there is one value of this type.
#[derive(Debug)]
pub struct Watchdog {
    registers: Registers<0x4000_8000>,
}

static TAKEN: AtomicBool = AtomicBool::new(false);

impl Watchdog {
    /// Starts it: it wants to be fed every `ms` milliseconds, up to 170,000. `None` from the second call on.
    pub fn start(ms: u32) -> Option<Self> {
        if TAKEN.swap(true, Ordering::Relaxed) {
            return None;
        }
        let mut registers = Registers;
        registers.write(LOCK, UNLOCKED);
        registers.write(LOAD, ms.saturating_mul(25_000));
        registers.write(CONTROL, INTERRUPT | RESET);
        Some(Self { registers })
    }

    /// The main loop goes round.
    pub fn feed(&mut self) {
        // Any write here loads it anew.
        self.registers.write(CLEAR, 1);
    }
}

/// Registers, by their offset.
const LOAD: usize = 0x0;
const CONTROL: usize = 0x8;
const CLEAR: usize = 0xC;
const LOCK: usize = 0xC00;

const UNLOCKED: u32 = 0x1ACC_E551;

/// Bits of the control register.
const INTERRUPT: u32 = 1 << 0;
const RESET: u32 = 1 << 1;
