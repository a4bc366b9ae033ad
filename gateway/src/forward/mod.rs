//! Out of the spool, to the upstream or the archive: one thread for each signal, so that a refusal of one does not
//! hold the others.

mod stop;
mod target;
mod worker;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use smoltel::Signal;
use smoltel_spool::Destination;

use crate::failure::Failure;
use crate::ledger::Ledger;
pub(crate) use stop::Stop;
pub(crate) use target::Target;
pub(crate) use worker::{Advance, PLAIN, Worker};

/// How delivery of one signal goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    pub(crate) state: State,
    /// The last thing worth saying: the other side's words, or the local error.
    pub(crate) message: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// What comes goes out.
    #[default]
    Flowing,
    /// The other side cannot take it now; it is tried again.
    Retrying,
    /// The other side refuses whatever is sent; one record at a time is tried.
    Holding,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Flowing => "flowing",
            Self::Retrying => "retrying",
            Self::Holding => "holding",
        }
    }
}

/// The threads that deliver, and how it goes.
pub(crate) struct Forwarders {
    stop: Arc<Stop>,
    health: Arc<[Mutex<Health>; 3]>,
}

impl Forwarders {
    pub(crate) fn start(
        target: &Target,
        destination: &Destination,
        ledger: &Arc<Ledger>,
    ) -> Result<Self, Failure> {
        let forwarders = Self { stop: Arc::default(), health: Arc::default() };
        for signal in Signal::ALL {
            let mut worker =
                Worker::new(signal, target, destination.clone(), ledger.clone(), forwarders.stop.clone())?;
            let health = forwarders.health.clone();
            let running = forwarders.stop.running();
            let run = move || {
                worker.run(|now| *lock(&health[signal as usize]) = now);
                drop(running);
            };
            thread::Builder::new()
                .name(format!("forward-{}", signal.name()))
                .spawn(run)
                .map_err(|error| Failure::other(format!("cannot start a thread: {error}")))?;
        }
        Ok(forwarders)
    }

    pub(crate) fn health(&self, signal: Signal) -> Health {
        lock(&self.health[signal as usize]).clone()
    }

    /// Lets them send what is there until the deadline, but wait for nothing; returns when they are done. What is
    /// left stays in the spool.
    pub(crate) fn drain(&self, deadline: Instant) {
        self.stop.begin(deadline);
        self.stop.wait_for_all(deadline);
    }
}

fn lock(health: &Mutex<Health>) -> MutexGuard<'_, Health> {
    health.lock().unwrap_or_else(PoisonError::into_inner)
}
