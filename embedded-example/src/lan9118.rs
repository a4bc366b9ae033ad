//! The network of the mps2-an385: an SMSC LAN9118, polled, as a device of smoltcp.

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

use crate::registers::Registers;

/// Its own address on the network: one of those that nobody sells.
pub const MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x42];

/// The longest frame, without its checksum.
pub const MTU: usize = 1514;
const CHECKSUM: usize = 4;

/// The chip. There is one, so there is one value of this type.
#[derive(Debug)]
pub struct Lan9118 {
    registers: Registers<0x4020_0000>,
    /// The frame that has come, and the one that is to go.
    received: &'static mut [u8; MTU],
    sent: &'static mut [u8; MTU],
}

impl Lan9118 {
    /// Switches it on, with room for a frame that comes and one that goes. `None` if there is no such chip.
    pub fn start([received, sent]: &'static mut [[u8; MTU]; 2]) -> Option<Self> {
        let mut chip = Self { registers: Registers, received, sent };
        if chip.registers.read(BYTE_TEST) != 0x8765_4321 {
            return None;
        }
        let [a, b, c, d, e, f] = MAC;
        chip.mac_write(MAC_ADDRESS_LOW, u32::from_le_bytes([a, b, c, d]));
        chip.mac_write(MAC_ADDRESS_HIGH, u32::from_le_bytes([e, f, 0, 0]));
        chip.registers.write(TX_CONFIG, TX_ON);
        chip.mac_write(MAC_CONTROL, MAC_TX | MAC_RX | MAC_FULL_DUPLEX);
        Some(chip)
    }

    fn mac_write(&mut self, register: u32, value: u32) {
        self.registers.write(MAC_DATA, value);
        self.registers.write(MAC_COMMAND, MAC_BUSY | register);
        while self.registers.read(MAC_COMMAND) & MAC_BUSY != 0 {}
    }

    /// Takes the next frame that has come; how long it is. Damaged ones, and such as do not fit, are read and dropped.
    fn take(&mut self) -> Option<usize> {
        while self.registers.read(RX_FIFO) >> 16 & 0xff > 0 {
            let status = self.registers.read(RX_STATUS);
            let len = (status >> 16 & 0x3fff) as usize;
            for at in (0..len).step_by(4) {
                let word = self.registers.read(RX_DATA).to_le_bytes();
                let room = self.received.get_mut(at..).unwrap_or_default();
                room.iter_mut().zip(word).for_each(|(to, from)| *to = from);
            }
            let len = len.saturating_sub(CHECKSUM);
            if status & RX_ERROR == 0 && (1..=MTU).contains(&len) {
                return Some(len);
            }
        }
        None
    }

    fn has_room(&mut self) -> bool {
        // What became of frames is nobody's question, and the queue that says so must not fill.
        while self.registers.read(TX_FIFO) >> 16 & 0xff > 0 {
            self.registers.read(TX_STATUS);
        }
        (self.registers.read(TX_FIFO) & 0xffff) as usize > MTU + 16
    }

    fn outgoing(&mut self) -> Tx<'_> {
        Tx { registers: &mut self.registers, frame: self.sent }
    }
}

/// A frame that has come.
#[derive(Debug)]
pub struct Rx<'a>(&'a [u8]);

/// Room for a frame that is to go.
#[derive(Debug)]
pub struct Tx<'a> {
    registers: &'a mut Registers<0x4020_0000>,
    frame: &'a mut [u8; MTU],
}

impl phy::RxToken for Rx<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl phy::TxToken for Tx<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let len = len.min(MTU);
        let frame = self.frame.get_mut(..len).unwrap_or_default();
        let result = f(frame);
        self.registers.write(TX_DATA, TX_FIRST | TX_LAST | len as u32);
        self.registers.write(TX_DATA, len as u32);
        for word in frame.chunks(4) {
            let mut bytes = [0; 4];
            bytes.iter_mut().zip(word).for_each(|(to, from)| *to = *from);
            self.registers.write(TX_DATA, u32::from_le_bytes(bytes));
        }
        result
    }
}

impl Device for Lan9118 {
    type RxToken<'a> = Rx<'a>;
    type TxToken<'a> = Tx<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Rx<'_>, Tx<'_>)> {
        if !self.has_room() {
            return None;
        }
        let len = self.take()?;
        let Self { registers, received, sent } = self;
        Some((Rx(received.get(..len)?), Tx { registers, frame: sent }))
    }

    fn transmit(&mut self, _: Instant) -> Option<Tx<'_>> {
        if self.has_room() { Some(self.outgoing()) } else { None }
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = MTU;
        capabilities
    }
}

/// Registers, by their offset.
const RX_DATA: usize = 0x00;
const TX_DATA: usize = 0x20;
const RX_STATUS: usize = 0x40;
const TX_STATUS: usize = 0x48;
const BYTE_TEST: usize = 0x64;
const TX_CONFIG: usize = 0x70;
const RX_FIFO: usize = 0x7c;
const TX_FIFO: usize = 0x80;
const MAC_COMMAND: usize = 0xa4;
const MAC_DATA: usize = 0xa8;

/// Registers of the MAC, by their number.
const MAC_CONTROL: u32 = 1;
const MAC_ADDRESS_HIGH: u32 = 2;
const MAC_ADDRESS_LOW: u32 = 3;

/// Bits.
const RX_ERROR: u32 = 1 << 15;
const TX_FIRST: u32 = 1 << 13;
const TX_LAST: u32 = 1 << 12;
const TX_ON: u32 = 1 << 1;
const MAC_BUSY: u32 = 1 << 31;
const MAC_FULL_DUPLEX: u32 = 1 << 20;
const MAC_TX: u32 = 1 << 3;
const MAC_RX: u32 = 1 << 2;
