//! What a program can watch of its own exports, as they happen.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use smoltel_core::Loss;

use crate::Signal;

/// What has become of items (spans, log records, data points) that the worker had taken over. Items that are lost before, because
/// a queue is full or a processor left them out, are only counted: see [`Report`](crate::Report).
///
/// ```
/// use smoltel::{ExportEvent, Telemetry};
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::sync::Arc;
///
/// let lost = Arc::new(AtomicU64::new(0));
/// let counted = lost.clone();
/// let telemetry = Telemetry::builder("thermostat")
///     .endpoint("http://127.0.0.1:9")
///     .on_export(move |event| {
///         if let ExportEvent::Dropped { items, .. } = event {
///             counted.fetch_add(*items, Ordering::Relaxed);
///         }
///     })
///     .build()?;
/// # telemetry.shutdown(std::time::Duration::ZERO);
/// # Ok::<(), smoltel::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportEvent<'a> {
    /// The endpoint has them.
    Exported {
        /// Of which signal.
        signal: Signal,
        /// How many.
        items: u64,
    },
    /// An attempt has failed, and they will be sent again.
    Retried {
        /// Of which signal.
        signal: Signal,
        /// How many.
        items: u64,
        /// What the endpoint or the system said, for people: it may come from a stranger.
        why: &'a str,
    },
    /// They are on the disk, to be sent later.
    Spooled {
        /// Of which signal.
        signal: Signal,
        /// How many.
        items: u64,
    },
    /// They are lost.
    Dropped {
        /// Of which signal.
        signal: Signal,
        /// How many.
        items: u64,
        /// Why.
        reason: Loss,
    },
}

/// Whom the worker tells.
#[derive(Clone, Default)]
pub(crate) struct Watcher(Option<Arc<Watch>>);

type Watch = dyn Fn(&ExportEvent<'_>) + Send + Sync;

impl Watcher {
    pub(crate) fn new(watch: impl Fn(&ExportEvent<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(watch)))
    }

    /// A watcher that panics has heard it; the worker goes on.
    pub(crate) fn tell(&self, event: &ExportEvent<'_>) {
        if let Some(watch) = &self.0 {
            let _ = catch_unwind(AssertUnwindSafe(|| watch(event)));
        }
    }

    pub(crate) fn exported(&self, signal: Signal, items: u64) {
        if items > 0 {
            self.tell(&ExportEvent::Exported { signal, items });
        }
    }

    pub(crate) fn spooled(&self, signal: Signal, items: u64) {
        self.tell(&ExportEvent::Spooled { signal, items });
    }

    pub(crate) fn dropped(&self, signal: Signal, reason: Loss, items: u64) {
        if items > 0 {
            self.tell(&ExportEvent::Dropped { signal, items, reason });
        }
    }
}
