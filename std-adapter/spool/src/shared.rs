//! What the handles and the writer thread share.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::AppendError;
use crate::gap::{Gap, KEPT};
use crate::index::{Index, Place};
use crate::location::Location;
use crate::marks::Marks;
use crate::options::Options;
use crate::quarantine;
use crate::record::{Loss, Record, Stored};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::mpsc::Sender;
use crate::sync::{self, Condvar, Mutex, MutexGuard};
use crate::vfs::{Vfs, VfsFile};

/// What runs when a record's fate is known.
pub(crate) type Done = Box<dyn FnOnce(Result<Stored, AppendError>) + Send>;

pub(crate) struct Shared {
    pub(crate) vfs: Arc<dyn Vfs>,
    pub(crate) dir: PathBuf,
    pub(crate) file: Box<dyn VfsFile>,
    pub(crate) segment_size: u32,
    /// When this boot began, in spool time.
    pub(crate) boot: u64,
    pub(crate) options: Options,
    pub(crate) warning: Option<String>,
    pub(crate) quarantined: u64,
    index: Mutex<Index>,
    /// Records became free, or the spool closed.
    pub(crate) ready: Condvar,
    inbox: Mutex<Inbox>,
    /// There is something in the inbox.
    pub(crate) work: Condvar,
    /// Bytes left the inbox, or the writer stopped.
    pub(crate) room: Condvar,
    pub(crate) counters: Counters,
    /// The last ones that were found.
    gaps: Mutex<VecDeque<Gap>>,
    quarantine: Mutex<()>,
    /// The writer's, to look into.
    pub(crate) marks: Arc<Mutex<Marks>>,
}

/// What the writer thread has before it.
#[derive(Default)]
pub(crate) struct Inbox {
    pub(crate) queue: VecDeque<Arriving>,
    /// Payload bytes queued or being written.
    pub(crate) bytes: usize,
    pub(crate) commands: Vec<Command>,
    /// Something was released since the writer last looked.
    pub(crate) released: bool,
    /// How many calls brought what is in the queue.
    pub(crate) callers: usize,
    /// The writer need not be woken for fewer: it waits for so many, or for some moment.
    pub(crate) enough: usize,
    /// The writer sleeps until its next look at what was released: it need not be woken for more.
    pub(crate) will_look: bool,
    pub(crate) closing: bool,
    /// The writer has ended; with an error if what it had could not be made durable.
    pub(crate) stopped: Option<Result<(), String>>,
    pub(crate) read_only: Option<String>,
}

/// A record handed over, and whom to tell.
pub(crate) struct Arriving {
    pub(crate) record: Record,
    /// Before it was compressed; 0: not known.
    pub(crate) plain_len: u32,
    /// It tells of a gap.
    pub(crate) report: bool,
    pub(crate) done: Done,
}

/// Asks the writer to make CURSOR durable.
pub(crate) struct Command(pub(crate) Sender<Result<(), String>>);

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) file_bytes: AtomicU64,
    pub(crate) data_syncs: AtomicU64,
    pub(crate) growth_syncs: AtomicU64,
    pub(crate) cursor_syncs: AtomicU64,
    pub(crate) bytes_written: AtomicU64,
    pub(crate) marks_syncs: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) duplicate_items: AtomicU64,
    pub(crate) devices: AtomicU64,
    pub(crate) devices_forgotten: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, value: u64) {
        counter.fetch_add(value, Ordering::Relaxed);
    }
}

/// The parts that only opening knows.
pub(crate) struct Parts {
    pub(crate) vfs: Arc<dyn Vfs>,
    pub(crate) dir: PathBuf,
    pub(crate) file: Box<dyn VfsFile>,
    pub(crate) segment_size: u32,
    pub(crate) boot: u64,
    pub(crate) options: Options,
    pub(crate) quarantined: u64,
    pub(crate) index: Index,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) read_only: Option<String>,
    pub(crate) marks: Arc<Mutex<Marks>>,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Shared {
        let shared = Shared {
            warning: parts.vfs.warning(&parts.dir),
            vfs: parts.vfs,
            dir: parts.dir,
            file: parts.file,
            segment_size: parts.segment_size,
            boot: parts.boot,
            options: parts.options,
            quarantined: parts.quarantined,
            index: Mutex::new(parts.index),
            ready: Condvar::new(),
            inbox: Mutex::new(Inbox { read_only: parts.read_only, ..Inbox::default() }),
            work: Condvar::new(),
            room: Condvar::new(),
            counters: Counters::default(),
            gaps: Mutex::default(),
            quarantine: Mutex::default(),
            marks: parts.marks,
        };
        parts.gaps.into_iter().for_each(|gap| shared.report(gap));
        shared
    }

    /// Now, in spool time: see docs/SPOOL.md, "Spool time".
    pub(crate) fn spool_time(&self) -> u64 {
        self.boot.saturating_add(self.vfs.now().boot)
    }

    pub(crate) fn index(&self) -> MutexGuard<'_, Index> {
        sync::lock(&self.index)
    }

    /// Never locked while the index is.
    pub(crate) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        sync::lock(&self.inbox)
    }

    /// Waits for [`Shared::ready`], no longer than `time`.
    pub(crate) fn wait_ready<'a>(
        &'a self,
        index: MutexGuard<'a, Index>,
        time: Duration,
    ) -> MutexGuard<'a, Index> {
        sync::wait(&self.ready, &self.index, index, Some(time))
    }

    /// Waits for [`Shared::work`], no longer than `time` if given.
    pub(crate) fn wait_work<'a>(
        &'a self,
        inbox: MutexGuard<'a, Inbox>,
        time: Option<Duration>,
    ) -> MutexGuard<'a, Inbox> {
        sync::wait(&self.work, &self.inbox, inbox, time)
    }

    /// Waits for [`Shared::room`], no longer than `time` if given.
    pub(crate) fn wait_room<'a>(
        &'a self,
        inbox: MutexGuard<'a, Inbox>,
        time: Option<Duration>,
    ) -> MutexGuard<'a, Inbox> {
        sync::wait(&self.room, &self.inbox, inbox, time)
    }

    pub(crate) fn gaps(&self) -> MutexGuard<'_, VecDeque<Gap>> {
        sync::lock(&self.gaps)
    }

    /// Remembers a gap. It is counted already.
    fn remember(&self, gap: Gap) {
        let mut gaps = self.gaps();
        if gaps.len() == KEPT {
            gaps.pop_front();
        }
        gaps.push_back(gap);
    }

    /// Remembers a gap, and tells the destinations.
    fn report(&self, gap: Gap) {
        if let Some(report) = self.options.report {
            let arriving =
                Arriving { record: report(&gap), plain_len: 0, report: true, done: Box::new(|_| {}) };
            let mut inbox = self.inbox();
            let fits = arriving.record.payload.len() <= self.options.max_record(self.segment_size);
            if fits && !inbox.closing && inbox.read_only.is_none() {
                inbox.bytes += arriving.record.payload.len();
                self.enqueue(inbox, [arriving]);
            }
        }
        self.remember(gap);
    }

    /// Puts records, whose bytes are counted, before the writer.
    pub(crate) fn enqueue(
        &self,
        mut inbox: MutexGuard<'_, Inbox>,
        arriving: impl IntoIterator<Item = Arriving>,
    ) {
        inbox.queue.extend(arriving);
        inbox.callers += 1;
        let enough = inbox.callers >= inbox.enough;
        drop(inbox);
        if enough {
            self.work.notify_one();
        }
    }

    /// A record that was kept is damaged: for everybody who waits for it, it is lost.
    pub(crate) fn lose(&self, (generation, ordinal): Place) {
        let mut index = self.index();
        let Some(segment) = index.segments.get(&generation) else { return };
        let Some(meta) = segment.records.get(ordinal as usize).copied() else { return };
        let slot = Some(segment.slot);
        index.gaps += 1;
        index.lose((generation, ordinal), Loss::Corrupt);
        index.sweep(generation);
        drop(index);
        self.released();
        let sequences = Some(meta.sequence..=meta.sequence);
        let gap = Gap { slot, sequences, records: 1, items: meta.items.into() };
        if meta.report { self.remember(gap) } else { self.report(gap) }
    }

    /// Copies a record into quarantine. One at a time: each copy has a number of its own.
    pub(crate) fn keep(&self, location: &Location) -> io::Result<()> {
        let _one = sync::lock(&self.quarantine);
        quarantine::keep_record(&*self.vfs, &self.dir, &*self.file, location, self.segment_size)
    }

    /// Gives up what is too old or too much for its destination.
    pub(crate) fn enforce(&self) {
        let some = self.index().enforce(self.spool_time());
        if some {
            self.released();
        }
    }

    /// Tells the writer that CURSOR is out of date and that segments may have been let go.
    pub(crate) fn released(&self) {
        let mut inbox = self.inbox();
        inbox.released = true;
        let will_look = inbox.will_look;
        drop(inbox);
        if !will_look {
            self.work.notify_one();
        }
    }

    /// Lets the writer look at its timers again.
    pub(crate) fn wake(&self) {
        self.inbox().released = true;
        self.work.notify_one();
    }

    pub(crate) fn count_refused(&self, items: u32) {
        self.index().losses.add(Loss::Full, 1, items.into());
    }
}
