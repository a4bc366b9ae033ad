use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Tells the forwarders to come to an end, and knows when they have.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    state: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    /// By when all has to end, once it has to.
    deadline: Option<Instant>,
    running: usize,
}

/// Held by a forwarder as long as it runs.
#[derive(Debug)]
pub(super) struct Running(Arc<Stop>);

impl Stop {
    /// One that has begun: what is there is sent, and nothing waited for.
    pub(crate) fn begun(deadline: Instant) -> Arc<Self> {
        let stop = Self::default();
        stop.begin(deadline);
        Arc::new(stop)
    }

    pub(super) fn begin(&self, deadline: Instant) {
        self.lock().deadline = Some(deadline);
        self.changed.notify_all();
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.lock().deadline
    }

    pub(super) fn running(self: &Arc<Self>) -> Running {
        self.lock().running += 1;
        Running(self.clone())
    }

    /// Waits, but not beyond the beginning of the stop.
    pub(super) fn sleep(&self, time: Duration) {
        _ = self.changed.wait_timeout_while(self.lock(), time, |state| state.deadline.is_none());
    }

    pub(super) fn wait_for_all(&self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        _ = self.changed.wait_timeout_while(self.lock(), left, |state| state.running > 0);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
        self.0.changed.notify_all();
    }
}
