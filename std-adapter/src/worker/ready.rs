use std::time::Duration;

use smoltel_core::Loss;
use smoltel_core::exporter::Verdict;

use super::{Running, Worker, nanos};
use crate::send::{Fate, Ready, Sent, Unsent};
use crate::stream::Stream;

impl Running {
    /// Sends a request that is ready, once: who waits for it also tries it again.
    pub(super) fn send_ready(&mut self, ready: Ready) {
        let now = nanos(self.start.elapsed());
        let Some(stream) = self.streams.iter_mut().find(|stream| stream.signal == ready.signal) else {
            return;
        };
        let (signal, items, told) = (ready.signal, ready.items, ready.fate.clone());
        let fate = self.worker.fate(stream, ready, now);
        let unheard = told.send(fate).err();
        // Nobody waits any more for what is given back.
        if let Some(Fate::Later(..)) = unheard.map(|unheard| unheard.0) {
            self.worker.pipeline.add_received(signal, items);
            self.worker.lose(signal, Loss::Expired, items);
        }
    }
}

impl Worker {
    fn fate(&mut self, stream: &mut Stream, ready: Ready, now: u64) -> Fate {
        let Ready { signal, body, items, deadline, .. } = ready;
        if stream.exporter.is_backing_off() {
            return self.keep(stream, body, items, now);
        }
        let outcome = self.send(stream, &body, items, deadline);
        match stream.exporter.answered(now, outcome.answer) {
            Verdict::Release { rejected } => {
                self.received(stream, items);
                self.accepted(signal, items, rejected);
                stream.ended(items, &outcome);
                Fate::Done(Ok(Sent::Exported { rejected: rejected.min(items) }))
            }
            Verdict::Drop(reason) => {
                self.received(stream, items);
                // Out of the spool it is sent in smaller parts.
                if outcome.too_large && self.store_ready(signal, body, items).is_ok() {
                    self.watcher.spooled(signal, items);
                    return Fate::Done(Ok(Sent::Spooled));
                }
                self.lose(signal, reason, items);
                stream.ended(items, &outcome);
                Fate::Done(Err(Unsent::Refused))
            }
            Verdict::Keep => self.keep(stream, body, items, now),
        }
    }

    /// Into the spool, or back to who waits.
    fn keep(&self, stream: &mut Stream, body: Vec<u8>, items: u64, now: u64) -> Fate {
        match self.store_ready(stream.signal, body, items) {
            Ok(()) => {
                self.received(stream, items);
                self.watcher.spooled(stream.signal, items);
                Fate::Done(Ok(Sent::Spooled))
            }
            Err(body) => {
                let at = stream.exporter.poll_at().unwrap_or(now);
                Fate::Later(body, Duration::from_nanos(at.saturating_sub(now)))
            }
        }
    }

    fn received(&self, stream: &mut Stream, items: u64) {
        self.pipeline.add_received(stream.signal, items);
        if let Some(metrics) = &mut stream.metrics {
            metrics.given(items);
        }
    }
}
