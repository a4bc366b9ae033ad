mod build;
mod exporter;

#[cfg(any(feature = "spool", unix))]
use std::path::PathBuf;
use std::time::Duration;

use crate::config::Exporter;
use crate::diagnostics::Diagnostics;
use crate::observe::{ExportEvent, Watcher};
use crate::processor::Processor;
use crate::resource::{Attribute, Detector, Entity};
use crate::settings::{ChosenProcessor, LogSettings, Propagators, TraceSettings};
use crate::{EntityRef, MetricSettings, Value, View};

/// What code says of one signal, once the environment has been read.
type Setting<T> = Box<dyn FnOnce(&mut T) + Send>;

/// Settings of a [`Telemetry`](crate::Telemetry). What is set here wins over the environment; only the service's name is
/// a default that `OTEL_SERVICE_NAME` replaces.
///
/// ```
/// use std::time::Duration;
/// let telemetry = smoltel::Telemetry::builder("thermostat")
///     .endpoint("http://127.0.0.1:9")
///     .timeout(Duration::from_secs(2))
///     .resource("deployment.environment.name", "test")
///     .build()?;
/// # telemetry.shutdown(Duration::ZERO);
/// # Ok::<(), smoltel::ConfigError>(())
/// ```
#[must_use = "nothing happens until build()"]
pub struct Builder {
    service: String,
    exporter: Exporter,
    traces: Vec<Setting<TraceSettings>>,
    logs: Vec<Setting<LogSettings>>,
    metrics: Vec<Setting<MetricSettings>>,
    views: Vec<View>,
    metric_interval: Option<Duration>,
    metric_timeout: Option<Duration>,
    processor: ChosenProcessor,
    propagators: Option<Propagators>,
    resource: Vec<Attribute>,
    resource_schema_url: String,
    entities: Vec<Entity>,
    detectors: Vec<Detector>,
    diagnostics: Diagnostics,
    watcher: Watcher,
    own_metrics: bool,
    #[cfg(feature = "spool")]
    spool: Option<(PathBuf, Option<u64>)>,
    #[cfg(unix)]
    evidence: Option<PathBuf>,
}

impl Builder {
    pub(crate) fn new(service: String) -> Self {
        Self {
            service,
            exporter: Exporter::default(),
            traces: Vec::new(),
            logs: Vec::new(),
            metrics: Vec::new(),
            views: Vec::new(),
            metric_interval: None,
            metric_timeout: None,
            processor: ChosenProcessor::default(),
            propagators: None,
            resource: Vec::new(),
            resource_schema_url: String::new(),
            entities: Vec::new(),
            detectors: Vec::new(),
            diagnostics: Diagnostics::default(),
            watcher: Watcher::default(),
            own_metrics: false,
            #[cfg(feature = "spool")]
            spool: None,
            #[cfg(unix)]
            evidence: None,
        }
    }

    /// How often metrics are collected. Environment: `OTEL_METRIC_EXPORT_INTERVAL`; default: 60 s.
    pub fn metric_interval(mut self, interval: Duration) -> Self {
        self.metric_interval = Some(interval);
        self
    }

    /// The longest that one export of metrics may take. Environment: `OTEL_METRIC_EXPORT_TIMEOUT`; default: 30 s.
    pub fn metric_timeout(mut self, timeout: Duration) -> Self {
        self.metric_timeout = Some(timeout);
        self
    }

    /// How spans are made and when they leave: changes what the environment says, field by field.
    pub fn traces(mut self, set: impl FnOnce(&mut TraceSettings) + Send + 'static) -> Self {
        self.traces.push(Box::new(set));
        self
    }

    /// How log records are made and when they leave: changes what the environment says, field by field.
    pub fn logs(mut self, set: impl FnOnce(&mut LogSettings) + Send + 'static) -> Self {
        self.logs.push(Box::new(set));
        self
    }

    /// How metrics are made: temporality, histograms, exemplars, how many series. Changes what the environment says
    /// (`OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`, `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION`,
    /// `OTEL_METRICS_EXEMPLAR_FILTER`), field by field.
    pub fn metrics(mut self, set: impl FnOnce(&mut MetricSettings) + Send + 'static) -> Self {
        self.metrics.push(Box::new(set));
        self
    }

    /// Changes what becomes of the instruments that it selects, whoever makes them; of several, each makes a stream of its own.
    /// What it says stays in memory until the program ends.
    ///
    /// ```
    /// use smoltel::{Telemetry, View};
    /// let telemetry = Telemetry::builder("thermostat")
    ///     .view(View::of("http.*.duration").bounds(&[0.01, 0.1, 1.0]).keep(&["http.route"]))
    ///     .view(View::of("*").where_meter("noisy-library").drop())
    ///     .build()?;
    /// # telemetry.shutdown(std::time::Duration::ZERO);
    /// # Ok::<(), smoltel::ConfigError>(())
    /// ```
    pub fn view(mut self, view: View) -> Self {
        self.views.push(view);
        self
    }

    /// Holds no span and no log record longer than 100 ms: for those who watch while it happens. The worker wakes twenty times
    /// a second for it.
    pub fn real_time(self) -> Self {
        const LONGEST: Duration = Duration::from_millis(100);
        self.traces(|traces| traces.batch.delay = LONGEST).logs(|logs| logs.batch.delay = LONGEST)
    }

    /// What may change or drop a record between its end and its export: one of [`processor`](crate::processor), a tuple of
    /// them, or one's own. It runs on the thread that records.
    pub fn processor(mut self, processor: impl Processor + Send + Sync + 'static) -> Self {
        self.processor = ChosenProcessor(Some(Box::new(processor)));
        self
    }

    /// The propagators that [`Telemetry::propagators`](crate::Telemetry::propagators) gives. Environment: `OTEL_PROPAGATORS`; default: W3C Trace Context and
    /// Baggage.
    pub fn propagators(mut self, propagators: Propagators) -> Self {
        self.propagators = Some(propagators);
        self
    }

    /// Sets an attribute of the resource. Environment: `OTEL_RESOURCE_ATTRIBUTES`.
    pub fn resource(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.resource_value(&key.into(), value.into().as_str())
    }

    /// The same with a value of any kind.
    pub fn resource_value<'a>(mut self, key: &str, value: impl Into<Value<'a>>) -> Self {
        self.resource.push(Attribute::new(key, &value.into()));
        self
    }

    /// Sets the URL of the schema that the resource's attributes follow.
    pub fn resource_schema_url(mut self, url: impl Into<String>) -> Self {
        self.resource_schema_url = url.into();
        self
    }

    /// Says that attributes of the resource identify and describe an entity; one of the same type
    /// replaces. [`build`](Self::build) fails when the resource lacks one of them.
    pub fn entity(mut self, entity: &EntityRef<'_>) -> Self {
        self.entities.retain(|known| known.kind() != entity.kind);
        self.entities.push(entity.into());
        self
    }

    /// Finds out, when it is built, where the program runs, and says so in the resource; what code or the environment say wins.
    /// Without a schema URL of its own the resource gets that of the conventions that detectors follow.
    ///
    /// ```
    /// use smoltel::{Detector, Telemetry};
    /// let telemetry = Telemetry::builder("thermostat").detect([Detector::HOST, Detector::SYSTEMD]).build()?;
    /// # telemetry.shutdown(std::time::Duration::ZERO);
    /// # Ok::<(), smoltel::ConfigError>(())
    /// ```
    pub fn detect(mut self, detectors: impl IntoIterator<Item = Detector>) -> Self {
        self.detectors.extend(detectors);
        self
    }

    /// Keeps what cannot be sent in that directory, across outages and restarts. One process at a time
    /// can use it. It takes up to 256 MiB; see [`spool_of`](Self::spool_of).
    #[cfg(feature = "spool")]
    pub fn spool(mut self, dir: impl Into<PathBuf>) -> Self {
        self.spool = Some((dir.into(), None));
        self
    }

    /// The same with a bound of its own, in bytes.
    #[cfg(feature = "spool")]
    pub fn spool_of(mut self, dir: impl Into<PathBuf>, capacity: u64) -> Self {
        self.spool = Some((dir.into(), Some(capacity)));
        self
    }

    /// Writes every span and log record to that file as well, as it is made, so that the next start exports what an
    /// abort or a kill keeps this run from sending. A record then costs a system call more. The file takes 8 MiB and,
    /// while they are not sent, up to 16 MiB of what was found; one process at a time can use it.
    ///
    /// It outlives the process, not the machine: for power cuts there is a spool. Spans that are open and metrics are
    /// not in it. The format is written down in `docs/EVIDENCE.md`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("evidence");
    /// let telemetry = smoltel::Telemetry::builder("thermostat").crash_evidence(path).build()?;
    /// # telemetry.shutdown(Duration::ZERO);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(unix)]
    pub fn crash_evidence(mut self, path: impl Into<PathBuf>) -> Self {
        self.evidence = Some(path.into());
        self
    }

    /// Takes the library's own messages (outages, refusals, bad settings) instead of standard error.
    /// Nearly always it is called on the worker's thread. It must not record telemetry.
    pub fn on_message(mut self, sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.diagnostics = Diagnostics::new(sink);
        self
    }

    /// Is told what becomes of items once the worker has taken them: exported, tried again, spooled, dropped and why. It is called
    /// on the worker's thread, which sends nothing meanwhile: be quick, and record no telemetry.
    pub fn on_export(mut self, watch: impl Fn(&ExportEvent<'_>) + Send + Sync + 'static) -> Self {
        self.watcher = Watcher::new(watch);
        self
    }

    /// Sends with the program's metrics those of the library itself, by the
    /// [semantic conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/), which are in
    /// development: `otel.sdk.*`, all but the capacities of queues, which are in bytes here. What waits in a spool is
    /// in flight; what is lost there has the `error.type` `spool`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let telemetry = smoltel::Telemetry::builder("thermostat").own_metrics().build()?;
    /// # telemetry.shutdown(Duration::ZERO);
    /// # Ok::<(), smoltel::ConfigError>(())
    /// ```
    pub fn own_metrics(mut self) -> Self {
        self.own_metrics = true;
        self
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("service", &self.service).finish_non_exhaustive()
    }
}
