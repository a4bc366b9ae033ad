//! Records as bytes in a FIFO of fixed size.
//!
//! ```text
//!            head                    len
//!             ▼                       ▼
//!   ┌─────────┬──────────┬────────────┬──────────┐
//!   │  free   │  pinned  │  waiting   │   free   │     wraps at the end
//!   └─────────┴──────────┴────────────┴──────────┘
//!                 a record: header (5 bytes), bytes
//! ```
//!
//! Knows nothing of what the bytes mean: a record is a run of bytes with a [`Header`]. Positions are
//! offsets from the head, which moves only when records are released.

#[cfg(feature = "recorder")]
mod survive;

use core::ops::DerefMut;

#[cfg(feature = "recorder")]
use crate::recorder::twice::Twice;

/// What a record is, beside its bytes.
///
/// ```
/// use smoltel_core::ring::Header;
/// let header = Header { len: 3, scope: 0, kind: 2, items: 1 };
/// assert_eq!(header.record_len(), Header::LEN + 3);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Header {
    /// Bytes of the record.
    pub len: u16,
    /// Who produced it: an index that the ring does not look at.
    pub scope: u16,
    /// What it holds: a number that the ring does not look at, 0 to 3.
    pub kind: u8,
    /// How many items it counts for when it is lost, 1 to 63.
    pub items: u8,
}

impl Header {
    /// Bytes of an encoded header.
    pub const LEN: usize = 5;
    /// The most items that one record counts for.
    pub const MAX_ITEMS: u8 = 63;

    fn encode(self) -> [u8; Self::LEN] {
        let ([a, b], [c, d]) = (self.len.to_le_bytes(), self.scope.to_le_bytes());
        [a, b, c, d, self.kind << 6 | self.items.min(Self::MAX_ITEMS)]
    }

    fn decode([a, b, c, d, e]: [u8; Self::LEN]) -> Self {
        let (len, scope) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
        Self { len, scope, kind: e >> 6, items: e & Self::MAX_ITEMS }
    }

    /// Bytes of the record with its header.
    pub fn record_len(&self) -> usize {
        Self::LEN + usize::from(self.len)
    }
}

/// A FIFO of records in the bytes of `B`.
///
/// ```
/// use smoltel_core::ring::{Header, Ring};
/// let mut memory = [0; 16];
/// let mut ring = Ring::new(&mut memory[..]);
/// let header = Header { len: 3, scope: 0, kind: 2, items: 1 };
/// assert_eq!(ring.push(header, b"one"), Some(()));
/// assert_eq!(ring.push(header, b"two"), Some(()));
/// assert_eq!(ring.push(header, b"3rd"), None, "it is full");
/// ring.release(header.record_len());
/// assert_eq!(ring.push(header, b"3rd"), Some(()));
/// ```
#[derive(Debug)]
pub struct Ring<B> {
    buf: B,
    head: usize,
    len: usize,
    pinned: usize,
    /// What is before this position may be known to somebody else by it.
    #[cfg(any(feature = "link", feature = "recorder"))]
    sent: u64,
    place: Place,
    /// Where what it holds is written down for the time after a reset.
    #[cfg(feature = "recorder")]
    journal: Option<&'static Twice<10>>,
}

/// Where a ring's head is among all that ever went through the ring, for whoever has to say over restarts which
/// records he means: docs/LINK.md.
///
/// ```
/// use smoltel_core::ring::{Header, Ring};
/// let mut memory = [0; 16];
/// let mut ring = Ring::new(&mut memory[..]);
/// ring.push(Header { len: 3, scope: 0, kind: 2, items: 1 }, b"one");
/// ring.release(8);
/// assert_eq!(ring.place().position, 8);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Place {
    /// Names one life of the positions; 0 while they have no name.
    pub epoch: u64,
    /// Bytes that were in the ring before its head, headers included: released or evicted.
    pub position: u64,
    /// The position from which on records were stored since the last reset. Those before survived it.
    pub boot: u64,
    /// The same of the boot before, if it stored any.
    pub before: u64,
}

impl Place {
    const START: Self = Self { epoch: 0, position: 0, boot: 0, before: 0 };
}

impl<B> Ring<B> {
    /// An empty ring over `buf`. What `buf` holds does not matter.
    pub const fn new(buf: B) -> Self {
        Self {
            buf,
            head: 0,
            len: 0,
            pinned: 0,
            #[cfg(any(feature = "link", feature = "recorder"))]
            sent: 0,
            place: Place::START,
            #[cfg(feature = "recorder")]
            journal: None,
        }
    }

    /// Where its head is.
    pub const fn place(&self) -> Place {
        self.place
    }

    /// A reset has come and gone, which the records in the ring survived.
    pub fn begin_boot(&mut self) {
        let end = self.place.position + self.len as u64;
        if end != self.place.boot {
            (self.place.before, self.place.boot) = (self.place.boot, end);
            self.note();
        }
    }

    /// Names the positions.
    pub fn set_epoch(&mut self, epoch: u64) {
        self.place.epoch = epoch;
        self.note();
    }

    /// Writes down what it holds, if that is to survive a reset.
    #[inline(always)]
    fn note(&self) {
        #[cfg(feature = "recorder")]
        if let Some(journal) = self.journal {
            journal.write(self.state());
        }
    }

    /// Bytes in use, headers included.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no record.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first `len` bytes were sent by their positions.
    #[cfg(any(feature = "link", feature = "recorder"))]
    pub(crate) fn mark_sent(&mut self, len: usize) {
        self.sent = self.sent.max(self.place.position + len as u64);
    }

    /// Whether nobody can know the first record by its position, so that it may go another way.
    #[cfg(all(feature = "flash", feature = "link"))]
    pub(crate) const fn is_unsent(&self) -> bool {
        self.place.position >= self.sent
    }

    /// Keeps the first `len` bytes from being evicted: they are on their way. Zero lets go of them.
    pub fn pin(&mut self, len: usize) {
        self.pinned = len.min(self.len);
    }
}

impl<B: DerefMut<Target = [u8]>> Ring<B> {
    /// Bytes in all.
    pub fn capacity(&self) -> usize {
        self.buf.len()
    }

    /// Appends a record; `None` when there is no room.
    #[inline]
    pub fn push(&mut self, header: Header, record: &[u8]) -> Option<()> {
        debug_assert_eq!(usize::from(header.len), record.len());
        let needed = Header::LEN + record.len();
        let capacity = self.buf.len();
        if needed > capacity - self.len {
            return None;
        }
        let mut at = self.head + self.len;
        if at >= capacity {
            at -= capacity;
        }
        if let Some((head, rest)) = self.buf.get_mut(at..).and_then(|b| b.split_first_chunk_mut()) {
            *head = header.encode();
            if let Some(room) = rest.get_mut(..record.len()) {
                room.copy_from_slice(record);
                self.len += needed;
                self.note();
                return Some(());
            }
        }
        self.put(self.len, &header.encode());
        self.put(self.len + Header::LEN, record);
        self.len += needed;
        self.note();
        Some(())
    }

    /// Drops the oldest record and returns its header; `None` when there is none or it is pinned.
    pub fn evict(&mut self) -> Option<Header> {
        if self.pinned > 0 {
            return None;
        }
        let (header, next) = self.record(0)?;
        self.release(next);
        Some(header)
    }

    /// The header of the record at `offset`, and the offset behind the record.
    #[inline(always)]
    pub fn record(&self, offset: usize) -> Option<(Header, usize)> {
        if offset >= self.len {
            return None;
        }
        let at = self.head + offset;
        let header = match self.buf.get(at..).and_then(<[u8]>::first_chunk) {
            Some(bytes) => Header::decode(*bytes),
            None => self.wrapped(offset),
        };
        Some((header, offset + header.record_len()))
    }

    /// A header that lies across the end of the buffer, or beyond it.
    #[cold]
    fn wrapped(&self, offset: usize) -> Header {
        let mut bytes = [0; Header::LEN];
        self.read(offset, &mut bytes);
        Header::decode(bytes)
    }

    /// Headers and offsets from `offset` on.
    pub fn records(&self, mut offset: usize) -> impl Iterator<Item = (usize, Header)> {
        core::iter::from_fn(move || {
            let (header, next) = self.record(offset)?;
            Some((core::mem::replace(&mut offset, next), header))
        })
    }

    /// Copies bytes out from `offset` on and returns how many there were.
    #[inline]
    pub fn read(&self, offset: usize, out: &mut [u8]) -> usize {
        // Nearly always they lie in one piece.
        let at = self.head + offset;
        if offset + out.len() <= self.len
            && let Some(bytes) = self.buf.get(at..at + out.len())
        {
            out.copy_from_slice(bytes);
            return out.len();
        }
        self.read_pieces(offset, out)
    }

    fn read_pieces(&self, offset: usize, out: &mut [u8]) -> usize {
        let n = out.len().min(self.len.saturating_sub(offset));
        let (first, second) = self.split(offset, n);
        let Some((a, b)) = out.get_mut(..n).and_then(|out| out.split_at_mut_checked(first.len())) else {
            return 0;
        };
        for (from, to) in [(first, a), (second, b)] {
            if let Some(from) = self.buf.get(from).filter(|from| from.len() == to.len()) {
                to.copy_from_slice(from);
            }
        }
        n
    }

    /// Lets go of the first `len` bytes, which have to end at a record's end.
    pub fn release(&mut self, len: usize) {
        let len = len.min(self.len);
        self.head += len;
        if self.head >= self.buf.len() {
            self.head -= self.buf.len();
        }
        self.len -= len;
        self.place.position += len as u64;
        self.pinned = self.pinned.saturating_sub(len);
        if self.len == 0 {
            // Starting at the front again keeps records in one piece and touches less memory.
            self.head = 0;
        }
        self.note();
    }

    fn put(&mut self, offset: usize, bytes: &[u8]) {
        let (first, second) = self.split(offset, bytes.len());
        let Some((a, b)) = bytes.split_at_checked(first.len()) else { return };
        for (to, from) in [(first, a), (second, b)] {
            if let Some(to) = self.buf.get_mut(to).filter(|to| to.len() == from.len()) {
                to.copy_from_slice(from);
            }
        }
    }

    /// Where `len` bytes at `offset` lie: up to the buffer's end, and from its front.
    fn split(&self, offset: usize, len: usize) -> (core::ops::Range<usize>, core::ops::Range<usize>) {
        let capacity = self.buf.len();
        let mut at = self.head + offset;
        if at >= capacity {
            at -= capacity;
        }
        let first = len.min(capacity - at);
        (at..at + first, 0..len - first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(len: usize) -> Header {
        Header { len: len as u16, scope: 300, kind: 2, items: 1 }
    }

    fn first(ring: &Ring<&mut [u8]>) -> [u8; 4] {
        let mut out = [0; 4];
        assert_eq!(ring.read(Header::LEN, &mut out), 4);
        out
    }

    #[test]
    fn records_come_out_as_they_went_in_at_every_wrap() {
        let mut buf = [0; 31];
        let mut ring = Ring::new(&mut buf[..]);
        for i in 0..200u8 {
            while ring.push(header(4), &[i; 4]).is_none() {
                let (found, next) = ring.record(0).unwrap();
                assert_eq!(found, header(4));
                let oldest = first(&ring);
                assert_eq!(oldest, [oldest[0]; 4]);
                ring.release(next);
            }
            let last = ring.records(0).last().unwrap().0;
            let mut out = [0; 4];
            ring.read(last + Header::LEN, &mut out);
            assert_eq!(out, [i; 4]);
        }
    }

    #[test]
    fn full_is_a_result_and_pinned_records_stay() {
        let mut buf = [0; 20];
        let mut ring = Ring::new(&mut buf[..]);
        ring.push(header(4), &[1; 4]).unwrap();
        ring.push(header(4), &[2; 4]).unwrap();
        assert_eq!(ring.push(header(4), &[3; 4]), None);
        ring.pin(9);
        assert_eq!(ring.evict(), None);
        ring.pin(0);
        assert_eq!(ring.evict(), Some(header(4)));
        ring.push(header(4), &[3; 4]).unwrap();
        assert_eq!(first(&ring), [2; 4]);
    }

    #[test]
    fn no_capacity_holds_nothing() {
        let mut ring = Ring::new(&mut [][..]);
        assert_eq!(ring.push(header(0), &[]), None);
        assert_eq!((ring.record(0), ring.evict(), ring.read(0, &mut [0])), (None, None, 0));
        ring.release(1);
        assert_eq!(ring.len(), 0);
    }

    #[test]
    fn a_record_may_fill_the_ring_to_its_last_byte() {
        let mut buf = [0; 18];
        let mut ring = Ring::new(&mut buf[..]);
        assert_eq!((ring.capacity(), ring.len(), ring.is_empty()), (18, 0, true));
        assert_eq!(ring.push(header(14), &[0; 14]), None);
        ring.push(header(13), &[1; 13]).unwrap();
        assert_eq!((ring.len(), ring.is_empty()), (18, false));
        ring.release(18);
        ring.push(header(4), &[2; 4]).unwrap();
        ring.push(header(4), &[3; 4]).unwrap();
        assert_eq!((ring.len(), first(&ring)), (18, [2; 4]));
    }
}
