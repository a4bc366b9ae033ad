use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use smoltel::Signal;
use smoltel::transport::{Answer, Encoding, Outcome, Request, Transport};
use smoltel_core::retry::Backoff;
use smoltel_spool::{Codec, DecodeError, Destination, Entry, Lease, Loss};

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
/// A record that is stored compressed in so many bytes is worth a request of its own, as it is. Smaller ones are decompressed
/// and laid end to end with their neighbours.
const WORTH_A_REQUEST: usize = 16_000;
/// The longest request that is decompressed: the longest that the config allows.
pub(crate) const PLAIN: usize = 64 << 20;
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
    takes_gzip: bool,
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
            takes_gzip: target.takes_gzip(),
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
        for leases in self.requests(lease) {
            let advance = self.request(leases);
            if advance != Advance::Done {
                return advance;
            }
        }
        Advance::Done
    }

    /// Neighbours that go out as one request each.
    fn requests(&self, lease: Lease) -> Vec<Vec<Lease>> {
        let records = lease.records();
        let all: usize = records.iter().map(plain_len).sum();
        if records.len() == 1 || (all <= self.merge && records.iter().all(|record| self.mergeable(record))) {
            return vec![vec![lease]];
        }
        let mut requests: Vec<Vec<Lease>> = Vec::new();
        // What the last request has room for; a record that may not be merged leaves none.
        let mut room = 0;
        for single in lease.split() {
            let mergeable = single.records().iter().all(|record| self.mergeable(record));
            let len = single.records().iter().map(plain_len).sum();
            match requests.last_mut().filter(|_| mergeable && len <= room) {
                Some(last) => {
                    room -= len;
                    last.push(single);
                }
                None => {
                    room = if mergeable { self.merge.saturating_sub(len) } else { 0 };
                    requests.push(vec![single]);
                }
            }
        }
        requests
    }

    fn mergeable(&self, record: &Entry) -> bool {
        let alone = self.goes_as_stored(record) && record.payload.len() >= WORTH_A_REQUEST;
        record.stream == MERGEABLE && record.signal != smoltel_spool::Signal::Profiles && !alone
    }

    /// Whether the record, if it goes alone, goes as it is stored, compressed.
    fn goes_as_stored(&self, record: &Entry) -> bool {
        record.codec == Codec::Gzip && self.takes_gzip
    }

    /// Sends leases as one request. Whatever is not let go of goes back to the spool when its lease is dropped.
    fn request(&mut self, leases: Vec<Lease>) -> Advance {
        let mut outcome = self.send(&leases);
        if matches!(outcome.answer, Answer::BadData | Answer::BadDestination) {
            outcome = self.send_plain(&leases).unwrap_or(outcome);
        }
        let Outcome { answer, message, .. } = outcome;
        match answer {
            Answer::Accepted { rejected } => self.accepted(leases, rejected, &message),
            Answer::BadData => self.refused(leases, message),
            Answer::Retry { after } => self.later(State::Retrying, message, after),
            Answer::BadDestination => self.later(State::Holding, message, None),
        }
    }

    /// Sends again, decompressed, what was refused as it is stored: perhaps the other side does not take gzip.
    fn send_plain(&mut self, leases: &[Lease]) -> Option<Outcome> {
        let mut records = leases.iter().flat_map(Lease::records);
        let only = records.next().filter(|only| self.goes_as_stored(only));
        if only.is_none() || records.next().is_some() {
            return None;
        }
        self.takes_gzip = false;
        let outcome = self.send(leases);
        self.takes_gzip = !matches!(outcome.answer, Answer::Accepted { .. });
        if !self.takes_gzip {
            log::line(format!(
                "{}: does not take gzip; what is stored in gzip is decompressed for it",
                self.name
            ));
        }
        Some(outcome)
    }

    fn send(&mut self, leases: &[Lease]) -> Outcome {
        let mut records = leases.iter().flat_map(Lease::records);
        let body = match (records.next(), records.next()) {
            (Some(only), None) if self.goes_as_stored(only) => {
                Ok((Cow::Borrowed(&only.payload[..]), Encoding::Gzip))
            }
            (Some(only), None) => only.decode(PLAIN).map(|plain| (plain, Encoding::Identity)),
            _ => merged(leases).map(|plain| (Cow::Owned(plain), Encoding::Identity)),
        };
        let (body, encoding) = match body {
            Ok(body) => body,
            // As if the other side had said so: it is found among its neighbours, set aside and counted.
            Err(error) => return Outcome::new(Answer::BadData, error.to_string()),
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
            let kept = match lease.quarantine(Loss::Rejected) {
                Ok(()) => "they are counted, and kept in the spool's quarantine".into(),
                Err(error) => format!("they are counted; {error}"),
            };
            log::line(format!("{}: refused {items} items for good; {kept}", self.name));
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

/// The records, decompressed, laid end to end.
fn merged(leases: &[Lease]) -> Result<Vec<u8>, DecodeError> {
    let mut all = Vec::with_capacity(leases.iter().flat_map(Lease::records).map(plain_len).sum());
    for record in leases.iter().flat_map(Lease::records) {
        all.extend_from_slice(&record.decode(PLAIN)?);
    }
    Ok(all)
}

/// The record's length when it is decompressed, as far as it is known.
fn plain_len(record: &Entry) -> usize {
    record.plain_len.map_or(record.payload.len(), |len| len as usize)
}

fn items(leases: &[Lease]) -> u64 {
    leases.iter().flat_map(Lease::records).map(|record| u64::from(record.items)).sum()
}
