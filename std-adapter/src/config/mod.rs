//! Settings: what code says, else what the environment says, else the default.
//!
//! The variables are those of OpenTelemetry's specification; each has its method on
//! [`Builder`](crate::Builder). For every setting of an endpoint `OTEL_EXPORTER_OTLP_TRACES_…` and its
//! like win over `OTEL_EXPORTER_OTLP_…`.

mod env;

use std::time::Duration;

pub(crate) use env::Env;
use smoltel_core::{Aggregation, ExemplarFilter, MetricSettings, Preference};

use crate::Signal;
use crate::transport::Compression;
use crate::transport::http::Endpoint;

/// The endpoint used when nothing names one.
const DEFAULT_BASE: &str = "http://localhost:4318";

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

/// A signal's endpoint by the environment. `base` is the base URL that code has set.
pub(crate) fn endpoint(env: &mut Env<'_>, signal: Signal, base: Option<&str>) -> Endpoint {
    let names = Names(signal);
    let specific = env.text(&names.of("ENDPOINT")).filter(|_| base.is_none());
    let generic = env.text("OTEL_EXPORTER_OTLP_ENDPOINT");
    let mut endpoint = match specific {
        Some(url) => Endpoint::at(url),
        None => Endpoint::under(base.or(generic.as_deref()).unwrap_or(DEFAULT_BASE), signal),
    };
    endpoint.headers = names.first(|name| env.list(name), "HEADERS").unwrap_or_default();
    if let Some(timeout) = names.first(|name| env.millis(name), "TIMEOUT") {
        // Zero is no limit; a day is as good as none.
        endpoint.timeout = if timeout.is_zero() { Duration::from_secs(86_400) } else { timeout };
    }
    if let Some(compression) = names.first(|name| compression(env, name), "COMPRESSION") {
        endpoint.compression = compression;
    }
    let path = |option| names.first(|name| env.text(name), option).map(Into::into);
    endpoint.tls.certificate = path("CERTIFICATE");
    endpoint.tls.client_certificate = path("CLIENT_CERTIFICATE");
    endpoint.tls.client_key = path("CLIENT_KEY");
    names.first(|name| protocol(env, name), "PROTOCOL");
    endpoint
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
fn choice<T: Copy>(env: &mut Env<'_>, name: &str, words: &[(&str, T)]) -> Option<T> {
    let value = env.text(name)?;
    let found = words.iter().find(|(word, _)| value.eq_ignore_ascii_case(word));
    if found.is_none() {
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        env.warn(name, &value, &format!("it has to be one of {}; it is ignored", words.join(", ")));
    }
    found.map(|(_, meaning)| *meaning)
}

/// The two names of an endpoint's settings.
struct Names(Signal);

impl Names {
    fn of(&self, option: &str) -> String {
        format!("OTEL_EXPORTER_OTLP_{}_{option}", self.0.name().to_ascii_uppercase())
    }

    /// What the signal's own variable gives, else what the one for all signals does.
    fn first<T>(&self, mut look: impl FnMut(&str) -> Option<T>, option: &str) -> Option<T> {
        look(&self.of(option)).or_else(|| look(&format!("OTEL_EXPORTER_OTLP_{option}")))
    }
}

fn compression(env: &mut Env<'_>, name: &str) -> Option<Compression> {
    let value = env.text(name)?;
    match value.to_ascii_lowercase().as_str() {
        "none" => Some(Compression::None),
        #[cfg(feature = "gzip")]
        "gzip" => Some(Compression::Gzip),
        _ => {
            env.warn(name, &value, "it has to be none, or gzip with smoltel's feature `gzip`; it is ignored");
            None
        }
    }
}

/// There is one protocol so far: the variable is only checked.
fn protocol(env: &mut Env<'_>, name: &str) -> Option<()> {
    let value = env.text(name)?;
    if !value.eq_ignore_ascii_case("http/protobuf") {
        env.warn(name, &value, "only http/protobuf is supported, which is used instead");
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::http::Tls;
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

    fn url(variables: &[(&str, &str)], signal: Signal) -> String {
        with(variables, |env| endpoint(env, signal, None).url).0
    }

    #[test]
    fn the_base_gets_paths_and_the_signals_own_url_does_not() {
        use Signal::{Logs, Metrics, Traces};
        assert_eq!(url(&[], Traces), "http://localhost:4318/v1/traces");
        assert_eq!(url(&[("ENDPOINT", "http://h:4318")], Traces), "http://h:4318/v1/traces");
        assert_eq!(url(&[("ENDPOINT", "http://h:4318/")], Traces), "http://h:4318/v1/traces");
        assert_eq!(url(&[("ENDPOINT", "http://h/my/")], Logs), "http://h/my/v1/logs");
        let own = [
            ("ENDPOINT", "http://h"),
            ("TRACES_ENDPOINT", "http://c:4318"),
            ("METRICS_ENDPOINT", "https://h/v1/metrics/"),
        ];
        assert_eq!(url(&own, Traces), "http://c:4318");
        assert_eq!(url(&own, Metrics), "https://h/v1/metrics/");
        assert_eq!(url(&own, Logs), "http://h/v1/logs");
        assert_eq!(url(&[("ENDPOINT", "")], Logs), "http://localhost:4318/v1/logs", "empty is unset");
    }

    #[test]
    fn the_signals_own_settings_win() {
        let variables = [
            ("HEADERS", "a=1"),
            ("LOGS_HEADERS", "authorization=Bearer%20x%3Dy"),
            ("TIMEOUT", "2000"),
            ("LOGS_TIMEOUT", "0"),
            ("COMPRESSION", "GZIP"),
            ("LOGS_COMPRESSION", "none"),
        ];
        let ((logs, traces), warnings) =
            with(&variables, |env| (endpoint(env, Signal::Logs, None), endpoint(env, Signal::Traces, None)));
        assert_eq!(logs.headers, [("authorization".to_owned(), "Bearer x=y".to_owned())]);
        assert_eq!(traces.headers, [("a".to_owned(), "1".to_owned())]);
        assert_eq!((logs.timeout.as_secs(), traces.timeout.as_secs()), (86_400, 2));
        assert_eq!(logs.compression, Compression::None);
        #[cfg(feature = "gzip")]
        assert_eq!(traces.compression, Compression::Gzip);
        assert!(warnings.is_empty() || cfg!(not(feature = "gzip")), "{warnings:?}");
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

    #[test]
    fn certificates_are_named_for_all_signals_or_for_one() {
        let variables = [
            ("CERTIFICATE", "/all/ca.pem"),
            ("CLIENT_KEY", "/all/key.pem"),
            ("CLIENT_CERTIFICATE", "/all/own.pem"),
            ("METRICS_CERTIFICATE", "/metrics/ca.pem"),
            ("METRICS_CLIENT_KEY", "/metrics/key.pem"),
            ("METRICS_CLIENT_CERTIFICATE", "/metrics/own.pem"),
        ];
        let files = |signal| {
            let tls = with(&variables, |env| endpoint(env, signal, None).tls).0;
            [tls.certificate, tls.client_key, tls.client_certificate]
                .map(|path| path.unwrap().display().to_string())
        };
        assert_eq!(files(Signal::Logs), ["/all/ca.pem", "/all/key.pem", "/all/own.pem"]);
        assert_eq!(files(Signal::Metrics), ["/metrics/ca.pem", "/metrics/key.pem", "/metrics/own.pem"]);
        assert_eq!(with(&[], |env| endpoint(env, Signal::Logs, None).tls).0, Tls::default());
    }

    #[test]
    fn a_bad_value_is_named_and_ignored() {
        let variables =
            [("COMPRESSION", "brotli"), ("TIMEOUT", "-1"), ("PROTOCOL", "grpc"), ("HEADERS", "secret")];
        let (logs, warnings) = with(&variables, |env| endpoint(env, Signal::Logs, None));
        assert_eq!(logs.timeout, Endpoint::TIMEOUT);
        assert_eq!(warnings.len(), 4, "{warnings:?}");
        for value in ["brotli", "-1", "grpc"] {
            assert!(warnings.iter().any(|warning| warning.contains(value)), "{value} in {warnings:?}");
        }
        assert!(!warnings.iter().any(|warning| warning.contains("secret")), "headers are never printed");
    }
}
