//! Looking at a spool from outside, beside its writer: no lock is taken and nothing is changed.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cursor_file::CursorFile;
use crate::error::OpenError;
use crate::format::cursor::{Cursor, CursorSegment};
use crate::format::record::RecordHeader;
use crate::format::segment::SegmentHeader;
use crate::record::{Class, Codec, Origin, Signal};
use crate::recovery;
use crate::scan::{self, Slot};
use crate::vfs::{Site, StdVfs, Vfs, VfsFile};

/// How often a segment is walked again because the writer took its slot meanwhile.
const TRIES: usize = 3;

/// What [`verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Live segments.
    pub segments: u64,
    /// Slots that hold nothing.
    pub free: u64,
    /// Records whose header and payload hold.
    pub records: u64,
    /// Their items.
    pub items: u64,
    /// Their payloads' bytes.
    pub bytes: u64,
    /// Records not yet known to be durable: being written, or the tail that a crash has left.
    pub in_progress: u64,
    /// What is wrong, in words. Empty: the spool is sound.
    pub problems: Vec<Problem>,
}

/// Something wrong in a spool.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Neither slot of CURSOR can be read: what was released will come again.
    Cursor,
    /// A slot's headers cannot be read.
    Slot {
        /// Its position in spool.dat.
        slot: u32,
    },
    /// A segment that should be there is not.
    SegmentMissing {
        /// Where it should be.
        slot: u32,
        /// How many records it had.
        records: u32,
    },
    /// Records that were durable cannot be found.
    RecordsMissing {
        /// The segment's slot.
        slot: u32,
        /// How many.
        records: u32,
    },
    /// A record's payload is not what its header says.
    Payload {
        /// The segment's slot.
        slot: u32,
        /// The record.
        sequence: u64,
        /// The items that are lost with it.
        items: u32,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Cursor => f.write_str("CURSOR cannot be read: what was released will come again"),
            Problem::Slot { slot } => write!(f, "slot {slot}: neither header can be read"),
            Problem::SegmentMissing { slot, records } => {
                write!(f, "slot {slot}: a segment of {records} records is not there")
            }
            Problem::RecordsMissing { slot, records } => {
                write!(f, "slot {slot}: {records} stored records cannot be found")
            }
            Problem::Payload { slot, sequence, items } => {
                write!(f, "slot {slot}: the payload of record {sequence} is damaged, {items} items")
            }
        }
    }
}

/// A stored record, as [`list`] shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The spool's number for it.
    pub sequence: u64,
    /// What the payload holds.
    pub signal: Signal,
    /// How dearly it is held.
    pub class: Class,
    /// How the payload is encoded.
    pub codec: Codec,
    /// The caller's number for what may be concatenated with it.
    pub stream: u32,
    /// Spans, log records or data points in the payload.
    pub items: u32,
    /// The payload's length in bytes.
    pub bytes: u32,
    /// Where it was first made, if that is known.
    pub origin: Option<Origin>,
    /// When it was stored, in nanoseconds since 1970 by the wall clock of that moment.
    pub wall_time: u64,
    /// The ids of destinations that have not released it.
    pub waiting_for: Vec<String>,
}

/// Checks all that is stored: headers, records, payloads, and that nothing durable is missing. Changes nothing.
///
/// # Errors
/// There is no spool, it is newer than this program, or it cannot be read at all.
pub fn verify(dir: impl AsRef<Path>) -> Result<Report, OpenError> {
    verify_with(Arc::new(StdVfs::default()), dir)
}

/// As [`verify`], on another [`Vfs`].
///
/// # Errors
/// As for [`verify`].
pub fn verify_with(vfs: Arc<dyn Vfs>, dir: impl AsRef<Path>) -> Result<Report, OpenError> {
    let mut report = Report::default();
    let view = View::open(&*vfs, dir.as_ref())?;
    if view.cursor.is_none() && view.slots > 0 {
        report.problems.push(Problem::Cursor);
    }
    let mut headers = BTreeMap::new();
    for slot in 0..view.slots {
        view.verify_slot(slot, &mut report, &mut headers)?;
    }
    for entry in view.cursor.iter().flat_map(|cursor| &cursor.segments) {
        let there = headers.get(&entry.slot).is_some_and(|generation| *generation >= entry.generation);
        if !there && entry.records > 0 {
            report.problems.push(Problem::SegmentMissing { slot: entry.slot, records: entry.records });
        }
    }
    Ok(report)
}

/// All stored records, oldest first, without their payloads. Changes nothing.
///
/// # Errors
/// As for [`verify`].
pub fn list(dir: impl AsRef<Path>) -> Result<Vec<Listed>, OpenError> {
    let vfs = StdVfs::default();
    let view = View::open(&vfs, dir.as_ref())?;
    let mut all = Vec::new();
    for slot in 0..view.slots {
        let Look::Live(segment) = view.look(slot)? else { continue };
        all.extend(segment.records.iter().map(|record| view.listed(&segment, record)));
    }
    all.sort_unstable_by_key(|listed| listed.sequence);
    all.dedup_by_key(|listed| listed.sequence);
    Ok(all)
}

/// A spool as it is on the disk.
struct View<'a> {
    vfs: &'a dyn Vfs,
    file: Box<dyn VfsFile>,
    cursor: Option<Cursor>,
    size: u32,
    slots: u32,
}

struct Live<'a> {
    header: SegmentHeader,
    entry: Option<&'a CursorSegment>,
    records: Vec<RecordHeader>,
}

enum Look<'a> {
    Free,
    /// A segment that was let go, or taken again and again while it was looked at.
    Gone(u64),
    Live(Box<Live<'a>>),
    Unreadable,
}

impl<'a> View<'a> {
    fn open(vfs: &'a dyn Vfs, dir: &Path) -> Result<View<'a>, OpenError> {
        let path: PathBuf = dir.join("spool.dat");
        let loaded = CursorFile::load(vfs, dir);
        if let Some(version) = loaded.newer {
            return Err(OpenError::Newer { version });
        }
        let file = vfs.open_read(Site::DataOpen, &path).map_err(recovery::io_error("open", &path))?;
        let len = file.len(Site::DataOpen).map_err(recovery::io_error("read the length of", &path))?;
        // A file without one header that holds has nothing to look at.
        let size = recovery::segment_size(vfs, &*file, len, &loaded).unwrap_or(crate::format::BLOCK);
        let slots = u32::try_from(len / u64::from(size)).unwrap_or(u32::MAX);
        Ok(View { vfs, file, cursor: loaded.cursor, size, slots })
    }

    fn look(&self, slot: u32) -> Result<Look<'_>, OpenError> {
        let mut generation = 0;
        for _ in 0..TRIES {
            let header = match scan::headers(self.vfs, &*self.file, slot, self.size) {
                Slot::Unused => return Ok(Look::Free),
                Slot::Unreadable => return Ok(Look::Unreadable),
                Slot::Newer(version) => return Err(OpenError::Newer { version }),
                Slot::Segment(header) => *header,
            };
            generation = header.generation;
            let entries = self.cursor.iter().flat_map(|cursor| &cursor.segments);
            let entry = entries.into_iter().find(|e| e.generation == generation && e.slot == slot);
            if entry.is_none() && self.cursor.as_ref().is_some_and(|cursor| generation <= cursor.generation) {
                return Ok(Look::Gone(generation));
            }
            let known = entry.filter(|entry| entry.closed).map(|entry| entry.records);
            let records = scan::walk(self.vfs, &*self.file, &header, known);
            if self.still(slot, generation) {
                return Ok(Look::Live(Box::new(Live { header, entry, records })));
            }
        }
        Ok(Look::Gone(generation))
    }

    /// Whether the slot still holds this generation.
    fn still(&self, slot: u32, generation: u64) -> bool {
        let now = scan::headers(self.vfs, &*self.file, slot, self.size);
        matches!(now, Slot::Segment(header) if header.generation == generation)
    }

    fn verify_slot(
        &self,
        slot: u32,
        report: &mut Report,
        headers: &mut BTreeMap<u32, u64>,
    ) -> Result<(), OpenError> {
        match self.look(slot)? {
            Look::Free => report.free += 1,
            Look::Gone(generation) => {
                report.free += 1;
                headers.insert(slot, generation);
            }
            Look::Unreadable => report.problems.push(Problem::Slot { slot }),
            Look::Live(live) => {
                headers.insert(slot, live.header.generation);
                self.verify_segment(&live, report);
            }
        }
        Ok(())
    }

    fn verify_segment(&self, live: &Live<'_>, report: &mut Report) {
        let watermark = self.cursor.as_ref().map_or(0, |cursor| cursor.watermark);
        let slot = live.header.slot;
        let mut problems = Vec::new();
        let (mut records, mut items, mut bytes, mut in_progress) = (0, 0, 0, 0);
        for record in &live.records {
            if scan::payload_holds(self.vfs, &*self.file, &live.header, record) {
                records += 1;
                items += u64::from(record.items);
                bytes += u64::from(record.len);
                in_progress += u64::from(record.sequence > watermark);
            } else if record.sequence > watermark {
                in_progress += 1;
            } else {
                problems.push(Problem::Payload { slot, sequence: record.sequence, items: record.items });
            }
        }
        if let Some(entry) = live.entry {
            let found = live.records.iter().filter(|record| record.ordinal < entry.records).count() as u32;
            let missing = entry.records.saturating_sub(found).saturating_sub(entry.missing_records);
            if missing > 0 {
                problems.push(Problem::RecordsMissing { slot, records: missing });
            }
        }
        // Problems in a slot that was taken meanwhile are not the spool's.
        if self.still(slot, live.header.generation) {
            report.segments += 1;
            report.records += records;
            report.items += items;
            report.bytes += bytes;
            report.in_progress += in_progress;
            report.problems.append(&mut problems);
        }
    }

    fn listed(&self, live: &Live<'_>, record: &RecordHeader) -> Listed {
        let ids =
            self.cursor.iter().flat_map(|cursor| &cursor.destinations).map(|destination| &destination.id);
        let released = |at: usize| {
            let released = live.entry.and_then(|entry| entry.released.get(at));
            released.is_some_and(|released| released.contains(record.ordinal))
        };
        let waiting_for =
            ids.enumerate().filter(|(at, _)| !released(*at)).map(|(_, id)| id.clone()).collect();
        Listed {
            sequence: record.sequence,
            signal: record.signal,
            class: live.header.class,
            codec: record.codec,
            stream: record.stream,
            items: record.items,
            bytes: record.len,
            origin: record.origin,
            wall_time: record.wall_time,
            waiting_for,
        }
    }
}
