//! What the behaviour tests share: an endpoint that they command, an allocator that counts, and waiting
//! for a condition instead of for time.

pub mod allocations;
pub mod device;
#[cfg(unix)]
pub mod fork;
pub mod grpc;
pub mod sink;

use std::time::{Duration, Instant};

/// Calls `condition` until it holds; panics when it does not within half a minute.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        std::thread::yield_now();
    }
}
