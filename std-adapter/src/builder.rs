mod exporter;

#[cfg(any(feature = "spool", unix))]
use std::path::PathBuf;
use std::sync::{Arc, Once};
use std::thread;
use std::time::Duration;

use crate::command::Commands;
use crate::config::{self, Env, Exporter, Opened, Schedule};
use crate::diagnostics::Diagnostics;
use crate::error::ConfigError;
#[cfg(unix)]
use crate::evidence::Evidence;
use crate::observe::{ExportEvent, Watcher};
#[cfg(feature = "spool")]
use crate::outbox::Outbox;
use crate::own_metrics;
use crate::platform::{Making, Threads};
use crate::processor::Processor;
use crate::resource::{Attribute, Attributes, Detector, Entity, SCHEMA_URL};
use crate::settings::{ChosenProcessor, LogSettings, Propagators, TraceSettings};
use crate::telemetry::Telemetry;
use crate::worker::Worker;
use crate::{EntityRef, Loss, MetricSettings, Signal, Value};

/// What code says of one signal, once the environment has been read.
type Setting<T> = Box<dyn FnOnce(&mut T) + Send>;

/// Settings of a [`Telemetry`]. What is set here wins over the environment; only the service's name is
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

    /// The propagators that [`Telemetry::propagators`] gives. Environment: `OTEL_PROPAGATORS`; default: W3C Trace Context and
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

    /// Starts the worker. Fails when a setting cannot work: a URL, a certificate, a spool that another
    /// process uses. An endpoint that does not answer is no failure: it may come later.
    pub fn build(self) -> Result<Telemetry, ConfigError> {
        self.build_with(&|name| std::env::var(name).ok())
    }

    fn build_with(mut self, variables: &dyn Fn(&str) -> Option<String>) -> Result<Telemetry, ConfigError> {
        let mut env = Env::new(variables);
        config::refuse_config_file(&env)?;
        let enabled = !env.boolean("OTEL_SDK_DISABLED");
        let own = std::mem::take(&mut self.resource);
        let mut entities = std::mem::take(&mut self.entities);
        let schema_url = self.schema_url(&mut env);
        let resource = Attributes::gather(&mut env, &self.detectors, &self.service, own, &mut entities)
            .encode(schema_url, &entities)?;
        let propagators = self.propagators.unwrap_or_else(|| config::propagators(&mut env));
        let (making, schedule) = self.settings(&mut env);
        let Opened { transport, wanted, pool } = self.exporter.open(&mut env)?;
        for warning in &env.warnings {
            self.diagnostics.say(warning);
        }
        let (commands, received) = Commands::channel();
        #[cfg(feature = "spool")]
        let outbox = match &self.spool {
            Some((dir, capacity)) if enabled => Some(Outbox::open(dir, *capacity)?),
            _ => None,
        };
        #[cfg(unix)]
        let evidence = match self.evidence.as_ref().filter(|_| enabled) {
            #[cfg(feature = "spool")]
            Some(path) => Some(Evidence::open(path, &resource, &self.diagnostics, &mut |found| {
                outbox.as_ref().is_some_and(|outbox| outbox.store_found(found))
            })?),
            #[cfg(not(feature = "spool"))]
            Some(path) => Some(Evidence::open(path, &resource, &self.diagnostics, &mut |_| false)?),
            None => None,
        };
        let pipeline = Arc::new(Threads::pipeline(
            commands.clone(),
            enabled,
            making,
            #[cfg(unix)]
            evidence,
        ));
        #[cfg(unix)]
        if let Some(evidence) = pipeline.platform().evidence() {
            let lost = Signal::ALL.into_iter().zip(evidence.lost());
            lost.for_each(|(signal, items)| pipeline.add_lost(signal, Loss::Expired, items));
        }
        let worker = Worker {
            pipeline: pipeline.clone(),
            commands: received,
            transport,
            #[cfg(feature = "spool")]
            outbox: outbox.clone(),
            resource,
            schedule,
            diagnostics: self.diagnostics.clone(),
            watcher: self.watcher,
            own_meter: (enabled && self.own_metrics).then(|| own_metrics::meter(&pipeline)),
        };
        let thread = thread::Builder::new().name("smoltel".to_owned()).spawn(move || worker.run());
        thread.map_err(|error| ConfigError::new(format!("the worker thread cannot be started: {error}")))?;
        let telemetry = Telemetry {
            pipeline,
            commands,
            diagnostics: self.diagnostics,
            unnamed: Once::new(),
            #[cfg(feature = "spool")]
            outbox,
            pool,
            wanted: wanted.map(|wanted| wanted && enabled),
            propagators,
            ended: false,
        };
        #[cfg(feature = "spool")]
        telemetry.report_gaps();
        Ok(telemetry)
    }

    /// How records are made and when they leave: by the environment, then by code.
    fn settings(&mut self, env: &mut Env<'_>) -> (Making, Schedule) {
        let (mut traces, mut logs) = (TraceSettings::from_env(env), LogSettings::from_env(env));
        let mut metrics = config::metrics(env);
        let (mut points, interval) = config::metric_batches(env);
        std::mem::take(&mut self.traces).into_iter().for_each(|set| set(&mut traces));
        std::mem::take(&mut self.logs).into_iter().for_each(|set| set(&mut logs));
        std::mem::take(&mut self.metrics).into_iter().for_each(|set| set(&mut metrics));
        points.timeout = self.metric_timeout.unwrap_or(points.timeout);
        let schedule = Schedule {
            batches: [traces.batch, points, logs.batch],
            metric_interval: self.metric_interval.unwrap_or(interval),
        };
        let processor = std::mem::take(&mut self.processor);
        (Making { traces, logs, metrics, processor }, schedule)
    }

    /// The resource's schema URL. That of the program stays where detectors follow another one, which is said.
    fn schema_url(&self, env: &mut Env<'_>) -> &str {
        match &*self.resource_schema_url {
            own if self.detectors.is_empty() => own,
            "" => SCHEMA_URL,
            own => {
                if own != SCHEMA_URL {
                    env.warnings.push(format!(
                        "the resource's schema URL is {own}, but what is detected follows {SCHEMA_URL}; the first is kept"
                    ));
                }
                own
            }
        }
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("service", &self.service).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_disabled_sdk_records_and_sends_nothing() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let disabled = |name: &str| (name == "OTEL_SDK_DISABLED").then(|| "true".to_owned());
        let telemetry = Builder::new("off".to_owned()).endpoint(url).build_with(&disabled).unwrap();
        let mut span = telemetry.tracer("t").start("s");
        span.set("k", "v").fail("no");
        span.end();
        telemetry.logger("l").error("nobody hears");
        telemetry.meter("m").counter("c").add(1, &[]);
        let report = telemetry.shutdown(Duration::from_secs(10));
        assert_eq!((report.recorded, report.exported, report.dropped()), (0, 0, 0), "{report}");
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody called");
    }

    #[test]
    fn a_signal_without_an_exporter_is_neither_sent_nor_counted() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let none = |name: &str| (name == "OTEL_LOGS_EXPORTER").then(|| "none".to_owned());
        let telemetry = Builder::new("some".to_owned()).endpoint(url).build_with(&none).unwrap();
        telemetry.logger("l").error("nobody hears");
        let report = telemetry.shutdown(Duration::from_secs(10));
        assert_eq!((report.recorded, report.exported, report.dropped()), (0, 0, 0), "{report}");
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody called");
    }

    /// The variables that a build looks at, those of one signal under the name for all.
    fn variables(values: &[(&str, &str)]) -> BTreeSet<String> {
        let asked = RefCell::new(BTreeSet::new());
        let get = |name: &str| {
            let general = ["TRACES_", "METRICS_", "LOGS_"].into_iter().find_map(|signal| {
                let option = name.strip_prefix("OTEL_EXPORTER_OTLP_")?.strip_prefix(signal)?;
                let of_metrics = option.starts_with("TEMPORALITY") || option.starts_with("DEFAULT_HISTOGRAM");
                (!of_metrics).then(|| format!("OTEL_EXPORTER_OTLP_{option}"))
            });
            asked.borrow_mut().insert(general.unwrap_or_else(|| name.to_owned()));
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let telemetry = Builder::new(String::new()).on_message(|_| {}).build_with(&get).unwrap();
        telemetry.shutdown(Duration::ZERO);
        asked.into_inner()
    }

    #[test]
    fn every_variable_that_is_read_is_documented_and_no_other() {
        let mut read = variables(&[]);
        read.extend(variables(&[("OTEL_TRACES_SAMPLER", "traceidratio")]));
        // Only gRPC asks for it.
        read.insert("OTEL_EXPORTER_OTLP_INSECURE".to_owned());
        let page = include_str!("../../docs/CONFIGURATION.md");
        let first_columns = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let documented: BTreeSet<String> = first_columns.map(str::to_owned).collect();
        assert_eq!(read, documented);
    }
}
