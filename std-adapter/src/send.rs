//! Requests that somebody else has encoded: through the worker, its transport and its spool.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use smoltel_core::{Loss, Pipeline};

use crate::command::Commands;
use crate::platform::Threads;
use crate::transport::{Encoding, Request};
use crate::{Signal, Telemetry, silence};

impl Telemetry {
    /// Sends an `Export…ServiceRequest` that was encoded elsewhere, and waits until the endpoint has it, or it is safe in
    /// the spool, or `timeout` is over. Its items count in the [`Report`](crate::Report) as if they had been recorded here.
    ///
    /// While the endpoint does not answer and there is no spool, it is tried again, with growing pauses, from this thread.
    ///
    /// # Errors
    /// [`Unsent`] says why its items are lost, or may be.
    ///
    /// ```
    /// use smoltel::transport::{Encoding, Request};
    /// use smoltel::{Signal, Telemetry, Unsent};
    /// use std::time::Duration;
    ///
    /// # let telemetry = Telemetry::builder("doc").endpoint("http://127.0.0.1:9").on_message(|_| {}).build()?;
    /// let body = [0x0A, 6, 0x12, 4, 0x12, 2, 0x10, 9]; // a log record that only has a severity
    /// let request = Request { signal: Signal::Logs, body: &body, encoding: Encoding::Identity, items: 1 };
    /// if telemetry.send(&request, Duration::from_millis(10)) == Err(Unsent::Late) {
    ///     eprintln!("nobody took it in time");
    /// }
    /// # telemetry.shutdown(Duration::ZERO);
    /// # Ok::<(), smoltel::ConfigError>(())
    /// ```
    pub fn send(&self, request: &Request<'_>, timeout: Duration) -> Result<Sent, Unsent> {
        self.ready_sender().send(request, timeout)
    }

    pub(crate) fn ready_sender(&self) -> ReadySender {
        ReadySender { worker: self.commands.clone(), pipeline: self.pipeline.clone(), wanted: self.wanted }
    }
}

/// Where a request is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// At the endpoint, which has refused that many of its items.
    Exported {
        /// Items that are lost.
        rejected: u64,
    },
    /// On the disk, to be sent later.
    Spooled,
}

/// Why a request is not where it should be. Its items are counted by reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// The endpoint has refused it for good: it would refuse it again.
    Refused,
    /// Neither endpoint nor spool have taken it in time. An attempt that is still going on may yet succeed.
    Late,
    /// The telemetry was shut down before, or this is its worker's own thread, which cannot wait for itself.
    Ended,
    /// It is compressed: only plain requests can be kept, and compressing is the transport's work.
    Compressed,
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "the endpoint refuses the request",
            Self::Late => "neither the endpoint nor a spool has taken the request in time",
            Self::Ended => "the telemetry has been shut down",
            Self::Compressed => "the request is compressed; hand it over as it is",
        })
    }
}

impl std::error::Error for Unsent {}

/// A ready request on its way to the worker.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) signal: Signal,
    pub(crate) body: Vec<u8>,
    pub(crate) items: u64,
    /// Nothing begins after it.
    pub(crate) deadline: Instant,
    pub(crate) fate: Sender<Fate>,
}

/// What became of a ready request.
#[derive(Debug)]
pub(crate) enum Fate {
    Done(Result<Sent, Unsent>),
    /// It is given back, to be tried again after that time: nothing has been counted.
    Later(Vec<u8>, Duration),
}

/// What sends ready requests, from any thread.
pub(crate) struct ReadySender {
    worker: Commands,
    pipeline: Arc<Pipeline<Threads>>,
    /// The signals that go anywhere.
    wanted: [bool; 3],
}

/// What the worker may be late: it finishes the call it is in.
const GRACE: Duration = Duration::from_millis(100);

impl ReadySender {
    pub(crate) fn send(&self, request: &Request<'_>, timeout: Duration) -> Result<Sent, Unsent> {
        let Request { signal, items, .. } = *request;
        if !self.wanted[signal as usize] || items == 0 {
            return Ok(Sent::Exported { rejected: 0 });
        }
        let sent = match request.encoding {
            Encoding::Identity if !silence::is_worker() => self.try_until(request, Instant::now() + timeout),
            Encoding::Identity => Err(Some(Unsent::Ended)),
            _ => Err(Some(Unsent::Compressed)),
        };
        // What the worker has not counted is counted here.
        sent.map_err(|uncounted| {
            uncounted.map_or(Unsent::Late, |reason| {
                self.pipeline.add_received(signal, items);
                self.pipeline.add_lost(signal, Loss::Expired, items);
                reason
            })
        })?
    }

    /// The worker's answer, or why there is none: nothing, if the worker still has the request and counts it.
    fn try_until(
        &self,
        request: &Request<'_>,
        deadline: Instant,
    ) -> Result<Result<Sent, Unsent>, Option<Unsent>> {
        // The one copy: the worker is another thread, and may have the request longer than its caller waits.
        let mut body = request.body.to_vec();
        loop {
            let (fate, told) = bounded(1);
            let ready = Ready { signal: request.signal, body, items: request.items, deadline, fate };
            self.worker.give(ready, deadline).map_err(Some)?;
            match told.recv_deadline(deadline + GRACE) {
                Ok(Fate::Done(result)) => return Ok(result),
                Ok(Fate::Later(back, pause)) if Instant::now() + pause < deadline => {
                    std::thread::sleep(pause);
                    body = back;
                }
                Ok(Fate::Later(..)) => return Err(Some(Unsent::Late)),
                Err(error) if error.is_timeout() => return Err(None),
                // The worker ended with the request unread.
                Err(_) => return Err(Some(Unsent::Ended)),
            }
        }
    }
}
