//! The wall clock of this process, which a test can set. Clocks that only go forward stay as they are.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// By how many seconds the wall clock is ahead of the system's.
static AHEAD: AtomicI64 = AtomicI64::new(0);

/// Sets the wall clock ahead of the system's by that many seconds, or behind it.
pub(crate) fn jump(seconds: i64) {
    AHEAD.store(seconds, Ordering::SeqCst);
}

/// What std, and every other part of this program, asks for the time: it is found before libc's.
///
/// # Safety
///
/// As libc's: `time` has to point to a `timespec` that can be written.
#[expect(unsafe_code, reason = "libc's place is taken; nothing less makes std's wall clock jump")]
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> libc::c_int {
    // SAFETY: the caller gives what the system call needs, which is the same.
    let done = unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) };
    if done == 0 && clock == libc::CLOCK_REALTIME {
        // SAFETY: the call has succeeded, so that it could be written.
        unsafe { (*time).tv_sec += AHEAD.load(Ordering::SeqCst) };
    }
    done as libc::c_int
}

/// Lets the wall clock jump about for as long as `work` takes: hours, years, and to before 1970.
pub(crate) fn jumping<R>(work: impl FnOnce() -> R) -> R {
    const YEAR: i64 = 365 * 86_400;
    let over = std::sync::atomic::AtomicBool::new(false);
    let answer = std::thread::scope(|scope| {
        scope.spawn(|| {
            for seconds in [3_600, -3_600, YEAR, -YEAR, 30 * YEAR, -100 * YEAR, 0].into_iter().cycle() {
                if over.load(Ordering::SeqCst) {
                    return;
                }
                jump(seconds);
                std::thread::park_timeout(Duration::from_micros(200));
            }
        });
        let answer = work();
        over.store(true, Ordering::SeqCst);
        answer
    });
    jump(0);
    answer
}
