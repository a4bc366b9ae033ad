//! The body of CURSOR.

use super::bytes::{Get, Put};
use crate::record::Class;
use crate::stats::Losses;

/// How many destinations there may be at once.
pub(crate) const MAX_DESTINATIONS: usize = 16;
/// The longest destination id, in bytes.
pub(crate) const MAX_ID: usize = 64;

const FIXED_LEN: usize = 4 + 8 + 8 + 8 + 8 + 8 + Losses::LEN + 2 + 4;
const DESTINATION_LEN: usize = 1 + MAX_ID + Losses::LEN;
const SEGMENT_LEN: usize = 4 + 8 + 1 + 1 + 4 + 8 + 4 + 8;
const RELEASED_LEN: usize = 8;
const CLOSED: u8 = 1;
const UNREAD: u8 = 2;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) segment_size: u32,
    pub(crate) generation: u64,
    pub(crate) watermark: u64,
    pub(crate) next_sequence: u64,
    /// The highest sequence of a record with an origin.
    pub(crate) last_origin: u64,
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
    /// The disk could not read all of it when the spool was opened: what is in the slot, of this generation or a higher one, is live.
    pub(crate) unread: bool,
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
    /// Whether a segment that was found in a slot is live, given CURSOR's entry for the slot: `None` if it was let go, otherwise the
    /// entry, if it is about this segment.
    pub(crate) fn live<'a>(
        &self,
        entry: Option<&'a CursorSegment>,
        generation: u64,
    ) -> Option<Option<&'a CursorSegment>> {
        let same = entry.filter(|entry| entry.generation == generation);
        let unread = entry.is_some_and(|entry| entry.unread && entry.generation <= generation);
        (same.is_some() || unread || generation > self.generation).then_some(same)
    }

    /// The length of a body that has room for `segments` live segments, and something for bitmaps.
    pub(crate) fn body_len(segments: u32) -> usize {
        let segment = SEGMENT_LEN + MAX_DESTINATIONS * RELEASED_LEN;
        let fixed = FIXED_LEN + MAX_DESTINATIONS * DESTINATION_LEN + segments as usize * segment;
        fixed + (fixed / 2).max(4096)
    }

    /// Encodes into at most `room` bytes, leaving out bitmap words where they do not fit.
    pub(crate) fn encode(&self, room: usize) -> Vec<u8> {
        let released: usize =
            self.segments.iter().map(|s| SEGMENT_LEN + s.released.len() * RELEASED_LEN).sum();
        let ids: usize = self.destinations.iter().map(|d| 1 + d.id.len() + Losses::LEN).sum();
        let mut words_left = room.saturating_sub(FIXED_LEN + ids + released) / 8;
        let mut put = Put::default();
        put.u32(self.segment_size)
            .u64(self.generation)
            .u64(self.watermark)
            .u64(self.next_sequence)
            .u64(self.last_origin)
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
        put.0
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Cursor> {
        let mut get = Get(bytes);
        let mut cursor = Cursor {
            segment_size: get.u32()?,
            generation: get.u64()?,
            watermark: get.u64()?,
            next_sequence: get.u64()?,
            last_origin: get.u64()?,
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
        let flags = (u8::from(self.closed) * CLOSED) | (u8::from(self.unread) * UNREAD);
        put.u32(self.slot).u64(self.generation).u8(self.class as u8).u8(flags);
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
        Some(CursorSegment {
            slot,
            generation,
            class,
            closed: flags & CLOSED != 0,
            unread: flags & UNREAD != 0,
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

    fn cursor() -> Cursor {
        let mut losses = Losses::default();
        losses.add(Loss::Evicted, 3, 30);
        let released = vec![Released { prefix: 70, words: vec![0x3f, 8] }];
        let segment =
            CursorSegment { slot: 1, generation: 9, records: 80, items: 800, released, ..Default::default() };
        let destinations = vec![CursorDestination { id: "up".into(), losses }];
        Cursor {
            last_origin: 5,
            segment_size: 4096,
            destinations,
            segments: vec![segment],
            ..Cursor::default()
        }
    }

    #[test]
    fn a_cursor_comes_back() {
        assert_eq!(Cursor::decode(&cursor().encode(8192)), Some(cursor()));
    }

    #[test]
    fn without_room_only_the_prefix_of_what_was_released_is_kept() {
        let mut short = cursor();
        let bytes = short.encode(0);
        short.segments[0].released[0].words.clear();
        assert_eq!(Cursor::decode(&bytes), Some(short));
    }

    #[test]
    fn the_largest_cursor_without_bitmaps_fits_its_slot() {
        let destination = CursorDestination { id: "x".repeat(MAX_ID), losses: Losses::default() };
        let released = vec![Released { prefix: 1, words: vec![1; 9] }; MAX_DESTINATIONS];
        let segments = vec![CursorSegment { released, ..Default::default() }; 100];
        let cursor =
            Cursor { destinations: vec![destination; MAX_DESTINATIONS], segments, ..Cursor::default() };
        let room = Cursor::body_len(100);
        assert!(cursor.encode(room).len() <= room);
    }
}
