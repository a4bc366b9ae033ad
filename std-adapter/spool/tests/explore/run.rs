//! A program that uses a spool, one step after the other, and tells the disk what it does and what it was told.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use smoltel_spool::{Class, Destination, Lease, Limits, Loss, Options, Spool};

use super::record::{identify, record, sent_by_a_device};
use crate::disk::{Disk, Event};

pub(crate) const DIR: &str = "/spool";
pub(crate) const NAMES: [&str; 3] = ["east", "west", "north"];

pub(crate) struct Run {
    pub(crate) disk: Disk,
    pub(crate) options: Options,
    /// Its records have origins.
    origins: bool,
    next: u32,
    spool: Option<Spool>,
    joined: [bool; NAMES.len()],
    destinations: [Option<Destination>; NAMES.len()],
    kept: Vec<(usize, Vec<u32>, Lease)>,
}

impl Run {
    pub(crate) fn new(disk: Disk, options: Options, origins: bool) -> Run {
        Run {
            disk,
            options,
            origins,
            next: 0,
            spool: None,
            joined: [true, true, false],
            destinations: [const { None }; NAMES.len()],
            kept: Vec::new(),
        }
    }

    /// No destination is there from the start.
    pub(crate) fn without_destinations(&mut self) {
        self.joined = [false; NAMES.len()];
    }

    fn spool(&mut self) -> Option<Spool> {
        if self.spool.is_none() {
            let spool = Spool::open_with(Arc::new(self.disk.clone()), DIR, self.options.clone()).ok()?;
            self.spool = Some(spool);
            for at in 0..NAMES.len() {
                if self.joined[at] {
                    self.join(at);
                }
            }
            self.disk.quiet();
        }
        self.spool.clone()
    }

    fn destination(&mut self, at: usize) -> Option<Destination> {
        self.spool()?;
        self.destinations[at].clone()
    }

    pub(crate) fn join(&mut self, at: usize) {
        self.joined[at] = true;
        let Some(spool) = self.spool() else { return };
        if let Ok(destination) = spool.destination(NAMES[at]) {
            self.destinations[at] = Some(destination);
            self.disk.note(Event::Joined(at));
        }
        self.disk.quiet();
    }

    pub(crate) fn retire(&mut self, at: usize) {
        let Some(spool) = self.spool() else { return };
        self.joined[at] = false;
        self.kept.retain(|(of, ..)| *of != at);
        self.disk.note(Event::Retiring(at));
        _ = spool.retire(NAMES[at]);
        self.destinations[at] = None;
        self.disk.quiet();
    }

    /// Hands over records of these lengths: the first alone, then the others at once. Waits for all.
    pub(crate) fn append(&mut self, records: &[(usize, Class)]) {
        let done = self.send(records);
        while done.recv().is_ok() {}
        self.disk.quiet();
    }

    /// The same without waiting: the receiver ends when all are answered.
    pub(crate) fn send(&mut self, records: &[(usize, Class)]) -> mpsc::Receiver<()> {
        let (send, done) = mpsc::channel();
        let first = self.next;
        self.next += records.len() as u32;
        let Some(spool) = self.spool() else { return done };
        self.disk.hold();
        for (id, (len, class)) in (first..).zip(records) {
            let (disk, send) = (self.disk.clone(), send.clone());
            let plain = record(id, *len, *class);
            let record = if self.origins { sent_by_a_device(plain, id) } else { plain };
            spool.append(record, move |result| {
                if result.is_ok() {
                    disk.note(Event::Acknowledged(id));
                }
                _ = send.send(());
            });
            if id == first {
                self.disk.quiet();
            }
        }
        self.disk.go_on();
        done
    }

    /// Waits until the spool has nothing to do.
    pub(crate) fn quiet(&self) {
        self.disk.quiet();
    }

    /// Takes a lease and keeps it.
    pub(crate) fn take(&mut self, at: usize, bytes: usize) {
        let Some(destination) = self.destination(at) else { return };
        let Some(lease) = destination.take(None, bytes, Instant::now()) else { return };
        let ids: Option<Vec<u32>> = lease.records().iter().map(identify).collect();
        self.kept.push((at, ids.expect("wrong bytes while running"), lease));
    }

    /// Lets go of the oldest lease that is kept.
    pub(crate) fn done(&mut self, reason: Option<Loss>) {
        if self.kept.is_empty() {
            return;
        }
        let (at, ids, lease) = self.kept.remove(0);
        self.disk.note(Event::Releasing(at, ids.clone()));
        match reason {
            None => lease.release(),
            Some(reason) => lease.discard(reason),
        }
        self.disk.note(Event::Released(at, ids));
        self.disk.quiet();
    }

    /// Lets go of the newest lease that is kept.
    pub(crate) fn last_done(&mut self) {
        let last = self.kept.pop();
        self.kept.splice(..0, last);
        self.done(None);
    }

    /// Gives the oldest lease back.
    pub(crate) fn give_back(&mut self) {
        if !self.kept.is_empty() {
            drop(self.kept.remove(0));
        }
    }

    pub(crate) fn release(&mut self, at: usize, bytes: usize) {
        let others = std::mem::take(&mut self.kept);
        self.take(at, bytes);
        self.done(None);
        self.kept = others;
    }

    pub(crate) fn limit(&mut self, at: usize, limits: Limits) {
        if let Some(destination) = self.destination(at) {
            destination.limit(limits);
            self.disk.quiet();
        }
    }

    /// Lets time pass, and the spool notice it.
    pub(crate) fn wait(&mut self, milliseconds: u64) {
        self.disk.advance(milliseconds * 1_000_000);
        for destination in self.destinations.iter().flatten() {
            // It changes nothing, and wakes the spool.
            destination.limit(Limits::default());
        }
        self.disk.quiet();
    }

    fn forget(&mut self) -> Option<Spool> {
        self.kept.clear();
        self.destinations = [const { None }; NAMES.len()];
        self.spool.take()
    }

    pub(crate) fn reopen(&mut self) {
        self.close();
        self.spool();
    }

    /// The process dies without a word, and another takes its place.
    pub(crate) fn kill(&mut self) {
        self.disk = self.disk.kill();
        self.forget();
        self.spool();
    }

    pub(crate) fn close(&mut self) {
        if let Some(spool) = self.forget() {
            _ = spool.close(Duration::from_secs(10));
        }
    }
}
