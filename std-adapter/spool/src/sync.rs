//! Threads, locks and waiting: the standard library's, or, with `--cfg smoltel_shuttle`, those of a scheduler that
//! tries one interleaving after another (tests/shuttle.rs).

#[cfg(smoltel_shuttle)]
pub(crate) use shuttle::{
    sync::{Condvar, Mutex, MutexGuard, atomic, mpsc},
    thread,
};
#[cfg(not(smoltel_shuttle))]
pub(crate) use std::{
    sync::{Condvar, Mutex, MutexGuard, atomic, mpsc},
    thread,
};

use std::sync::PoisonError;
use std::time::Duration;

/// A panic elsewhere leaves what is behind the lock as usable as it was: no lock is held across foreign code.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits, without the lock that `guard` holds on `mutex`, until it is told of a change or `time` has passed.
#[cfg(not(smoltel_shuttle))]
pub(crate) fn wait<'a, T>(
    change: &Condvar,
    _: &'a Mutex<T>,
    guard: MutexGuard<'a, T>,
    time: Option<Duration>,
) -> MutexGuard<'a, T> {
    match time {
        Some(time) => change.wait_timeout(guard, time).unwrap_or_else(PoisonError::into_inner).0,
        None => change.wait(guard).unwrap_or_else(PoisonError::into_inner),
    }
}

/// As above, where time is what the scheduler makes of it: less than a second may pass at any moment. More never does, so
/// that what only goes on because time passes is found out as a deadlock.
#[cfg(smoltel_shuttle)]
pub(crate) fn wait<'a, T>(
    change: &Condvar,
    mutex: &'a Mutex<T>,
    guard: MutexGuard<'a, T>,
    time: Option<Duration>,
) -> MutexGuard<'a, T> {
    if time.is_none_or(|time| time >= Duration::from_secs(1)) {
        return change.wait(guard).unwrap_or_else(PoisonError::into_inner);
    }
    drop(guard);
    thread::yield_now();
    lock(mutex)
}
