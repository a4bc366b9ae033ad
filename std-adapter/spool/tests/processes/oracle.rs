//! Knows from outside what a spool must hold, what it may hold, and what it must not.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use smoltel_spool::{Lease, Loss, Problem, Spool, verify};

use crate::child::{Said, Task};
use crate::life::{Life, cycle, items, recognise};

/// The writer may be held up between looking at what was released and writing CURSOR.
const SLACK: Duration = Duration::from_millis(100);

pub(crate) struct Oracle {
    pub(crate) task: Task,
    /// For each destination: what it had not let go of when the spool was last looked into.
    waiting: Vec<BTreeSet<u64>>,
    evicted: Vec<u64>,
    pub(crate) count: Count,
}

/// What was seen so far.
#[derive(Default)]
pub(crate) struct Count {
    pub(crate) acknowledged: u64,
    pub(crate) delivered: u64,
    /// Delivered, and there again.
    pub(crate) again: u64,
    pub(crate) evicted: u64,
}

impl Oracle {
    pub(crate) fn new(dir: PathBuf, life: Life) -> Oracle {
        let waiting = vec![BTreeSet::new(); life.destinations.len()];
        let evicted = vec![0; life.destinations.len()];
        Oracle { task: Task { dir, life, cycle: 0, lies: false }, waiting, evicted, count: Count::default() }
    }

    /// Opens the spool that a worker has left, and compares.
    pub(crate) fn judge(&mut self, said: &Said) -> Result<(), String> {
        let cursor = fs::metadata(self.task.dir.join("CURSOR")).and_then(|data| data.modified()).ok();
        if !said.wrong.is_empty() {
            return Err(said.wrong.join("; "));
        }
        // Before there is a spool there is nothing to verify.
        let problems = verify(&self.task.dir).map_or_else(|_| Vec::new(), |report| report.problems);
        if problems.iter().any(Problem::loses) {
            return Err(format!("verify sees damage: {problems:?}"));
        }
        let spool = Spool::open(&self.task.dir, self.task.life.options.clone()).map_err(|e| e.to_string())?;
        self.count.acknowledged += said.stored.len() as u64;
        // Still leased until the spool is closed: nothing is taken twice.
        let mut leases = Vec::new();
        for at in 0..self.waiting.len() {
            let present = self.present(&spool, at, &mut leases)?;
            self.nothing_missing(&spool, at, said, &present)?;
            self.nothing_extra(at, said, &present, cursor)?;
            self.waiting[at] = present;
        }
        let stats = spool.stats();
        if stats.gaps + stats.quarantined + stats.set_aside > 0 || stats.read_only.is_some() {
            return Err(format!("opening it found damage: {stats:?}"));
        }
        self.task.cycle += 1;
        spool.close(Duration::from_secs(20)).map_err(|error| error.to_string())
    }

    /// All that waits for a destination.
    fn present(&self, spool: &Spool, at: usize, leases: &mut Vec<Lease>) -> Result<BTreeSet<u64>, String> {
        let id = self.task.life.destinations[at];
        let destination = spool.destination(id).map_err(|error| error.to_string())?;
        let mut present = BTreeSet::new();
        while let Some(lease) = destination.take(None, usize::MAX, Instant::now()) {
            for entry in lease.records() {
                let id = recognise(entry)?;
                if !present.insert(id) {
                    return Err(format!("record {id:x} is there twice"));
                }
            }
            leases.push(lease);
        }
        Ok(present)
    }

    /// What was acknowledged and not let go of is there, or counted as evicted.
    fn nothing_missing(
        &mut self,
        spool: &Spool,
        at: usize,
        said: &Said,
        present: &BTreeSet<u64>,
    ) -> Result<(), String> {
        let must = self.waiting[at].union(&said.stored).filter(|id| !said.has[at].contains(id));
        let missing: Vec<u64> = must.filter(|id| !present.contains(id)).copied().collect();
        let lost: u64 = missing.iter().map(|id| u64::from(items(*id))).sum();
        let total = spool.stats().destinations[at].losses.items(Loss::Evicted);
        let evicted = total - std::mem::replace(&mut self.evicted[at], total);
        self.count.evicted += evicted;
        if lost > evicted {
            return Err(format!(
                "acknowledged and gone: {missing:x?}, {lost} items; counted as evicted: {evicted}"
            ));
        }
        Ok(())
    }

    /// Nothing is there that was gone before, nor what was released before CURSOR was last written.
    fn nothing_extra(
        &mut self,
        at: usize,
        said: &Said,
        present: &BTreeSet<u64>,
        cursor: Option<SystemTime>,
    ) -> Result<(), String> {
        let known = |id: &u64| self.waiting[at].contains(id) || cycle(*id) == self.task.cycle;
        if let Some(back) = present.iter().chain(&said.has[at]).find(|id| !known(id)) {
            return Err(format!("record {back:x} was gone, and came again"));
        }
        let written =
            cursor.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok()).unwrap_or_default();
        let written = written.saturating_sub(SLACK).as_nanos();
        let mut released = said.released[at].iter().filter(|(id, _)| present.contains(id));
        if let Some((id, when)) = released.find(|(_, when)| *when < written || said.closed) {
            return Err(format!(
                "record {id:x} was released at {when}, CURSOR written at {written}: it came again"
            ));
        }
        self.count.delivered += said.has[at].len() as u64;
        self.count.again += said.has[at].intersection(present).count() as u64;
        Ok(())
    }
}

impl Count {
    pub(crate) fn add(&mut self, other: &Count) {
        self.acknowledged += other.acknowledged;
        self.delivered += other.delivered;
        self.again += other.again;
        self.evicted += other.evicted;
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} records acknowledged, 0 missing, {} delivered, {} of them twice, {} items evicted",
            self.acknowledged, self.delivered, self.again, self.evicted
        )
    }
}
