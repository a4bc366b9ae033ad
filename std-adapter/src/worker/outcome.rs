use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use smoltel_core::Loss;

use super::Worker;
use crate::Signal;
use crate::observe::ExportEvent;
use crate::stream::Stream;
use crate::transport::{Answer, Encoding, Outcome, Request};

impl Worker {
    /// Makes one attempt, and says how it went.
    pub(super) fn send(
        &mut self,
        stream: &mut Stream,
        body: &[u8],
        items: u64,
        deadline: Instant,
    ) -> Outcome {
        let signal = stream.signal;
        stream.exporter.sent();
        if let Some(metrics) = &mut stream.metrics {
            metrics.tries();
        }
        let mut outcome =
            self.attempt(&Request { signal, body, encoding: Encoding::Identity, items }, deadline);
        if outcome.answer == Answer::BadDestination && self.has_outbox() {
            // An expired token or a wrong path must not empty a spool: hold, and try now and then.
            outcome.answer = Answer::NONE;
        }
        stream.say(&outcome, &self.transport.destination(signal), &self.diagnostics);
        if matches!(outcome.answer, Answer::Retry { .. }) {
            self.watcher.tell(&ExportEvent::Retried { signal, items, why: &outcome.message });
        }
        outcome
    }

    /// A transport may be a program's own. One that panics may have sent: the worker goes on, and tries again.
    fn attempt(&mut self, request: &Request<'_>, deadline: Instant) -> Outcome {
        let transport = &mut self.transport;
        catch_unwind(AssertUnwindSafe(|| transport.send(request, deadline))).unwrap_or_else(|_| {
            let mut outcome =
                Outcome::new(Answer::NONE, "the transport panicked, which the panic hook tells of");
            outcome.in_doubt = true;
            outcome
        })
    }

    pub(super) fn accepted(&self, signal: Signal, items: u64, rejected: u64) {
        let rejected = rejected.min(items);
        self.pipeline.add_exported(signal, items - rejected);
        self.watcher.exported(signal, items - rejected);
        self.lose(signal, Loss::Rejected, rejected);
    }

    /// Counts what goes no further, and says so to who watches.
    pub(crate) fn lose(&self, signal: Signal, reason: Loss, items: u64) {
        self.pipeline.add_lost(signal, reason, items);
        self.watcher.dropped(signal, reason, items);
    }
}
