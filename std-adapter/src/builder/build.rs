//! From settings to a running worker.

use std::sync::{Arc, Once};
use std::thread;

use super::Builder;
use crate::View;
use crate::command::Commands;
use crate::config::{self, Env, Opened, Schedule};
use crate::error::ConfigError;
#[cfg(unix)]
use crate::evidence::Evidence;
#[cfg(feature = "spool")]
use crate::outbox::Outbox;
use crate::own_metrics;
use crate::platform::{Making, Threads};
use crate::resource::{Attributes, SCHEMA_URL};
use crate::settings::{LogSettings, TraceSettings};
use crate::telemetry::Telemetry;
use crate::worker::Worker;
#[cfg(unix)]
use crate::{Loss, Signal};

impl Builder {
    /// Starts the worker. Fails when a setting cannot work: a URL, a certificate, a spool that another
    /// process uses. An endpoint that does not answer is no failure: it may come later.
    pub fn build(self) -> Result<Telemetry, ConfigError> {
        self.build_with(&|name| std::env::var(name).ok())
    }

    fn build_with(mut self, variables: &dyn Fn(&str) -> Option<String>) -> Result<Telemetry, ConfigError> {
        let mut env = Env::new(variables);
        config::refuse_config_file(&env)?;
        let enabled = !env.boolean("OTEL_SDK_DISABLED");
        let resource = self.take_resource(&mut env)?;
        let propagators = self.propagators.unwrap_or_else(|| config::propagators(&mut env));
        let (making, schedule) = self.settings(&mut env)?;
        let Opened { transport, wanted, pool } = std::mem::take(&mut self.exporter).open(&mut env)?;
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
        let evidence = self.open_evidence(
            enabled,
            &resource,
            #[cfg(feature = "spool")]
            outbox.as_ref(),
        )?;
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
        start(Worker {
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
        })?;
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

    /// The resource as it goes out.
    fn take_resource(&mut self, env: &mut Env<'_>) -> Result<Vec<u8>, ConfigError> {
        let own = std::mem::take(&mut self.resource);
        let mut entities = std::mem::take(&mut self.entities);
        let schema_url = self.schema_url(env);
        Attributes::gather(env, &self.detectors, &self.service, own, &mut entities)
            .encode(schema_url, &entities)
    }

    /// The file for crash evidence, if there is to be one; what an earlier run left goes into the spool, if there is one.
    #[cfg(unix)]
    fn open_evidence(
        &self,
        enabled: bool,
        resource: &[u8],
        #[cfg(feature = "spool")] outbox: Option<&Outbox>,
    ) -> Result<Option<Evidence>, ConfigError> {
        let Some(path) = self.evidence.as_ref().filter(|_| enabled) else { return Ok(None) };
        #[cfg(feature = "spool")]
        let store = &mut |found: &_| outbox.is_some_and(|outbox| outbox.store_found(found));
        #[cfg(not(feature = "spool"))]
        let store = &mut |_: &_| false;
        Evidence::open(path, resource, &self.diagnostics, store).map(Some)
    }

    /// How records are made and when they leave: by the environment, then by code.
    fn settings(&mut self, env: &mut Env<'_>) -> Result<(Making, Schedule), ConfigError> {
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
        let views = self.take_views()?;
        Ok((Making { traces, logs, metrics, views, processor }, schedule))
    }

    /// The views, for good: instruments refer to them.
    fn take_views(&mut self) -> Result<&'static [View], ConfigError> {
        let views = std::mem::take(&mut self.views);
        match views.iter().find(|view| view.renames_many()) {
            None if views.is_empty() => Ok(&[]),
            None => Ok(views.leak()),
            Some(view) => Err(ConfigError::new(format!(
                "a view gives all instruments that match {:?} one name: select one instrument, or leave its name",
                view.pattern()
            ))),
        }
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

/// Lets a worker run on a thread of its own.
fn start(worker: Worker) -> Result<(), ConfigError> {
    let thread = thread::Builder::new().name("smoltel".to_owned()).spawn(move || worker.run());
    let failed = |error| ConfigError::new(format!("the worker thread cannot be started: {error}"));
    thread.map(drop).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeSet;
    use std::time::Duration;

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
        let page = include_str!("../../../docs/CONFIGURATION.md");
        let first_columns = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        // Not those of other tables, such as a configuration file's entries.
        let variables = first_columns.filter(|name| name.contains("OTEL_") || name.starts_with("SMOLTEL_"));
        let documented: BTreeSet<String> = variables.map(str::to_owned).collect();
        assert_eq!(read, documented);
    }
}
