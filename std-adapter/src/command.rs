use std::time::Instant;

use crossbeam_channel::Sender;

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
