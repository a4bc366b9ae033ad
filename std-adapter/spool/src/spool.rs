//! The spool's handle.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::codec;
use crate::destination::Destination;
use crate::error::{AppendError, Error, OpenError};
use crate::format::cursor::MAX_ID;
use crate::gap::Gap;
use crate::index::Index;
use crate::options::{Full, Options};
use crate::record::{Origin, Record, Stored};
use crate::recovery;
use crate::scrub;
use crate::shared::{Arriving, Command, Done, Inbox, Shared};
use crate::stats::{DestinationStats, Stats};
use crate::sync::atomic::Ordering;
use crate::sync::thread::{self, JoinHandle};
use crate::sync::{self, Mutex, MutexGuard, mpsc};
use crate::together::Together;
use crate::vfs::{StdVfs, Vfs};

const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// A durable queue of records in a directory.
///
/// Handles are cheap to clone. One thread of the spool's own writes; when the last handle is dropped, or on
/// [`Spool::close`], it makes everything handed over durable and ends.
///
/// ```
/// use smoltel_spool::{Class, Codec, Options, Record, Signal, Spool};
/// use std::time::{Duration, Instant};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let temp = tempfile::tempdir()?;
/// # let dir = temp.path().join("spool");
/// let spool = Spool::open(&dir, Options { capacity: 1 << 20, ..Options::default() })?;
/// let upstream = spool.destination("upstream")?;
///
/// let payload = b"an OTLP request".to_vec();
/// let record =
///     Record { signal: Signal::Logs, class: Class::Normal, codec: Codec::Identity, stream: 0, items: 1, origin: None, payload };
/// spool.append_wait(record)?; // it is on the disk now
///
/// let lease = upstream.take(Some(Signal::Logs), 1 << 20, Instant::now() + Duration::from_secs(1));
/// let lease = lease.ok_or("nothing to send")?;
/// assert_eq!(lease.records()[0].payload, b"an OTLP request");
/// lease.release(); // the upstream has it
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Spool {
    handle: Arc<Handle>,
}

struct Handle {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Spool {
    /// Opens the spool in `dir`, making both if needed.
    ///
    /// Whatever state a crash or a failing disk has left, it opens, and says in [`Spool::stats`] what it lost.
    ///
    /// # Errors
    /// Another process has it open, a newer version wrote it, the options make no sense, or the operating system
    /// refuses to make, read or write the files.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<Spool, OpenError> {
        Spool::open_with(Arc::new(StdVfs::default()), dir, options)
    }

    /// Opens the spool on another [`Vfs`].
    ///
    /// # Errors
    /// As for [`Spool::open`].
    pub fn open_with(vfs: Arc<dyn Vfs>, dir: impl AsRef<Path>, options: Options) -> Result<Spool, OpenError> {
        let dir = dir.as_ref();
        let mut writer = recovery::open(vfs, dir, options)?;
        let shared = writer.shared.clone();
        let thread = thread::Builder::new().name("smoltel-spool".into());
        let thread = thread.spawn(move || writer.run());
        let thread = thread.map_err(|source| OpenError::Io {
            doing: "start a thread for",
            path: dir.into(),
            source,
        })?;
        Ok(Spool { handle: Arc::new(Handle { shared, writer: Mutex::new(Some(thread)) }) })
    }

    /// Hands over a record. `done` runs once it is stored, or with the reason why it is not.
    ///
    /// `done` runs on the spool's thread, or at once on this one if the record is refused here. It must be quick, must
    /// not panic, and must not call what waits for the spool. The payload is compressed by this call, if the options say
    /// so. With [`Full::Block`] it waits while too many bytes are in flight; otherwise it never waits.
    pub fn append(&self, record: Record, done: impl FnOnce(Result<Stored, AppendError>) + Send + 'static) {
        let arriving = self.arriving(record, Box::new(done));
        let len = arriving.record.payload.len();
        match self.admit([len]) {
            Ok(inbox) => self.shared().enqueue(inbox, [arriving]),
            Err(error) => {
                self.count_refused(&error, arriving.record.items);
                (arriving.done)(Err(error));
            }
        }
    }

    /// Hands over records that belong together, such as the parts of one request. `done` runs once, when all are stored, or with the
    /// first reason why one is not; then some of them may be stored all the same, and come twice if all are handed over again.
    ///
    /// Otherwise as [`Spool::append`].
    pub fn append_all(
        &self,
        records: Vec<Record>,
        done: impl FnOnce(Result<(), AppendError>) + Send + 'static,
    ) {
        if records.is_empty() {
            return done(Ok(()));
        }
        let items = records.iter().fold(0u32, |items, record| items.saturating_add(record.items));
        let together = Together::new(records.len(), Box::new(done));
        let arriving = records.into_iter().map(|record| self.arriving(record, together.part()));
        let arriving: Vec<Arriving> = arriving.collect();
        match self.admit(arriving.iter().map(|arriving| arriving.record.payload.len())) {
            Ok(inbox) => self.shared().enqueue(inbox, arriving),
            Err(error) => {
                self.count_refused(&error, items);
                arriving.into_iter().for_each(|arriving| (arriving.done)(Err(error.clone())));
            }
        }
    }

    /// Hands over a record and waits until it is stored.
    ///
    /// # Errors
    /// The record was not stored; the caller still has custody of it.
    pub fn append_wait(&self, record: Record) -> Result<Stored, AppendError> {
        let (send, receive) = mpsc::channel();
        self.append(record, move |result| _ = send.send(result));
        receive.recv().unwrap_or(Err(AppendError::Closed))
    }

    /// A destination by its stable id, 1 to 64 bytes. A new one starts at the oldest record kept; an old one goes on where it was.
    /// No record is let go before every destination, opened or not, has released it: see [`Spool::retire`].
    ///
    /// # Errors
    /// The id is not acceptable, there are too many, or the disk failed.
    pub fn destination(&self, id: &str) -> Result<Destination, Error> {
        if id.is_empty() || id.len() > MAX_ID {
            return Err(Error::BadId);
        }
        let (at, new) = self.shared().index().destination(id).ok_or(Error::TooManyDestinations)?;
        if new {
            self.sync_cursor()?;
        }
        Ok(Destination { shared: self.shared().clone(), at, id: id.into() })
    }

    /// Forgets a destination: nothing is kept for it any more, and its handles find nothing. An unknown id is no error.
    ///
    /// # Errors
    /// The disk failed.
    pub fn retire(&self, id: &str) -> Result<(), Error> {
        {
            let mut index = self.shared().index();
            let Some(at) = index.find(id) else { return Ok(()) };
            index.retire(at);
        }
        self.shared().ready.notify_all();
        // A record may have been waiting for what this destination held.
        self.shared().released();
        self.sync_cursor()
    }

    /// The origin of the latest life of a device's records with the highest sequence that is stored; `None` if the device is not
    /// remembered. Whoever takes records from it knows by that where to go on.
    pub fn last_origin(&self, device: &[u8; 16]) -> Option<Origin> {
        sync::lock(&self.shared().marks).last(device)
    }

    /// The gaps found since it was opened: the last 64.
    pub fn gaps(&self) -> Vec<Gap> {
        self.shared().gaps().iter().cloned().collect()
    }

    /// Reads everything that is kept and durable; what is damaged is given up and counted now, not when its turn comes.
    /// It takes as long as reading the whole file. Worth doing now and then on storage that rots, such as SD cards.
    pub fn scrub(&self) {
        scrub::scrub(self.shared());
    }

    /// The largest payload that fits a segment, in bytes, as it is stored: a longer one may fit when it is compressed.
    pub fn max_record(&self) -> usize {
        let shared = self.shared();
        shared.options.max_record(shared.segment_size)
    }

    /// What the spool holds, what waits, and what was lost.
    pub fn stats(&self) -> Stats {
        let shared = self.shared();
        let now = shared.spool_time();
        let mut stats = {
            let index = shared.index();
            let size = u64::from(shared.segment_size);
            let held = index.segments.values().flat_map(|s| &s.records).filter(|meta| !meta.missing());
            let (records, items) =
                held.fold((0, 0), |(n, items), meta| (n + 1, items + u64::from(meta.items)));
            Stats {
                used_bytes: index.segments.len() as u64 * size,
                records,
                items,
                destinations: destination_stats(&index, now),
                losses: index.losses.clone(),
                gaps: index.gaps,
                set_aside: index.set_aside,
                unread: index.unread_segments(),
                ..Stats::default()
            }
        };
        let inbox = shared.inbox();
        stats.in_flight = inbox.bytes as u64;
        stats.read_only.clone_from(&inbox.read_only);
        stats.capacity = shared.options.capacity;
        stats.quarantined = shared.quarantined;
        stats.warning.clone_from(&shared.warning);
        stats.file_bytes = shared.counters.file_bytes.load(Ordering::Relaxed);
        stats.data_syncs = shared.counters.data_syncs.load(Ordering::Relaxed);
        stats.growth_syncs = shared.counters.growth_syncs.load(Ordering::Relaxed);
        stats.cursor_syncs = shared.counters.cursor_syncs.load(Ordering::Relaxed);
        stats.marks_syncs = shared.counters.marks_syncs.load(Ordering::Relaxed);
        stats.duplicates = shared.counters.duplicates.load(Ordering::Relaxed);
        stats.duplicate_items = shared.counters.duplicate_items.load(Ordering::Relaxed);
        stats.devices = shared.counters.devices.load(Ordering::Relaxed);
        stats.devices_forgotten = shared.counters.devices_forgotten.load(Ordering::Relaxed);
        stats.bytes_written = shared.counters.bytes_written.load(Ordering::Relaxed);
        stats
    }

    /// Makes everything handed over durable, and what was released, and ends the spool. Waiting takers get `None`; later
    /// appends are refused.
    ///
    /// # Errors
    /// The disk failed, or `within` passed first; then the work goes on, and the lock is held until it is done.
    pub fn close(&self, within: Duration) -> Result<(), Error> {
        // Longer than a clock can say is a year.
        let deadline = Instant::now().checked_add(within).unwrap_or_else(|| Instant::now() + YEAR);
        self.handle.start_closing();
        let shared = self.shared();
        let mut inbox = shared.inbox();
        loop {
            match &inbox.stopped {
                Some(Ok(())) => break,
                Some(Err(reason)) => return Err(Error::Disk(reason.clone())),
                None => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::Deadline);
            }
            inbox = shared.wait_room(inbox, Some(left));
        }
        drop(inbox);
        self.handle.join();
        Ok(())
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    fn arriving(&self, mut record: Record, done: Done) -> Arriving {
        let plain_len = codec::compress(&mut record, self.shared().options.codec);
        Arriving { record, plain_len, report: false, done }
    }

    /// The inbox, when it has room for payloads of these lengths.
    fn admit(&self, lens: impl IntoIterator<Item = usize>) -> Result<MutexGuard<'_, Inbox>, AppendError> {
        let (shared, max) = (self.shared(), self.max_record());
        let mut all = 0;
        for len in lens {
            if len > max {
                return Err(AppendError::TooLarge { len, max });
            }
            all += len;
        }
        let mut inbox = shared.inbox();
        loop {
            if let Some(reason) = &inbox.read_only {
                return Err(AppendError::ReadOnly(reason.clone()));
            }
            if inbox.closing {
                return Err(AppendError::Closed);
            }
            if inbox.bytes == 0 || inbox.bytes + all <= shared.options.in_flight {
                inbox.bytes += all;
                return Ok(inbox);
            }
            if shared.options.full != Full::Block {
                return Err(AppendError::Busy);
            }
            inbox = shared.wait_room(inbox, None);
        }
    }

    fn count_refused(&self, error: &AppendError, items: u32) {
        if *error == AppendError::Busy {
            self.shared().count_refused(items);
        }
    }

    fn sync_cursor(&self) -> Result<(), Error> {
        let (send, receive) = mpsc::channel();
        {
            let mut inbox = self.shared().inbox();
            if inbox.closing {
                return Err(Error::Closed);
            }
            inbox.commands.push(Command(send));
        }
        self.shared().work.notify_one();
        receive.recv().unwrap_or(Err("the writer has ended".into())).map_err(Error::Disk)
    }
}

impl Handle {
    fn start_closing(&self) {
        self.shared.inbox().closing = true;
        self.shared.work.notify_one();
        self.shared.room.notify_all();
        self.shared.index().closed = true;
        self.shared.ready.notify_all();
    }

    fn join(&self) {
        let writer = sync::lock(&self.writer).take();
        // The last handle may be dropped by a completion, on the writer's own thread.
        if let Some(writer) = writer.filter(|writer| writer.thread().id() != thread::current().id()) {
            _ = writer.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.start_closing();
        self.join();
    }
}

fn destination_stats(index: &Index, now: u64) -> Vec<DestinationStats> {
    let mut all = Vec::new();
    for (at, destination) in index.destinations.iter().enumerate() {
        let Some(destination) = destination else { continue };
        let mut signals = destination.waiting;
        for (signal, pending) in signals.iter_mut().enumerate() {
            let left = |s| crate::index::Segment::oldest_left(s, at, signal);
            let oldest = index.segments.values().filter_map(left).min_by_key(|meta| meta.sequence);
            pending.oldest = oldest.map(|meta| Duration::from_nanos(now.saturating_sub(meta.stored)));
        }
        all.push(DestinationStats {
            id: destination.id.clone(),
            signals,
            losses: destination.losses.clone(),
        });
    }
    all
}
