use std::time::{Duration, Instant};

use smoltel_core::retry::Backoff;

/// Whether an endpoint is used.
///
/// ```text
///            three failures in a row,           its time has come
///            or a wish to be left alone
///   Closed ────────────────────────────▶ Open ───────────────────▶ HalfOpen
///     ▲                                   ▲                           │
///     │                                   └──── the probe failed ─────┤
///     └───────────────────────────────────────── it succeeded ────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It is used.
    Closed,
    /// It is being probed, and not used by others meanwhile.
    HalfOpen,
    /// It failed, and is left alone for a while.
    Open,
}

impl State {
    /// In words, for people.
    ///
    /// ```
    /// assert_eq!(smoltel::transport::pool::State::HalfOpen.name(), "half-open");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }
}

/// Decides when an endpoint is left alone, and when it is tried again. It knows no clock.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    /// In a row, while closed.
    failures: u32,
    /// When it may be probed, while open.
    until: Instant,
    backoff: Backoff,
}

/// So many failures in a row open a breaker: one may be chance.
const FAILURES: u32 = 3;

impl Breaker {
    /// Closed; `seed` has to differ between endpoints.
    pub(super) fn new(seed: u64, now: Instant) -> Self {
        Self { state: State::Closed, failures: 0, until: now, backoff: Backoff::new(seed) }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    /// When it may be probed, if it is open.
    pub(super) fn opens_at(&self) -> Option<Instant> {
        (self.state == State::Open).then_some(self.until)
    }

    /// Whether the caller has to probe now. Only one is told so.
    pub(super) fn probe(&mut self, now: Instant) -> bool {
        let due = self.state == State::Open && now >= self.until;
        if due {
            self.state = State::HalfOpen;
        }
        due
    }

    pub(super) fn succeeded(&mut self) {
        (self.state, self.failures) = (State::Closed, 0);
        self.backoff.reset();
    }

    /// One more failure; `wish` is how many nanoseconds the endpoint wants to be left alone.
    pub(super) fn failed(&mut self, now: Instant, wish: Option<u64>) {
        self.failures += 1;
        // One that was under way when others had failed already says nothing new.
        if self.state == State::Open {
            return;
        }
        if self.state == State::HalfOpen || wish.is_some() || self.failures >= FAILURES {
            self.state = State::Open;
            self.until = now + Duration::from_nanos(self.backoff.next(wish));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn three_failures_in_a_row_open_it_and_a_success_between_does_not() {
        let now = Instant::now();
        let mut breaker = Breaker::new(1, now);
        for _ in 0..5 {
            breaker.failed(now, None);
            breaker.failed(now, None);
            breaker.succeeded();
        }
        assert_eq!(breaker.state(), State::Closed);
        (0..3).for_each(|_| breaker.failed(now, None));
        assert_eq!(breaker.state(), State::Open);
        assert!(!breaker.probe(now) && breaker.probe(now + SECOND), "the first wait is a second at the most");
        assert_eq!((breaker.state(), breaker.probe(now + SECOND)), (State::HalfOpen, false), "one probes");
    }

    #[test]
    fn a_failed_probe_waits_longer_and_a_good_one_begins_anew() {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(1, now);
        (0..3).for_each(|_| breaker.failed(now, None));
        let mut waits = Vec::new();
        for _ in 0..10 {
            let until = breaker.opens_at().unwrap();
            waits.push(until - now);
            now = until;
            assert!(breaker.probe(now));
            breaker.failed(now, None);
        }
        assert!(waits[1] >= SECOND && waits[9] >= 30 * SECOND && waits[9] <= 60 * SECOND, "{waits:?}");
        assert!(breaker.probe(breaker.opens_at().unwrap()));
        breaker.succeeded();
        breaker.failed(now, Some(5_000_000_000));
        assert_eq!(breaker.opens_at(), Some(now + 5 * SECOND), "a wish opens it at once");
        breaker.failed(now + SECOND, None);
        assert_eq!(breaker.opens_at(), Some(now + 5 * SECOND), "a latecomer changes nothing");
    }
}
