//! Taking records out, and letting go of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::index::lease::Pick;
use crate::limits::Limits;
use crate::record::{Entry, Loss, Signal};
use crate::shared::Shared;
use crate::stats::Pending;

/// One of the places that records go to; each releases records for itself.
#[derive(Clone)]
pub struct Destination {
    pub(crate) shared: Arc<Shared>,
    pub(crate) at: usize,
    pub(crate) id: Arc<str>,
}

impl Destination {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it has not released, over all signals.
    pub fn pending(&self) -> Pending {
        let index = self.shared.index();
        let mut all = Pending::default();
        if let Some(Some(destination)) = index.destinations.get(self.at) {
            for pending in &destination.waiting {
                all.records += pending.records;
                all.items += pending.items;
                all.bytes += pending.bytes;
            }
        }
        let now = self.shared.spool_time();
        let left = |segment| (0..4).filter_map(move |signal| oldest(segment, self.at, signal));
        let oldest = index.segments.values().flat_map(left).min();
        all.oldest = oldest.map(|(_, stored)| Duration::from_nanos(now.saturating_sub(stored)));
        all
    }

    /// Sets what it puts up with, from now on.
    pub fn limit(&self, limits: Limits) {
        let mut index = self.shared.index();
        if let Some(Some(destination)) = index.destinations.get_mut(self.at) {
            destination.limits = limits;
            index.release_unwanted(self.at);
        }
        drop(index);
        self.shared.enforce();
        // The writer's next timer may have changed.
        self.shared.wake();
    }

    /// Leases the oldest stored records of `signal`, or of any (the newest, for the share that [`Limits::newest`]
    /// gives them): at least one, then as many as `max_bytes` of payload allow. Waits until there is one; `None` when `deadline` passes, the spool closes or the destination is retired.
    ///
    /// A record that turns out damaged is left out and counted as lost. One that cannot be read because the disk
    /// fails is left out until the spool is opened again.
    pub fn take(&self, signal: Option<Signal>, max_bytes: usize, deadline: Instant) -> Option<Lease> {
        loop {
            let picks = self.wait(signal, max_bytes, deadline)?;
            let mut lease = Lease { destination: self.clone(), entries: Vec::new(), picks: Vec::new() };
            for pick in picks {
                if let Some(entry) = self.read(&pick) {
                    lease.entries.push(entry);
                    lease.picks.push(pick);
                }
            }
            if !lease.entries.is_empty() {
                return Some(lease);
            }
        }
    }

    fn wait(&self, signal: Option<Signal>, max_bytes: usize, deadline: Instant) -> Option<Vec<Pick>> {
        let mut index = self.shared.index();
        loop {
            if index.closed || index.destinations[self.at].is_none() {
                return None;
            }
            if index.expiry.is_some_and(|expiry| expiry <= self.shared.spool_time()) {
                drop(index);
                self.shared.enforce();
                index = self.shared.index();
            }
            let picks = index.lease(self.at, signal, max_bytes);
            if !picks.is_empty() {
                return Some(picks);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            index = self.shared.wait_ready(index, left);
        }
    }

    fn read(&self, pick: &Pick) -> Option<Entry> {
        let shared = &self.shared;
        let Ok(entry) = pick.location.read(&*shared.vfs, &*shared.file, shared.segment_size) else {
            // Still leased: nobody else takes it.
            shared.index().set_aside(pick.place);
            // Who waits for room may wait in vain now.
            shared.released();
            return None;
        };
        if entry.is_none() {
            shared.lose(pick.place);
        }
        entry
    }

    fn let_go(&self, picks: &[Pick], reason: Option<Loss>) {
        let mut index = self.shared.index();
        let mut last = None;
        for Pick { place, .. } in picks {
            index.release(self.at, *place, reason);
            if last.is_some_and(|last| last != place.0) {
                index.sweep(last.unwrap_or_default());
            }
            last = Some(place.0);
        }
        if let Some(last) = last {
            index.sweep(last);
            drop(index);
            self.shared.released();
        }
    }
}

fn oldest(segment: &crate::index::Segment, at: usize, signal: usize) -> Option<(u64, u64)> {
    segment.oldest_left(at, signal).map(|meta| (meta.sequence, meta.stored))
}

/// Records in a destination's hands. Dropping it gives them back, to be taken again.
pub struct Lease {
    destination: Destination,
    entries: Vec<Entry>,
    picks: Vec<Pick>,
}

impl Lease {
    /// The records, oldest first; at least one.
    pub fn records(&self) -> &[Entry] {
        &self.entries
    }

    /// The next holder has them all durably: the spool keeps them no longer for this destination.
    pub fn release(mut self) {
        let picks = std::mem::take(&mut self.picks);
        self.destination.let_go(&picks, None);
    }

    /// They will never be delivered: lets go of them all, and counts them.
    pub fn discard(mut self, reason: Loss) {
        let picks = std::mem::take(&mut self.picks);
        self.destination.let_go(&picks, Some(reason));
    }

    /// As [`Lease::discard`], for what may be worth a look later: each record is first copied into `quarantine/`, as it is stored,
    /// where the last 256 are kept.
    ///
    /// # Errors
    /// A copy could not be made; the records are let go of, and counted, all the same.
    pub fn quarantine(self, reason: Loss) -> Result<(), Error> {
        let shared = self.destination.shared.clone();
        let kept = self.picks.iter().try_for_each(|pick| shared.keep(&pick.location));
        self.discard(reason);
        kept.map_err(|error| Error::Disk(format!("no copy in quarantine: {error}")))
    }

    /// One lease for each record, in the same order.
    pub fn split(mut self) -> Vec<Lease> {
        let picks = std::mem::take(&mut self.picks);
        let entries = std::mem::take(&mut self.entries);
        let single = |(pick, entry)| Lease {
            destination: self.destination.clone(),
            entries: vec![entry],
            picks: vec![pick],
        };
        picks.into_iter().zip(entries).map(single).collect()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.picks.is_empty() {
            return;
        }
        let mut index = self.destination.shared.index();
        for pick in &self.picks {
            index.give_back(self.destination.at, pick.place);
        }
        drop(index);
        self.destination.shared.ready.notify_all();
    }
}
