use smoltel_core::exporter::Exporter;
use smoltel_core::ring::Ring;

use crate::Signal;
use crate::diagnostics::Diagnostics;
use crate::own_metrics::ExportMetrics;
use crate::platform::empty_lane;
use crate::transport::{Answer, Outcome};
use crate::worker::MAX_REQUEST;

/// What the worker keeps for each signal.
pub(crate) struct Stream {
    pub(crate) signal: Signal,
    pub(crate) exporter: Exporter,
    /// Records taken out of their lane and not answered yet.
    pub(crate) held: Ring<Box<[u8]>>,
    /// Items of `held` that were sent and may have arrived although no answer came.
    pub(crate) in_doubt: u64,
    /// The most bytes of one request.
    pub(crate) max_request: usize,
    /// Whether the last attempt failed, which is said once.
    pub(crate) failing: bool,
    /// Whether there is more to send at once.
    pub(crate) unfinished: bool,
    /// If they are wanted.
    pub(crate) metrics: Option<ExportMetrics>,
}

impl Stream {
    /// With nothing to send, of a queue of so many bytes.
    pub(crate) fn new(
        signal: Signal,
        exporter: Exporter,
        metrics: Option<ExportMetrics>,
        queue_bytes: usize,
    ) -> Self {
        let held = empty_lane(queue_bytes);
        Self {
            signal,
            exporter,
            held,
            in_doubt: 0,
            max_request: MAX_REQUEST,
            failing: false,
            unfinished: false,
            metrics,
        }
    }

    /// Its exporter has no more to do with those items.
    pub(crate) fn ended(&mut self, items: u64, outcome: &Outcome) {
        if let Some(metrics) = &mut self.metrics {
            metrics.ended(items, outcome);
        }
    }

    /// Says what has changed: each outage, each recovery and each refusal once.
    pub(crate) fn say(&mut self, outcome: &Outcome, place: &str, diagnostics: &Diagnostics) {
        let name = self.signal.name();
        let accepted = matches!(outcome.answer, Answer::Accepted { .. });
        if accepted && !outcome.message.is_empty() {
            diagnostics.say(format_args!("{place} on {name}: {}", outcome.message));
        }
        match (accepted, self.failing) {
            (true, true) => diagnostics.say(format_args!("{place} takes {name} again")),
            (false, false) => {
                let retried = matches!(outcome.answer, Answer::Retry { .. });
                let then = match (retried, outcome.too_large) {
                    (true, _) => "trying again",
                    (false, true) => "trying smaller parts",
                    (false, false) => "dropped",
                };
                diagnostics.say(format_args!("{place} did not take {name}: {}; {then}", outcome.message));
            }
            _ => {}
        }
        self.failing = !accepted;
    }
}

/// Items of all records in a ring.
pub(crate) fn items(ring: &Ring<Box<[u8]>>) -> u64 {
    ring.records(0).map(|(_, header)| u64::from(header.items)).sum()
}
