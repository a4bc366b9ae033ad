//! Opening: from whatever the files hold to a spool that works.

mod boots;
mod copies;
mod found;
mod marks;
mod settle;
mod tally;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cipher::Key;
use crate::error::OpenError;
use crate::format::cursor::Cursor;
use crate::format::segment::{HEADER_LEN, SIZES, SegmentHeader};
use crate::format::{BLOCK, Parsed};
use crate::index::Index;
use crate::marks::Marks;
use crate::marks_file::MarksFile;
use crate::options::Options;
use crate::quarantine;
use crate::scan::{self, Slot};
use crate::shared::{Parts, Shared};
use crate::slots::Slots;
use crate::sync::{self, atomic::Ordering};
use crate::two_slots::{self, Loaded, TwoSlots};
use crate::vfs::{Site, Vfs, VfsFile, read_full, write_full};
use crate::writer::Writer;
use found::Found;

/// Opens the spool up to a writer that is ready to run.
pub(crate) fn open(vfs: Arc<dyn Vfs>, dir: &Path, options: Options) -> Result<Writer, OpenError> {
    options.check()?;
    let new_size = options.new_segment_size()?;
    let lock = lock(&*vfs, dir)?;
    let (loaded, marks) = (two_slots::CURSOR.load(&*vfs, dir)?, two_slots::MARKS.load(&*vfs, dir)?);
    if let Some(version) = loaded.newer.or(marks.newer) {
        return Err(OpenError::Newer { version });
    }
    let found = cursor(&loaded);
    let path = dir.join("spool.dat");
    let file = vfs.open(Site::DataOpen, &path, true).map_err(io_error("open", &path))?;
    let len = file.len(Site::DataOpen).map_err(io_error("read the length of", &path))?;
    let size = segment_size(&*vfs, &*file, len, found.as_ref()).map_err(io_error("read", &path))?;
    let size = size.unwrap_or(new_size);
    let max = options.segments(size)?;
    let room = Room { vfs: &*vfs, dir, file: &*file, size, key: options.key.as_ref() };
    let mut survey = room.survey(&loaded, len)?;
    settle::check_key(&room, found.as_ref(), &survey.headers)?;
    // Nothing was changed up to here.
    survey.keep(room.whole_slots(len)?);
    room.look_into(found.as_ref(), &mut survey);

    let mut index = Index::default();
    let uuid = match survey.uuid {
        Some(uuid) => uuid,
        None if survey.unread.is_empty() => random_uuid(&*vfs, dir)?,
        // Another one would make what is there another spool's.
        None => return Err(io_error("read", &path)(io::Error::other("not one segment header can be read"))),
    };
    let mut settled = settle::settle(&room, &mut index, found.as_ref(), &mut survey);
    let state = State { uuid, size, generation: settled.generation, next_sequence: settled.next_sequence };
    for slot in &settled.damaged {
        _ = quarantine::keep(&*vfs, dir, &*file, *slot, size);
    }
    let mut read_only = None;
    if !survey.found.is_empty() {
        // What is shown from here on must not be lost by a power cut after it was shown.
        read_only = file.sync_data(Site::RecoverySync).err().map(|e| format!("syncing spool.dat: {e}"));
    }
    let mut marks = room.marks(&survey, found.as_ref(), uuid, &marks);
    if marks.last > marks.covered {
        // Or duplicates may pass once the segments that tell of them are used again.
        // A disk that cannot is no reason not to open: some duplicates may pass after the next opening.
        _ = marks.save(&*vfs, dir, uuid, state.next_sequence - 1);
    }
    index.durable(&index.segments.keys().copied().collect::<Vec<_>>(), state.next_sequence - 1);
    index.sweep_all();
    index.let_go.clear();
    let cursor = room.begin(&loaded, &index, &state, marks.last, max.max(survey.count))?;

    let quarantined = settled.damaged.len() as u64 + survey.unreadable.len() as u64;
    let live: BTreeSet<u32> = index.segments.values().map(|segment| segment.slot).collect();
    let free = (0..survey.count).filter(|slot| !live.contains(slot) && !survey.keeps(slot)).collect();
    let parts = Parts {
        vfs: vfs.clone(),
        dir: dir.into(),
        file,
        segment_size: size,
        boot: settled.boots.turn(vfs.boot_id()),
        options,
        quarantined,
        index,
        gaps: settled.gaps,
        read_only,
        marks: marks.marks.clone(),
    };
    let shared = Arc::new(Shared::new(parts));
    let file_bytes = u64::from(survey.count) * u64::from(size);
    shared.counters.file_bytes.store(file_bytes, Ordering::Relaxed);
    Ok(writer(shared, cursor, marks, Slots::new(survey.count, max, free), &state, lock))
}

fn writer(
    shared: Arc<Shared>,
    cursor: TwoSlots,
    marks: MarksFile,
    slots: Slots,
    state: &State,
    lock: Box<dyn Send + Sync>,
) -> Writer {
    Writer {
        cursor,
        marks,
        slots,
        uuid: state.uuid,
        boot_id: shared.vfs.boot_id(),
        generation: state.generation,
        next_sequence: state.next_sequence,
        settled: state.next_sequence - 1,
        durable: state.next_sequence - 1,
        written: state.next_sequence - 1,
        open: [const { None }; 3],
        previous: [None; 3],
        unsynced: Vec::new(),
        unsynced_since: 0,
        cursor_dirty: false,
        cursor_written: shared.vfs.now().boot,
        cursor_changed: None,
        blocked: false,
        callers: 0,
        expected: 1,
        sync_time: 0,
        lock: Some(lock),
        shared,
    }
}

/// What a new generation begins with.
struct State {
    uuid: [u8; 16],
    size: u32,
    generation: u64,
    next_sequence: u64,
}

/// The slots and what is in them.
pub(crate) struct Survey {
    pub(crate) count: u32,
    pub(crate) uuid: Option<[u8; 16]>,
    pub(crate) found: Vec<Found>,
    /// All headers that hold, let go or not, tell what was durable when they were written.
    pub(crate) headers: Vec<SegmentHeader>,
    pub(crate) unreadable: Vec<u32>,
    /// Slots whose first header the disk could not read, unless the second one tells of a segment that is live.
    pub(crate) unread: BTreeSet<u32>,
    /// CURSOR has no slot that cannot be read: what it does not know, it has not forgotten.
    pub(crate) cursor_whole: bool,
    /// Unreadable, and could not be copied to quarantine.
    held_back: BTreeSet<u32>,
}

/// Where to look.
pub(crate) struct Room<'a> {
    pub(crate) vfs: &'a dyn Vfs,
    pub(crate) dir: &'a Path,
    pub(crate) file: &'a dyn VfsFile,
    pub(crate) size: u32,
    pub(crate) key: Option<&'a Key>,
}

impl Survey {
    /// Forgets what is beyond the slots that can be used.
    fn keep(&mut self, count: u32) {
        self.count = count;
        self.headers.retain(|header| header.slot < count);
        self.unreadable.retain(|slot| *slot < count);
        self.unread.retain(|slot| *slot < count);
    }

    pub(crate) fn all_read(&self) -> bool {
        self.unread.is_empty() && self.found.iter().all(|found| !found.unread)
    }

    /// Whether a slot without a live segment must stay as it is.
    fn keeps(&self, slot: &u32) -> bool {
        self.held_back.contains(slot) || self.unread.contains(slot)
    }
}

impl Room<'_> {
    /// Cuts off a partial slot of zeros, fills up one that holds something; returns the number of whole slots.
    fn whole_slots(&self, len: u64) -> Result<u32, OpenError> {
        let size = u64::from(self.size);
        let path = self.dir.join("spool.dat");
        let (whole, rest) = (len / size * size, len % size);
        let count = u32::try_from(len / size).unwrap_or(u32::MAX);
        if rest == 0 {
            return Ok(count);
        }
        let mut tail = vec![0; self.size as usize];
        read_full(self.file, Site::HeaderRead, &mut tail, whole).map_err(io_error("read", &path))?;
        if tail.iter().all(|byte| *byte == 0) {
            self.file.set_len(Site::Trim, whole).map_err(io_error("cut", &path))?;
            return Ok(count);
        }
        // On a full disk the rest stays as it is, and out of use.
        let filled = write_full(self.file, Site::Trim, &tail[rest as usize..], len);
        Ok(count + u32::from(filled.is_ok()))
    }

    /// Reads the headers of all slots, a partial last one too.
    fn survey(&self, loaded: &Loaded, len: u64) -> Result<Survey, OpenError> {
        let count = u32::try_from(len.div_ceil(self.size.into())).unwrap_or(u32::MAX);
        let mut survey = Survey {
            count,
            uuid: loaded.uuid(),
            found: Vec::new(),
            headers: Vec::new(),
            unreadable: Vec::new(),
            unread: BTreeSet::new(),
            cursor_whole: !loaded.damaged,
            held_back: BTreeSet::new(),
        };
        for slot in 0..count {
            let header = match scan::headers(self.vfs, self.file, slot, self.size) {
                Slot::Unused => continue,
                Slot::Newer(version) => return Err(OpenError::Newer { version }),
                Slot::Unreadable => None,
                Slot::Segment(header) => Some(header),
                Slot::Unread(header) => {
                    survey.unread.insert(slot);
                    header
                }
            };
            match header {
                Some(header) if *survey.uuid.get_or_insert(header.uuid) == header.uuid => {
                    survey.headers.push(*header);
                }
                _ if survey.unread.contains(&slot) => {}
                _ => survey.unreadable.push(slot),
            }
        }
        survey.headers.sort_unstable_by_key(|header| header.generation);
        Ok(survey)
    }

    /// Walks the live segments, and copies what cannot be read.
    fn look_into(&self, cursor: Option<&Cursor>, survey: &mut Survey) {
        survey.found = Found::live(self, cursor, &survey.headers);
        for found in &mut survey.found {
            found.unread |= survey.unread.remove(&found.header.slot);
        }
        for slot in &survey.unreadable {
            match quarantine::keep(self.vfs, self.dir, self.file, *slot, self.size) {
                // Or the next opening would copy it again, and push older copies out.
                Ok(()) => self.wipe(*slot),
                Err(_) => _ = survey.held_back.insert(*slot),
            }
        }
    }

    /// Makes a slot one that was never used. Where the disk does not let it, it is free all the same.
    fn wipe(&self, slot: u32) {
        let base = u64::from(slot) * u64::from(self.size);
        for at in (0..self.size).step_by(BLOCK as usize) {
            _ = write_full(self.file, Site::Wipe, &[0; BLOCK as usize], base + u64::from(at));
        }
    }

    /// What MARKS has, if it is this spool's, and what it does not have yet.
    fn marks(&self, survey: &Survey, cursor: Option<&Cursor>, uuid: [u8; 16], loaded: &Loaded) -> MarksFile {
        let mut file = MarksFile::open(self.vfs, self.dir, uuid, loaded);
        let own = loaded.newest.as_ref().filter(|(theirs, _)| *theirs == uuid);
        if let Some((marks, covered)) = own.and_then(|(_, body)| Marks::decode(body)) {
            (*sync::lock(&file.marks), file.covered) = (marks, covered);
        }
        file.last = cursor.map_or(0, |cursor| cursor.last_origin).min(file.covered);
        marks::gather(self, survey, cursor, &mut file);
        file
    }

    /// Makes what recovery found out durable.
    fn begin(
        &self,
        loaded: &Loaded,
        index: &Index,
        state: &State,
        last_origin: u64,
        max: u32,
    ) -> Result<TwoSlots, OpenError> {
        let mut cursor = index.cursor();
        cursor.segment_size = state.size;
        cursor.generation = state.generation;
        cursor.next_sequence = state.next_sequence;
        cursor.last_origin = last_origin;
        let path = self.dir.join("CURSOR");
        let error = io_error("write", &path);
        let (room, kind) = (Cursor::body_len(max), &two_slots::CURSOR);
        let opened = kind.open(self.vfs, self.dir, state.uuid, room, loaded).map_err(&error)?;
        let mut file = match opened {
            Some(file) => file,
            None => {
                let body = cursor.encode(room);
                kind.make(self.vfs, self.dir, state.uuid, room, loaded.counter(), &body).map_err(&error)?
            }
        };
        file.write(&cursor.encode(file.room())).map_err(&error)?;
        file.sync(self.vfs, Site::CursorSync).map_err(&error)?;
        self.sync_names().map_err(io_error("sync", self.dir))?;
        Ok(file)
    }

    /// Makes the names of the files durable, and that of the directory: this may be the first opening.
    fn sync_names(&self) -> io::Result<()> {
        self.vfs.sync_dir(Site::DirectorySync, self.dir)?;
        let parent = self.dir.parent().unwrap_or(self.dir);
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        match self.vfs.sync_dir(Site::ParentSync, parent) {
            // It need not be ours to read; then it was not made here.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            result => result,
        }
    }
}

/// What CURSOR says.
pub(crate) fn cursor(loaded: &Loaded) -> Option<Cursor> {
    loaded.newest.as_ref().and_then(|(_, body)| Cursor::decode(body))
}

fn lock(vfs: &dyn Vfs, dir: &Path) -> Result<Box<dyn Send + Sync>, OpenError> {
    vfs.create_dir(Site::Directory, dir).map_err(io_error("make", dir))?;
    let path = dir.join("LOCK");
    let lock = vfs.lock(Site::Lock, &path).map_err(io_error("lock", &path))?;
    lock.ok_or(OpenError::InUse { lock: path })
}

/// The segment size of an existing file. A guess could not be taken back: what cannot be read is an error.
pub(crate) fn segment_size(
    vfs: &dyn Vfs,
    file: &dyn VfsFile,
    len: u64,
    cursor: Option<&Cursor>,
) -> io::Result<Option<u32>> {
    if let Some(cursor) = cursor {
        let size = cursor.segment_size;
        if size.is_power_of_two() && SIZES.contains(&size) {
            return Ok(Some(size));
        }
    }
    let sizes =
        std::iter::successors(Some(BLOCK), |size| Some(size * 2)).take_while(|size| SIZES.contains(size));
    let places = sizes.flat_map(|size| [0, size, size - HEADER_LEN]);
    for at in places.filter(|at| u64::from(*at) < len) {
        let mut bytes = [0; HEADER_LEN as usize];
        read_full(file, Site::HeaderRead, &mut bytes, at.into())?;
        if let Parsed::Good(header) = SegmentHeader::decode(&bytes, vfs) {
            return Ok(Some(header.segment_size));
        }
    }
    Ok(None)
}

fn random_uuid(vfs: &dyn Vfs, dir: &Path) -> Result<[u8; 16], OpenError> {
    let mut uuid = [0; 16];
    vfs.random(&mut uuid).map_err(io_error("find randomness for", dir))?;
    Ok(uuid)
}

pub(crate) fn io_error(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> OpenError {
    let path: PathBuf = path.into();
    move |source| OpenError::Io { doing, path: path.clone(), source }
}
