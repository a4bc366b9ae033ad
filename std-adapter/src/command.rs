use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::Signal;
use crate::send::{Ready, Unsent};

/// What a worker is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// A lane has filled.
    Wake,
    /// A record of that signal is not to wait.
    Hurry(Signal),
    /// Send everything, as far as possible by the deadline.
    Flush(Instant, Sender<()>),
    /// The same, and then end.
    Shutdown(Instant, Sender<()>),
    /// Send a request that is ready.
    Send(Box<Ready>),
}

/// The worker, to those who tell it something.
#[derive(Clone, Debug)]
pub(crate) struct Commands {
    worker: Sender<Command>,
    /// The process that has the worker.
    process: u32,
}

impl Commands {
    /// Where commands go, and where the worker of this process gets them.
    pub(crate) fn channel() -> (Self, Receiver<Command>) {
        let (worker, commands) = bounded(64);
        (Self { worker, process: std::process::id() }, commands)
    }

    /// Whether this is a child of the process that has the worker, made by `fork`.
    pub(crate) fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }

    /// Says that a lane fills.
    pub(crate) fn wake(&self) {
        if !self.is_forked() {
            // A full channel wakes the worker as well; one that is gone needs no waking.
            let _ = self.worker.try_send(Command::Wake);
        }
    }

    /// Gives the worker a request, if it has room for a command by `deadline`.
    pub(crate) fn give(&self, ready: Ready, deadline: Instant) -> Result<(), Unsent> {
        if self.is_forked() {
            return Err(Unsent::Ended);
        }
        let given = self.worker.send_deadline(Command::Send(Box::new(ready)), deadline);
        given.map_err(|error| if error.is_timeout() { Unsent::Late } else { Unsent::Ended })
    }

    /// Says that a record is urgent.
    pub(crate) fn hurry(&self, signal: Signal) {
        if !self.is_forked() {
            // In a full channel there are commands that send, or the worker comes by within a second.
            let _ = self.worker.try_send(Command::Hurry(signal));
        }
    }

    /// Tells the worker, and waits until it has done it or `timeout` is over.
    pub(crate) fn ask(&self, timeout: Duration, command: impl FnOnce(Instant, Sender<()>) -> Command) {
        if self.is_forked() {
            return;
        }
        let now = Instant::now();
        // Longer than a clock can say is a year.
        let deadline = now.checked_add(timeout).unwrap_or_else(|| now + Duration::from_secs(365 * 86_400));
        let (done, finished) = bounded(1);
        if self.worker.send_deadline(command(deadline, done), deadline).is_ok() {
            // A little longer than the worker has: it is its own report that counts.
            let _ = finished.recv_deadline(deadline + GRACE);
        }
    }
}

/// What a deadline may be late: the worker finishes the call it is in.
const GRACE: Duration = Duration::from_millis(100);
