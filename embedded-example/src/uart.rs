//! UART0 of the mps2-an385: an Arm CMSDK APB UART, polled.

use core::sync::atomic::{AtomicBool, Ordering};

/// UART0. There is one, so there is one value of this type.
///
/// Reading and writing return at once with the number of bytes moved, which may be 0: the main loop goes on with its
/// job while the line is slow.
#[derive(Debug)]
pub struct Uart {
    registers: Registers,
}

static TAKEN: AtomicBool = AtomicBool::new(false);

impl Uart {
    /// Switches UART0 on and hands it out; `None` from the second call on.
    pub fn take() -> Option<Self> {
        if TAKEN.swap(true, Ordering::Relaxed) {
            return None;
        }
        let mut registers = Registers;
        registers.set_baud_divider(DIVIDER_115200);
        registers.enable();
        Some(Self { registers })
    }

    /// Takes as many of `bytes`, from the front, as the line has room for now, and says how many.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        let mut written = 0;
        for &byte in bytes {
            if self.registers.state() & TX_FULL != 0 {
                break;
            }
            self.registers.send(byte);
            written += 1;
        }
        written
    }

    /// Writes all of `bytes` and waits until the last one has left.
    pub fn write_all(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = bytes.get(self.write(bytes)..).unwrap_or_default();
        }
        while self.registers.state() & TX_FULL != 0 {}
    }

    /// Moves what has arrived into the front of `into`, as far as it fits, and says how many bytes.
    pub fn read(&mut self, into: &mut [u8]) -> usize {
        let mut read = 0;
        for byte in into {
            if self.registers.state() & RX_FULL == 0 {
                break;
            }
            *byte = self.registers.receive();
            read += 1;
        }
        read
    }
}

/// Bits of the state register.
const TX_FULL: u32 = 1 << 0;
const RX_FULL: u32 = 1 << 1;

/// 25 MHz / 217 = 115,207 Bd.
const DIVIDER_115200: u32 = 217;

use registers::Registers;

#[allow(unsafe_code, reason = "memory-mapped registers can only be reached through a raw address")]
mod registers {
    use core::ptr::{read_volatile, with_exposed_provenance_mut, write_volatile};

    const BASE: usize = 0x4000_4000;
    const DATA: usize = 0x00;
    const STATE: usize = 0x04;
    const CONTROL: usize = 0x08;
    const BAUD_DIVIDER: usize = 0x10;

    const TX_ENABLE: u32 = 1 << 0;
    const RX_ENABLE: u32 = 1 << 1;

    /// The register block. Whoever makes one promises that it is the only one.
    #[derive(Debug)]
    pub(super) struct Registers;

    impl Registers {
        pub(super) fn set_baud_divider(&mut self, divider: u32) {
            self.write(BAUD_DIVIDER, divider);
        }

        pub(super) fn enable(&mut self) {
            self.write(CONTROL, TX_ENABLE | RX_ENABLE);
        }

        pub(super) fn state(&self) -> u32 {
            self.read(STATE)
        }

        pub(super) fn send(&mut self, byte: u8) {
            self.write(DATA, u32::from(byte));
        }

        pub(super) fn receive(&mut self) -> u8 {
            // The register's upper 24 bits are reserved.
            (self.read(DATA) & 0xff) as u8
        }

        fn read(&self, offset: usize) -> u32 {
            // SAFETY: BASE + offset is an aligned 32-bit register of UART0 on this board; it is always mapped, is no
            // Rust object, and any value read from it is a valid u32.
            unsafe { read_volatile(with_exposed_provenance_mut::<u32>(BASE + offset)) }
        }

        fn write(&mut self, offset: usize, value: u32) {
            // SAFETY: as in `read`; no DMA or interrupt is set up, so a write reaches no memory but the register.
            unsafe { write_volatile(with_exposed_provenance_mut::<u32>(BASE + offset), value) }
        }
    }
}
