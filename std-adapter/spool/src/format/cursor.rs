//! A slot of CURSOR.

use super::bytes::{Get, Put};
use super::{Parsed, VERSION};
use crate::record::Class;
use crate::stats::Losses;
use crate::vfs::{Site, Vfs};

/// How many destinations there may be at once.
pub(crate) const MAX_DESTINATIONS: usize = 16;
/// The longest destination id, in bytes.
pub(crate) const MAX_ID: usize = 64;
/// Enough of a slot to know its length.
pub(crate) const PEEK_LEN: usize = 16;

const MAGIC: [u8; 8] = *b"smolcur\n";
const LENGTH_AT: usize = 12;
const FIXED_LEN: usize = 16 + 16 + 8 + 4 + 8 + 8 + 8 + 8 + Losses::LEN + 2 + 4 + 4;
const DESTINATION_LEN: usize = 1 + MAX_ID + Losses::LEN;
const SEGMENT_LEN: usize = 4 + 8 + 1 + 1 + 4 + 8 + 4 + 8;
const RELEASED_LEN: usize = 8;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) uuid: [u8; 16],
    pub(crate) counter: u64,
    pub(crate) segment_size: u32,
    pub(crate) generation: u64,
    pub(crate) watermark: u64,
    pub(crate) next_sequence: u64,
    pub(crate) gaps: u64,
    pub(crate) losses: Losses,
    pub(crate) destinations: Vec<CursorDestination>,
    pub(crate) segments: Vec<CursorSegment>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CursorDestination {
    pub(crate) id: String,
    pub(crate) losses: Losses,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct CursorSegment {
    pub(crate) slot: u32,
    pub(crate) generation: u64,
    pub(crate) class: Class,
    pub(crate) closed: bool,
    pub(crate) records: u32,
    pub(crate) items: u64,
    pub(crate) missing_records: u32,
    pub(crate) missing_items: u64,
    /// In the order of the destinations.
    pub(crate) released: Vec<Released>,
}

/// The ordinals that a destination has released: all below `prefix`, and what `words` says from there on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Released {
    pub(crate) prefix: u32,
    pub(crate) words: Vec<u64>,
}

impl Released {
    pub(crate) fn contains(&self, ordinal: u32) -> bool {
        let word = ordinal.checked_sub(self.prefix / 64 * 64).and_then(|at| self.words.get(at as usize / 64));
        ordinal < self.prefix || word.is_some_and(|word| word >> (ordinal % 64) & 1 == 1)
    }
}

impl Cursor {
    /// The size of a slot that has room for `segments` live segments, and something for bitmaps.
    pub(crate) fn slot_len(segments: u32) -> u64 {
        let segment = SEGMENT_LEN + MAX_DESTINATIONS * RELEASED_LEN;
        let fixed = FIXED_LEN + MAX_DESTINATIONS * DESTINATION_LEN + segments as usize * segment;
        (fixed + (fixed / 2).max(4096)).next_multiple_of(4096) as u64
    }

    /// Encodes into at most `room` bytes, leaving out bitmap words where they do not fit.
    pub(crate) fn encode(&self, room: usize) -> Vec<u8> {
        let released: usize =
            self.segments.iter().map(|s| SEGMENT_LEN + s.released.len() * RELEASED_LEN).sum();
        let ids: usize = self.destinations.iter().map(|d| 1 + d.id.len() + Losses::LEN).sum();
        let mut words_left = room.saturating_sub(FIXED_LEN + ids + released) / 8;
        let mut put = Put::default();
        put.bytes(&MAGIC).u16(VERSION).u16(0).u32(0).bytes(&self.uuid).u64(self.counter);
        put.u32(self.segment_size)
            .u64(self.generation)
            .u64(self.watermark)
            .u64(self.next_sequence)
            .u64(self.gaps);
        self.losses.put(&mut put);
        put.u16(self.destinations.len() as u16);
        for destination in &self.destinations {
            put.u8(destination.id.len() as u8).bytes(destination.id.as_bytes());
            destination.losses.put(&mut put);
        }
        put.u32(self.segments.len() as u32);
        for segment in &self.segments {
            segment.put(&mut put, &mut words_left);
        }
        let length = put.0.len() as u32 + 4;
        put.0[LENGTH_AT..LENGTH_AT + 4].copy_from_slice(&length.to_le_bytes());
        let crc = crc32c::crc32c(&put.0);
        put.u32(crc);
        put.0
    }

    /// The length a slot claims, from its first [`PEEK_LEN`] bytes.
    pub(crate) fn peek(bytes: &[u8]) -> Option<usize> {
        let length = Get(bytes.get(LENGTH_AT..)?).u32()? as usize;
        (bytes.starts_with(&MAGIC) && length >= FIXED_LEN).then_some(length)
    }

    /// Decodes a slot from exactly the bytes that [`Cursor::peek`] told.
    pub(crate) fn decode(bytes: &[u8], vfs: &dyn Vfs) -> Parsed<Cursor> {
        if Cursor::peek(bytes) != Some(bytes.len()) {
            return Parsed::Bad;
        }
        let (body, crc) = bytes.split_at(bytes.len() - 4);
        if !vfs.holds(Site::CursorCrc, crc == crc32c::crc32c(body).to_le_bytes()) {
            return Parsed::Bad;
        }
        let version = u16::from_le_bytes([body[8], body[9]]);
        if version > VERSION {
            return Parsed::Newer(version);
        }
        Self::fields(&body[16..]).map_or(Parsed::Bad, Parsed::Good)
    }

    fn fields(bytes: &[u8]) -> Option<Cursor> {
        let mut get = Get(bytes);
        let mut cursor = Cursor {
            uuid: get.array()?,
            counter: get.u64()?,
            segment_size: get.u32()?,
            generation: get.u64()?,
            watermark: get.u64()?,
            next_sequence: get.u64()?,
            gaps: get.u64()?,
            losses: Losses::get(&mut get)?,
            ..Cursor::default()
        };
        let destinations = usize::from(get.u16()?);
        if destinations > MAX_DESTINATIONS {
            return None;
        }
        for _ in 0..destinations {
            let len = usize::from(get.u8()?);
            let id = String::from_utf8(get.bytes(len)?.to_vec()).ok()?;
            cursor.destinations.push(CursorDestination { id, losses: Losses::get(&mut get)? });
        }
        for _ in 0..get.u32()? {
            cursor.segments.push(CursorSegment::get(&mut get, destinations)?);
        }
        get.0.is_empty().then_some(cursor)
    }
}

impl CursorSegment {
    fn put(&self, put: &mut Put, words_left: &mut usize) {
        put.u32(self.slot).u64(self.generation).u8(self.class as u8).u8(u8::from(self.closed));
        put.u32(self.records).u64(self.items).u32(self.missing_records).u64(self.missing_items);
        for released in &self.released {
            let words = if released.words.len() <= *words_left { &released.words[..] } else { &[] };
            *words_left -= words.len();
            put.u32(released.prefix).u32(words.len() as u32);
            for word in words {
                put.u64(*word);
            }
        }
    }

    fn get(get: &mut Get<'_>, destinations: usize) -> Option<CursorSegment> {
        let (slot, generation) = (get.u32()?, get.u64()?);
        let (class, flags) = (Class::from_byte(get.u8()?)?, get.u8()?);
        let (records, items, missing_records, missing_items) =
            (get.u32()?, get.u64()?, get.u32()?, get.u64()?);
        let mut released = Vec::new();
        for _ in 0..destinations {
            let (prefix, words) = (get.u32()?, get.u32()?);
            let words = get.bytes((words as usize).checked_mul(8)?)?;
            let words = words.chunks_exact(8).filter_map(|word| Get(word).u64()).collect();
            released.push(Released { prefix, words });
        }
        let closed = flags & 1 != 0;
        Some(CursorSegment {
            slot,
            generation,
            class,
            closed,
            records,
            items,
            missing_records,
            missing_items,
            released,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Loss;
    use crate::vfs::StdVfs;

    fn cursor() -> Cursor {
        let mut losses = Losses::default();
        losses.add(Loss::Evicted, 3, 30);
        let released = vec![Released { prefix: 70, words: vec![0x3f, 8] }];
        let segment =
            CursorSegment { slot: 1, generation: 9, records: 80, items: 800, released, ..Default::default() };
        let destinations = vec![CursorDestination { id: "up".into(), losses }];
        Cursor { counter: 5, segment_size: 4096, destinations, segments: vec![segment], ..Cursor::default() }
    }

    #[test]
    fn a_slot_comes_back_and_no_bit_of_it_may_change() {
        let mut bytes = cursor().encode(8192);
        assert_eq!(Cursor::decode(&bytes, &StdVfs::default()), Parsed::Good(cursor()));
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Cursor::decode(&bytes, &StdVfs::default()), Parsed::Bad);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn without_room_only_the_prefix_of_what_was_released_is_kept() {
        let mut short = cursor();
        let bytes = short.encode(0);
        short.segments[0].released[0].words.clear();
        assert_eq!(Cursor::decode(&bytes, &StdVfs::default()), Parsed::Good(short));
    }

    #[test]
    fn the_largest_cursor_without_bitmaps_fits_its_slot() {
        let destination = CursorDestination { id: "x".repeat(MAX_ID), losses: Losses::default() };
        let released = vec![Released { prefix: 1, words: vec![1; 9] }; MAX_DESTINATIONS];
        let segments = vec![CursorSegment { released, ..Default::default() }; 100];
        let cursor =
            Cursor { destinations: vec![destination; MAX_DESTINATIONS], segments, ..Cursor::default() };
        let room = Cursor::slot_len(100) as usize;
        assert!(cursor.encode(room).len() <= room);
    }
}
