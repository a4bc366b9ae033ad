//! The wall clock. A span reads it twice and more, and `SystemTime` with its subtraction of 1970 takes some 80 instructions for
//! what the system answers in nanoseconds almost ready: so it is asked directly where its seconds have 64 bits. A crate that does
//! so behind a safe function would bring three into every program; Miri looks at this one line instead (CONTRIBUTING.md).
#![cfg_attr(
    all(unix, target_pointer_width = "64"),
    allow(unsafe_code, reason = "the system's clock is a function of C's")
)]

#[cfg(all(unix, target_pointer_width = "64"))]
const SECOND: u64 = 1_000_000_000;

/// Nanoseconds since 1970; zero for a clock that stands before.
#[cfg(all(unix, target_pointer_width = "64"))]
#[inline]
pub(crate) fn unix_now() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of ours, which is written during the call and not after it.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut now) } != 0;
    debug_assert!(!failed, "every system has this clock");
    // One look for a clock that stands before 1970 or after what 64 bits can say, in 2554.
    let (seconds, nanos) = (now.tv_sec as u64, now.tv_nsec as u64);
    if seconds < u64::MAX / SECOND { seconds * SECOND + nanos } else { 0 }
}

/// Nanoseconds since 1970; zero for a clock that stands before.
#[cfg(not(all(unix, target_pointer_width = "64")))]
pub(crate) fn unix_now() -> u64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    #[test]
    fn it_is_the_clock_of_std() {
        let std = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let (before, now, after) = (std(), u128::from(super::unix_now()), std());
        assert!(before <= now && now <= after, "{before} {now} {after}");
    }
}
