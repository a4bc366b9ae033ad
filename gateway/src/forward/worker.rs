use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use smoltel::Signal;
use smoltel::transport::{Answer, Encoding, Outcome, Request, Transport};
use smoltel_core::retry::Backoff;
use smoltel_spool::{Codec, Destination, Entry, Lease, Loss};

use super::{Health, State, Stop, Target};
use crate::failure::Failure;
use crate::ledger::Ledger;
use crate::log::{self, Repeats};
use crate::receive::MERGEABLE;
use crate::signals;

/// Records are laid end to end up to this many bytes: below what servers commonly take at most, 1 MiB.
const MERGE: usize = 1_000_000;
/// A refused merger halves the size, down to this; an accepted one grows it again by as much.
const MERGE_STEP: usize = 64_000;
/// The most that one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// Refused records that may be set aside at once.
const ASIDE_RECORDS: usize = 64;
const ASIDE_BYTES: usize = 4 << 20;

/// Delivers one signal's records.
///
/// A record that the other side refuses as data is set aside, and given up when the other side has then accepted another
/// one: so it is the record's fault. When many are refused and none accepted, the fault is taken to be the other
/// side's: all are kept, and it is probed.
pub(crate) struct Worker {
    signal: Signal,
    name: String,
    destination: Destination,
    transport: Box<dyn Transport>,
    ledger: Arc<Ledger>,
    stop: Arc<Stop>,
    backoff: Backoff,
    merge: usize,
    aside: Vec<Lease>,
    health: Health,
    trouble: Repeats,
    remarks: Repeats,
}

/// What one step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advance {
    /// Something was dealt with; there may be more.
    Done,
    /// Nothing is there.
    Nothing,
    /// The other side does not take it; try again after so many nanoseconds at the soonest, if it said so.
    Later(Option<u64>),
}

impl Worker {
    pub(crate) fn new(
        signal: Signal,
        target: &Target,
        destination: Destination,
        ledger: Arc<Ledger>,
        stop: Arc<Stop>,
    ) -> Result<Self, Failure> {
        // Where nothing is tried again, whoever asked for it says what went wrong.
        let once = stop.deadline().is_some();
        Ok(Self {
            signal,
            name: format!("{target} ({})", signal.name()),
            destination,
            transport: target.transport()?,
            ledger,
            stop,
            backoff: Backoff::new(RandomState::new().hash_one(signal)),
            merge: MERGE,
            aside: Vec::new(),
            health: Health::default(),
            trouble: if once { Repeats::silent() } else { Repeats::default() },
            remarks: Repeats::default(),
        })
    }

    /// Delivers until the stop, and tells how it goes.
    pub(crate) fn run(&mut self, tell: impl Fn(Health)) {
        loop {
            let advance = self.advance();
            tell(self.health.clone());
            let stopping = self.stop.deadline().is_some();
            match advance {
                Advance::Nothing | Advance::Later(_) if stopping => return,
                Advance::Later(after) => {
                    let wait = self.backoff.next(after);
                    self.stop.sleep(Duration::from_nanos(wait));
                }
                Advance::Nothing | Advance::Done => {}
            }
        }
    }

    /// Takes what is next and sends it, waiting for it a moment unless the stop has begun.
    pub(crate) fn advance(&mut self) -> Advance {
        const MOMENT: Duration = Duration::from_secs(1);
        let now = Instant::now();
        let until = match self.stop.deadline() {
            Some(deadline) if deadline <= now => return Advance::Nothing,
            Some(_) => now,
            None => now + MOMENT,
        };
        let most = if self.health.state == State::Holding { 1 } else { self.merge };
        match self.destination.take(Some(signals::stored(self.signal)), most, until) {
            Some(lease) => self.deliver(lease),
            None => Advance::Nothing,
        }
    }

    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    fn deliver(&mut self, lease: Lease) -> Advance {
        if lease.records().iter().all(mergeable) {
            return self.request(vec![lease]);
        }
        for single in lease.split() {
            let advance = self.request(vec![single]);
            if advance != Advance::Done {
                return advance;
            }
        }
        Advance::Done
    }

    /// Sends leases as one request. Whatever is not let go of goes back to the spool when its lease is dropped.
    fn request(&mut self, leases: Vec<Lease>) -> Advance {
        let Outcome { answer, message, .. } = self.send(&leases);
        match answer {
            Answer::Accepted { rejected } => self.accepted(leases, rejected, &message),
            Answer::BadData => self.refused(leases, message),
            Answer::Retry { after } => self.later(State::Retrying, message, after),
            Answer::BadDestination => self.later(State::Holding, message, None),
        }
    }

    fn send(&mut self, leases: &[Lease]) -> Outcome {
        let records = || leases.iter().flat_map(Lease::records);
        let mut all = records();
        let (body, encoding) = match (all.next(), all.next()) {
            (Some(only), None) => (Cow::Borrowed(&only.payload[..]), encoding(only.codec)),
            _ => {
                let payloads: Vec<_> = records().map(|record| &record.payload[..]).collect();
                (Cow::Owned(payloads.concat()), Encoding::Identity)
            }
        };
        let items = items(leases);
        let request = Request { signal: self.signal, body: &body, encoding, items };
        let latest = Instant::now() + ATTEMPT;
        let outcome =
            self.transport.send(&request, self.stop.deadline().map_or(latest, |stop| stop.min(latest)));
        self.ledger.attempts.add(self.signal, 1);
        if !matches!(outcome.answer, Answer::Accepted { .. }) {
            self.ledger.failures.add(self.signal, 1);
        }
        outcome
    }

    fn accepted(&mut self, leases: Vec<Lease>, rejected: u64, message: &str) -> Advance {
        let items = items(&leases);
        leases.into_iter().for_each(Lease::release);
        self.ledger.forwarded_items.add(self.signal, items.saturating_sub(rejected));
        self.ledger.rejected_items.add(self.signal, rejected.min(items));
        if rejected > 0 {
            self.remarks.line(format!("{}: rejected {rejected} of {items} items: {message}", self.name));
        } else if !message.is_empty() {
            self.remarks.line(format!("{}: warns: {message}", self.name));
        }
        self.give_up_what_is_aside();
        self.merge = (self.merge + MERGE_STEP).min(MERGE);
        self.backoff.reset();
        self.health = Health::default();
        if self.trouble.over() {
            log::line(format!("{}: accepts again", self.name));
        }
        Advance::Done
    }

    /// Halves a merged request until the record at fault is alone.
    fn refused(&mut self, leases: Vec<Lease>, message: String) -> Advance {
        let mut singles: Vec<_> = leases.into_iter().flat_map(Lease::split).collect();
        if singles.len() <= 1 {
            return self.put_aside(singles, message);
        }
        self.merge = (self.merge / 2).max(MERGE_STEP);
        let half = singles.split_off(singles.len() / 2);
        match self.request(singles) {
            Advance::Done => self.request(half),
            other => other,
        }
    }

    fn put_aside(&mut self, single: Vec<Lease>, message: String) -> Advance {
        let bytes: usize =
            self.aside.iter().flat_map(Lease::records).map(|record| record.payload.len()).sum();
        if self.health.state == State::Holding || self.aside.len() >= ASIDE_RECORDS || bytes >= ASIDE_BYTES {
            return self.later(State::Holding, message, None);
        }
        self.aside.extend(single);
        self.health.message.clone_from(&message);
        self.trouble.line(format!("{}: refuses a record: {message}; it is set aside", self.name));
        Advance::Done
    }

    fn give_up_what_is_aside(&mut self) {
        for lease in self.aside.drain(..) {
            let items: u64 = lease.records().iter().map(|record| u64::from(record.items)).sum();
            log::line(format!(
                "{}: refused {items} items for good; they are given up and counted",
                self.name
            ));
            lease.discard(Loss::Rejected);
        }
    }

    fn later(&mut self, state: State, message: String, after: Option<u64>) -> Advance {
        let what = match state {
            State::Holding => "refuses everything; the data are kept, and one record is tried now and then",
            _ => "the data are kept, and tried again",
        };
        self.trouble.line(format!("{}: {message}: {what}", self.name));
        self.health = Health { state, message };
        Advance::Later(after)
    }
}

fn mergeable(record: &Entry) -> bool {
    record.stream == MERGEABLE
        && record.codec == Codec::Identity
        && record.signal != smoltel_spool::Signal::Profiles
}

fn encoding(codec: Codec) -> Encoding {
    if codec == Codec::Gzip { Encoding::Gzip } else { Encoding::Identity }
}

fn items(leases: &[Lease]) -> u64 {
    leases.iter().flat_map(Lease::records).map(|record| u64::from(record.items)).sum()
}
