//! When to send and what the answer means, without I/O: the caller moves the bytes.
//!
//! ```text
//!            poll() says so            answered: kept
//!   Idle ──────────────────▶ InFlight ────────────────▶ Backoff ── time ──▶ Idle
//!     ▲                         │
//!     └── released or dropped ──┘
//! ```

use crate::counters::Loss;
use crate::retry::{Answer, Backoff};

/// Decides for one stream of requests, of which one at a time is in flight.
///
/// ```
/// use smoltel_core::exporter::{Exporter, Verdict};
/// use smoltel_core::retry::Answer;
///
/// let second = 1_000_000_000;
/// let mut exporter = Exporter::new(5 * second, 1);
/// assert!(!exporter.poll(0, 100, 1000), "100 of 1000 bytes can wait");
/// assert_eq!(exporter.poll_at(), Some(5 * second));
/// assert!(exporter.poll(5 * second, 100, 1000));
/// exporter.sent();
/// assert_eq!(exporter.answered(5 * second, Answer::NONE), Verdict::Keep);
/// assert!(!exporter.poll(5 * second, 100, 1000), "not before the backoff is over");
/// ```
#[derive(Clone, Debug)]
pub struct Exporter {
    delay: u64,
    state: State,
    /// When the oldest of what waits was first seen.
    since: Option<u64>,
    flush: bool,
    backoff: Backoff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    InFlight,
    Backoff { from: u64, until: u64 },
}

/// What to do with the records of a request that was answered.
///
/// ```
/// use smoltel_core::exporter::{Exporter, Verdict};
/// use smoltel_core::retry::Answer;
/// let mut exporter = Exporter::new(0, 1);
/// exporter.sent();
/// assert_eq!(exporter.answered(0, Answer::Accepted { rejected: 2 }), Verdict::Release { rejected: 2 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum Verdict {
    /// Let go of them: the other side has them. That many items were rejected and are lost.
    Release {
        /// Items to count as lost.
        rejected: u64,
    },
    /// Let go of them and count them all as lost.
    Drop(Loss),
    /// Hold them: the request will be sent again.
    Keep,
}

impl Exporter {
    /// Sends what waits after `delay` nanoseconds, or when half its room is used. `seed` has to differ
    /// between senders.
    pub fn new(delay: u64, seed: u64) -> Self {
        Self { delay, state: State::Idle, since: None, flush: false, backoff: Backoff::new(seed) }
    }

    /// Asks for what waits now to be sent without delay.
    pub fn flush(&mut self) {
        self.flush = true;
    }

    /// Tries again at once what waits in a backoff: the last chance before a shutdown.
    pub fn hurry(&mut self) {
        if matches!(self.state, State::Backoff { .. }) {
            self.state = State::Idle;
        }
        self.flush = true;
    }

    /// Whether to send now, with `waiting` of `capacity` bytes in use.
    pub fn poll(&mut self, now: u64, waiting: usize, capacity: usize) -> bool {
        self.follow_clock(now);
        match self.state {
            State::InFlight => return false,
            State::Backoff { until, .. } if now < until => return false,
            State::Backoff { .. } => {
                self.state = State::Idle;
                self.flush = true;
            }
            State::Idle => {}
        }
        if waiting == 0 {
            (self.since, self.flush) = (None, false);
            return false;
        }
        let since = *self.since.get_or_insert(now);
        self.flush || waiting >= capacity / 2 || now.saturating_sub(since) >= self.delay
    }

    /// A clock that jumped back makes nothing wait longer: what began in the future begins now.
    fn follow_clock(&mut self, now: u64) {
        self.since = self.since.map(|since| since.min(now));
        if let State::Backoff { from, until } = self.state
            && now < from
        {
            self.state = State::Backoff { from: now, until: now.saturating_add(until - from) };
        }
    }

    /// When [`poll`](Self::poll) has to be called next, if nothing is recorded before.
    pub fn poll_at(&self) -> Option<u64> {
        match self.state {
            State::InFlight => None,
            State::Backoff { until, .. } => Some(until),
            State::Idle => self.since.map(|since| since.saturating_add(self.delay)),
        }
    }

    /// Whether the other side failed last time and is not tried yet.
    pub fn is_backing_off(&self) -> bool {
        matches!(self.state, State::Backoff { .. })
    }

    /// A request has been sent.
    pub fn sent(&mut self) {
        self.state = State::InFlight;
        (self.since, self.flush) = (None, false);
    }

    /// Its answer has come, or will not.
    pub fn answered(&mut self, now: u64, answer: Answer) -> Verdict {
        if let Answer::Retry { after } = answer {
            self.state = State::Backoff { from: now, until: now.saturating_add(self.backoff.next(after)) };
            return Verdict::Keep;
        }
        self.state = State::Idle;
        self.backoff.reset();
        match answer {
            Answer::Accepted { rejected } => Verdict::Release { rejected },
            _ => Verdict::Drop(Loss::Rejected),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_full_or_a_flush_sends_at_once() {
        let mut exporter = Exporter::new(1000, 1);
        assert!(exporter.poll(0, 500, 1000));
        assert!(!exporter.poll(0, 499, 1000));
        exporter.flush();
        assert!(exporter.poll(0, 1, 1000));
        exporter.sent();
        assert!(!exporter.poll(0, 1000, 1000), "one at a time");
        assert_eq!(exporter.answered(0, Answer::Accepted { rejected: 2 }), Verdict::Release { rejected: 2 });
        assert!(!exporter.poll(1, 1, 1000), "the flush is done");
    }

    #[test]
    fn what_failed_is_sent_when_the_backoff_is_over() {
        let mut exporter = Exporter::new(1000, 1);
        exporter.sent();
        assert_eq!(exporter.answered(7, Answer::Retry { after: Some(2_000_000_000) }), Verdict::Keep);
        assert_eq!(exporter.poll_at(), Some(2_000_000_007));
        assert!(!exporter.poll(2_000_000_006, 9, 10));
        assert!(exporter.poll(2_000_000_007, 1, 10));
    }

    #[test]
    fn a_clock_that_jumps_back_makes_nothing_wait_longer() {
        let (second, mut exporter) = (1_000_000_000, Exporter::new(1000, 1));
        assert!(!exporter.poll(100 * second, 1, 1000), "it waits for company");
        assert!(!exporter.poll(5, 1, 1000));
        assert!(exporter.poll(1005, 1, 1000));
        exporter.sent();
        exporter.answered(100 * second, Answer::Retry { after: Some(2 * second) });
        assert!(!exporter.poll(7, 9, 10));
        assert!(!exporter.poll(2 * second, 9, 10));
        assert!(exporter.poll(2 * second + 7, 9, 10));
    }

    #[test]
    fn refusals_are_final() {
        let mut exporter = Exporter::new(1000, 1);
        for answer in [Answer::BadData, Answer::BadDestination] {
            exporter.sent();
            assert_eq!(exporter.answered(0, answer), Verdict::Drop(Loss::Rejected));
        }
    }
}
