//! Settings: what code says, else what the environment says, else the default.
//!
//! The variables are those of OpenTelemetry's specification; each has its method on
//! [`Builder`](crate::Builder). For every setting of an endpoint `OTEL_EXPORTER_OTLP_TRACES_…` and its
//! like win over `OTEL_EXPORTER_OTLP_…`.

mod env;
mod exporter;

use std::time::Duration;

pub(crate) use env::Env;
#[cfg(feature = "grpc")]
pub(crate) use env::percent_decoded;
#[cfg(feature = "file")]
pub(crate) use exporter::Output;
pub(crate) use exporter::{Exporter, Opened};
use smoltel_core::{Aggregation, ExemplarFilter, MetricSettings, Preference};

/// How often metrics are collected, unless something else is said.
const METRIC_INTERVAL: Duration = Duration::from_secs(60);

/// When batches leave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    /// How long records wait for company, by signal.
    pub(crate) delays: [Duration; 3],
    /// How often metrics are collected.
    pub(crate) metric_interval: Duration,
}

impl Schedule {
    pub(crate) fn from_env(env: &mut Env<'_>) -> Self {
        let spans = env.millis("OTEL_BSP_SCHEDULE_DELAY").unwrap_or(Duration::from_secs(5));
        let logs = env.millis("OTEL_BLRP_SCHEDULE_DELAY").unwrap_or(Duration::from_secs(1));
        let interval = env.millis("OTEL_METRIC_EXPORT_INTERVAL").filter(|interval| !interval.is_zero());
        // Collected points have waited long enough.
        Self { delays: [spans, Duration::ZERO, logs], metric_interval: interval.unwrap_or(METRIC_INTERVAL) }
    }
}

/// How metrics are made, by the environment.
pub(crate) fn metrics(env: &mut Env<'_>) -> MetricSettings {
    let default = MetricSettings::DEFAULT;
    let exponential = Aggregation::Exponential { max_size: Aggregation::DEFAULT_SIZE };
    let temporalities = [
        ("cumulative", Preference::Cumulative),
        ("delta", Preference::Delta),
        ("lowmemory", Preference::LowMemory),
    ];
    let histograms = [
        ("explicit_bucket_histogram", default.histograms),
        ("base2_exponential_bucket_histogram", exponential),
    ];
    let filters = [
        ("trace_based", ExemplarFilter::TraceBased),
        ("always_on", ExemplarFilter::AlwaysOn),
        ("always_off", ExemplarFilter::AlwaysOff),
    ];
    MetricSettings {
        temporality: choice(env, "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", &temporalities)
            .unwrap_or(default.temporality),
        histograms: choice(env, "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", &histograms)
            .unwrap_or(default.histograms),
        exemplars: choice(env, "OTEL_METRICS_EXEMPLAR_FILTER", &filters).unwrap_or(default.exemplars),
        ..default
    }
}

/// What a word stands for, in any case; another word is ignored.
fn choice<T: Clone>(env: &mut Env<'_>, name: &str, words: &[(&str, T)]) -> Option<T> {
    let value = env.text(name)?;
    let found = words.iter().find(|(word, _)| value.eq_ignore_ascii_case(word));
    if found.is_none() {
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        env.warn(name, &value, &format!("it has to be one of {}; it is ignored", words.join(", ")));
    }
    found.map(|(_, meaning)| meaning.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn with<R>(variables: &[(&str, &str)], f: impl FnOnce(&mut Env<'_>) -> R) -> (R, Vec<String>) {
        let map: HashMap<_, _> = variables
            .iter()
            .map(|&(name, value)| (format!("OTEL_EXPORTER_OTLP_{name}"), value.to_owned()))
            .collect();
        let get = |name: &str| map.get(name).cloned();
        let mut env = Env::new(&get);
        let result = f(&mut env);
        (result, env.warnings)
    }

    #[test]
    fn metrics_are_made_as_the_environment_says_in_any_case() {
        let metrics = |variables: &[(&str, &str)]| with(variables, metrics);
        assert_eq!(metrics(&[]), (MetricSettings::DEFAULT, Vec::new()));
        let preference = |word| metrics(&[("METRICS_TEMPORALITY_PREFERENCE", word)]).0.temporality;
        let found = ["Cumulative", "DELTA", "lowMemory"].map(preference);
        assert_eq!(found, [Preference::Cumulative, Preference::Delta, Preference::LowMemory]);
        let aggregation = |word| metrics(&[("METRICS_DEFAULT_HISTOGRAM_AGGREGATION", word)]);
        let exponential = Aggregation::Exponential { max_size: 160 };
        assert_eq!(aggregation("BASE2_exponential_bucket_histogram").0.histograms, exponential);
        assert_eq!(aggregation("explicit_bucket_histogram").0, MetricSettings::DEFAULT);
        let (settings, warnings) = aggregation("t-digest");
        assert_eq!(settings, MetricSettings::DEFAULT);
        assert!(warnings.len() == 1 && warnings[0].contains("t-digest"), "{warnings:?}");
        let filter = |name: &str| (name == "OTEL_METRICS_EXEMPLAR_FILTER").then(|| "always_off".to_owned());
        assert_eq!(super::metrics(&mut Env::new(&filter)).exemplars, ExemplarFilter::AlwaysOff);
    }
}
