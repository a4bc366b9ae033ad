//! defmt's global logger: a frame is written where nobody waits for it, and goes whole into a buffer, from where the main loop
//! sends it in channel 0 of the link.
//!
//! ```text
//!  main loop   acquire ─ write ──────────────────────────────── write ─ release ─▶ buffer ─▶ link
//!  interrupt                      acquire ─ write ─ release ─▶ buffer
//! ```
//!
//! Whoever interrupts a frame has a frame of its own, and is done before the other goes on: so a stack of them is enough, and
//! interrupts are off for eight bytes at a time, and for the copy of a frame at its end. Full is no reason to wait: frames are dropped
//! whole then, until all before them has been sent, and the position of what follows tells the gateway how many bytes these were.
#![allow(unsafe_code, reason = "a logger promises that frames do not get mixed up")]

use core::cell::RefCell;

use critical_section::Mutex;
use defmt::{Encoder, Logger, global_logger};
use smoltel_core::link::DeviceEnd;

/// Bytes that wait to be sent.
pub const CAPACITY: usize = 1024;
/// The longest frame. What is longer is dropped: interrupts are off while a frame is copied.
pub const LONGEST: usize = 144;
/// Frames that may be open at once: the main loop's, and those of interrupts that interrupt each other. Beyond, frames are dropped.
const CONTEXTS: usize = 3;
/// As many bytes are taken out of the buffer at once.
const PIECE: usize = 128;
/// As many are encoded at once.
const STEP: usize = 8;

static CHANNEL: Mutex<RefCell<Channel>> = Mutex::new(RefCell::new(Channel::new()));

struct Channel {
    frames: [Frame; CONTEXTS],
    /// How many are open. The last is of who runs.
    open: usize,
    buffer: Buffer,
}

/// A frame that is being written.
struct Frame {
    bytes: [u8; LONGEST],
    /// What found no room counts.
    len: usize,
    encoder: Encoder,
}

/// What waits to be sent.
struct Buffer {
    bytes: [u8; CAPACITY],
    head: usize,
    len: usize,
    /// Of the byte at the head, in all of the stream.
    position: u32,
    /// Bytes that were dropped behind what is in it.
    dropped: u32,
}

impl Channel {
    const fn new() -> Self {
        Self { frames: [const { Frame::new() }; CONTEXTS], open: 0, buffer: Buffer::new() }
    }

    fn begin(&mut self) {
        if let Some(frame) = self.frames.get_mut(self.open) {
            frame.len = 0;
            frame.encode(|encoder, write| encoder.start_frame(write));
        }
        self.open += 1;
    }

    fn write(&mut self, bytes: &[u8]) {
        match self.frames.get_mut(self.open.wrapping_sub(1)) {
            Some(frame) => frame.encode(|encoder, write| encoder.write(bytes, write)),
            None => self.buffer.drop(bytes.len()),
        }
    }

    fn end(&mut self) {
        self.open = self.open.saturating_sub(1);
        if let Some(frame) = self.frames.get_mut(self.open) {
            frame.encode(|encoder, write| encoder.end_frame(write));
            self.buffer.take(frame);
        }
    }
}

impl Frame {
    const fn new() -> Self {
        Self { bytes: [0; LONGEST], len: 0, encoder: Encoder::new() }
    }

    /// Does something with the encoder, which writes.
    fn encode(&mut self, work: impl FnOnce(&mut Encoder, &mut dyn FnMut(&[u8]))) {
        let Self { bytes, len, encoder } = self;
        work(encoder, &mut |written| {
            for &byte in written {
                if let Some(room) = bytes.get_mut(*len) {
                    *room = byte;
                }
                *len += 1;
            }
        });
    }
}

impl Buffer {
    const fn new() -> Self {
        Self { bytes: [0; CAPACITY], head: 0, len: 0, position: 0, dropped: 0 }
    }

    /// Takes all of a frame, or nothing: the beginning alone would be taken for another's.
    fn take(&mut self, frame: &Frame) {
        if self.dropped > 0 && self.len == 0 {
            self.position = self.position.wrapping_add(core::mem::take(&mut self.dropped));
            // What follows is no end of a frame.
            self.push(&[0]);
        }
        match frame.bytes.get(..frame.len) {
            Some(bytes) if self.dropped == 0 && bytes.len() <= CAPACITY - self.len => self.push(bytes),
            _ => self.drop(frame.len),
        }
    }

    fn drop(&mut self, len: usize) {
        self.dropped = self.dropped.wrapping_add(len as u32);
    }

    /// Appends what there is room for.
    fn push(&mut self, bytes: &[u8]) {
        let at = (self.head + self.len) % CAPACITY;
        let (front, rest) = bytes.split_at(bytes.len().min(CAPACITY - at));
        for (at, piece) in [(at, front), (0, rest)] {
            if let Some(room) = self.bytes.get_mut(at..at + piece.len()) {
                room.copy_from_slice(piece);
            }
        }
        self.len += bytes.len();
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

fn with<T>(work: impl FnOnce(&mut Channel) -> T) -> T {
    critical_section::with(|cs| work(&mut CHANNEL.borrow_ref_mut(cs)))
}

#[global_logger]
struct Global;

// SAFETY: what `acquire` is to keep away from a frame is other frames' bytes. On one core a frame that begins before another's end is of
// an interrupt, which does not return before its own end. So the last one that is open is always that of the caller, and each has its
// place. `flush` has nothing to do, as nothing waits here for anybody.
unsafe impl Logger for Global {
    fn acquire() {
        with(Channel::begin);
    }

    unsafe fn flush() {}

    unsafe fn release() {
        with(Channel::end);
    }

    unsafe fn write(bytes: &[u8]) {
        bytes.chunks(STEP).for_each(|bytes| with(|channel| channel.write(bytes)));
    }
}

/// Writes the next frame of the link with bytes of it; `None` if there are none, or the link takes none now.
pub fn transmit(link: &mut DeviceEnd<'_>, frame: &mut [u8]) -> Option<usize> {
    let mut piece = [0; PIECE];
    let (position, n) = with(|channel| channel.buffer.front(&mut piece));
    let (taken, len) = link.transmit_channel(0, position, piece.get(..n)?, frame)?;
    with(|channel| channel.buffer.release(taken));
    Some(len)
}

/// Bytes that wait.
pub fn waiting() -> usize {
    with(|channel| channel.buffer.len)
}

/// Lets go of all that waits.
pub fn clear() {
    with(|channel| channel.buffer.release(channel.buffer.len));
}
