use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use smoltel_spool::Spool;

use super::Delivery;
use crate::config;
use crate::failure::Failure;
use crate::log;

/// All destinations. Each has its own place in the spool and its own threads: none holds up another.
pub(crate) struct Destinations {
    spool: Spool,
    all: Mutex<Vec<Arc<Delivery>>>,
    chooses: AtomicBool,
}

impl Destinations {
    /// Starts to deliver to all that are configured.
    pub(crate) fn start(spool: Spool, config: &[config::Destination]) -> Result<Self, Failure> {
        let destinations = Self { spool, all: Mutex::default(), chooses: AtomicBool::new(false) };
        destinations.apply(config)?;
        Ok(destinations)
    }

    /// Delivers to these from now on. One whose config is as it was goes on; if one cannot be started, nothing changes.
    pub(crate) fn apply(&self, config: &[config::Destination]) -> Result<(), Failure> {
        let wanted = || config.iter().map(config::Destination::id);
        let mut all = self.lock();
        // There is room for so many only; those that are at work go when the new ones are.
        self.forget_others(&wanted().chain(all.iter().map(|one| one.id.clone())).collect::<Vec<_>>(), false)?;
        let mut now = Vec::with_capacity(config.len());
        for one in config {
            let known = all.iter().find(|known| known.id == one.id());
            now.push(match known {
                Some(known) if known.config == *one => known.clone(),
                _ => {
                    let counts = known.map(|known| known.counts.clone()).unwrap_or_default();
                    Arc::new(Delivery::start(one, |id| self.find(id), counts)?)
                }
            });
        }
        for gone in all.iter().filter(|old| !now.iter().any(|new| Arc::ptr_eq(old, new))) {
            gone.begin_stop(Instant::now());
        }
        *all = now;
        self.chooses.store(config.iter().any(config::Destination::chooses), Ordering::Relaxed);
        self.forget_others(&wanted().collect::<Vec<_>>(), true)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Delivery>> {
        self.lock().clone()
    }

    /// Whether one of them may not get everything, so that it matters what is dear.
    pub(crate) fn choose(&self) -> bool {
        self.chooses.load(Ordering::Relaxed)
    }

    /// Lets them send what is there until the deadline, but wait for nothing; returns when they are done. What is
    /// left stays in the spool.
    pub(crate) fn drain(&self, deadline: Instant) {
        let all = self.all();
        all.iter().for_each(|delivery| delivery.begin_stop(deadline));
        all.iter().for_each(|delivery| delivery.wait(deadline));
    }

    /// A destination's place in the spool.
    fn find(&self, id: &str) -> Result<smoltel_spool::Destination, Failure> {
        self.spool.destination(id).map_err(|error| failed(id, &error))
    }

    /// Destinations of earlier configs that have everything are forgotten; others hold their records until someone says
    /// that they need not.
    fn forget_others(&self, wanted: &[String], say: bool) -> Result<(), Failure> {
        let others = self.spool.stats().destinations.into_iter();
        for other in others.filter(|other| !wanted.contains(&other.id)) {
            let waiting: u64 = other.signals.iter().map(|pending| pending.records).sum();
            let id = other.id;
            if waiting == 0 {
                self.spool.retire(&id).map_err(|error| failed(&id, &error))?;
            } else if say {
                log::warning(format_args!(
                    "{waiting} requests wait for {id}, which is not configured any more, and take room until it is \
                     again, or: smoltel-gateway spool retire {id:?}"
                ));
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Delivery>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(id: &str, error: &smoltel_spool::Error) -> Failure {
    Failure::other(format!("cannot change the destination {id} in the spool: {error}; see spool ls"))
}
