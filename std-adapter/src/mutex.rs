//! A mutex without poison. The standard library's asks at each lock and unlock whether its thread panics, to mark what may be half
//! done. Nothing in core leaves its state half done where it could panic, and a measurement costs little more than the lock.
//!
//! ```text
//! FREE ──try_lock──▶ HELD ──unlock──▶ FREE
//!   ▲                 │ lock: somebody waits
//!   └──unlock, wake── WANTED
//! ```
#![allow(unsafe_code, reason = "a lock gives out what is shared to be changed")]

use std::cell::UnsafeCell;
use std::fmt;
use std::hint::spin_loop;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Condvar, Mutex as Queue, MutexGuard, PoisonError};

pub(crate) struct Mutex<T> {
    state: AtomicU8,
    /// Held by who is about to wait for `freed`, and by who is about to notify: no notice comes between a look and the wait.
    queue: Queue<()>,
    freed: Condvar,
    value: UnsafeCell<T>,
}

const FREE: u8 = 0;
const HELD: u8 = 1;
/// Held, and somebody may be waiting.
const WANTED: u8 = 2;
/// How often to look before waiting: the lock is held for less time than going to sleep takes.
const LOOKS: u32 = 100;

// SAFETY: a shared mutex gives out its value to one thread at a time, which may be any: that takes what `Send` promises. It
// never gives it out to two, which would take `Sync`.
unsafe impl<T: Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        let (state, value) = (AtomicU8::new(FREE), UnsafeCell::new(value));
        Self { state, queue: Queue::new(()), freed: Condvar::new(), value }
    }

    /// The lock, if nobody has it.
    #[inline]
    pub(crate) fn try_lock(&self) -> Option<Guard<'_, T>> {
        let taken = self.state.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok().then(|| self.guard())
    }

    /// The lock, as soon as it is free.
    #[cold]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        for _ in 0..LOOKS {
            if let Some(guard) = self.try_lock() {
                return guard;
            }
            spin_loop();
        }
        let mut queue = self.queue();
        // It stays wanted: who waits behind this thread is woken when it unlocks.
        while self.state.swap(WANTED, Ordering::Acquire) != FREE {
            queue = self.freed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        self.guard()
    }

    /// Only for who has just taken the lock.
    fn guard(&self) -> Guard<'_, T> {
        Guard { mutex: self, stays_here: PhantomData }
    }

    #[cold]
    fn wake(&self) {
        let _queue = self.queue();
        self.freed.notify_one();
    }

    fn queue(&self) -> MutexGuard<'_, ()> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lock is held while this lives.
pub(crate) struct Guard<'a, T> {
    mutex: &'a Mutex<T>,
    /// Shared between threads it would share the value, which need not be `Sync`.
    stays_here: PhantomData<*const ()>,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the lock is held, so that no other guard is there; this one is borrowed.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held, so that no other guard is there; this one is borrowed for nobody else.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.mutex.state.swap(FREE, Ordering::Release) == WANTED {
            self.mutex.wake();
        }
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;

    #[test]
    fn one_at_a_time_and_nobody_waits_for_ever() {
        let mutex = Mutex::new((0_u64, 0_u64));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..if cfg!(miri) { 20 } else { 20_000 } {
                        let mut both = mutex.lock();
                        both.0 += 1;
                        // Others have to wait, not only to look.
                        if both.0.is_multiple_of(64) {
                            thread::yield_now();
                        }
                        both.1 += 1;
                        assert_eq!(both.0, both.1);
                    }
                });
            }
        });
        assert_eq!(mutex.lock().0, if cfg!(miri) { 80 } else { 80_000 });
    }

    #[test]
    fn it_is_free_again_after_a_panic() {
        let mutex = Mutex::new(1);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut value = mutex.lock();
            *value = 2;
            assert!(mutex.try_lock().is_none());
            panic!("on purpose");
        }));
        assert!(panicked.is_err());
        assert_eq!(mutex.try_lock().map(|value| *value), Some(2));
    }
}
