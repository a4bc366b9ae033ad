//! Settings: what code says, else what the environment says, else the default.
//!
//! The variables are those of OpenTelemetry's specification; each has its method on
//! [`Builder`](crate::Builder). For every setting of an endpoint `OTEL_EXPORTER_OTLP_TRACES_…` and its
//! like win over `OTEL_EXPORTER_OTLP_…`.

mod env;
mod exporter;
mod sdk;

use std::time::Duration;

pub(crate) use env::Env;
pub(crate) use env::pair;
#[cfg(feature = "grpc")]
pub(crate) use env::percent_decoded;
#[cfg(feature = "file")]
pub(crate) use exporter::Output;
pub(crate) use exporter::{Exporter, Opened};
pub(crate) use sdk::{metric_batches, metrics, propagators, refuse_config_file};

use crate::Signal;
use crate::settings::BatchSettings;

/// When batches leave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// By signal.
    pub(crate) batches: [BatchSettings; 3],
    /// How often metrics are collected.
    pub(crate) metric_interval: Duration,
}

impl Schedule {
    /// The longest that the worker sleeps: what was recorded meanwhile is seen then, and its delay begins.
    const SLEEP: Duration = Duration::from_secs(1);

    /// How long the worker may sleep, so that with the [`delay`](Self::delay) that follows no record waits longer than it should.
    pub(crate) fn sleep(&self) -> Duration {
        let delays = self.batches.iter().map(|batch| batch.delay / 2).filter(|delay| !delay.is_zero());
        delays.min().map_or(Self::SLEEP, |shortest| shortest.min(Self::SLEEP))
    }

    /// How long records wait from when the worker has seen them.
    pub(crate) fn delay(&self, signal: Signal) -> Duration {
        self.batches[signal as usize].delay.saturating_sub(self.sleep())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_record_waits_longer_than_its_delay() {
        for (spans, logs) in [(5000, 1000), (100, 1000), (100, 100), (0, 20)] {
            let batches = [spans, 0, logs].map(|millis| BatchSettings::after(Duration::from_millis(millis)));
            let schedule = Schedule { batches, metric_interval: Duration::from_secs(60) };
            for (signal, millis) in [(Signal::Traces, spans), (Signal::Logs, logs)] {
                let longest = schedule.sleep() + schedule.delay(signal);
                assert!(
                    longest <= Duration::from_millis(millis).max(schedule.sleep()),
                    "{signal:?} {millis}"
                );
            }
        }
    }
}
