//! What was recorded and what was lost, by signal and reason. Nothing is lost that is not counted here.

use crate::otlp::Signal;

/// Why an item did not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// A sampler or processor left it out, as it was told to.
    Filtered = 7,
    /// More came than a rate limit or budget lets through.
    RateLimited = 8,
}

impl Loss {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::NoSlot,
        Self::Full,
        Self::Evicted,
        Self::TooLarge,
        Self::Rejected,
        Self::Expired,
        Self::Closed,
        Self::Filtered,
        Self::RateLimited,
    ];

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
        }
    }
}

/// Counts of items (spans, log records, data points) since the start.
///
/// ```
/// use smoltel_core::{Counters, Loss, Signal};
/// let counters = Counters::default();
/// assert_eq!(counters.recorded(Signal::Traces), 0);
/// assert_eq!(counters.lost(Signal::Logs, Loss::Full), 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    recorded: [u64; 3],
    lost: [[u64; Loss::ALL.len()]; 3],
}

impl Counters {
    pub(crate) const ZERO: Self = Self { recorded: [0; 3], lost: [[0; Loss::ALL.len()]; 3] };

    /// Items that were recorded, lost later or not.
    pub const fn recorded(&self, signal: Signal) -> u64 {
        self.recorded[signal as usize]
    }

    /// Items that were lost for that reason.
    pub const fn lost(&self, signal: Signal, reason: Loss) -> u64 {
        self.lost[signal as usize][reason as usize]
    }

    /// Items of all signals that were lost, whatever the reason.
    pub fn lost_in_all(&self) -> u64 {
        self.lost.iter().flatten().sum()
    }

    /// Counts items as recorded.
    pub fn add_recorded(&mut self, signal: Signal, items: u64) {
        self.recorded[signal as usize] += items;
    }

    /// Counts items as lost.
    pub fn add_lost(&mut self, signal: Signal, reason: Loss, items: u64) {
        self.lost[signal as usize][reason as usize] += items;
    }
}
