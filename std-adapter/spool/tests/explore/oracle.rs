//! What must hold after a crash, whatever came before it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use smoltel_spool::vfs::Site;
use smoltel_spool::{Class, Destination, Loss, Options, Spool, Stats, Stored, Sync};

use super::record::{identify, items, record, sent_by_a_device};
use super::run::{DIR, NAMES};
use crate::disk::{Disk, Event};

/// What a spool has promised up to some moment.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Promises {
    destinations: [Promise; NAMES.len()],
    /// By record: how many records, in the order of their acknowledgements, it knows to be durable.
    vouched: BTreeMap<u32, usize>,
    acknowledged: Vec<u32>,
    /// Every destination of some moment had let go of them: they may be gone.
    gone: BTreeSet<u32>,
    disk: Trust,
    /// All records have origins: one that comes again is dropped.
    origins: bool,
}

/// What a workload's disk does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Trust {
    /// What it says.
    #[default]
    Sound,
    /// Its syncs fail, and the page cache shows to the next process what never reached the medium: what was not
    /// acknowledged may be shown, and be a gap later; what was released may come again.
    Fails,
    /// It could not read all of spool.dat when it was opened: what was not acknowledged may be a gap later.
    Unread,
    /// Its syncs of spool.dat lie: what is missing must be counted if CURSOR can be read, that is all.
    Lies,
    /// All its syncs lie, those of CURSOR too: what comes must be right, that is all.
    Void,
}

#[derive(Clone, Debug, Default, Hash)]
struct Promise {
    joined: bool,
    required: BTreeSet<u32>,
    let_go: BTreeSet<u32>,
    released: BTreeSet<u32>,
    /// Released when CURSOR was last written.
    written: BTreeSet<u32>,
    /// Released when CURSOR was last made durable: they may not come again.
    forgotten: BTreeSet<u32>,
}

impl Promises {
    /// What was promised by these events. Without a sync before each answer, only what was synced since is promised.
    pub(crate) fn new(events: &[Event], sync: Sync, disk: Trust) -> Promises {
        let mut promises = Promises { disk, ..Promises::default() };
        let mut durable = 0;
        for event in events {
            if matches!(event, Event::Synced(Site::GroupSync | Site::RecoverySync | Site::GrowSync)) {
                durable = promises.acknowledged.len();
            }
            promises.happened(event, durable);
        }
        let sure = if sync == Sync::Always { promises.acknowledged.len() } else { durable };
        let sure: BTreeSet<u32> = promises.acknowledged[..sure].iter().copied().collect();
        for promise in &mut promises.destinations {
            promise.required = sure.difference(&promise.let_go).copied().collect();
        }
        promises
    }

    pub(crate) fn with_origins(self, origins: bool) -> Promises {
        Promises { origins, ..self }
    }

    pub(crate) fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        Hash::hash(self, &mut hasher);
        hasher.finish()
    }

    fn happened(&mut self, event: &Event, durable: usize) {
        match event {
            Event::Acknowledged(id) => {
                self.acknowledged.push(*id);
                self.vouched.insert(*id, durable);
            }
            Event::Releasing(at, ids) => {
                self.destinations[*at].let_go.extend(ids);
                self.may_go();
            }
            Event::Released(at, ids) => self.destinations[*at].released.extend(ids),
            Event::Joined(at) if !self.destinations[*at].joined => {
                let let_go = self.gone.clone();
                self.destinations[*at] = Promise { joined: true, let_go, ..Promise::default() };
            }
            Event::Joined(_) => {}
            Event::Retiring(at) => {
                self.destinations[*at] = Promise::default();
                self.may_go();
            }
            // What was released since CURSOR was written is forgotten.
            Event::Killed => {
                for promise in &mut self.destinations {
                    promise.released.clone_from(&promise.written);
                }
            }
            Event::CursorWritten => {
                for promise in &mut self.destinations {
                    promise.written.clone_from(&promise.released);
                }
            }
            Event::Synced(Site::CursorSync | Site::RecycleSync | Site::CursorMakeSync) => {
                for promise in &mut self.destinations {
                    promise.forgotten.clone_from(&promise.written);
                }
            }
            Event::Synced(_) => {}
        }
    }

    /// What every destination has let go of may be gone.
    fn may_go(&mut self) {
        let mut joined = self.destinations.iter().filter(|promise| promise.joined);
        let Some(first) = joined.next() else { return };
        let all =
            joined.fold(first.let_go.clone(), |all, one| all.intersection(&one.let_go).copied().collect());
        self.gone.extend(all);
    }

    /// Opens the spool on this disk, takes everything, and says what is not as it was promised.
    pub(crate) fn check(&self, disk: &Disk, options: &Options, thorough: bool) -> Result<(), String> {
        let open = || Spool::open_with(Arc::new(disk.clone()), DIR, options.clone());
        let judged = self.can_be_judged(disk);
        let spool = open().map_err(|error| error.to_string())?;
        for (at, destination) in self.join(&spool)? {
            let came = drain(&destination).map_err(|problem| format!("{}: {problem}", NAMES[at]))?;
            if judged {
                self.judge(at, &self.destinations[at], &came, &spool.stats())?;
            }
        }
        if self.origins && self.disk == Trust::Sound {
            self.send_again(&spool)?;
        }
        works(&spool)?;
        spool.close(Duration::from_secs(10)).map_err(|error| error.to_string())?;
        if thorough {
            let again = open().map_err(|error| error.to_string())?;
            for (_, destination) in self.join(&again)? {
                let came = drain(&destination)?;
                let foreign = came.iter().find(|id| **id != PROBE);
                foreign.map_or(Ok(()), |id| Err(format!("{id} comes again after a clean close")))?;
            }
        }
        Ok(())
    }

    /// Sends everything again that was acknowledged.
    fn send_again(&self, spool: &Spool) -> Result<(), String> {
        for id in &self.acknowledged {
            match spool.append_wait(sent_by_a_device(record(*id, 4, Class::High), *id)) {
                Ok(Stored::Duplicate) => {}
                other => return Err(format!("{id} is sent again, and the answer is {other:?}")),
            }
        }
        Ok(())
    }

    /// Whether it must show what is missing. Where syncs lied, and the newest CURSOR is not there, nobody can tell what was
    /// lost from what was let go.
    pub(crate) fn can_be_judged(&self, disk: &Disk) -> bool {
        match self.disk {
            Trust::Sound | Trust::Fails | Trust::Unread => true,
            Trust::Lies => cursor_holds(&disk.read("/spool/CURSOR")),
            Trust::Void => false,
        }
    }

    /// All destinations first, as programs do: without CURSOR the spool would not know for whom to keep things.
    fn join(&self, spool: &Spool) -> Result<Vec<(usize, Destination)>, String> {
        let joined = (0..NAMES.len()).filter(|at| self.destinations[*at].joined);
        joined.map(|at| Ok((at, spool.destination(NAMES[at]).map_err(|error| error.to_string())?))).collect()
    }

    fn judge(&self, at: usize, promise: &Promise, came: &BTreeSet<u32>, stats: &Stats) -> Result<(), String> {
        let name = NAMES[at];
        let losses = stats.destinations.iter().find(|destination| destination.id == name);
        let losses = losses.map(|destination| destination.losses.clone()).unwrap_or_default();
        let missing: Vec<u32> = promise.required.difference(came).copied().collect();
        if self.disk == Trust::Lies {
            let known = came.iter().filter_map(|id| self.vouched.get(id)).max().copied().unwrap_or(0);
            let known: BTreeSet<&u32> = self.acknowledged[..known].iter().collect();
            let silent: Vec<&u32> = missing.iter().filter(|id| known.contains(id)).collect();
            if silent.len() as u64 > losses.records(Loss::Corrupt) {
                let corrupt = losses.records(Loss::Corrupt);
                return Err(format!("{name} misses {silent:?}, has {came:?}, and {corrupt} are counted"));
            }
            return Ok(());
        }
        if self.disk == Trust::Sound && (stats.gaps > 0 || stats.losses.records(Loss::Corrupt) > 0) {
            return Err(format!("{} gaps on a disk that is sound", stats.gaps));
        }
        let counted = [Loss::Evicted, Loss::Expired, Loss::Lagged];
        let records: u64 = counted.iter().map(|reason| losses.records(*reason)).sum();
        let lost_items: u64 = counted.iter().map(|reason| losses.items(*reason)).sum();
        let missing_items: u64 = missing.iter().map(|id| u64::from(items(*id))).sum();
        if missing.len() as u64 > records || missing_items > lost_items {
            return Err(format!("{name} misses {missing:?}"));
        }
        match promise.forgotten.intersection(came).next() {
            Some(id) if matches!(self.disk, Trust::Sound | Trust::Unread) => {
                Err(format!("{name} gets {id} again, which was released"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether there is a slot, and none that was written to is damaged.
fn cursor_holds(bytes: &[u8]) -> bool {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let whole = |slot: &[u8]| {
        let length = u32::from_le_bytes(slot.get(12..16)?.try_into().ok()?) as usize;
        let (body, crc) = slot.get(..length)?.split_at_checked(length.checked_sub(4)?)?;
        (crc32c::crc32c(body).to_le_bytes() == crc).then_some(())
    };
    let unused = |slot: &[u8]| slot.iter().all(|byte| *byte == 0);
    let all = [first, second].into_iter().all(|slot| unused(slot) || whole(slot).is_some());
    all && !unused(bytes)
}

/// The record that shows that it goes on working.
const PROBE: u32 = u32::MAX;

/// Takes and releases everything.
fn drain(destination: &Destination) -> Result<BTreeSet<u32>, String> {
    let mut came = BTreeSet::new();
    while let Some(lease) = destination.take(None, 10_000, Instant::now()) {
        for entry in lease.records() {
            let id = identify(entry).ok_or("wrong bytes")?;
            if !came.insert(id) {
                return Err(format!("{id} comes twice"));
            }
        }
        lease.release();
    }
    Ok(came)
}

fn works(spool: &Spool) -> Result<(), String> {
    let probe = record(PROBE, 9, Class::High);
    spool.append_wait(probe).map(drop).map_err(|error| format!("it takes nothing more: {error}"))
}
