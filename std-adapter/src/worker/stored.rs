//! What waits in the spool: requests go there when the endpoint is in trouble, and leave when it is back.

use std::time::Instant;

#[cfg(feature = "spool")]
use smoltel_core::Loss;
#[cfg(feature = "spool")]
use smoltel_core::exporter::Verdict;

#[cfg(feature = "spool")]
use super::MAX_REQUEST;
use super::Worker;
use crate::Signal;
#[cfg(feature = "spool")]
use crate::split::{Most, Piece, split};
use crate::stream::Stream;
#[cfg(feature = "spool")]
impl Worker {
    pub(super) fn has_outbox(&self) -> bool {
        self.outbox.is_some()
    }

    pub(super) fn has_stored(&self, signal: Signal) -> bool {
        self.outbox.as_ref().is_some_and(|outbox| outbox.has(signal))
    }

    pub(super) fn stored_items(&self, signal: Signal) -> u64 {
        self.outbox.as_ref().map_or(0, |outbox| outbox.items(signal))
    }

    /// Sends the oldest requests in the spool, as one; whether there were any.
    pub(super) fn send_stored(
        &mut self,
        stream: &mut Stream,
        now: u64,
        deadline: Instant,
        body: &mut Vec<u8>,
    ) -> bool {
        let taken = self.outbox.as_ref().and_then(|outbox| outbox.take(stream.signal, stream.max_request));
        let Some(lease) = taken else { return false };
        self.send_lease(stream, lease, now, deadline, body);
        true
    }

    fn send_lease(
        &mut self,
        stream: &mut Stream,
        lease: smoltel_spool::Lease,
        now: u64,
        deadline: Instant,
        body: &mut Vec<u8>,
    ) {
        let items = lease.records().iter().map(|record| u64::from(record.items)).sum();
        let request = match lease.records() {
            [only] => &only.payload,
            several => {
                body.clear();
                several.iter().for_each(|record| body.extend_from_slice(&record.payload));
                &*body
            }
        };
        let outcome = self.send(stream, request, items, deadline);
        match stream.exporter.answered(now, outcome.answer) {
            Verdict::Release { rejected } => {
                lease.release();
                self.accepted(stream.signal, items, rejected);
                stream.ended(items, &outcome);
            }
            // One bad request must not take the others with it.
            Verdict::Drop(_) if lease.records().len() > 1 => {
                for single in lease.split() {
                    if !stream.exporter.is_backing_off() {
                        self.send_lease(stream, single, now, deadline, body);
                    }
                }
            }
            Verdict::Drop(_) => {
                let refused = if outcome.too_large { self.cut(stream, lease) } else { Some(lease) };
                if let Some(lease) = refused {
                    lease.discard(smoltel_spool::Loss::Rejected);
                    self.watcher.dropped(stream.signal, Loss::Rejected, items);
                    stream.ended(items, &outcome);
                }
            }
            Verdict::Keep => {}
        }
    }

    /// Stores a request that is ready, in pieces if need be; gives it back if it is not on the disk.
    pub(super) fn store_ready(&self, signal: Signal, body: Vec<u8>, items: u64) -> Result<(), Vec<u8>> {
        let Some(outbox) = &self.outbox else { return Err(body) };
        let items = u32::try_from(items).unwrap_or(u32::MAX);
        if body.len() <= outbox.max_request() {
            let back = body.clone();
            return if outbox.store(signal, items, body) { Ok(()) } else { Err(back) };
        }
        let most = Most { bytes: outbox.max_request(), ..Most::default() };
        let Ok(pieces) = split(signal, &body, most) else { return Err(body) };
        let mut pieces = pieces.into_iter();
        let stored = pieces.all(|Piece { body, items }| outbox.store(signal, items as u32, body));
        if stored { Ok(()) } else { Err(body) }
    }

    /// Moves everything that waits for an endpoint in trouble to the disk.
    pub(super) fn save(&self, stream: &mut Stream, body: &mut Vec<u8>) {
        let Some(outbox) = &self.outbox else { return };
        if let Some(trouble) = outbox.trouble() {
            self.diagnostics.say(trouble);
        }
        let max_len = outbox.max_request().min(MAX_REQUEST);
        while self.take(stream) {
            let Some(batch) = self.encode(stream, max_len, body) else { return };
            if !outbox.store(stream.signal, batch.items(), std::mem::take(body)) {
                return;
            }
            stream.in_doubt = 0;
            self.release(stream, &batch);
            self.watcher.spooled(stream.signal, batch.items().into());
        }
    }
}

#[cfg(not(feature = "spool"))]
impl Worker {
    pub(super) fn has_outbox(&self) -> bool {
        false
    }

    pub(super) fn has_stored(&self, _: Signal) -> bool {
        false
    }

    pub(super) fn stored_items(&self, _: Signal) -> u64 {
        0
    }

    pub(super) fn send_stored(&mut self, _: &mut Stream, _: u64, _: Instant, _: &mut Vec<u8>) -> bool {
        false
    }

    pub(super) fn store_ready(&self, _: Signal, body: Vec<u8>, _: u64) -> Result<(), Vec<u8>> {
        Err(body)
    }

    pub(super) fn save(&self, _: &mut Stream, _: &mut Vec<u8>) {}
}
