//! All that a simulated machine remembers.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;

use smoltel_spool::vfs::Site;

use super::{Clock, Event, Fault, Faults, Medium};

pub(super) struct State {
    pub(super) medium: Medium,
    pub(super) clock: Clock,
    pub(super) faults: Faults,
    pub(super) random: u64,
    pub(super) events: Vec<Event>,
    pub(super) history: Option<Vec<Snapshot>>,
    pub(super) locked: HashSet<PathBuf>,
    /// Processes with a lower number were killed.
    pub(super) process: u64,
    /// Where /proc tells of the spool's thread.
    pub(super) writer: Option<PathBuf>,
    pub(super) held: bool,
    pub(super) operations: u64,
    pub(super) dies_at: Option<u64>,
    pub(super) dead: bool,
    pub(super) counts: HashMap<Site, u64>,
}

/// A machine at one moment.
#[derive(Clone)]
pub(crate) struct Snapshot {
    /// The operation that comes next.
    pub(crate) next: Option<Site>,
    pub(crate) medium: Medium,
    /// How many events there had been.
    pub(crate) events: usize,
    pub(super) clock: Clock,
    pub(super) faults: Faults,
    pub(super) random: u64,
}

impl State {
    pub(super) fn new(medium: Medium) -> State {
        State {
            medium,
            clock: Clock::still(),
            faults: Faults::default(),
            random: 0,
            events: Vec::new(),
            history: None,
            locked: HashSet::new(),
            process: 0,
            writer: None,
            held: false,
            operations: 0,
            dies_at: None,
            dead: false,
            counts: HashMap::new(),
        }
    }

    pub(super) fn snapshot(&self, next: Option<Site>) -> Snapshot {
        Snapshot {
            next,
            medium: self.medium.clone(),
            events: self.events.len(),
            clock: self.clock.clone(),
            faults: self.faults.clone(),
            random: self.random,
        }
    }

    pub(super) fn alive(&self, process: u64) -> io::Result<()> {
        if self.dead || process < self.process { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }

    /// Before a changing operation: remembers, counts, and says what is to go wrong with it.
    pub(super) fn operate(&mut self, site: Site, process: u64) -> io::Result<Option<Fault>> {
        self.alive(process)?;
        if self.history.is_some() {
            let snapshot = self.snapshot(Some(site));
            self.history.iter_mut().for_each(|history| history.push(snapshot.clone()));
        }
        *self.counts.entry(site).or_default() += 1;
        self.dead = self.dies_at == Some(self.operations);
        self.operations += 1;
        Ok(self.faults.strike(site))
    }

    /// After the last operation.
    pub(super) fn ended(&self) -> io::Result<()> {
        if self.dead { Err(io::Error::other("the power went off")) } else { Ok(()) }
    }
}
