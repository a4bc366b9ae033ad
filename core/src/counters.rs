//! What was recorded and what was lost, by signal and reason. Nothing is lost that is not counted here.

use crate::context::SpanContext;
use crate::otlp::Signal;
use crate::sampler::Decision;

/// Why an item did not go on.
///
/// ```
/// use smoltel_core::Loss;
/// assert_eq!(Loss::ALL.map(Loss::name)[Loss::Full as usize], "queue_full");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[repr(u8)]
pub enum Loss {
    /// No open slot was free when it started: more are open at once than there are slots.
    NoSlot = 0,
    /// Its lane was full when it ended: records arrive faster than they leave.
    Full = 1,
    /// It was the oldest in a full lane and gave way to a newer one.
    Evicted = 2,
    /// It does not fit: a slot or the lane is too small for even one such record.
    TooLarge = 3,
    /// The endpoint refused it for good.
    Rejected = 4,
    /// It was given up: retried for as long as allowed, or the program ended first.
    Expired = 5,
    /// There was nowhere to put it: before the start or after the end.
    Closed = 6,
    /// A processor left it out, as it was told to.
    Filtered = 7,
    /// More came than a rate limit or budget lets through.
    RateLimited = 8,
    /// It was no measurement that its instrument takes: not a number, infinite, or negative for what only
    /// grows; or more than a bucket can count.
    Invalid = 9,
    /// It could not be read any more where it was kept: its memory lost bits, or was cut short.
    Damaged = 10,
}

impl Loss {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::NoSlot,
        Self::Full,
        Self::Evicted,
        Self::TooLarge,
        Self::Rejected,
        Self::Expired,
        Self::Closed,
        Self::Filtered,
        Self::RateLimited,
        Self::Invalid,
        Self::Damaged,
    ];

    /// Whether it can only happen to what an exporter has been given.
    pub(crate) const fn is_exporters(self) -> bool {
        matches!(self, Self::Rejected | Self::Expired)
    }

    /// The reason as a word for reports and metrics, in `snake_case`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoSlot => "no_slot",
            Self::Full => "queue_full",
            Self::Evicted => "evicted",
            Self::TooLarge => "too_large",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Closed => "closed",
            Self::Filtered => "filtered",
            Self::RateLimited => "rate_limited",
            Self::Invalid => "invalid",
            Self::Damaged => "damaged",
        }
    }
}

/// Where a span's parent is.
///
/// ```
/// use smoltel_core::ParentOrigin;
/// assert_eq!(ParentOrigin::of(None).name(), "none");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[repr(u8)]
pub enum ParentOrigin {
    /// There is none: the span is the root of its trace.
    None = 0,
    /// In this process.
    Local = 1,
    /// In another process.
    Remote = 2,
}

impl ParentOrigin {
    /// Every origin, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::None, Self::Local, Self::Remote];

    /// Where `parent` is.
    pub const fn of(parent: Option<&SpanContext>) -> Self {
        match parent {
            None => Self::None,
            Some(parent) if parent.is_remote => Self::Remote,
            Some(_) => Self::Local,
        }
    }

    /// The origin as the attribute `otel.span.parent.origin` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Local => "local",
            Self::Remote => "remote",
        }
    }
}

/// Counts of items (spans, log records, data points) since the start.
///
/// What was recorded is lost, queued, or processed; what was processed is rejected, expired, exported, or on its
/// way.
///
/// ```
/// use smoltel_core::{Counters, Loss, Signal};
/// let counters = Counters::default();
/// assert_eq!(counters.recorded(Signal::Traces), 0);
/// assert_eq!(counters.lost(Signal::Logs, Loss::Full), 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Counters {
    recorded: [u64; 3],
    /// By words, as a device has them for every signal and reason.
    lost: [[usize; Loss::ALL.len()]; 3],
    processed: [u64; 3],
    exported: [u64; 3],
    /// Spans by decision and origin.
    started: [[u64; 3]; 3],
    /// Spans that were recorded only, and have ended.
    ended_unsampled: u64,
}

impl Counters {
    pub(crate) const ZERO: Self = Self {
        recorded: [0; 3],
        lost: [[0; Loss::ALL.len()]; 3],
        processed: [0; 3],
        exported: [0; 3],
        started: [[0; 3]; 3],
        ended_unsampled: 0,
    };

    /// Items that were recorded, lost later or not. A span counts when it ends.
    pub const fn recorded(&self, signal: Signal) -> u64 {
        self.recorded[signal as usize]
    }

    /// Items that were lost for that reason. Where words have 32 bits, no more than they can count.
    pub const fn lost(&self, signal: Signal, reason: Loss) -> u64 {
        self.lost[signal as usize][reason as usize] as u64
    }

    /// Items of all signals that were lost, whatever the reason.
    pub fn lost_in_all(&self) -> u64 {
        self.lost.iter().flatten().map(|items| *items as u64).sum()
    }

    /// Items that were given to an exporter, whatever has become of them there.
    pub const fn processed(&self, signal: Signal) -> u64 {
        self.processed[signal as usize]
    }

    /// Items that the other side has accepted.
    pub const fn exported(&self, signal: Signal) -> u64 {
        self.exported[signal as usize]
    }

    /// Items in lanes, which no exporter was given yet.
    pub fn queued(&self, signal: Signal) -> u64 {
        self.entered(signal).saturating_sub(self.processed(signal))
    }

    /// Items that have entered a lane, and were not lost there.
    pub(crate) fn entered(&self, signal: Signal) -> u64 {
        let lost = Loss::ALL.into_iter().filter(|reason| !reason.is_exporters());
        let lost: u64 = lost.map(|reason| self.lost(signal, reason)).sum();
        self.recorded(signal).saturating_sub(lost)
    }

    /// Items that an exporter was given, and that are neither exported nor lost yet.
    pub fn in_flight(&self, signal: Signal) -> u64 {
        let lost = self.lost(signal, Loss::Rejected) + self.lost(signal, Loss::Expired);
        self.processed(signal).saturating_sub(lost).saturating_sub(self.exported(signal))
    }

    /// Spans that were started, by what their sampler decided and where their parents are.
    pub const fn started(&self, decision: Decision, origin: ParentOrigin) -> u64 {
        self.started[decision as usize][origin as usize]
    }

    /// Spans that have not ended yet, by what their sampler decided.
    pub fn live(&self, decision: Decision) -> u64 {
        let started: u64 = self.started[decision as usize].iter().sum();
        match decision {
            Decision::Drop => 0,
            Decision::RecordOnly => started.saturating_sub(self.ended_unsampled),
            Decision::RecordAndSample => started.saturating_sub(self.recorded(Signal::Traces)),
        }
    }

    /// Counts a span; its sampler is taken to say yes until it says something else.
    #[inline]
    pub(crate) fn add_started(&mut self, origin: ParentOrigin) {
        self.started[Decision::RecordAndSample as usize][origin as usize] += 1;
    }

    /// The sampler of a span that was counted said something else.
    pub(crate) fn decided(&mut self, decision: Decision, origin: ParentOrigin) {
        self.started[Decision::RecordAndSample as usize][origin as usize] -= 1;
        self.started[decision as usize][origin as usize] += 1;
    }

    /// Spans that were recorded only, and have ended.
    pub(crate) const fn ended_unsampled(&self) -> u64 {
        self.ended_unsampled
    }

    pub(crate) fn add_ended_unsampled(&mut self) {
        self.ended_unsampled += 1;
    }

    /// Counts items as recorded.
    pub fn add_recorded(&mut self, signal: Signal, items: u64) {
        self.recorded[signal as usize] += items;
    }

    /// Counts items as given to an exporter.
    pub fn add_processed(&mut self, signal: Signal, items: u64) {
        self.processed[signal as usize] += items;
    }

    /// Counts items as exported.
    pub fn add_exported(&mut self, signal: Signal, items: u64) {
        self.exported[signal as usize] += items;
    }

    /// Counts items as lost.
    pub fn add_lost(&mut self, signal: Signal, reason: Loss, items: u64) {
        let lost = &mut self.lost[signal as usize][reason as usize];
        *lost = lost.saturating_add(usize::try_from(items).unwrap_or(usize::MAX));
    }
}
