//! The bytes of docs/FLASH.md.

use crate::crc::Crc;
use crate::otlp::Signal;
use crate::ring::Header as Record;

const MAGIC: [u8; 4] = *b"SmFQ";
const VERSION: u8 = 1;

/// Counts of spans, data points and log records, by [`Signal`] number.
pub(super) type Items = [u32; 3];

/// What a flash looks like: a header of another one does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) word: usize,
    pub(super) page: usize,
    pub(super) pages: u32,
}

impl Geometry {
    /// `len`, filled up to a word.
    pub(super) const fn padded(&self, len: usize) -> usize {
        len.next_multiple_of(self.word)
    }

    /// The page of that sequence.
    pub(super) const fn index(&self, sequence: u32) -> u32 {
        sequence % self.pages
    }

    fn encoded(&self) -> [u8; 7] {
        let ([a, b, _, _], [c, d, e, f]) = (self.pages.to_le_bytes(), (self.page as u32).to_le_bytes());
        [self.word.trailing_zeros() as u8, a, b, c, d, e, f]
    }
}

/// What stands at the front of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PageHeader {
    pub(super) sequence: u32,
    pub(super) position: u64,
    pub(super) state: State,
    pub(super) stored: Items,
    pub(super) erases: u32,
}

impl PageHeader {
    pub(super) const LEN: usize = 72;

    pub(super) fn encode(&self, geometry: &Geometry) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let mut rest = &mut bytes[..];
        put(&mut rest, &MAGIC);
        put(&mut rest, &[VERSION]);
        put(&mut rest, &geometry.encoded());
        put(&mut rest, &self.sequence.to_le_bytes());
        put(&mut rest, &self.position.to_le_bytes());
        put(&mut rest, &self.state.encode());
        put_items(&mut rest, &self.stored);
        put(&mut rest, &self.erases.to_le_bytes());
        let check = Crc::new().add(&bytes[..Self::LEN - CHECK]).value();
        bytes[Self::LEN - CHECK..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// The header of page `index`, if that is what the bytes are.
    pub(super) fn decode(bytes: &[u8; Self::LEN], geometry: &Geometry, index: u32) -> Option<Self> {
        let mut rest = &bytes[..];
        let fits = take(&mut rest)? == MAGIC
            && take(&mut rest)? == [VERSION]
            && take(&mut rest)? == geometry.encoded();
        let mut header = Self { sequence: u32::from_le_bytes(take(&mut rest)?), ..Self::default() };
        header.position = u64::from_le_bytes(take(&mut rest)?);
        header.state = State::decode(take(&mut rest)?)?;
        header.stored = take_items(&mut rest)?;
        header.erases = u32::from_le_bytes(take(&mut rest)?);
        let check = Crc::new().add(&bytes[..Self::LEN - CHECK]).value();
        let whole = take(&mut rest)? == check.to_le_bytes();
        let sane = header.sequence < u32::MAX && header.position <= FURTHEST;
        (fits && whole && sane && geometry.index(header.sequence) == index).then_some(header)
    }
}

/// How far was released, the positions' name, and what gave way to newer records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) released: u64,
    pub(super) epoch: u64,
    pub(super) overwritten: Items,
}

impl State {
    pub(super) const LEN: usize = 28;

    pub(super) fn encode(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let mut rest = &mut bytes[..];
        put(&mut rest, &self.released.to_le_bytes());
        put(&mut rest, &self.epoch.to_le_bytes());
        put_items(&mut rest, &self.overwritten);
        bytes
    }

    pub(super) fn decode(bytes: [u8; Self::LEN]) -> Option<Self> {
        let mut rest = &bytes[..];
        let (released, epoch) = (u64::from_le_bytes(take(&mut rest)?), u64::from_le_bytes(take(&mut rest)?));
        let state = Self { released, epoch, overwritten: take_items(&mut rest)? };
        (state.released <= FURTHEST).then_some(state)
    }
}

/// The front of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntryHead {
    kind: u8,
    pub(super) len: u16,
    pub(super) scope: u32,
}

impl EntryHead {
    pub(super) const LEN: usize = 8;
    /// The length of an entry around `len` bytes, without the filling.
    pub(super) const fn around(len: usize) -> usize {
        Self::LEN + len + CHECK
    }

    pub(super) const STATE: Self = Self { kind: 0, len: State::LEN as u16, scope: 0 };

    pub(super) fn record(header: Record, scope: u32) -> Self {
        let items = header.items.clamp(1, Record::MAX_ITEMS);
        Self { kind: header.kind << 6 | items, len: header.len, scope }
    }

    pub(super) fn encode(self) -> [u8; Self::LEN] {
        let ([a, b], [c, d, e, f]) = (self.len.to_le_bytes(), self.scope.to_le_bytes());
        [self.kind, MARK, a, b, c, d, e, f]
    }

    /// `None` if the bytes are no head of an entry.
    pub(super) fn decode([kind, mark, a, b, c, d, e, f]: [u8; Self::LEN]) -> Option<Self> {
        let (len, scope) = (u16::from_le_bytes([a, b]), u32::from_le_bytes([c, d, e, f]));
        let head = Self { kind, len, scope };
        let known = if head.is_state() { head == Self::STATE } else { head.items() > 0 };
        (mark == MARK && known && Signal::from_number(kind >> 6).is_some()).then_some(head)
    }

    pub(super) fn is_state(&self) -> bool {
        self.kind == 0
    }

    pub(super) fn signal(&self) -> usize {
        usize::from(self.kind >> 6).min(2)
    }

    pub(super) fn items(&self) -> u8 {
        self.kind & Record::MAX_ITEMS
    }

    /// What it adds to the position.
    pub(super) fn advance(&self) -> u64 {
        if self.is_state() { 0 } else { (Record::LEN + usize::from(self.len)) as u64 }
    }

    /// As the ring has it, with another number for the scope.
    pub(super) fn header(&self, scope: u16) -> Record {
        Record { len: self.len, scope, kind: self.kind >> 6, items: self.items() }
    }

    /// The check of an entry that begins at `offset`, up to its bytes.
    pub(super) fn check(self, sequence: u32, offset: usize) -> Crc {
        Crc::new().add(&sequence.to_le_bytes()).add(&(offset as u32).to_le_bytes()).add(&self.encode())
    }
}

/// No queue comes so far: a position beyond it is a hostile one.
const FURTHEST: u64 = 1 << 62;
/// The second byte of every entry.
const MARK: u8 = 0xE5;
pub(super) const CHECK: usize = 4;

fn put(rest: &mut &mut [u8], bytes: &[u8]) {
    if let Some((front, behind)) = core::mem::take(rest).split_at_mut_checked(bytes.len()) {
        front.copy_from_slice(bytes);
        *rest = behind;
    }
}

fn put_items(rest: &mut &mut [u8], items: &Items) {
    items.iter().for_each(|count| put(rest, &count.to_le_bytes()));
}

fn take_items(rest: &mut &[u8]) -> Option<Items> {
    let mut items = Items::default();
    for count in &mut items {
        *count = u32::from_le_bytes(take(rest)?);
    }
    Some(items)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GEOMETRY: Geometry = Geometry { word: 8, page: 4096, pages: 300 };

    #[test]
    fn a_page_header_is_read_as_it_was_written_and_only_where_it_belongs() {
        let state = State { released: 7, epoch: 9, overwritten: [4, 5, 6] };
        let header = PageHeader { sequence: 301, position: 8, state, stored: [1, 2, 3], erases: 2 };
        let mut bytes = header.encode(&GEOMETRY);
        assert_eq!(bytes[..16], *b"SmFQ\x01\x03\x2C\x01\x00\x10\0\0\x2D\x01\0\0");
        assert_eq!((bytes[40], bytes[52]), (4, 1));
        assert_eq!(PageHeader::decode(&bytes, &GEOMETRY, 1), Some(header));
        assert_eq!(PageHeader::decode(&bytes, &GEOMETRY, 2), None, "another page's");
        for other in [
            Geometry { word: 4, ..GEOMETRY },
            Geometry { page: 2048, ..GEOMETRY },
            Geometry { pages: 100, ..GEOMETRY },
        ] {
            assert_eq!(PageHeader::decode(&bytes, &other, 1), None);
        }
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(PageHeader::decode(&bytes, &GEOMETRY, 1), None, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn an_entry_is_a_record_or_a_state_and_nothing_else() {
        let header = Record { len: 300, scope: 5, kind: 2, items: 3 };
        let head = EntryHead::record(header, 0x0403_0201);
        assert_eq!(head.encode(), [0x83, 0xE5, 0x2C, 1, 1, 2, 3, 4]);
        assert_eq!(EntryHead::decode(head.encode()), Some(head));
        assert_eq!((head.header(5), head.advance()), (header, 305));
        assert_eq!(EntryHead::decode(EntryHead::STATE.encode()), Some(EntryHead::STATE));
        for bad in [
            [0xFF; 8],
            [0; 8],
            [0x80, 0xE5, 1, 0, 0, 0, 0, 0],
            [0xC1, 0xE5, 1, 0, 0, 0, 0, 0],
            [0, 0xE5, 27, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(EntryHead::decode(bad), None, "{bad:X?}");
        }
    }
}
