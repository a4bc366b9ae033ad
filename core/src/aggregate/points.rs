use core::ops::DerefMut;

use super::attributes::AttributeSet;
use super::bytes::{set, set_u64, u16_at, u32_at, u64_at};
use crate::wire::{Full, Writer};

/// Points in one buffer, found by the hash of their attributes.
///
/// ```text
/// ┌─────────┬─────────┬─────────┬───────────┬─────────┬──────────┐
/// │ buckets │ point   │ point   │ exemplars │ point   │   free   │
/// └────┬────┴─▲───┬───┴─────▲───┴───────────┴─────────┴──────────┘
///      └──────┘   └─────────┘ the next of the same bucket
///
/// a point:
/// ┌──────┬──────┬────────────┬─────────┬──────┬───────────┬────────────┬───────┬───────┬───────┬────────────┐
/// │ next │ size │ instrument │ sibling │ hash │ exemplars │ attributes │ flags │ start │ value │ attributes │
/// │ u32  │ u16  │ u16        │ u32     │ u32  │ u32       │ length u16 │ u16   │ u64   │       │ as OTLP    │
/// └──────┴──────┴────────────┴─────────┴──────┴───────────┴────────────┴───────┴───────┴───────┴────────────┘
/// ```
///
/// A place in the buffer is its offset; 0, where the buckets are, is none. A block that is freed keeps its
/// size and waits for a point that is no larger.
#[derive(Debug)]
pub(super) struct Points<B> {
    buf: B,
    buckets: u32,
    used: u32,
    /// The block that was freed last.
    free: u32,
    /// Bytes of exemplars.
    exemplars: u32,
}

/// Where a point is; it stays there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PointRef(pub(super) u32);

const NEXT: usize = 0;
const SIZE: usize = 4;
const INSTRUMENT: usize = 6;
const SIBLING: usize = 8;
const HASH: usize = 12;
const EXEMPLARS: usize = 16;
const ATTRIBUTES_LEN: usize = 20;
const FLAGS: usize = 22;
const START: usize = 24;
/// A point's fixed part; the value is behind it.
pub(super) const HEAD: usize = 32;

/// The point was measured since it was sent last.
pub(super) const MEASURED: u16 = 1;
/// It was ever measured.
pub(super) const EVER: u16 = 2;
/// Somebody holds on to it.
pub(super) const BOUND: u16 = 4;
/// Its value is a floating-point number.
pub(super) const DOUBLE: u16 = 8;
/// It was not measured since a collection has copied it.
pub(super) const COPIED: u16 = 16;

/// What a new point begins with.
#[derive(Clone, Copy)]
pub(super) struct New {
    pub(super) instrument: u16,
    pub(super) hash: u32,
    pub(super) state_len: usize,
    pub(super) start: u64,
}

/// A point's fixed part, found once for several looks at it.
pub(super) struct Fixed<'a>(&'a mut [u8; HEAD]);

impl Fixed<'_> {
    pub(super) fn flags(&self) -> u16 {
        u16::from_le_bytes([self.0[FLAGS], self.0[FLAGS + 1]])
    }

    pub(super) fn set_flags(&mut self, flags: u16) {
        [self.0[FLAGS], self.0[FLAGS + 1]] = flags.to_le_bytes();
    }

    pub(super) fn start(&self) -> u64 {
        u64_at(self.0, START)
    }

    pub(super) fn set_start(&mut self, start: u64) {
        set_u64(self.0, START, start);
    }
}

impl<B> Points<B> {
    /// Points in memory that holds none: it has to be [`reset`](Self::reset) if it is not empty.
    pub(super) const fn new(buf: B) -> Self {
        Self { buf, buckets: 0, used: 0, free: 0, exemplars: 0 }
    }
}

impl<B: DerefMut<Target = [u8]>> Points<B> {
    /// Bytes for each bucket's share: about what a point takes.
    const SHARE: usize = 128;

    /// Makes the buckets.
    pub(super) fn reset(&mut self) {
        let buckets = (self.buf.len() / Self::SHARE).next_power_of_two().min(1 << 16);
        if let Some(table) = self.buf.get_mut(..4 * buckets) {
            table.fill(0);
            (self.buckets, self.used) = (buckets as u32, 4 * buckets as u32);
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.buf.len()
    }

    /// Bytes in use, those of freed blocks among them.
    pub(super) const fn used(&self) -> usize {
        self.used as usize
    }

    /// From that place to the end.
    #[inline]
    pub(super) fn at(&self, place: u32) -> &[u8] {
        self.buf.get(place as usize..).unwrap_or_default()
    }

    #[inline]
    pub(super) fn at_mut(&mut self, place: u32) -> &mut [u8] {
        self.buf.get_mut(place as usize..).unwrap_or_default()
    }

    /// A point's value; how many bytes there are behind it does not matter.
    pub(super) fn state(&mut self, point: u32) -> &mut [u8] {
        self.at_mut(point).get_mut(HEAD..).unwrap_or_default()
    }

    /// Notes that a point was measured, and gives out its value to be changed and what its flags were.
    #[inline]
    pub(super) fn measured(&mut self, point: u32, double: bool) -> Option<(u16, &mut [u8])> {
        let (head, state) = self.buf.get_mut(point as usize..)?.split_first_chunk_mut::<HEAD>()?;
        let before = u16::from_le_bytes([head[FLAGS], head[FLAGS + 1]]);
        let double = if double { DOUBLE } else { 0 };
        [head[FLAGS], head[FLAGS + 1]] =
            (before & !(DOUBLE | COPIED) | MEASURED | EVER | double).to_le_bytes();
        Some((before, state))
    }

    /// Where the chain of a hash begins.
    #[inline]
    fn bucket(&self, hash: u32) -> u32 {
        // The highest bits are the best ones; without buckets the shift makes no difference.
        let bits = self.buckets.checked_ilog2().unwrap_or(0);
        4 * (u64::from(hash) << bits >> 32) as u32
    }

    /// The point of an instrument with those attributes.
    #[inline]
    pub(super) fn find(
        &self,
        instrument: u16,
        (hash, set): (u32, &AttributeSet<'_>),
        (number, state_len): (u32, usize),
    ) -> Option<u32> {
        self.find_where(instrument, hash, state_len, |attributes, len| set.matches(number, attributes, len))
    }

    /// The point of an instrument with that hash whose attributes, of that length and with what is behind them,
    /// are the ones.
    #[inline(always)]
    pub(super) fn find_where(
        &self,
        instrument: u16,
        hash: u32,
        state_len: usize,
        are_they: impl Fn(&[u8], usize) -> bool,
    ) -> Option<u32> {
        let mut place = u32_at(self.at(self.bucket(hash)), 0);
        // Ends at the first of the buckets, which is no point.
        while place != 0 {
            let (head, rest) = self.buf.get(place as usize..)?.split_first_chunk::<HEAD>()?;
            let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
            let half = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
            if word(HASH) == hash && half(INSTRUMENT) == instrument {
                let attributes = rest.get(state_len..).unwrap_or_default();
                if are_they(attributes, half(ATTRIBUTES_LEN).into()) {
                    return Some(place);
                }
            }
            place = word(NEXT);
        }
        None
    }

    /// Makes a point whose attributes take `len` bytes and are written by `attributes`.
    pub(super) fn insert(
        &mut self,
        new: &New,
        len: usize,
        attributes: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> Option<u32> {
        let attributes_len = u16::try_from(len).ok()?;
        let place = self.allocate(HEAD + new.state_len + len)?;
        let bucket = self.bucket(new.hash);
        let next = u32_at(self.at(bucket), 0);
        let block = self.at_mut(place);
        let size = u16_at(block, SIZE);
        block.get_mut(..HEAD + new.state_len)?.fill(0);
        set(block, NEXT, next.to_le_bytes());
        set(block, SIZE, size.to_le_bytes());
        set(block, INSTRUMENT, new.instrument.to_le_bytes());
        set(block, HASH, new.hash.to_le_bytes());
        set(block, ATTRIBUTES_LEN, attributes_len.to_le_bytes());
        set_u64(block, START, new.start);
        attributes(&mut Writer::new(block.get_mut(HEAD + new.state_len..)?)).ok()?;
        set(self.at_mut(bucket), 0, place.to_le_bytes());
        Some(place)
    }

    /// Bytes for a block, from those that were freed or from what was never used.
    pub(super) fn allocate(&mut self, len: usize) -> Option<u32> {
        /// How many freed blocks are looked at: interrupts may be off.
        const LOOKS: usize = 8;
        let (mut before, mut place) = (0, self.free);
        for _ in 0..LOOKS {
            if place == 0 {
                break;
            }
            let next = u32_at(self.at(place), NEXT);
            if usize::from(u16_at(self.at(place), SIZE)) >= len {
                match before {
                    0 => self.free = next,
                    before => set(self.at_mut(before), NEXT, next.to_le_bytes()),
                }
                return Some(place);
            }
            (before, place) = (place, next);
        }
        self.extend(len)
    }

    fn extend(&mut self, len: usize) -> Option<u32> {
        /// Blocks of a few sizes are of use again.
        const ROUND: usize = 8;
        let size = u16::try_from(len.checked_next_multiple_of(ROUND)?).ok()?;
        let end = self.used.checked_add(size.into())?;
        if self.used == 0 || end as usize > self.buf.len() {
            return None;
        }
        let place = core::mem::replace(&mut self.used, end);
        set(self.at_mut(place), SIZE, size.to_le_bytes());
        Some(place)
    }

    fn release(&mut self, place: u32) {
        let next = core::mem::replace(&mut self.free, place);
        set(self.at_mut(place), NEXT, next.to_le_bytes());
    }

    /// Takes a point out of its bucket and frees its memory.
    pub(super) fn remove(&mut self, point: u32) {
        let next = u32_at(self.at(point), NEXT);
        let mut link = self.bucket(u32_at(self.at(point), HASH));
        loop {
            match u32_at(self.at(link), NEXT) {
                0 => return,
                place if place == point => break,
                place => link = place,
            }
        }
        set(self.at_mut(link), NEXT, next.to_le_bytes());
        if let Some(exemplars) = self.exemplars(point) {
            self.exemplars = self.exemplars.saturating_sub(u16_at(self.at(exemplars), SIZE).into());
            self.release(exemplars);
        }
        self.release(point);
    }

    /// The block of a point's exemplars.
    #[inline]
    pub(super) fn exemplars(&self, point: u32) -> Option<u32> {
        Some(u32_at(self.at(point), EXEMPLARS)).filter(|place| *place != 0)
    }

    /// Makes a block for a point's exemplars. Those of all points take a quarter of the memory at the most,
    /// so that samples never cost a series its place.
    pub(super) fn add_exemplars(&mut self, point: u32, len: usize) -> Option<u32> {
        if self.exemplars as usize + len > self.capacity() / 4 {
            return None;
        }
        let place = self.allocate(len)?;
        let size = u16_at(self.at(place), SIZE);
        self.exemplars += u32::from(size);
        self.at_mut(place).get_mut(..usize::from(size))?.fill(0);
        set(self.at_mut(place), SIZE, size.to_le_bytes());
        set(self.at_mut(point), EXEMPLARS, place.to_le_bytes());
        Some(place)
    }

    #[inline]
    pub(super) fn flags(&self, point: u32) -> u16 {
        u16_at(self.at(point), FLAGS)
    }

    #[inline]
    pub(super) fn set_flags(&mut self, point: u32, flags: u16) {
        set(self.at_mut(point), FLAGS, flags.to_le_bytes());
    }

    pub(super) fn start(&self, point: u32) -> u64 {
        u64_at(self.at(point), START)
    }

    /// A point's fixed part, and what is behind it.
    pub(super) fn split(&mut self, point: u32) -> Option<(Fixed<'_>, &mut [u8])> {
        let (head, rest) = self.buf.get_mut(point as usize..)?.split_first_chunk_mut()?;
        Some((Fixed(head), rest))
    }

    pub(super) fn instrument(&self, point: u32) -> u16 {
        u16_at(self.at(point), INSTRUMENT)
    }

    pub(super) fn sibling(&self, point: u32) -> u32 {
        u32_at(self.at(point), SIBLING)
    }

    pub(super) fn set_sibling(&mut self, point: u32, sibling: u32) {
        set(self.at_mut(point), SIBLING, sibling.to_le_bytes());
    }

    /// A point's value, which takes `state_len` bytes, and behind it its attributes as they are encoded.
    pub(super) fn value(&self, point: u32, state_len: usize) -> &[u8] {
        let block = self.at(point);
        block.get(HEAD..HEAD + state_len + usize::from(u16_at(block, ATTRIBUTES_LEN))).unwrap_or_default()
    }
}
