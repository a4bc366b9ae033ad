use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use smoltel_core::{Loss, Pipeline, Scope};

#[cfg(feature = "spool")]
use crate::Severity;
use crate::builder::Builder;
use crate::command::{Command, Commands};
use crate::diagnostics::Diagnostics;
#[cfg(feature = "spool")]
use crate::outbox::Outbox;
use crate::platform::Threads;
use crate::report::Report;
use crate::settings::Propagators;
use crate::stream::items;
use crate::transport::pool::{EndpointStatus, Pool};
use crate::{Logger, Meter, Scoped, Signal, Tracer};

/// A program's telemetry: where its tracers, loggers and meters come from, and the worker that sends.
///
/// Everything is blocking and belongs to no runtime. Recording takes no part in sending: it writes into
/// memory of fixed size and returns.
///
/// Dropping it shuts down within five seconds, and says on standard error what was lost. Call
/// [`shutdown`](Self::shutdown) to choose the time and get the counts.
///
/// # After a fork
///
/// A child of `fork` has no worker, and the spool is its parent's. Recording goes on there without effect, with ids
/// that the parent makes too; [`flush`](Self::flush), [`shutdown`](Self::shutdown) and dropping return at once,
/// touch neither endpoint nor spool, and count as `closed` what the child recorded and what its parent had not begun
/// to send when it forked, which the parent still sends. A child that is to be heard builds a `Telemetry` of its own,
/// without its parent's spool.
pub struct Telemetry {
    pub(crate) pipeline: Arc<Pipeline<Threads>>,
    pub(crate) commands: Commands,
    pub(crate) diagnostics: Diagnostics,
    /// That a scope has no name is said once.
    pub(crate) unnamed: Once,
    #[cfg(feature = "spool")]
    pub(crate) outbox: Option<Outbox>,
    /// The endpoints, if there are several.
    pub(crate) pool: Option<Pool>,
    /// The signals that are recorded for anybody.
    pub(crate) wanted: [bool; 3],
    pub(crate) propagators: Propagators,
    pub(crate) ended: bool,
}

/// How long a drop without a shutdown may take.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

impl Telemetry {
    /// Settings to start from. `service` is the service's name unless `OTEL_SERVICE_NAME` says otherwise.
    pub fn builder(service: impl Into<String>) -> Builder {
        Builder::new(service.into())
    }

    /// A tracer for the component of that name.
    pub fn tracer(&self, name: &str) -> Tracer {
        self.scope(&Scope::new(name)).tracer()
    }

    /// A logger for the component of that name.
    pub fn logger(&self, name: &str) -> Logger {
        self.scope(&Scope::new(name)).logger()
    }

    /// A meter for the component of that name.
    pub fn meter(&self, name: &str) -> Meter {
        self.scope(&Scope::new(name)).meter()
    }

    /// Tracers, loggers and meters of a scope that has more than a name. An equal scope is the same one.
    ///
    /// ```
    /// use smoltel::{Scope, Telemetry};
    /// # let telemetry = Telemetry::builder("thermostat").endpoint("http://127.0.0.1:9").build().unwrap();
    /// let valve = telemetry.scope(&Scope::new("valve").version("1.2"));
    /// valve.logger().info("ready");
    /// # telemetry.shutdown(std::time::Duration::ZERO);
    /// ```
    pub fn scope(&self, scope: &Scope<'_>) -> Scoped {
        if scope.name.is_empty() {
            let say = || self.diagnostics.say("there are tracers, loggers or meters without a name");
            self.unnamed.call_once(say);
        }
        Scoped::new(self.pipeline.clone(), self.pipeline.declare(scope.into()))
    }

    /// What carries a context to other processes and back, as code or the environment chose.
    pub fn propagators(&self) -> Propagators {
        self.propagators
    }

    /// Sends everything recorded so far, waiting `timeout` at the most, and reports. What could not be sent
    /// is in the spool if there is one, and still on its way if not. Each signal that waits has its share of the time.
    pub fn flush(&self, timeout: Duration) -> Report {
        self.ask(timeout, Command::Flush);
        self.report()
    }

    /// Sends what is left, stops the worker and reports, within `timeout`, whatever the endpoint does. Each signal that waits has
    /// its share of the time; what there was no time for is in the spool if there is one, and counted as `expired` if not.
    /// Tracers and the like that still exist go on without effect: what they record is counted as lost.
    pub fn shutdown(mut self, timeout: Duration) -> Report {
        self.end(timeout)
    }

    /// The counts as they are now.
    pub fn report(&self) -> Report {
        let counters = self.pipeline.counters();
        let mut report = Report::default();
        for signal in Signal::ALL.into_iter().filter(|signal| self.wanted[*signal as usize]) {
            report.recorded += counters.recorded(signal);
            report.exported += counters.exported(signal);
            Loss::ALL
                .into_iter()
                .for_each(|reason| report.add_dropped(reason.name(), counters.lost(signal, reason)));
        }
        #[cfg(feature = "spool")]
        if let Some(outbox) = self.outbox.as_ref().filter(|_| !self.commands.is_forked()) {
            outbox.report(&mut report);
        }
        #[cfg(unix)]
        if let Some(evidence) = self.pipeline.platform().evidence().filter(|_| !self.commands.is_forked()) {
            let (found, waiting) = evidence.found();
            report.found += found;
            report.spooled += waiting;
        }
        report.settle()
    }

    /// How each of several endpoints is; nothing if there is only one.
    pub fn endpoints(&self) -> Vec<EndpointStatus> {
        self.pool.iter().flat_map(Pool::status).collect()
    }

    /// Tells the endpoint what the disk lost since the last run: one log record a gap.
    #[cfg(feature = "spool")]
    pub(crate) fn report_gaps(&self) {
        for gap in self.outbox.iter().flat_map(Outbox::gaps) {
            let int = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
            let log = self.logger("smoltel").log(Severity::Warn).event_name("smoltel.gap");
            log.set("smoltel.gap.requests", int(gap.records))
                .set("smoltel.gap.items", int(gap.items))
                .body(format_args!("the disk lost {} stored requests with {} items", gap.records, gap.items))
                .emit();
        }
    }

    fn end(&mut self, timeout: Duration) -> Report {
        self.ended = true;
        #[cfg(feature = "spool")]
        if self.commands.is_forked() {
            // Its writer is a thread of the parent: nobody can be waited for, and nothing may be closed.
            std::mem::forget(self.outbox.take());
        }
        self.ask(timeout, Command::Shutdown);
        self.report()
    }

    fn ask(&self, timeout: Duration, command: impl FnOnce(Instant, Sender<()>) -> Command) {
        if self.commands.is_forked() {
            return self.lose_queued();
        }
        self.commands.ask(timeout, command);
    }

    /// Counts as lost what waits for a worker that a child of `fork` does not have.
    fn lose_queued(&self) {
        for signal in Signal::ALL {
            let queued = self.pipeline.with_lane(signal as usize, |ring| {
                let queued = items(ring);
                ring.release(ring.len());
                queued
            });
            self.pipeline.add_lost(signal, Loss::Closed, queued.unwrap_or(0));
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if !self.ended {
            let report = self.end(DROP_TIMEOUT);
            let loses = report.dropped() + report.in_doubt > 0 && !self.commands.is_forked();
            if loses {
                eprintln!("smoltel: dropped without a shutdown: {report}");
            }
        }
    }
}

impl std::fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Telemetry").field("report", &self.report()).finish_non_exhaustive()
    }
}
