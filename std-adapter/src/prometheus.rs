//! The library's own counts in Prometheus' text format, for a program that is scraped.

use std::fmt::{Display, Write};

use smoltel_core::Loss;

use crate::{Signal, Telemetry};

impl Telemetry {
    /// The library's own counts, in [Prometheus' text format](https://prometheus.io/docs/instrumenting/exposition_formats/)
    /// version 0.0.4, to be appended to what the program itself shows: `smoltel_recorded_items_total`,
    /// `smoltel_exported_items_total`, `smoltel_dropped_items_total` by reason, what waits in memory and on disk, and what metrics
    /// take. Items are spans, log records and data points. It sends nothing, and can be called as often as one likes.
    ///
    /// ```
    /// let telemetry = smoltel::Telemetry::builder("thermostat").endpoint("http://127.0.0.1:9").build()?;
    /// assert!(telemetry.prometheus().contains("smoltel_recorded_items_total{signal=\"traces\"} 0\n"));
    /// # telemetry.shutdown(std::time::Duration::ZERO);
    /// # Ok::<(), smoltel::ConfigError>(())
    /// ```
    pub fn prometheus(&self) -> String {
        let mut page = Page(String::with_capacity(4096));
        page.counts(self);
        page.metrics(self);
        #[cfg(feature = "spool")]
        page.spool(self);
        page.0
    }
}

struct Page(String);

impl Page {
    fn counts(&mut self, telemetry: &Telemetry) {
        let counters = telemetry.pipeline.counters();
        self.per_signal("recorded_items_total", "counter", "Items recorded, lost later or not.", |signal| {
            counters.recorded(signal)
        });
        self.per_signal(
            "exported_items_total",
            "counter",
            "Items that the endpoint has accepted.",
            |signal| counters.exported(signal),
        );
        self.per_signal(
            "queued_items",
            "gauge",
            "Items in memory that the worker has not taken.",
            |signal| counters.queued(signal),
        );
        self.head("dropped_items_total", "counter", "Items lost, but those of the spool.");
        for signal in Signal::ALL {
            for reason in Loss::ALL {
                let labels = [("signal", signal.name()), ("reason", reason.name())];
                self.sample("dropped_items_total", &labels, counters.lost(signal, reason));
            }
        }
    }

    fn metrics(&mut self, telemetry: &Telemetry) {
        let usage = telemetry.pipeline.metric_usage();
        self.gauge("metric_series", "Sets of attributes that have a point.", usage.series);
        self.gauge("metric_memory_bytes", "Memory that points take.", usage.used);
        self.gauge("metric_memory_capacity_bytes", "Memory that points may take.", usage.capacity);
    }

    #[cfg(feature = "spool")]
    fn spool(&mut self, telemetry: &Telemetry) {
        // A child of `fork` has no spool.
        let Some(outbox) = telemetry.outbox.as_ref().filter(|_| !telemetry.commands.is_forked()) else {
            return;
        };
        self.per_signal("spooled_items", "gauge", "Items on disk that wait for the endpoint.", |signal| {
            outbox.items(signal)
        });
        self.head("spool_lost_items_total", "counter", "Items lost on disk or refused from there.");
        let mut report = crate::Report::default();
        outbox.report(&mut report);
        for (reason, items) in &report.reasons {
            self.sample("spool_lost_items_total", &[("reason", reason)], items);
        }
    }

    fn per_signal(&mut self, name: &str, kind: &str, help: &str, count: impl Fn(Signal) -> u64) {
        self.head(name, kind, help);
        for signal in Signal::ALL {
            self.sample(name, &[("signal", signal.name())], count(signal));
        }
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.sample(name, &[], value);
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String does not fail.
        _ = writeln!(self.0, "# HELP smoltel_{name} {help}\n# TYPE smoltel_{name} {kind}");
    }

    /// Labels are words of the library's own: there is nothing to escape.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        _ = writeln!(self.0, "smoltel_{name}{labels} {value}");
    }
}
