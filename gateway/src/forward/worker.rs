use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use smoltel::Signal;
use smoltel::split::Piece;
use smoltel::transport::{Answer, Endpoint, Outcome, Request, Transport};
use smoltel_core::retry::Backoff;
use smoltel_spool::{Class, Destination, Lease, Loss};

use super::parts::Parts;
use super::request::{Body, Form, class, items};
use super::{Budget, Health, State, Stop, Target};
use crate::failure::Failure;
use crate::ledger::Delivered;
use crate::log::{self, Repeats};
use crate::signals;

/// Records are laid end to end up to this many bytes: below what servers commonly take at most, 1 MiB.
const MERGE: usize = 1_000_000;
/// A refused merger halves the size, down to this; an accepted one grows it again by as much.
const MERGE_STEP: usize = 64_000;
/// What a request costs beside its body, where bytes cost.
const HEAD: u64 = 512;
/// Refused records that may be set aside at once.
const ASIDE_RECORDS: usize = 64;
const ASIDE_BYTES: usize = 4 << 20;

/// Delivers one signal's records to one destination.
///
/// A record that the other side refuses as data is set aside, and given up when the other side has then accepted another
/// one: so it is the record's fault. When many are refused and none accepted, the fault is taken to be the other
/// side's: all are kept, and it is probed.
pub(crate) struct Worker {
    signal: Signal,
    name: String,
    destination: Destination,
    transport: Box<dyn Transport>,
    /// The most that an attempt may take.
    patience: Duration,
    counts: Arc<Delivered>,
    stop: Arc<Stop>,
    budget: Option<Arc<Budget>>,
    backoff: Backoff,
    merge: usize,
    form: Form,
    /// Records that were too long.
    parts: Vec<Parts>,
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
    /// The budget does not allow it; try again then.
    Save(Duration),
}

impl Worker {
    pub(crate) fn new(
        signal: Signal,
        target: &Target,
        destination: Destination,
        counts: Arc<Delivered>,
        stop: Arc<Stop>,
    ) -> Result<Self, Failure> {
        // Where nothing is tried again, whoever asked for it says what went wrong.
        let once = stop.deadline().is_some();
        Ok(Self {
            signal,
            name: format!("{target} ({})", signal.name()),
            destination,
            transport: target.transport()?,
            patience: Endpoint::TIMEOUT * target.endpoints(),
            counts,
            stop,
            budget: None,
            backoff: Backoff::new(RandomState::new().hash_one(signal)),
            merge: MERGE,
            form: Form { takes_gzip: target.takes_gzip(), compression: target.compression() },
            parts: Vec::new(),
            aside: Vec::new(),
            health: Health::default(),
            trouble: if once { Repeats::silent() } else { Repeats::default() },
            remarks: Repeats::default(),
        })
    }

    /// Sends no more than that allows.
    pub(super) fn within(mut self, budget: Option<Arc<Budget>>) -> Self {
        self.budget = budget;
        self
    }

    /// Delivers until the stop, and tells how it goes.
    pub(crate) fn run(&mut self, tell: impl Fn(Health)) {
        loop {
            let advance = self.advance();
            tell(self.health.clone());
            let stopping = self.stop.deadline().is_some();
            match advance {
                Advance::Done => {}
                _ if stopping => return,
                Advance::Nothing => {}
                Advance::Save(wait) => self.stop.sleep(wait),
                Advance::Later(after) => {
                    let wait = self.backoff.next(after);
                    self.stop.sleep(Duration::from_nanos(wait));
                }
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
        if let Some(parts) = self.parts.pop() {
            return self.send_part(parts);
        }
        let may = self.budget.as_ref().map_or(u64::MAX, |budget| budget.left(now));
        let most = if self.health.state == State::Holding {
            1
        } else {
            self.merge.min(usize::try_from(may).unwrap_or(usize::MAX))
        };
        match self.destination.take(Some(signals::stored(self.signal)), most, until) {
            Some(lease) => self.deliver(lease),
            None => {
                self.budget.iter().for_each(|budget| budget.wants_nothing(self.signal));
                Advance::Nothing
            }
        }
    }

    pub(crate) fn health(&self) -> &Health {
        &self.health
    }

    fn deliver(&mut self, lease: Lease) -> Advance {
        for leases in self.form.requests(lease, self.merge) {
            let advance = self.request(leases);
            if advance != Advance::Done {
                return advance;
            }
        }
        Advance::Done
    }

    /// Sends leases as one request. Whatever is not let go of goes back to the spool when its lease is dropped.
    fn request(&mut self, leases: Vec<Lease>) -> Advance {
        let mut outcome = match self.send(&leases) {
            Ok(outcome) => outcome,
            Err(wait) => return self.save(wait),
        };
        if matches!(outcome.answer, Answer::BadData | Answer::BadDestination) && !outcome.too_large {
            outcome = self.send_plain(&leases).unwrap_or(outcome);
        }
        match outcome.answer {
            Answer::Accepted { rejected } => {
                let items = items(&leases);
                leases.into_iter().for_each(Lease::release);
                self.accepted(items, rejected, &outcome.message)
            }
            Answer::BadData => self.refused(leases, outcome),
            _ => self.not_taken(outcome),
        }
    }

    /// Sends again, decompressed, what was refused as it is stored: perhaps the other side does not take gzip.
    fn send_plain(&mut self, leases: &[Lease]) -> Option<Outcome> {
        let mut records = leases.iter().flat_map(Lease::records);
        let only = records.next().filter(|only| self.form.goes_as_stored(only));
        if only.is_none() || records.next().is_some() {
            return None;
        }
        self.form.takes_gzip = false;
        let outcome = self.send(leases).ok()?;
        self.form.takes_gzip = !matches!(outcome.answer, Answer::Accepted { .. });
        if !self.form.takes_gzip {
            log::line(format!(
                "{}: does not take gzip; what is stored in gzip is decompressed for it",
                self.name
            ));
        }
        Some(outcome)
    }

    fn send(&mut self, leases: &[Lease]) -> Result<Outcome, Duration> {
        match self.form.body(leases) {
            Ok(body) => self.post(body, items(leases), class(leases)),
            Err(outcome) => Ok(outcome),
        }
    }

    /// One attempt; or how long until the budget allows it.
    fn post(&mut self, (body, encoding): Body<'_>, items: u64, class: Class) -> Result<Outcome, Duration> {
        let now = Instant::now();
        let bytes = body.len() as u64;
        if let Some(budget) = &self.budget {
            budget.spend(self.signal, class, bytes + HEAD, now)?;
        }
        let request = Request { signal: self.signal, body: &body, encoding, items };
        let latest = now + self.patience;
        let outcome =
            self.transport.send(&request, self.stop.deadline().map_or(latest, |stop| stop.min(latest)));
        self.counts.attempts.add(self.signal, 1);
        if !matches!(outcome.answer, Answer::Accepted { .. }) {
            self.counts.failures.add(self.signal, 1);
        }
        if outcome.status.is_some() || outcome.in_doubt || self.budget.is_none() {
            self.counts.sent_bytes.add(self.signal, bytes);
        } else if let Some(budget) = &self.budget {
            budget.refund(bytes + HEAD);
        }
        Ok(outcome)
    }

    /// The other side has taken so many items, but for those that it rejects.
    fn accepted(&mut self, items: u64, rejected: u64, message: &str) -> Advance {
        self.counts.forwarded_items.add(self.signal, items.saturating_sub(rejected));
        self.counts.rejected_items.add(self.signal, rejected.min(items));
        if rejected > 0 {
            self.remarks.warning(format!("{}: rejected {rejected} of {items} items: {message}", self.name));
        } else if !message.is_empty() {
            self.remarks.warning(format!("{}: warns: {message}", self.name));
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

    /// Halves a merged request until the record at fault is alone; one that is too long is sent in parts.
    fn refused(&mut self, leases: Vec<Lease>, outcome: Outcome) -> Advance {
        let mut singles: Vec<_> = leases.into_iter().flat_map(Lease::split).collect();
        if singles.len() > 1 {
            self.merge = (self.merge / 2).max(MERGE_STEP);
            let half = singles.split_off(singles.len() / 2);
            return match self.request(singles) {
                Advance::Done => self.request(half),
                other => other,
            };
        }
        let Some(single) = singles.pop() else { return Advance::Done };
        match Parts::of(self.signal, single, outcome.too_large) {
            Ok(parts) => {
                self.parts.push(parts);
                Advance::Done
            }
            Err(single) => self.put_aside(single, outcome.message),
        }
    }

    fn send_part(&mut self, mut parts: Parts) -> Advance {
        let Some(part) = parts.left.pop() else { return self.sent_in_parts(parts) };
        let Piece { body, items } = &part;
        let body = self.form.compress(body.into());
        let outcome = match body.map(|body| self.post(body, *items, parts.class())) {
            Ok(Ok(outcome)) | Err(outcome) => outcome,
            Ok(Err(wait)) => {
                parts.left.push(part);
                self.parts.push(parts);
                return self.save(wait);
            }
        };
        let advance = match outcome.answer {
            Answer::Accepted { rejected } => {
                parts.taken += items;
                self.accepted(*items, rejected, &outcome.message)
            }
            Answer::BadData => {
                parts.refuse(self.signal, part, &outcome);
                Advance::Done
            }
            _ => {
                parts.left.push(part);
                self.not_taken(outcome)
            }
        };
        self.parts.push(parts);
        advance
    }

    /// What was refused of a record that was taken in parts is final, like a partial success.
    fn sent_in_parts(&mut self, parts: Parts) -> Advance {
        if parts.taken == 0 {
            return self.put_aside(parts.lease, parts.message);
        }
        self.counts.rejected_items.add(self.signal, parts.refused);
        if parts.refused > 0 {
            let all = parts.taken + parts.refused;
            let text = format!("{}: rejected {} of {all} items: {}", self.name, parts.refused, parts.message);
            self.remarks.warning(text);
        }
        parts.lease.release();
        Advance::Done
    }

    fn put_aside(&mut self, single: Lease, message: String) -> Advance {
        let bytes: usize =
            self.aside.iter().flat_map(Lease::records).map(|record| record.payload.len()).sum();
        if self.health.state == State::Holding || self.aside.len() >= ASIDE_RECORDS || bytes >= ASIDE_BYTES {
            return self.later(State::Holding, message, None);
        }
        self.aside.push(single);
        self.health.message.clone_from(&message);
        self.trouble.warning(format!("{}: refuses a record: {message}; it is set aside", self.name));
        Advance::Done
    }

    fn give_up_what_is_aside(&mut self) {
        for lease in self.aside.drain(..) {
            let items: u64 = lease.records().iter().map(|record| u64::from(record.items)).sum();
            let kept = match lease.quarantine(Loss::Rejected) {
                Ok(()) => "they are counted, and kept in the spool's quarantine".into(),
                Err(error) => format!("they are counted; {error}"),
            };
            self.remarks.warning(format!("{}: refused {items} items for good; {kept}", self.name));
        }
    }

    fn not_taken(&mut self, outcome: Outcome) -> Advance {
        match outcome.answer {
            Answer::Retry { after } => self.later(State::Retrying, outcome.message, after),
            _ => self.later(State::Holding, outcome.message, None),
        }
    }

    fn later(&mut self, state: State, message: String, after: Option<u64>) -> Advance {
        let what = match state {
            State::Holding => "refuses everything; the data are kept, and one record is tried now and then",
            _ => "the data are kept, and tried again",
        };
        self.trouble.warning(format!("{}: {message}: {what}", self.name));
        self.health = Health { state, message };
        self.budget.iter().for_each(|budget| budget.wants_nothing(self.signal));
        Advance::Later(after)
    }

    /// What is held stays so.
    fn save(&mut self, wait: Duration) -> Advance {
        if self.health.state == State::Flowing {
            self.health =
                Health { state: State::Saving, message: "what may leave in an hour is spent".into() };
        }
        Advance::Save(wait)
    }
}
