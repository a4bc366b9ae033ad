//! smoltel's flight recorder on Cortex-M.
//!
//! ```text
//!  linker script: RETAINED ── take() ──▶ Memory ──▶ Pipeline::init_recorder
//!  #[panic_handler]  ── panicked() ─┐
//!  HardFault         ── faulted() ──┼──▶ Words::leave, and a reset
//!  watchdog's NMI    ── hung() ─────┘
//! ```
//!
//! `docs/RECORDER.md` says what is in the memory. This crate has all of the `unsafe` that it takes: [`take`] makes references to memory that only
//! the linker knows of, and [`with_frame!`] hands an exception's frame to a function.
//!
//! The linker script (`memory.x`) gives the region, outside of what the startup code clears:
//!
//! ```text
//! MEMORY { RETAINED : ORIGIN = 0x20005000, LENGTH = 8K }
//! _smoltel_retained_start = ORIGIN(RETAINED);
//! _smoltel_retained_end = ORIGIN(RETAINED) + LENGTH(RETAINED);
//! ```
#![cfg_attr(not(test), no_std)]

#[cfg(test)]
mod ram;
mod region;
#[cfg(all(test, smoltel_resets, not(miri)))] // It looks at memory behind the back of references.
mod resets;
#[cfg(test)]
mod rubbish;

pub use region::Lacking;
#[cfg(target_arch = "arm")]
pub use region::{take, words};

#[cfg(target_arch = "arm")]
mod frame;
#[cfg(target_arch = "arm")]
mod leave;

#[cfg(target_arch = "arm")]
pub use frame::Frame;
#[cfg(target_arch = "arm")]
pub use leave::{faulted, hung, panicked};
