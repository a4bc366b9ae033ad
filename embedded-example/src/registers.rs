//! Memory-mapped registers of the board.
#![allow(unsafe_code, reason = "registers can only be reached through a raw address")]

use core::ptr::{read_volatile, with_exposed_provenance_mut, write_volatile};

/// A device's 4 KiB of 32-bit registers at `BASE`. Whoever makes one promises two things: a device without DMA is
/// there, and nobody else makes one for it.
#[derive(Debug)]
pub(crate) struct Registers<const BASE: usize>;

impl<const BASE: usize> Registers<BASE> {
    pub(crate) fn read(&self, offset: usize) -> u32 {
        // SAFETY: BASE is a device's by the promise above, so `register` is always mapped and no Rust object, and any
        // value read from it is a valid u32.
        unsafe { read_volatile(Self::register(offset)) }
    }

    pub(crate) fn write(&mut self, offset: usize, value: u32) {
        // SAFETY: as in `read`; without DMA, a write reaches no memory but the register.
        unsafe { write_volatile(Self::register(offset), value) }
    }

    /// The register at `offset`, which is a multiple of four below 4096.
    fn register(offset: usize) -> *mut u32 {
        const { assert!(BASE.is_multiple_of(4096)) };
        with_exposed_provenance_mut(BASE + (offset & 0xffc))
    }
}
