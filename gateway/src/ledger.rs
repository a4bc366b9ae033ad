//! What has come in, gone out and been refused, counted.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use smoltel::Signal;

/// A count for each signal.
#[derive(Debug, Default)]
pub(crate) struct PerSignal([AtomicU64; 3]);

impl PerSignal {
    pub(crate) fn add(&self, signal: Signal, count: u64) {
        self.0[signal as usize].fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self, signal: Signal) -> u64 {
        self.0[signal as usize].load(Ordering::Relaxed)
    }
}

/// The counts. Items are spans, data points and log records. What the spool lost it counts itself, and keeps
/// across restarts.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Bytes of requests that are being read or not durable yet: they are in memory now.
    pub(crate) receiving_bytes: AtomicUsize,
    /// Requests that are durable, and their items.
    pub(crate) received_requests: PerSignal,
    pub(crate) received_items: PerSignal,
    /// How often a device's records waited for the spool to take them.
    pub(crate) link_waits: AtomicU64,
    /// Connections hung up on, because their sender had enough of them.
    pub(crate) refused_connections: AtomicU64,
    /// Requests answered with an error, by status.
    refused: [AtomicU64; Self::STATUSES.len()],
}

/// What has become of what was sent to one destination, since it was last configured.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// Items that it has taken.
    pub(crate) forwarded_items: PerSignal,
    /// Items that it rejected of requests that it took.
    pub(crate) rejected_items: PerSignal,
    /// Attempts to send.
    pub(crate) attempts: PerSignal,
    /// Attempts that were not accepted.
    pub(crate) failures: PerSignal,
    /// Bytes of the bodies of all attempts, as they are sent.
    pub(crate) sent_bytes: PerSignal,
}

impl Ledger {
    /// The errors that the receiver answers with; a call of gRPC counts as what HTTP would say.
    pub(crate) const STATUSES: [u16; 9] = [400, 401, 404, 405, 408, 413, 415, 429, 503];

    pub(crate) fn refused(&self, status: u16) {
        if let Some(at) = Self::STATUSES.iter().position(|known| *known == status) {
            self.refused[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn refused_by_status(&self) -> impl Iterator<Item = (u16, u64)> {
        Self::STATUSES.into_iter().zip(self.refused.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}
