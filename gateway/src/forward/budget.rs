use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use smoltel::Signal;
use smoltel_spool::Class;

/// What may leave in an hour, over a link where bytes cost. It is earned as time passes and kept for an hour at the most; it begins with
/// nothing, so that a restart earns nothing. What is dearer goes first, whatever its signal.
pub(crate) struct Budget {
    per_hour: u64,
    state: Mutex<State>,
}

struct State {
    /// Since then what was earned is not spent.
    since: Instant,
    /// What each signal has that waits.
    wants: [Option<Class>; 3],
}

const HOUR: Duration = Duration::from_secs(3600);
/// How long to wait at the most before looking again: something dearer may have come.
const LOOK: Duration = Duration::from_secs(1);
const AT_LEAST: Duration = Duration::from_millis(10);

impl Budget {
    pub(super) fn new(kib_per_hour: u32, now: Instant) -> Self {
        let state = State { since: now, wants: [None; 3] };
        Self { per_hour: u64::from(kib_per_hour) << 10, state: Mutex::new(state) }
    }

    /// The bytes that may leave now.
    pub(crate) fn left(&self, now: Instant) -> u64 {
        let earned = self.earned(&self.state(), now);
        (earned.as_nanos() * u128::from(self.per_hour) / HOUR.as_nanos()) as u64
    }

    /// Spends so many bytes for a request of that class; or says when to ask again.
    pub(super) fn spend(
        &self,
        signal: Signal,
        class: Class,
        bytes: u64,
        now: Instant,
    ) -> Result<(), Duration> {
        let mut state = self.state();
        state.wants[signal as usize] = Some(class);
        let (earned, cost) = (self.earned(&state, now), self.cost(bytes));
        if state.wants.iter().flatten().any(|wanted| *wanted > class) {
            return Err(LOOK);
        }
        // What is more than an hour's worth goes when an hour's worth is there.
        if earned < cost.min(HOUR) {
            return Err((cost.min(HOUR) - earned).clamp(AT_LEAST, LOOK));
        }
        state.since = now - earned + cost;
        state.wants[signal as usize] = None;
        Ok(())
    }

    /// They were not sent after all.
    pub(super) fn refund(&self, bytes: u64) {
        let cost = self.cost(bytes);
        let mut state = self.state();
        state.since = state.since.checked_sub(cost).unwrap_or(state.since);
    }

    /// Nothing of that signal waits, or it cannot leave anyway.
    pub(super) fn wants_nothing(&self, signal: Signal) {
        self.state().wants[signal as usize] = None;
    }

    /// In time.
    fn earned(&self, state: &State, now: Instant) -> Duration {
        now.saturating_duration_since(state.since).min(HOUR)
    }

    /// How long that takes to earn.
    fn cost(&self, bytes: u64) -> Duration {
        let nanos = u128::from(bytes) * HOUR.as_nanos() / u128::from(self.per_hour.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_leaves_than_is_earned_and_an_hour_is_kept() {
        let start = Instant::now();
        let budget = Budget::new(3600, start);
        let at = |seconds| start + Duration::from_secs(seconds);
        let spend = |bytes, now| budget.spend(Signal::Logs, Class::Normal, bytes, now);
        assert_eq!(budget.left(at(0)), 0, "a start earns nothing");
        assert_eq!(spend(1024, at(0)), Err(Duration::from_secs(1)));
        assert_eq!(spend(1024, at(1)), Ok(()));
        assert!(spend(1, at(1)).is_err());
        assert_eq!(budget.left(at(36_000)), 3600 << 10, "an hour is kept, not ten");
        assert_eq!(spend(3600 << 10, at(36_000)), Ok(()));
        assert!(spend(1, at(36_000)).is_err());
    }

    #[test]
    fn what_is_longer_than_an_hours_worth_is_paid_back() {
        let start = Instant::now();
        let budget = Budget::new(1, start);
        assert!(budget.spend(Signal::Logs, Class::Normal, 3072, start + HOUR / 2).is_err());
        assert_eq!(budget.spend(Signal::Logs, Class::Normal, 3072, start + HOUR), Ok(()));
        assert_eq!(budget.left(start + HOUR * 3), 0);
        assert_eq!(budget.left(start + HOUR * 4), 1024);
    }

    #[test]
    fn what_is_dearer_goes_first_whatever_its_signal() {
        let start = Instant::now();
        let (budget, later) = (Budget::new(3600, start), start + Duration::from_secs(2));
        assert!(budget.spend(Signal::Logs, Class::High, 1024, start).is_err());
        assert!(budget.spend(Signal::Traces, Class::Normal, 1, later).is_err(), "a crash waits");
        assert_eq!(budget.spend(Signal::Logs, Class::High, 1024, later), Ok(()));
        assert_eq!(budget.spend(Signal::Traces, Class::Normal, 1, later), Ok(()));
        assert!(budget.spend(Signal::Logs, Class::High, 4096, later).is_err());
        budget.wants_nothing(Signal::Logs);
        assert_eq!(budget.spend(Signal::Traces, Class::Normal, 1, later), Ok(()), "it cannot leave anyway");
    }
}
