//! defmt's global logger: frames go into a buffer, from where the main loop sends them in channel 0 of the link.
//!
//! Full is no reason to wait: frames are dropped whole then, until all before them has been sent, and the position of
//! what follows tells the gateway how many bytes these were.
#![allow(unsafe_code, reason = "a logger promises that nobody else writes while it is acquired")]

use core::cell::RefCell;

use critical_section::{Mutex, RestoreState};
use defmt::{Encoder, Logger, global_logger};
use smoltel_core::link::DeviceEnd;

/// Bytes that wait to be sent.
pub const CAPACITY: usize = 1024;
/// As many are taken out of it at once.
const PIECE: usize = 128;

static BUFFER: Mutex<RefCell<Buffer>> = Mutex::new(RefCell::new(Buffer::new()));

struct Buffer {
    bytes: [u8; CAPACITY],
    head: usize,
    len: usize,
    /// Of the byte at the head, in all of the stream.
    position: u32,
    /// How long it was before the frame that is being written.
    whole: usize,
    /// Bytes that were dropped behind what is in it.
    dropped: u32,
    encoder: Encoder,
    restore: RestoreState,
}

impl Buffer {
    const fn new() -> Self {
        let (encoder, restore) = (Encoder::new(), RestoreState::invalid());
        Self { bytes: [0; CAPACITY], head: 0, len: 0, position: 0, whole: 0, dropped: 0, encoder, restore }
    }

    /// Does something with the encoder, which writes.
    fn encode(&mut self, work: impl FnOnce(&mut Encoder, &mut dyn FnMut(&[u8]))) {
        let mut encoder = core::mem::replace(&mut self.encoder, Encoder::new());
        work(&mut encoder, &mut |bytes| bytes.iter().for_each(|&byte| self.push(byte)));
        self.encoder = encoder;
    }

    fn push(&mut self, byte: u8) {
        let at = (self.head + self.len) % CAPACITY;
        match self.bytes.get_mut(at) {
            Some(room) if self.dropped == 0 && self.len < CAPACITY => {
                *room = byte;
                self.len += 1;
            }
            _ => self.dropped = self.dropped.wrapping_add(1),
        }
    }

    fn begin(&mut self) {
        if self.dropped > 0 && self.len == 0 {
            self.position = self.position.wrapping_add(core::mem::take(&mut self.dropped));
            // What follows is no end of a frame.
            self.push(0);
        }
        self.whole = self.len;
        self.encode(|encoder, write| encoder.start_frame(write));
    }

    fn end(&mut self) {
        self.encode(|encoder, write| encoder.end_frame(write));
        if self.dropped > 0 {
            // All of the frame, or its beginning would be taken for another's.
            self.dropped = self.dropped.wrapping_add((self.len - self.whole) as u32);
            self.len = self.whole;
        }
    }

    /// Copies what is at the head, up to where the buffer wraps; its position and how much it is.
    fn front(&self, out: &mut [u8; PIECE]) -> (u32, usize) {
        let n = self.len.min(CAPACITY - self.head).min(PIECE);
        if let (Some(to), Some(from)) = (out.get_mut(..n), self.bytes.get(self.head..self.head + n)) {
            to.copy_from_slice(from);
        }
        (self.position, n)
    }

    fn release(&mut self, n: usize) {
        (self.head, self.len) = ((self.head + n) % CAPACITY, self.len - n.min(self.len));
        self.position = self.position.wrapping_add(n as u32);
    }
}

fn with<T>(work: impl FnOnce(&mut Buffer) -> T) -> T {
    critical_section::with(|cs| work(&mut BUFFER.borrow_ref_mut(cs)))
}

#[global_logger]
struct Channel;

// SAFETY: from `acquire` to `release` interrupts are off, and there is one core: nobody else writes. `flush` has nothing
// to do, as nothing waits here for anybody.
unsafe impl Logger for Channel {
    fn acquire() {
        // SAFETY: `release` follows, in the same context, with what this returns.
        let restore = unsafe { critical_section::acquire() };
        with(|buffer| {
            buffer.restore = restore;
            buffer.begin();
        });
    }

    unsafe fn flush() {}

    unsafe fn release() {
        let restore = with(|buffer| {
            buffer.end();
            buffer.restore
        });
        // SAFETY: it is what `acquire` got, whose pair this is.
        unsafe { critical_section::release(restore) };
    }

    unsafe fn write(bytes: &[u8]) {
        with(|buffer| buffer.encode(|encoder, write| encoder.write(bytes, write)));
    }
}

/// Writes the next frame of the link with bytes of it; `None` if there are none, or the link takes none now.
pub fn transmit(link: &mut DeviceEnd<'_>, frame: &mut [u8]) -> Option<usize> {
    let mut piece = [0; PIECE];
    let (position, n) = with(|buffer| buffer.front(&mut piece));
    let (taken, len) = link.transmit_channel(0, position, piece.get(..n)?, frame)?;
    with(|buffer| buffer.release(taken));
    Some(len)
}

/// Bytes that wait.
pub fn waiting() -> usize {
    with(|buffer| buffer.len)
}
