//! A spool as it is on the disk, seen from outside: no lock is taken and nothing is changed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::OpenError;
use crate::format::cursor::{Cursor, CursorSegment};
use crate::format::record::RecordHeader;
use crate::format::segment::SegmentHeader;
use crate::recovery;
use crate::scan::{self, Slot, Walk};
use crate::sync::thread;
use crate::two_slots;
use crate::vfs::{Site, Vfs, VfsFile};

/// How often a slot is looked at again because the writer was at it meanwhile.
const TRIES: usize = 10;

pub(crate) struct View {
    pub(crate) vfs: Arc<dyn Vfs>,
    pub(crate) file: Box<dyn VfsFile>,
    pub(crate) cursor: Option<Cursor>,
    /// A slot of CURSOR that has been written to cannot be read.
    pub(crate) damaged: bool,
    pub(crate) size: u32,
    pub(crate) slots: u32,
    /// Bytes behind the last whole slot.
    pub(crate) rest: u64,
}

/// A segment that is in use.
pub(crate) struct Live<'a> {
    pub(crate) header: SegmentHeader,
    pub(crate) entry: Option<&'a CursorSegment>,
    pub(crate) records: Vec<RecordHeader>,
    /// The disk could not read all of it: there may be more.
    pub(crate) unread: bool,
}

pub(crate) enum Look<'a> {
    Free,
    /// A segment that was let go, or taken again and again while it was looked at.
    Gone(u64),
    Live(Box<Live<'a>>),
    Unreadable,
    /// The disk could not read the headers.
    Unread,
}

impl Live<'_> {
    /// Whether a destination, by its place in CURSOR, has released a record.
    pub(crate) fn released(&self, record: &RecordHeader, destination: usize) -> bool {
        let released = self.entry.and_then(|entry| entry.released.get(destination));
        released.is_some_and(|released| released.contains(record.ordinal))
    }

    /// Whether some destination has not released it.
    pub(crate) fn needs(&self, record: &RecordHeader) -> bool {
        let destinations = self.entry.map_or(0, |entry| entry.released.len());
        destinations == 0 || (0..destinations).any(|at| !self.released(record, at))
    }
}

impl View {
    pub(crate) fn open(vfs: Arc<dyn Vfs>, dir: &Path) -> Result<View, OpenError> {
        let path: PathBuf = dir.join("spool.dat");
        let loaded = two_slots::CURSOR.load(&*vfs, dir)?;
        if let Some(version) = loaded.newer {
            return Err(OpenError::Newer { version });
        }
        let (cursor, damaged) = (recovery::cursor(&loaded), loaded.damaged);
        let file = vfs.open_read(Site::DataOpen, &path).map_err(recovery::io_error("open", &path))?;
        let len = file.len(Site::DataOpen).map_err(recovery::io_error("read the length of", &path))?;
        // A file without one header that holds has nothing to look at.
        let size = recovery::segment_size(&*vfs, &*file, len, cursor.as_ref())
            .map_err(recovery::io_error("read", &path))?
            .unwrap_or(crate::format::BLOCK);
        let slots = u32::try_from(len / u64::from(size)).unwrap_or(u32::MAX);
        Ok(View { vfs, file, cursor, damaged, size, slots, rest: len % u64::from(size) })
    }

    pub(crate) fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    pub(crate) fn look(&self, slot: u32) -> Result<Look<'_>, OpenError> {
        let mut generation = None;
        for _ in 0..TRIES {
            let header = match scan::headers(&*self.vfs, &*self.file, slot, self.size) {
                Slot::Unused => return Ok(Look::Free),
                // Perhaps a header is being written at this moment.
                Slot::Unreadable => {
                    thread::yield_now();
                    continue;
                }
                Slot::Newer(version) => return Err(OpenError::Newer { version }),
                Slot::Segment(header) | Slot::Unread(Some(header)) => *header,
                Slot::Unread(None) => return Ok(Look::Unread),
            };
            generation = Some(header.generation);
            let entry = match self.cursor() {
                None => None,
                Some(cursor) => {
                    let entry = cursor.segments.iter().find(|entry| entry.slot == slot);
                    match cursor.live(entry, header.generation) {
                        None => return Ok(Look::Gone(header.generation)),
                        Some(entry) => entry,
                    }
                }
            };
            let known = entry.filter(|entry| entry.closed).map(|entry| entry.records);
            let Walk { records, unread } = scan::walk(&*self.vfs, &*self.file, &header, known);
            if self.still(slot, header.generation) {
                return Ok(Look::Live(Box::new(Live { header, entry, records, unread })));
            }
        }
        Ok(generation.map_or(Look::Unreadable, Look::Gone))
    }

    /// Whether the slot still holds this generation.
    pub(crate) fn still(&self, slot: u32, generation: u64) -> bool {
        let now = scan::headers(&*self.vfs, &*self.file, slot, self.size);
        matches!(now, Slot::Segment(header) | Slot::Unread(Some(header)) if header.generation == generation)
    }
}
