use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};

/// What a worker is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// A lane has filled.
    Wake,
    /// Send everything, as far as possible by the deadline.
    Flush(Instant, Sender<()>),
    /// The same, and then end.
    Shutdown(Instant, Sender<()>),
}

/// Tells the worker, and waits until it has done it or `timeout` is over.
pub(crate) fn ask(
    worker: &Sender<Command>,
    timeout: Duration,
    command: impl FnOnce(Instant, Sender<()>) -> Command,
) {
    let now = Instant::now();
    // Longer than a clock can say is a year.
    let deadline = now.checked_add(timeout).unwrap_or_else(|| now + Duration::from_secs(365 * 86_400));
    let (done, finished) = bounded(1);
    if worker.send_deadline(command(deadline, done), deadline).is_ok() {
        // A little longer than the worker has: it is its own report that counts.
        let _ = finished.recv_deadline(deadline + GRACE);
    }
}

/// What a deadline may be late: the worker finishes the call it is in.
const GRACE: Duration = Duration::from_millis(100);
