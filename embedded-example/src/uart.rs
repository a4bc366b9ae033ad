//! The UARTs of the mps2-an385: Arm CMSDK APB UARTs, polled.

use core::sync::atomic::{AtomicBool, Ordering};

use crate::registers::Registers;

/// UART0. QEMU has it on its first `-serial`.
pub type Uart0 = Uart<0x4000_4000>;
/// UART1, of the second `-serial`.
pub type Uart1 = Uart<0x4000_5000>;

/// The UART at that address. There is one, so there is one value of each type.
///
/// Reading and writing return at once with the number of bytes moved, which may be 0: the main loop goes on with its
/// job while the line is slow.
#[derive(Debug)]
pub struct Uart<const BASE: usize> {
    registers: Registers<BASE>,
}

static TAKEN: [AtomicBool; 2] = [const { AtomicBool::new(false) }; 2];

impl<const BASE: usize> Uart<BASE> {
    /// Which of the two it is; another address is none.
    const NUMBER: usize = (BASE - 0x4000_4000) / 0x1000;

    /// Switches it on and hands it out; `None` from the second call on.
    pub fn take() -> Option<Self> {
        if TAKEN[const { Self::NUMBER }].swap(true, Ordering::Relaxed) {
            return None;
        }
        let mut registers = Registers;
        registers.write(BAUD_DIVIDER, DIVIDER_115200);
        registers.write(CONTROL, TX_ENABLE | RX_ENABLE);
        Some(Self { registers })
    }

    /// Takes as many of `bytes`, from the front, as the line has room for now, and says how many.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        let mut written = 0;
        for &byte in bytes {
            if self.registers.read(STATE) & TX_FULL != 0 {
                break;
            }
            self.registers.write(DATA, u32::from(byte));
            written += 1;
        }
        written
    }

    /// Writes all of `bytes` and waits until the last one has left.
    pub fn write_all(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = bytes.get(self.write(bytes)..).unwrap_or_default();
        }
        while self.registers.read(STATE) & TX_FULL != 0 {}
    }

    /// From now on a byte that arrives raises the interrupt, which `read` takes back.
    pub fn interrupt_on_receive(&mut self) {
        self.registers.write(CONTROL, TX_ENABLE | RX_ENABLE | RX_INTERRUPT);
    }

    /// Moves what has arrived into the front of `into`, as far as it fits, and says how many bytes.
    pub fn read(&mut self, into: &mut [u8]) -> usize {
        let mut read = 0;
        for byte in into {
            if self.registers.read(STATE) & RX_FULL == 0 {
                break;
            }
            // Before the byte is taken: what comes after it raises it anew.
            self.registers.write(INTERRUPT, RAISED_BY_RX);
            // The register's upper 24 bits are reserved.
            *byte = (self.registers.read(DATA) & 0xff) as u8;
            read += 1;
        }
        read
    }
}

/// Registers, by their offset.
const DATA: usize = 0x00;
const STATE: usize = 0x04;
const CONTROL: usize = 0x08;
const INTERRUPT: usize = 0x0c;
const BAUD_DIVIDER: usize = 0x10;

/// Bits of the state register.
const TX_FULL: u32 = 1 << 0;
const RX_FULL: u32 = 1 << 1;

/// Bits of the control register.
const TX_ENABLE: u32 = 1 << 0;
const RX_ENABLE: u32 = 1 << 1;
const RX_INTERRUPT: u32 = 1 << 3;

/// Bits of the interrupt register: writing a one takes it back.
const RAISED_BY_RX: u32 = 1 << 1;

/// 25 MHz / 217 = 115,207 Bd.
const DIVIDER_115200: u32 = 217;
