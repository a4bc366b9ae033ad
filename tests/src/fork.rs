//! A process that goes on twice.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Longer than any child may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Runs `child` in a copy of this process that has only the calling thread, and waits for its end; whether it went
/// through, without a panic and without hanging.
pub fn goes_through(child: impl FnOnce()) -> bool {
    let child = Child::fork(child);
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(status) = child.status() {
            return status == 0;
        }
        if Instant::now() > deadline {
            child.kill();
            eprintln!("the child hangs");
            return false;
        }
        std::thread::yield_now();
    }
}

struct Child(libc::pid_t);

#[expect(unsafe_code, reason = "std has no fork, for good reason")]
impl Child {
    fn fork(run: impl FnOnce()) -> Self {
        // SAFETY: a child with one thread may not use what other threads held locked. Ours is here to show what
        // smoltel does about that; beside it, it panics at the most, whose output is captured by nobody, and it
        // ends by `_exit`: no destructor and no `atexit` handler of the parent's runs in it.
        unsafe {
            match libc::fork() {
                0 => {
                    let through = catch_unwind(AssertUnwindSafe(run)).is_ok();
                    libc::_exit(i32::from(!through));
                }
                pid => {
                    assert!(pid > 0, "no process more");
                    Self(pid)
                }
            }
        }
    }

    /// What it ended with, if it has: a wait status.
    fn status(&self) -> Option<i32> {
        let mut status = 0;
        // SAFETY: it is our child and was not waited for yet; the status is written to a place of ours.
        let ended = unsafe { libc::waitpid(self.0, &raw mut status, libc::WNOHANG) };
        (ended == self.0).then_some(status)
    }

    fn kill(&self) {
        // SAFETY: it is our child, not waited for yet, so that nobody else has its number.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
    }
}
