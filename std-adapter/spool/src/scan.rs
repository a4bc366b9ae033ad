//! Finding records in a segment: what recovery and `verify` share.

use std::io;

use crate::format::index::{self, END_LEN};
use crate::format::record::{ALIGN, HEADER_LEN, OFFSET_AT, Outline, RecordHeader};
use crate::format::segment::{HEADER_LEN as SEGMENT_HEADER_LEN, SegmentHeader};
use crate::format::{BLOCK, Parsed, round_up};
use crate::location::Location;
use crate::vfs::{Site, Vfs, VfsFile, read_full};

/// Both headers of a slot, read and judged.
pub(crate) enum Slot {
    /// All zeros.
    Unused,
    Segment(Box<SegmentHeader>),
    Newer(u16),
    Unreadable,
    /// The disk could not read header A, or not enough to say more; header B, if that one holds.
    Unread(Option<Box<SegmentHeader>>),
}

/// Reads the headers of the slot at `slot`; one that does not hold, or is not of this slot and size, does not count.
pub(crate) fn headers(vfs: &dyn Vfs, file: &dyn VfsFile, slot: u32, size: u32) -> Slot {
    let base = u64::from(slot) * u64::from(size);
    let mut best: Option<SegmentHeader> = None;
    let mut unread = [false; 2];
    for (which, at) in [base, base + u64::from(size - SEGMENT_HEADER_LEN)].into_iter().enumerate() {
        let mut bytes = [0; SEGMENT_HEADER_LEN as usize];
        if read_full(file, Site::HeaderRead, &mut bytes, at).is_err() {
            unread[which] = true;
            continue;
        }
        match SegmentHeader::decode(&bytes, vfs) {
            Parsed::Newer(version) => return Slot::Newer(version),
            Parsed::Good(header)
                if header.slot == slot
                    && header.segment_size == size
                    && best.as_ref().is_none_or(|best| best.generation < header.generation) =>
            {
                best = Some(header);
            }
            _ => {}
        }
    }
    let best = best.map(Box::new);
    match best {
        // Header A, which stands for the other, or may be newer than it.
        Some(header) if !unread[0] => Slot::Segment(header),
        _ if unread != [false; 2] => Slot::Unread(best),
        _ => match is_zero(file, base, size) {
            Ok(true) => Slot::Unused,
            Ok(false) => Slot::Unreadable,
            Err(_) => Slot::Unread(None),
        },
    }
}

fn is_zero(file: &dyn VfsFile, base: u64, size: u32) -> io::Result<bool> {
    let mut block = [0; BLOCK as usize];
    for at in (0..size).step_by(BLOCK as usize) {
        read_full(file, Site::HeaderRead, &mut block, base + u64::from(at))?;
        if block != [0; BLOCK as usize] {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What was found in a segment.
#[derive(Default)]
pub(crate) struct Walk {
    /// By ordinal.
    pub(crate) records: Vec<RecordHeader>,
    /// The disk could not read all of it: there may be more.
    pub(crate) unread: bool,
}

impl Walk {
    pub(crate) fn outlines(&self) -> impl Iterator<Item = Outline> {
        self.records.iter().map(RecordHeader::outline)
    }
}

/// All valid record headers of a segment, by ordinal. `known` is the number of records it has, if that is certain:
/// then nothing is searched for beyond them.
pub(crate) fn walk(vfs: &dyn Vfs, file: &dyn VfsFile, segment: &SegmentHeader, known: Option<u32>) -> Walk {
    let mut window = Window::new(file, segment);
    let valid = |window: &mut Window<'_>, at: u32| {
        RecordHeader::decode(window.at(at)?, segment.salt, at, segment.segment_size, vfs)
    };
    let mut records: Vec<RecordHeader> = Vec::new();
    let (mut at, mut expected) = (SEGMENT_HEADER_LEN, 0);
    while known != Some(expected) {
        let block = round_up(at, BLOCK);
        let mut next = valid(&mut window, at).filter(|header| header.ordinal == expected);
        if next.is_none() {
            next = valid(&mut window, block).filter(|header| header.ordinal == expected);
        }
        window.sparse &= next.is_some();
        while next.is_none() && window.at(at).is_some() {
            at = window.seek(at);
            next = valid(&mut window, at).filter(|header| header.ordinal >= expected);
            at += ALIGN;
        }
        let Some(header) = next else { break };
        at = header.offset + round_up(HEADER_LEN + header.len, ALIGN);
        window.sparse = header.len >= SPARSE;
        expected = header.ordinal + 1;
        records.push(header);
    }
    if let Some(known) = known {
        records.retain(|header| header.ordinal < known);
    }
    Walk { records, unread: window.unread }
}

/// All records of a segment that is known to have so many, from its index, if that holds.
pub(crate) fn index(
    vfs: &dyn Vfs,
    file: &dyn VfsFile,
    segment: &SegmentHeader,
    known: u32,
) -> Option<Vec<Outline>> {
    let end = segment.segment_size - SEGMENT_HEADER_LEN;
    let base = u64::from(segment.slot) * u64::from(segment.segment_size);
    let mut bytes = vec![0; (BLOCK - SEGMENT_HEADER_LEN) as usize];
    let read = |bytes: &mut [u8]| {
        read_full(file, Site::IndexRead, bytes, base + u64::from(end) - bytes.len() as u64)
    };
    read(&mut bytes).ok()?;
    let len = index::length(&bytes[bytes.len() - END_LEN as usize..])?;
    if len > end - SEGMENT_HEADER_LEN {
        return None;
    }
    if len as usize > bytes.len() {
        bytes.resize(len as usize, 0);
        read(&mut bytes).ok()?;
    }
    index::decode(&bytes[bytes.len() - len as usize..], segment, known, vfs)
}

/// Whether a record is there and whole. An error is the disk's, and says nothing of the record.
pub(crate) fn record_holds(
    vfs: &dyn Vfs,
    file: &dyn VfsFile,
    segment: &SegmentHeader,
    record: &Outline,
) -> io::Result<bool> {
    Ok(Location::of(segment, record, None).read(vfs, file, segment.segment_size)?.is_some())
}

/// Behind a payload this long, only as much is read as must hold the next header.
const SPARSE: u32 = 1024;
/// Otherwise so much at once.
const AHEAD: u32 = 64 << 10;

/// The part of a segment that was read last.
struct Window<'a> {
    sparse: bool,
    /// Something could not be read.
    unread: bool,
    file: &'a dyn VfsFile,
    base: u64,
    /// The end of the record area.
    end: u32,
    start: u32,
    bytes: Vec<u8>,
    len: usize,
}

impl<'a> Window<'a> {
    fn new(file: &'a dyn VfsFile, segment: &SegmentHeader) -> Window<'a> {
        let base = u64::from(segment.slot) * u64::from(segment.segment_size);
        let end = segment.segment_size - SEGMENT_HEADER_LEN;
        let bytes = vec![0; AHEAD.min(end) as usize];
        Window { sparse: false, unread: false, file, base, end, start: 0, bytes, len: 0 }
    }

    /// The bytes from `at` on, at least a header's; `None` where none can be.
    fn at(&mut self, at: u32) -> Option<&[u8]> {
        if at.checked_add(HEADER_LEN)? > self.end {
            return None;
        }
        let inside =
            self.len > 0 && at >= self.start && (at + HEADER_LEN) as usize <= self.start as usize + self.len;
        if !inside {
            self.fill(at);
        }
        self.bytes[..self.len].get((at - self.start) as usize..)
    }

    /// The next multiple of 8, from `at` on, that could be a header, because it holds its own offset; or near the end.
    fn seek(&mut self, mut at: u32) -> u32 {
        while let Some(bytes) = self.at(at) {
            if bytes[OFFSET_AT..OFFSET_AT + 4] == at.to_le_bytes() {
                break;
            }
            at += ALIGN;
        }
        at
    }

    fn fill(&mut self, at: u32) {
        self.start = at;
        // The next header is here or at the next block.
        let wanted = if self.sparse { round_up(at, BLOCK) - at + HEADER_LEN } else { AHEAD };
        self.len = self.bytes.len().min(wanted.min(self.end - at) as usize);
        if read_full(self.file, Site::RecordRead, &mut self.bytes[..self.len], self.base + u64::from(at))
            .is_err()
        {
            // Only as much as is needed is passed over.
            self.len = HEADER_LEN as usize;
            let bytes = &mut self.bytes[..self.len];
            if read_full(self.file, Site::RecordRead, bytes, self.base + u64::from(at)).is_err() {
                self.bytes[..self.len].fill(0);
                self.unread = true;
            }
        }
    }
}
