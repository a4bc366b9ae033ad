//! Laying out what is written between two syncs.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use crate::cipher::{SegmentKey, TAG_LEN};
use crate::format::index::SegmentIndex;
use crate::format::record::{self, RecordHeader, SEALED};
use crate::format::segment::HEADER_LEN;
use crate::format::{BLOCK, round_up};
use crate::index::Meta;
use crate::record::{Class, Origin};
use crate::shared::{Arriving, Counters, Shared};
use crate::vfs::{Now, Site, write_full};

/// The segment of a class that is being filled.
pub(crate) struct Open {
    pub(crate) slot: u32,
    pub(crate) generation: u64,
    pub(crate) salt: [u8; 8],
    pub(crate) key: Option<Arc<SegmentKey>>,
    pub(crate) header: Vec<u8>,
    /// Where the next group starts: behind header A, or at a block.
    pub(crate) end: u32,
    pub(crate) records: u32,
    pub(crate) items: u64,
    pub(crate) durable_records: u32,
    pub(crate) durable_items: u64,
    /// What is laid out already counts.
    pub(crate) index: SegmentIndex,
}

/// What a record's header says beside the record.
pub(crate) struct Stamp {
    pub(crate) sequence: u64,
    pub(crate) durable: u64,
    pub(crate) now: Now,
    /// When this boot began, in spool time.
    pub(crate) boot: u64,
}

/// Records of one class that lie in a row in one segment.
pub(crate) struct Run {
    pub(crate) class: Class,
    pub(crate) generation: u64,
    pub(crate) metas: Vec<Meta>,
    slot: u32,
    start: u32,
    bytes: Vec<u8>,
    header: Vec<u8>,
}

/// The last blocks of a segment that was filled.
struct Ending {
    slot: u32,
    at: u32,
    blocks: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct Group {
    pub(crate) runs: Vec<Run>,
    endings: Vec<Ending>,
    /// By class: the run that takes the next record.
    current: [Option<usize>; Class::ALL.len()],
    /// Segments that this group fills up.
    pub(crate) closing: Vec<u64>,
    pub(crate) members: Vec<Member>,
    /// Members with an origin, by it.
    origins: HashMap<Origin, usize>,
}

/// A record of the group.
pub(crate) struct Member {
    pub(crate) sequence: u64,
    pub(crate) arriving: Arriving,
    /// The same record, come again meanwhile: it shares the fate of the first.
    pub(crate) again: Vec<Arriving>,
}

impl Group {
    pub(crate) fn generations(&self) -> Vec<u64> {
        self.runs.iter().map(|run| run.generation).chain(self.closing.iter().copied()).collect()
    }

    pub(crate) fn last_sequence(&self) -> u64 {
        self.members.last().map_or(0, |member| member.sequence)
    }

    /// Adds a record that was laid out.
    pub(crate) fn add(&mut self, member: Member) {
        if let Some(origin) = member.arriving.record.origin {
            self.origins.insert(origin, self.members.len());
        }
        self.members.push(member);
    }

    /// The member of the same origin.
    pub(crate) fn same(&mut self, origin: &Origin) -> Option<&mut Member> {
        self.origins.get(origin).and_then(|at| self.members.get_mut(*at))
    }

    /// Whether a payload of `len` bytes still fits the class's open segment.
    pub(crate) fn fits(&self, open: &Open, class: Class, len: usize, segment_size: u32) -> bool {
        let tag = open.key.as_ref().map_or(0, |_| TAG_LEN);
        let end =
            u64::from(self.end(open, class)) + u64::from(record::HEADER_LEN) + len as u64 + u64::from(tag);
        end <= u64::from(open.index.limit(segment_size))
    }

    /// Where the next record of the class goes in its open segment.
    fn end(&self, open: &Open, class: Class) -> u32 {
        self.current[class as usize].map_or(open.end, |run| self.runs[run].end())
    }

    /// The class's open segment takes no more, but its index.
    pub(crate) fn fill_up(&mut self, class: Class, open: &Open, segment_size: u32) {
        let end = round_up(self.end(open, class), BLOCK);
        let index = open.index.blocks(open.salt, &open.header, segment_size, end);
        self.endings.extend(index.map(|(at, blocks)| Ending { slot: open.slot, at, blocks }));
        self.current[class as usize] = None;
        self.closing.push(open.generation);
    }

    /// Lays a record, which must fit, into the class's open segment.
    pub(crate) fn push(&mut self, open: &mut Open, arriving: &Arriving, stamp: &Stamp) {
        let class = arriving.record.class;
        let at = *self.current[class as usize].get_or_insert_with(|| {
            self.runs.push(Run::start(open, class));
            self.runs.len() - 1
        });
        self.runs[at].push(open, arriving, stamp);
    }

    /// Writes all runs in whole blocks, and lets each segment go on at the block behind; then the indexes of those that it filled.
    pub(crate) fn write(&mut self, shared: &Shared, open: &mut [Option<Open>]) -> io::Result<()> {
        for run in &mut self.runs {
            run.write(shared)?;
            let segment = open[run.class as usize].as_mut();
            if let Some(segment) = segment.filter(|segment| segment.generation == run.generation) {
                segment.end = run.end();
            }
        }
        for Ending { slot, at, blocks } in &self.endings {
            let offset = u64::from(*slot) * u64::from(shared.segment_size) + u64::from(*at);
            Counters::add(&shared.counters.bytes_written, blocks.len() as u64);
            write_full(&*shared.file, Site::IndexWrite, blocks, offset)?;
        }
        Ok(())
    }
}

impl Run {
    fn start(open: &Open, class: Class) -> Run {
        let fresh = open.end == HEADER_LEN;
        let (start, bytes) = if fresh { (0, open.header.clone()) } else { (open.end, Vec::new()) };
        let header = open.header.clone();
        Run { class, generation: open.generation, metas: Vec::new(), slot: open.slot, start, bytes, header }
    }

    /// The offset in the segment behind the last record.
    fn end(&self) -> u32 {
        self.start + self.bytes.len() as u32
    }

    fn push(&mut self, open: &mut Open, arriving: &Arriving, stamp: &Stamp) {
        let record = &arriving.record;
        let tag = open.key.as_ref().map_or(0, |_| TAG_LEN);
        let mut header = RecordHeader {
            len: record.payload.len() as u32 + tag,
            payload_crc: 0,
            signal: record.signal,
            codec: record.codec,
            sequence: stamp.sequence,
            durable: stamp.durable,
            ordinal: open.records,
            durable_records: open.durable_records,
            items_before: open.items,
            items: record.items,
            offset: self.end(),
            stream: record.stream,
            plain_len: arriving.plain_len,
            boot_time: stamp.now.boot,
            wall_time: stamp.now.wall,
            origin: record.origin,
            report: arriving.report,
        };
        self.append(&mut header, open, &record.payload);
        let outline = header.outline();
        self.metas.push(Meta::new(&outline, stamp.boot));
        open.index.add(&outline);
        open.records += 1;
        open.items += u64::from(record.items);
    }

    /// Appends header and payload, encrypted if the segment is, and tells the header the CRC of what is stored.
    fn append(&mut self, header: &mut RecordHeader, open: &Open, payload: &[u8]) {
        let at = self.bytes.len();
        // With what fills up the last block.
        self.bytes.reserve((record::HEADER_LEN + BLOCK) as usize + payload.len() + TAG_LEN as usize);
        self.bytes.resize(at + record::HEADER_LEN as usize, 0);
        self.bytes.extend_from_slice(payload);
        let (head, stored) = self.bytes[at..].split_at_mut(record::HEADER_LEN as usize);
        let tag = open.key.as_ref().map(|key| {
            let about = &header.encode(open.salt)[SEALED];
            key.seal(header.offset, about, stored)
        });
        let crc = crc32c::crc32c(stored);
        header.payload_crc = tag.map_or(crc, |tag| crc32c::crc32c_append(crc, &tag));
        head.copy_from_slice(&header.encode(open.salt));
        self.bytes.extend(tag.iter().flatten());
        self.bytes.resize(self.bytes.len().next_multiple_of(record::ALIGN as usize), 0);
    }

    fn write(&mut self, shared: &Shared) -> io::Result<()> {
        let size = shared.segment_size;
        let base = u64::from(self.slot) * u64::from(size);
        let unit = if shared.vfs.keeps(Site::FreshBlock) { BLOCK } else { record::ALIGN };
        self.bytes.resize((round_up(self.end(), unit) - self.start) as usize, 0);
        if self.end() == size {
            let at = self.bytes.len() - HEADER_LEN as usize;
            self.bytes[at..].copy_from_slice(&self.header);
        } else if self.start == 0 {
            let mut last = [0; BLOCK as usize];
            last[(BLOCK - HEADER_LEN) as usize..].copy_from_slice(&self.header);
            let offset = base + u64::from(size - BLOCK);
            write_full(&*shared.file, Site::HeaderWrite, &last, offset)?;
            Counters::add(&shared.counters.bytes_written, u64::from(BLOCK));
        }
        Counters::add(&shared.counters.bytes_written, self.bytes.len() as u64);
        write_full(&*shared.file, Site::GroupWrite, &self.bytes, base + u64::from(self.start))
    }
}
