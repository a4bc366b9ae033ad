//! A request that the endpoint finds too long (413, or gRPC's RESOURCE_EXHAUSTED): it is sent in smaller parts, down to
//! single records. Only what is refused alone is lost.

use smoltel_core::batch::Batch;

use crate::stream::Stream;
use crate::transport::Outcome;

impl Stream {
    /// Makes requests shorter from now on if that can help with this one, of so many bytes.
    pub(crate) fn shorten(&mut self, outcome: &Outcome, batch: &Batch, len: usize) -> bool {
        let helps = outcome.too_large && batch.records() > 1;
        if helps {
            self.max_request = len / 2;
        }
        helps
    }
}

#[cfg(feature = "spool")]
mod stored {
    use smoltel_core::Loss;
    use smoltel_spool::Lease;

    use crate::split::{Most, split};
    use crate::stream::Stream;
    use crate::worker::Worker;

    impl Worker {
        /// Replaces a stored request by its halves, on disk. Gives it back if that cannot be.
        pub(crate) fn cut(&self, stream: &mut Stream, lease: Lease) -> Option<Lease> {
            let (Some(outbox), [record]) = (&self.outbox, lease.records()) else { return Some(lease) };
            let half = record.payload.len() / 2;
            let pieces = match split(stream.signal, &record.payload, Most { bytes: half, ..Most::default() })
            {
                Ok(pieces) if pieces.len() > 1 => pieces,
                _ => return Some(lease),
            };
            stream.max_request = half;
            for piece in pieces {
                let items = u32::try_from(piece.items).unwrap_or(u32::MAX);
                if !outbox.store(stream.signal, items, piece.body) {
                    // No room: what it has is lost, the other pieces are not.
                    self.lose(stream.signal, Loss::Rejected, piece.items);
                }
            }
            lease.release();
            None
        }
    }
}
