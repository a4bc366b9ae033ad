//! What an earlier run left as crash evidence.

use std::time::Instant;

use smoltel_core::exporter::Verdict;

use super::Worker;
use crate::Signal;
use crate::stream::Stream;

#[cfg(unix)]
impl Worker {
    pub(super) fn has_found(&self, signal: Signal) -> bool {
        self.pipeline.platform().evidence().is_some_and(|evidence| evidence.first(signal).is_some())
    }

    /// Sends the oldest request that an earlier run left; whether there was one.
    pub(super) fn send_found(&mut self, stream: &mut Stream, now: u64, deadline: Instant) -> bool {
        let first = self.pipeline.platform().evidence().and_then(|evidence| evidence.first(stream.signal));
        let Some(found) = first else { return false };
        let outcome = self.send(stream, &found.body, found.items, deadline);
        match stream.exporter.answered(now, outcome.answer) {
            Verdict::Release { rejected } => self.accepted(stream.signal, found.items, rejected),
            Verdict::Drop(reason) => self.lose(stream.signal, reason, found.items),
            Verdict::Keep => return true,
        }
        stream.ended(found.items, &outcome);
        if let Some(evidence) = self.pipeline.platform().evidence() {
            evidence.release_first(stream.signal);
        }
        true
    }
}

#[cfg(not(unix))]
impl Worker {
    pub(super) fn has_found(&self, _: Signal) -> bool {
        false
    }

    pub(super) fn send_found(&mut self, _: &mut Stream, _: u64, _: Instant) -> bool {
        false
    }
}
