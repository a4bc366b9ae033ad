//! What the behaviour tests share: an endpoint that they command, an allocator that counts, and waiting
//! for a condition instead of for time.

pub mod allocations;
pub mod device;
#[cfg(unix)]
pub mod fork;
pub mod grpc;
pub mod proxy;
pub mod sink;

use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Calls `condition` until it holds; panics when it does not within half a minute.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        std::thread::yield_now();
    }
}

/// Runs an ignored test of the calling binary in a process of its own, with further variables of the environment.
pub fn in_a_process(test: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).envs(variables.iter().copied());
    command.output().unwrap()
}

/// The snippets of the page compile and run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/BRIDGES.md")]
mod bridges_page {}
