//! Waiting for what happens elsewhere.

use std::thread;
use std::time::{Duration, Instant};

/// What `look` finds as soon as there is something; `None` if there is nothing after `longest`.
pub(crate) fn wait<T>(longest: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let found = look();
        if found.is_some() || start.elapsed() >= longest {
            return found;
        }
        thread::sleep(Duration::from_millis(5));
    }
}
