//! Records in a file as they are made, so that the next start exports what a crash left: docs/EVIDENCE.md.

mod format;
mod found;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use smoltel_core::Pipeline;
use smoltel_core::wire::Writer;

pub(crate) use found::Found;

use crate::Signal;
use crate::diagnostics::Diagnostics;
use crate::error::ConfigError;
use crate::platform::Threads;
use format::{BLOCK, BODY, CARRIED, Frame, Header, Is, MARKS, MAX_CARRIED, Marks, Salt, padded};

/// Bytes of records that are kept.
const RING: usize = 8 << 20;

/// The evidence of this run, and what was found of the last one.
pub(crate) struct Evidence {
    file: File,
    header: Header,
    /// A child of `fork` has the file open too, and leaves it alone.
    process: u32,
    /// Where the next frame goes, in the ring as if it never wrapped.
    next: AtomicU64,
    /// Scopes as they go out, by their number.
    scopes: RwLock<Vec<Option<Arc<[u8]>>>>,
    state: Mutex<State>,
    ended: AtomicBool,
    /// Whether it was said that writing fails.
    failing: AtomicBool,
    diagnostics: Diagnostics,
    /// Items that were found, and of those the ones for which there was no room any more.
    found: u64,
    lost: [u64; 3],
}

struct State {
    marks: Marks,
    found: [VecDeque<Arc<Found>>; 3],
}

thread_local! {
    /// Where frames are put together.
    static FRAME: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Evidence {
    /// Takes over the file at `path`, a new one if there is none. Each request found in it is offered to `store`, which
    /// says whether it is safe there; the others are carried on.
    pub(crate) fn open(
        path: &Path,
        resource: &[u8],
        diagnostics: &Diagnostics,
        store: &mut dyn FnMut(&Found) -> bool,
    ) -> Result<Self, ConfigError> {
        let unusable = |why: &dyn std::fmt::Display| {
            ConfigError::new(format!("{} cannot be used for crash evidence: {why}", path.display()))
        };
        let taken = take(path).map_err(|error| unusable(&error))?;
        let old = read(&taken).map_err(|error| unusable(&error))?;
        let all = match Header::read(&old) {
            Is::Empty => Vec::new(),
            Is::Evidence(header) => found::found(&old, &header),
            Is::Damaged => {
                diagnostics
                    .say(format_args!("the header of {} is damaged: what it held is lost", path.display()));
                Vec::new()
            }
            Is::Newer => return Err(unusable(&"a newer smoltel wrote it; choose another path")),
            Is::Foreign => return Err(unusable(&"it is another program's; choose another path")),
        };
        let items = all.iter().map(|found| found.items).sum();
        let mut left: VecDeque<Found> = all.into_iter().filter(|found| !store(found)).collect();
        let lost = shorten(&mut left);
        let random = crate::random();
        let salt = std::array::from_fn(|i| random[i]);
        let carried = carried(&left, salt);
        let header = Header::new(salt, resource, carried.len(), RING);
        let file = begin(path, &header, resource, &carried).map_err(|error| unusable(&error))?;
        let mut found: [VecDeque<Arc<Found>>; 3] = Default::default();
        left.into_iter().for_each(|one| found[one.signal as usize].push_back(Arc::new(one)));
        Ok(Self {
            file,
            header,
            process: std::process::id(),
            next: AtomicU64::new(0),
            scopes: RwLock::default(),
            state: Mutex::new(State { marks: Marks::default(), found }),
            ended: AtomicBool::new(false),
            failing: AtomicBool::new(false),
            diagnostics: diagnostics.clone(),
            found: items,
            lost,
        })
    }

    /// Items that were found at the start, and those of them that still wait in the file.
    pub(crate) fn found(&self) -> (u64, u64) {
        (self.found, self.state().found.iter().flatten().map(|found| found.items).sum())
    }

    /// Items of each signal that were found and not kept.
    pub(crate) fn lost(&self) -> [u64; 3] {
        self.lost
    }

    /// The oldest request of a signal that was found and still waits.
    pub(crate) fn first(&self, signal: Signal) -> Option<Arc<Found>> {
        self.state().found[signal as usize].front().cloned()
    }

    /// Lets go of that one: it has arrived, or was given up and counted.
    pub(crate) fn release_first(&self, signal: Signal) {
        let mut state = self.state();
        if state.found[signal as usize].pop_front().is_some() {
            state.marks.carried[signal as usize] += 1;
            self.write_marks(&mut state);
        }
    }

    /// Notes that so many more records of a signal, the first in its lane, need not be sent again.
    pub(crate) fn release(&self, signal: Signal, items: u64) {
        let mut state = self.state();
        let released = &mut state.marks.released[signal as usize];
        *released = released.saturating_add(items);
        self.write_marks(&mut state);
    }

    /// Notes that no record of this run needs to be sent again, whatever was not sent being counted, and leaves the
    /// file to the next run, which begins one of its own.
    pub(crate) fn end(&self) {
        let mut state = self.state();
        state.marks.released = [u64::MAX; 3];
        self.write_marks(&mut state);
        self.ended.store(true, Ordering::Release);
        // Said, not left to closing: a child of `fork` may have the file open, too.
        let _ = self.file.unlock();
    }

    /// Writes a record down.
    pub(crate) fn keep(
        &self,
        pipeline: &Pipeline<Threads>,
        signal: Signal,
        scope: u16,
        sequence: u64,
        record: &[u8],
    ) {
        if self.ended.load(Ordering::Acquire) || std::process::id() != self.process {
            return;
        }
        let scope = self.scope(pipeline, scope);
        let Some(place) = self.place(Frame::len(&scope, record) as u64) else { return };
        let frame = Frame { kind: signal as u8, sequence, place, scope: &scope, content: record };
        // A thread that is ending may have no buffer any more.
        let _ = FRAME.try_with(|buffer| {
            let Ok(mut buffer) = buffer.try_borrow_mut() else { return };
            buffer.clear();
            frame.encode(self.header.salt, &mut buffer);
            let at = self.header.ring_at() as u64 + place % self.header.ring as u64;
            self.say_once(self.file.write_all_at(&buffer, at));
        });
    }

    /// Takes so many bytes of the ring; none if it has not so many.
    fn place(&self, len: u64) -> Option<u64> {
        let ring = self.header.ring as u64;
        // A frame does not go over the ring's end.
        let start = |next: u64| if next % ring + len > ring { next.next_multiple_of(ring) } else { next };
        let taken = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
            (len <= ring).then(|| start(next) + len)
        });
        taken.ok().map(start)
    }

    fn scope(&self, pipeline: &Pipeline<Threads>, number: u16) -> Arc<[u8]> {
        let known = |scopes: &[Option<Arc<[u8]>>]| scopes.get(usize::from(number)).cloned().flatten();
        if let Some(scope) = known(&self.scopes.read().unwrap_or_else(PoisonError::into_inner)) {
            return scope;
        }
        let scope: Arc<[u8]> = pipeline.with_scope(number, |scope| {
            let mut fields = vec![0; scope.fields_len()];
            // Fits: the room was computed from the same scope.
            let _ = scope.encode(&mut Writer::new(&mut fields));
            // A scope that a frame has no room for is left out.
            if fields.len() > usize::from(u16::MAX) { Arc::default() } else { fields.into() }
        });
        let mut scopes = self.scopes.write().unwrap_or_else(PoisonError::into_inner);
        let len = scopes.len().max(usize::from(number) + 1);
        scopes.resize(len, None);
        scopes[usize::from(number)] = Some(scope.clone());
        scope
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_marks(&self, state: &mut State) {
        state.marks.number += 1;
        let at = MARKS[state.marks.number as usize % MARKS.len()];
        self.say_once(self.file.write_all_at(&state.marks.encode(self.header.salt), at));
    }

    fn say_once(&self, written: io::Result<()>) {
        if let Err(error) = written
            && !self.failing.swap(true, Ordering::Relaxed)
        {
            self.diagnostics.say(format_args!("crash evidence cannot be written: {error}"));
        }
    }
}

impl std::fmt::Debug for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evidence").field("header", &self.header).finish_non_exhaustive()
    }
}

/// Opens the file at `path` and locks it, whatever is in it.
fn take(path: &Path) -> io::Result<File> {
    loop {
        let file = open(path, OpenOptions::new().create(true).truncate(false))?;
        // Whoever had it until now may have put another one in its place.
        if fs::metadata(path).is_ok_and(|named| file.metadata().is_ok_and(|this| named.ino() == this.ino())) {
            return Ok(file);
        }
    }
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = options.read(true).write(true).mode(0o600).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(io::Error::other("another process has it open")),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// All that a file of ours has; of others only the beginning.
fn read(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(BLOCK as u64).read_to_end(&mut bytes)?;
    if let Is::Evidence(header) = Header::read(&bytes) {
        file.take((header.ring_at() + header.ring - BLOCK) as u64).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Drops the oldest of what is more than can be carried; how many items of each signal.
fn shorten(left: &mut VecDeque<Found>) -> [u64; 3] {
    let len = |found: &Found| Frame::len(&[], &found.body);
    let (mut all, mut lost) = (left.iter().map(len).sum::<usize>(), [0; 3]);
    while all > MAX_CARRIED
        && let Some(oldest) = left.pop_front()
    {
        all -= len(&oldest);
        lost[oldest.signal as usize] += oldest.items;
    }
    lost
}

/// Requests as the frames that carry them.
fn carried(left: &VecDeque<Found>, salt: Salt) -> Vec<u8> {
    let (mut frames, mut numbers) = (Vec::new(), [0; 3]);
    for found in left {
        let number = &mut numbers[found.signal as usize];
        let (kind, sequence) = (CARRIED + found.signal as u8, found.items);
        Frame { kind, sequence, place: *number, scope: &[], content: &found.body }.encode(salt, &mut frames);
        *number += 1;
    }
    frames
}

/// Writes the file of a new run, and puts it in the old one's place.
fn begin(path: &Path, header: &Header, resource: &[u8], carried: &[u8]) -> io::Result<File> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let file = open(&new, OpenOptions::new().create(true).truncate(false))?;
    let mut start = [0; BLOCK];
    let len = file.read_at(&mut start, 0)?;
    if matches!(Header::read(&start[..len]), Is::Foreign | Is::Newer) {
        let why = format!("{} is not ours to overwrite; choose another path", new.display());
        return Err(io::Error::other(why));
    }
    file.set_len(0)?;
    let mut front = vec![0; BODY];
    front[..BLOCK].copy_from_slice(&header.encode());
    front.extend_from_slice(resource);
    front.resize(BODY + padded(resource.len()), 0);
    front.extend_from_slice(carried);
    file.write_all_at(&front, 0)?;
    // Zeros, not a hole: a disk that is full says so now.
    let zeros = vec![0; 1 << 16];
    for at in (0..header.ring).step_by(zeros.len()) {
        file.write_all_at(&zeros[..zeros.len().min(header.ring - at)], (header.ring_at() + at) as u64)?;
    }
    fs::rename(&new, path)?;
    Ok(file)
}
