//! The spool as the worker sees it: a place for requests that could not be sent.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use smoltel_spool::{
    Class, Codec, Destination, DestinationStats, Gap, Lease, Loss, Losses, Options, Record, Spool,
};

use crate::Signal;
use crate::error::ConfigError;
use crate::report::Report;

/// Requests on disk, for one destination: the endpoint, whichever it is at the time.
#[derive(Clone)]
pub(crate) struct Outbox {
    spool: Spool,
    dir: PathBuf,
    /// Whether it was said that the directory is gone.
    gone: Arc<AtomicBool>,
    endpoint: Destination,
    /// Items found at the start, and lost before it.
    found: u64,
    lost_before: Losses,
}

impl Outbox {
    pub(crate) fn open(dir: &Path, capacity: Option<u64>) -> Result<Self, ConfigError> {
        let unusable =
            |error: &dyn std::fmt::Display| ConfigError::new(format!("the spool cannot be used: {error}"));
        let defaults = Options::default();
        let options = Options { capacity: capacity.unwrap_or(defaults.capacity), ..defaults };
        let spool = Spool::open(dir, options).map_err(|error| unusable(&error))?;
        let endpoint = spool.destination("endpoint").map_err(|error| unusable(&error))?;
        let (found, lost_before) = (endpoint.pending().items, Losses::default());
        let (dir, gone) = (dir.to_path_buf(), Arc::default());
        let mut outbox = Self { spool, dir, gone, endpoint, found, lost_before };
        outbox.lost_before = outbox.stats().losses;
        Ok(outbox)
    }

    /// The most bytes of one request.
    pub(crate) fn max_request(&self) -> usize {
        self.spool.max_record()
    }

    /// Whether the spool is where the next start looks for it. The system writes on to files without a name; what is there goes
    /// with this process.
    fn is_there(&self) -> bool {
        self.dir.join(LOCK).exists()
    }

    /// What there is to say of a directory that has vanished, once.
    pub(crate) fn trouble(&self) -> Option<String> {
        let new = !self.is_there() && !self.gone.swap(true, Ordering::Relaxed);
        new.then(|| {
            format!(
                "the spool {} has vanished, so that nothing can be kept there; start again when it is back",
                self.dir.display()
            )
        })
    }

    /// Stores a request; `true` when it is on the disk.
    pub(crate) fn store(&self, signal: Signal, items: u32, body: Vec<u8>) -> bool {
        let record = Record {
            signal: stored(signal),
            class: Class::Normal,
            codec: Codec::Identity,
            stream: 0,
            items,
            origin: None,
            payload: body,
        };
        self.is_there() && self.spool.append_wait(record).is_ok()
    }

    /// Stores what an earlier run left, unless it is longer than a record.
    #[cfg(unix)]
    pub(crate) fn store_found(&self, found: &crate::evidence::Found) -> bool {
        let items = u32::try_from(found.items).unwrap_or(u32::MAX);
        found.body.len() <= self.max_request() && self.store(found.signal, items, found.body.clone())
    }

    pub(crate) fn has(&self, signal: Signal) -> bool {
        self.stats().pending(stored(signal)).records > 0
    }

    pub(crate) fn items(&self, signal: Signal) -> u64 {
        self.stats().pending(stored(signal)).items
    }

    fn stats(&self) -> DestinationStats {
        let all = self.spool.stats().destinations;
        all.into_iter().find(|destination| destination.id == self.endpoint.id()).unwrap_or_default()
    }

    /// The oldest requests of a signal; laid end to end they are one.
    pub(crate) fn take(&self, signal: Signal, max_bytes: usize) -> Option<Lease> {
        self.endpoint.take(Some(stored(signal)), max_bytes, Instant::now())
    }

    /// Adds what the spool knows to a report.
    pub(crate) fn report(&self, report: &mut Report) {
        let stats = self.stats();
        for reason in Loss::ALL {
            let before = self.lost_before.items(reason);
            report.add_dropped(name(reason), stats.losses.items(reason).saturating_sub(before));
        }
        report.found = self.found;
        // What is in a directory that has vanished is as doubtful as what is in memory.
        report.spooled = if self.is_there() { self.endpoint.pending().items } else { 0 };
    }

    /// What the disk lost, found when the spool was opened.
    pub(crate) fn gaps(&self) -> Vec<Gap> {
        self.spool.gaps()
    }

    pub(crate) fn close(&self, deadline: Instant) {
        // What is stored is on the disk already; a cursor that is not may bring some of it again.
        let _ = self.spool.close(deadline.saturating_duration_since(Instant::now()));
    }
}

/// A file that every spool has.
const LOCK: &str = "LOCK";

fn stored(signal: Signal) -> smoltel_spool::Signal {
    match signal {
        Signal::Traces => smoltel_spool::Signal::Traces,
        Signal::Metrics => smoltel_spool::Signal::Metrics,
        Signal::Logs => smoltel_spool::Signal::Logs,
    }
}

fn name(reason: Loss) -> &'static str {
    match reason {
        Loss::Rejected => "rejected",
        Loss::Expired => "expired",
        Loss::Evicted => "evicted",
        Loss::Corrupt => "corrupt",
        Loss::Full => "queue_full",
        Loss::Other => "other",
        Loss::Lagged => "lagged",
    }
}
