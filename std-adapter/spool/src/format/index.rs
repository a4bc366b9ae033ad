//! The index of a filled segment: what its record headers say, as far as an opening has to know it.

use super::bytes::{Get, Put};
use super::record::{ALIGN, HEADER_LEN as RECORD_LEN, Outline, salted_crc};
use super::segment::{HEADER_LEN, SegmentHeader};
use super::{BLOCK, round_up};
use crate::record::{Origin, Signal};
use crate::vfs::{Site, Vfs};

/// What stands behind the entries.
pub(crate) const END_LEN: u32 = 16;

/// Segments of this size and more keep room for their index.
const ROOM_FROM: u32 = 64 << 10;
/// The longest entry.
const ENTRY_LEN: usize = 1 + 10 + 5 + 5 + 10 + 32;

const SIGNAL: u8 = 3;
const FRESH_BLOCK: u8 = 4;
const ORIGIN: u8 = 8;
const REPORT: u8 = 16;

/// An index that grows with its segment.
pub(crate) struct SegmentIndex {
    entries: Put,
    before: Before,
}

/// What the entries so far add up to: the next one says how its record differs from it.
struct Before {
    sequence: u64,
    boot_time: u64,
    end: u32,
    records: u32,
    items: u64,
}

impl Before {
    fn start(first_sequence: u64) -> Before {
        Before { sequence: first_sequence, boot_time: 0, end: HEADER_LEN, records: 0, items: 0 }
    }

    fn pass(&mut self, record: &Outline) {
        self.sequence = record.sequence;
        self.boot_time = record.boot_time;
        self.end = record.offset + round_up(RECORD_LEN + record.len, ALIGN);
        self.records += 1;
        self.items += u64::from(record.items);
    }
}

impl SegmentIndex {
    pub(crate) fn new(first_sequence: u64) -> SegmentIndex {
        SegmentIndex { entries: Put::default(), before: Before::start(first_sequence) }
    }

    pub(crate) fn add(&mut self, record: &Outline) {
        let before = &self.before;
        let mut flags = record.signal.index() as u8;
        flags |= if record.offset == before.end { 0 } else { FRESH_BLOCK };
        flags |= if record.origin.is_some() { ORIGIN } else { 0 };
        flags |= if record.report { REPORT } else { 0 };
        let (sequence, time) = (record.sequence - before.sequence, record.boot_time);
        self.entries.u8(flags).number(sequence).number(record.len.into()).number(record.items.into());
        self.entries.number(time.wrapping_sub(before.boot_time));
        if let Some(origin) = &record.origin {
            self.entries.bytes(&origin.device).u64(origin.epoch).u64(origin.sequence);
        }
        self.before.pass(record);
    }

    /// Where the blocks begin that it needs in a segment of `size` bytes, with so many bytes more.
    fn begins(&self, size: u32, more: usize) -> u32 {
        let len = u32::try_from(self.entries.0.len() + more).unwrap_or(size);
        (size - HEADER_LEN - END_LEN).saturating_sub(len) / BLOCK * BLOCK
    }

    /// Where another record must end.
    pub(crate) fn limit(&self, size: u32) -> u32 {
        if size < ROOM_FROM || self.before.records == 0 {
            size - HEADER_LEN
        } else {
            self.begins(size, ENTRY_LEN)
        }
    }

    /// The blocks at the end of a segment of `size` bytes, header B included, and where they begin; `None` if there is no room for them behind
    /// records that end at `end`.
    pub(crate) fn blocks(&self, salt: [u8; 8], header: &[u8], size: u32, end: u32) -> Option<(u32, Vec<u8>)> {
        let at = self.begins(size, 0);
        if end > at {
            return None;
        }
        let entries = &self.entries.0;
        let zeros = (size - at - HEADER_LEN - END_LEN) as usize - entries.len();
        let mut blocks = Put(vec![0; zeros]);
        blocks.bytes(entries).u32(entries.len() as u32).u32(self.before.records).u32(0);
        let crc = salted_crc(salt, &blocks.0[zeros..]);
        blocks.u32(crc).bytes(header);
        Some((at, blocks.0))
    }
}

/// The length of an index, given what it ends with.
pub(crate) fn length(end: &[u8]) -> Option<u32> {
    Get(end).u32()?.checked_add(END_LEN)
}

/// Reads the index of a segment that is known to have so many records, if it holds.
pub(crate) fn decode(
    bytes: &[u8],
    segment: &SegmentHeader,
    known: u32,
    vfs: &dyn Vfs,
) -> Option<Vec<Outline>> {
    let (body, crc) = bytes.split_at_checked(bytes.len().checked_sub(4)?)?;
    if !vfs.holds(Site::IndexCrc, crc == salted_crc(segment.salt, body).to_le_bytes()) {
        return None;
    }
    let (entries, end) = bytes.split_at_checked(bytes.len().checked_sub(END_LEN as usize)?)?;
    let mut end = Get(end);
    if (end.u32()? as usize, end.u32()?, end.u32()?) != (entries.len(), known, 0) {
        return None;
    }
    let (mut get, mut before) = (Get(entries), Before::start(segment.first_sequence));
    // An entry has five bytes at least.
    let mut records = Vec::with_capacity(entries.len() / 5);
    for _ in 0..known {
        let record = entry(&mut get, &before)?;
        let end = u64::from(record.offset) + u64::from(RECORD_LEN) + u64::from(record.len);
        if end > u64::from(segment.segment_size - HEADER_LEN) {
            return None;
        }
        before.pass(&record);
        records.push(record);
    }
    get.0.is_empty().then_some(records)
}

fn entry(get: &mut Get<'_>, before: &Before) -> Option<Outline> {
    let flags = get.u8()?;
    if flags > SIGNAL | FRESH_BLOCK | ORIGIN | REPORT {
        return None;
    }
    let sequence = before.sequence.checked_add(get.number()?)?;
    let (len, items) = (u32::try_from(get.number()?).ok()?, u32::try_from(get.number()?).ok()?);
    let boot_time = before.boot_time.wrapping_add(get.number()?);
    let origin = match flags & ORIGIN {
        0 => None,
        _ => Some(Origin { device: get.array()?, epoch: get.u64()?, sequence: get.u64()? }),
    };
    Some(Outline {
        ordinal: before.records,
        sequence,
        boot_time,
        offset: if flags & FRESH_BLOCK == 0 { before.end } else { round_up(before.end, BLOCK) },
        len,
        items_before: before.items,
        items,
        signal: Signal::from_byte((flags & SIGNAL) + 1)?,
        origin,
        report: flags & REPORT != 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Class;
    use crate::vfs::StdVfs;

    const SIZE: u32 = 16384;

    fn segment() -> SegmentHeader {
        SegmentHeader {
            class: Class::Normal,
            segment_size: SIZE,
            uuid: [7; 16],
            generation: 3,
            salt: [9; 8],
            first_sequence: 41,
            floor: 40,
            settled: 39,
            boot_id: [1; 16],
            slot: 5,
            previous: None,
            key_check: None,
        }
    }

    fn records() -> Vec<Outline> {
        let record = |ordinal, sequence, offset, len, items_before| Outline {
            ordinal,
            sequence,
            boot_time: 1_000_000 - u64::from(ordinal) * 300_000,
            offset,
            len,
            items_before,
            items: 5,
            signal: Signal::ALL[ordinal as usize],
            origin: (ordinal == 2).then_some(Origin { device: [1; 16], epoch: 2, sequence: 3 }),
            report: ordinal == 1,
        };
        vec![record(0, 41, 128, 100, 0), record(1, 42, 344, 200, 5), record(2, 400, 4096, 7000, 10)]
    }

    /// As in the segment's last blocks.
    fn encoded() -> Vec<u8> {
        let mut index = SegmentIndex::new(41);
        records().iter().for_each(|record| index.add(record));
        let (at, blocks) = index.blocks([9; 8], &[0xbb; HEADER_LEN as usize], SIZE, 11_300).unwrap();
        assert_eq!(at as usize + blocks.len(), SIZE as usize);
        assert!(index.blocks([9; 8], &[], SIZE, at + 1).is_none());
        let (rest, header) = blocks.split_at(blocks.len() - HEADER_LEN as usize);
        assert_eq!(header, [0xbb; HEADER_LEN as usize]);
        let len = length(&rest[rest.len() - END_LEN as usize..]).unwrap();
        rest[rest.len() - len as usize..].to_vec()
    }

    #[test]
    fn an_index_comes_back_and_no_bit_of_it_may_change() {
        let (vfs, mut bytes) = (StdVfs::default(), encoded());
        assert_eq!(decode(&bytes, &segment(), 3, &vfs), Some(records()));
        assert_eq!(decode(&bytes, &segment(), 2, &vfs), None);
        assert_eq!(decode(&bytes, &SegmentHeader { salt: [8; 8], ..segment() }, 3, &vfs), None);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bytes, &segment(), 3, &vfs), None);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
