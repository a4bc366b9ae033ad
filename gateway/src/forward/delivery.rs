use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use smoltel::Signal;
use smoltel::transport::pool::EndpointStatus;

use super::{Budget, Health, Stop, Target, Worker};
use crate::config;
use crate::failure::Failure;
use crate::ledger::Delivered;

/// The threads that deliver to one destination, one for each signal that it takes, so that a refusal of one does not hold the others.
pub(crate) struct Delivery {
    pub(super) config: config::Destination,
    /// The spool's name for the destination, and people's.
    pub(crate) id: String,
    pub(crate) target: Target,
    pub(crate) counts: Arc<Delivered>,
    pub(crate) budget: Option<Arc<Budget>>,
    health: Arc<[Mutex<Health>; 3]>,
    stop: Arc<Stop>,
}

impl Delivery {
    /// Starts them. Everything that can be wrong with the config is found before anything is changed.
    pub(super) fn start(
        config: &config::Destination,
        find: impl FnOnce(&str) -> Result<smoltel_spool::Destination, Failure>,
        counts: Arc<Delivered>,
    ) -> Result<Self, Failure> {
        let budget = config.kib_per_hour.map(|kib| Arc::new(Budget::new(kib, Instant::now())));
        let delivery = Self {
            config: config.clone(),
            id: config.id(),
            target: Target::new(config.clone()),
            counts,
            budget,
            health: Arc::default(),
            stop: Arc::default(),
        };
        delivery.target.transport()?;
        let destination = find(&delivery.id)?;
        destination.limit(config.limits());
        for signal in delivery.signals() {
            delivery.spawn(signal, destination.clone())?;
        }
        Ok(delivery)
    }

    /// What it takes.
    pub(crate) fn signals(&self) -> impl Iterator<Item = Signal> {
        Signal::ALL.into_iter().filter(|signal| self.config.takes(*signal))
    }

    fn spawn(&self, signal: Signal, destination: smoltel_spool::Destination) -> Result<(), Failure> {
        let worker = Worker::new(signal, &self.target, destination, self.counts.clone(), self.stop.clone())?;
        let mut worker = worker.within(self.budget.clone());
        let (health, running) = (self.health.clone(), self.stop.running());
        let run = move || {
            worker.run(|now| *lock(&health[signal as usize]) = now);
            // What it holds goes back first.
            drop(worker);
            drop(running);
        };
        let thread = thread::Builder::new().name(format!("forward-{}", signal.name())).spawn(run);
        thread.map(drop).map_err(|error| Failure::other(format!("cannot start a thread: {error}")))
    }

    pub(crate) fn health(&self, signal: Signal) -> Health {
        lock(&self.health[signal as usize]).clone()
    }

    /// How its endpoints are, if it has several.
    pub(crate) fn endpoints(&self) -> Vec<EndpointStatus> {
        self.target.status()
    }

    /// Lets them send what is there until the deadline, but wait for nothing. What is left stays in the spool.
    pub(super) fn begin_stop(&self, deadline: Instant) {
        self.stop.begin(deadline);
    }

    pub(super) fn wait(&self, deadline: Instant) {
        self.stop.wait_for_all(deadline);
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.begin_stop(Instant::now());
    }
}

fn lock(health: &Mutex<Health>) -> MutexGuard<'_, Health> {
    health.lock().unwrap_or_else(PoisonError::into_inner)
}
