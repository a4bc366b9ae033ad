//! What the environment says of spans, log records, metrics and propagators.

use std::time::Duration;

use smoltel_core::sampler::{AlwaysOff, AlwaysOn, ParentBased, TraceIdRatioBased};
use smoltel_core::{Aggregation, AttributeLimits, ExemplarFilter, MetricSettings, Preference};

use super::Env;
use crate::error::ConfigError;
use crate::settings::{BatchSettings, LogSettings, Propagators, TraceSettings};

/// A configuration file replaces all variables, so going on without it would be something else than what was asked for.
pub(crate) fn refuse_config_file(env: &Env<'_>) -> Result<(), ConfigError> {
    match env.text("OTEL_CONFIG_FILE") {
        None => Ok(()),
        Some(path) => Err(ConfigError::new(format!(
            "OTEL_CONFIG_FILE={path:?}: smoltel reads no configuration files; unset it, and say the same by code or by the other OTEL_… variables (docs/CONFIGURATION.md has a table)"
        ))),
    }
}

impl TraceSettings {
    /// The defaults, and what the environment says.
    pub(crate) fn from_env(env: &mut Env<'_>) -> Self {
        let mut traces = Self::default();
        sampler(env, &mut traces);
        attributes(env, "OTEL_SPAN", &mut traces.attributes);
        for (name, limit) in [
            ("OTEL_SPAN_EVENT_COUNT_LIMIT", &mut traces.events),
            ("OTEL_SPAN_LINK_COUNT_LIMIT", &mut traces.links),
            ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", &mut traces.event_attributes),
            ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", &mut traces.link_attributes),
        ] {
            *limit = env.number(name, 0).map_or(*limit, most);
        }
        batch(env, "OTEL_BSP", &mut traces.batch);
        traces
    }
}

impl LogSettings {
    /// The defaults, and what the environment says.
    pub(crate) fn from_env(env: &mut Env<'_>) -> Self {
        let mut logs = Self::default();
        attributes(env, "OTEL_LOGRECORD", &mut logs.attributes);
        batch(env, "OTEL_BLRP", &mut logs.batch);
        logs
    }
}

fn sampler(env: &mut Env<'_>, traces: &mut TraceSettings) {
    #[derive(Clone, Copy)]
    enum Named {
        On,
        Off,
        Ratio,
        ParentsOn,
        ParentsOff,
        ParentsRatio,
    }
    let words = [
        ("always_on", Named::On),
        ("always_off", Named::Off),
        ("traceidratio", Named::Ratio),
        ("parentbased_always_on", Named::ParentsOn),
        ("parentbased_always_off", Named::ParentsOff),
        ("parentbased_traceidratio", Named::ParentsRatio),
    ];
    match env.choice("OTEL_TRACES_SAMPLER", &words) {
        None => {}
        Some(Named::On) => _ = traces.sampler(AlwaysOn),
        Some(Named::Off) => _ = traces.sampler(AlwaysOff),
        Some(Named::Ratio) => _ = traces.sampler(ratio(env)),
        Some(Named::ParentsOn) => _ = traces.sampler(ParentBased::new(AlwaysOn)),
        Some(Named::ParentsOff) => _ = traces.sampler(ParentBased::new(AlwaysOff)),
        Some(Named::ParentsRatio) => _ = traces.sampler(ParentBased::new(ratio(env))),
    }
}

/// The sampler's argument, 1 unless it is a number from 0 to 1.
fn ratio(env: &mut Env<'_>) -> TraceIdRatioBased {
    const NAME: &str = "OTEL_TRACES_SAMPLER_ARG";
    const ALL: TraceIdRatioBased = TraceIdRatioBased::new(1.0).expect("1 is a ratio");
    let Some(value) = env.text(NAME) else { return ALL };
    let ratio = value.trim().parse().ok().and_then(TraceIdRatioBased::new);
    if ratio.is_none() {
        env.warn(NAME, &value, "it has to be a number from 0 to 1; it counts as 1");
    }
    ratio.unwrap_or(ALL)
}

/// The limits of a model: its own variables, else the general ones.
fn attributes(env: &mut Env<'_>, model: &str, limits: &mut AttributeLimits) {
    let mut first = |limit: &str| {
        let own = env.number(&format!("{model}_ATTRIBUTE_{limit}_LIMIT"), 0);
        own.or_else(|| env.number(&format!("OTEL_ATTRIBUTE_{limit}_LIMIT"), 0))
    };
    limits.count = first("COUNT").map_or(limits.count, most);
    limits.value_len = first("VALUE_LENGTH").unwrap_or(limits.value_len);
}

fn batch(env: &mut Env<'_>, prefix: &str, batch: &mut BatchSettings) {
    batch.delay = env.millis(&format!("{prefix}_SCHEDULE_DELAY")).unwrap_or(batch.delay);
    batch.timeout = env.millis(&format!("{prefix}_EXPORT_TIMEOUT")).map_or(batch.timeout, timeout);
    batch.max_items = env.number(&format!("{prefix}_MAX_EXPORT_BATCH_SIZE"), 1).unwrap_or(batch.max_items);
    let queue = format!("{prefix}_MAX_QUEUE_SIZE");
    if let Some(items) = env.number(&queue, 1) {
        env.warn(
            &queue,
            &items.to_string(),
            "the queue is bounded in bytes, by code (`batch.queue_bytes`); it is ignored",
        );
    }
}

/// Zero is no limit; a day is as good as none.
fn timeout(timeout: Duration) -> Duration {
    if timeout.is_zero() { Duration::from_secs(86_400) } else { timeout }
}

fn most(limit: u32) -> u16 {
    u16::try_from(limit).unwrap_or(u16::MAX)
}

/// Which propagators the environment names: a list, in which `none` is none.
pub(crate) fn propagators(env: &mut Env<'_>) -> Propagators {
    const NAME: &str = "OTEL_PROPAGATORS";
    let Some(value) = env.text(NAME) else { return Propagators::default() };
    let mut chosen = Propagators::NONE;
    for word in value.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match word.to_ascii_lowercase().as_str() {
            "tracecontext" => chosen.trace_context = true,
            "baggage" => chosen.baggage = true,
            "b3" => chosen.b3 = true,
            "b3multi" => chosen.b3_multi = true,
            "none" => return Propagators::NONE,
            _ => env.warn(
                NAME,
                word,
                "it has to be tracecontext, baggage, b3, b3multi or none; it is left out",
            ),
        }
    }
    chosen
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
        temporality: env
            .choice("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", &temporalities)
            .unwrap_or(default.temporality),
        histograms: env
            .choice("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", &histograms)
            .unwrap_or(default.histograms),
        exemplars: env.choice("OTEL_METRICS_EXEMPLAR_FILTER", &filters).unwrap_or(default.exemplars),
        ..default
    }
}

/// How metrics leave: collected points have waited long enough.
pub(crate) fn metric_batches(env: &mut Env<'_>) -> (BatchSettings, Duration) {
    const INTERVAL: Duration = Duration::from_secs(60);
    let mut batch = BatchSettings::after(Duration::ZERO);
    batch.timeout = env.millis("OTEL_METRIC_EXPORT_TIMEOUT").map_or(batch.timeout, timeout);
    let interval = env.millis("OTEL_METRIC_EXPORT_INTERVAL").filter(|interval| !interval.is_zero());
    (batch, interval.unwrap_or(INTERVAL))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn with<R>(variables: &[(&str, &str)], f: impl FnOnce(&mut Env<'_>) -> R) -> (R, Vec<String>) {
        let map: HashMap<_, _> =
            variables.iter().map(|&(name, value)| (format!("OTEL_{name}"), value.to_owned())).collect();
        let get = |name: &str| map.get(name).cloned();
        let mut env = Env::new(&get);
        let result = f(&mut env);
        (result, env.warnings)
    }

    #[test]
    fn metrics_are_made_as_the_environment_says_in_any_case() {
        let metrics = |variables: &[(&str, &str)]| with(variables, metrics);
        assert_eq!(metrics(&[]), (MetricSettings::DEFAULT, Vec::new()));
        let preference =
            |word| metrics(&[("EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", word)]).0.temporality;
        let found = ["Cumulative", "DELTA", "lowMemory"].map(preference);
        assert_eq!(found, [Preference::Cumulative, Preference::Delta, Preference::LowMemory]);
        let aggregation = |word| metrics(&[("EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", word)]);
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
    fn samplers_have_names_and_an_argument() {
        let sampler = |variables: &[(&str, &str)]| {
            let (traces, warnings) = with(variables, TraceSettings::from_env);
            (traces.sampler.to_string(), warnings.len())
        };
        let default = ParentBased::new(AlwaysOn).to_string();
        assert_eq!(sampler(&[]), (default.clone(), 0));
        assert_eq!(sampler(&[("TRACES_SAMPLER", "Always_Off")]), (AlwaysOff.to_string(), 0));
        let ratio = [("TRACES_SAMPLER", "traceidratio"), ("TRACES_SAMPLER_ARG", "0.25")];
        assert_eq!(sampler(&ratio), (TraceIdRatioBased::new(0.25).unwrap().to_string(), 0));
        let bad = [("TRACES_SAMPLER", "parentbased_traceidratio"), ("TRACES_SAMPLER_ARG", "7")];
        let all = ParentBased::new(TraceIdRatioBased::new(1.0).unwrap()).to_string();
        assert_eq!(sampler(&bad), (all, 1));
        assert_eq!(
            sampler(&[("TRACES_SAMPLER_ARG", "7")]),
            (default.clone(), 0),
            "not used without a sampler"
        );
        assert_eq!(sampler(&[("TRACES_SAMPLER", "xray")]), (default, 1));
    }

    #[test]
    fn a_models_own_limit_wins_over_the_general_one() {
        let variables = [
            ("ATTRIBUTE_COUNT_LIMIT", "10"),
            ("SPAN_ATTRIBUTE_COUNT_LIMIT", "20"),
            ("ATTRIBUTE_VALUE_LENGTH_LIMIT", "64"),
            ("LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "-1"),
            ("SPAN_EVENT_COUNT_LIMIT", "100000"),
            ("SPAN_LINK_COUNT_LIMIT", "0"),
        ];
        let ((traces, logs), warnings) =
            with(&variables, |env| (TraceSettings::from_env(env), LogSettings::from_env(env)));
        assert_eq!((traces.attributes.count, logs.attributes.count), (20, 10));
        assert_eq!((traces.attributes.value_len, logs.attributes.value_len), (64, 64));
        assert_eq!((traces.events, traces.links, traces.event_attributes), (u16::MAX, 0, 128));
        assert!(warnings.len() == 1 && warnings[0].contains("-1"), "{warnings:?}");
    }

    #[test]
    fn batches_have_delays_timeouts_and_sizes() {
        let variables = [
            ("BSP_SCHEDULE_DELAY", "250"),
            ("BSP_EXPORT_TIMEOUT", "0"),
            ("BSP_MAX_EXPORT_BATCH_SIZE", "64"),
            ("BLRP_MAX_EXPORT_BATCH_SIZE", "0"),
            ("BLRP_MAX_QUEUE_SIZE", "100"),
        ];
        let ((traces, logs), warnings) =
            with(&variables, |env| (TraceSettings::from_env(env), LogSettings::from_env(env)));
        let (spans, logs) = (traces.batch, logs.batch);
        assert_eq!((spans.delay.as_millis(), spans.timeout.as_secs(), spans.max_items), (250, 86_400, 64));
        assert_eq!((logs.delay.as_secs(), logs.timeout.as_secs(), logs.max_items), (1, 30, u32::MAX));
        assert_eq!(warnings.len(), 2, "{warnings:?}");
    }

    #[test]
    fn metrics_have_a_period_and_a_timeout() {
        let seconds = |variables: &[(&str, &str)]| {
            let (batch, interval) = with(variables, metric_batches).0;
            (interval.as_secs(), batch.timeout.as_secs())
        };
        assert_eq!(seconds(&[]), (60, 30));
        assert_eq!(seconds(&[("METRIC_EXPORT_INTERVAL", "5000"), ("METRIC_EXPORT_TIMEOUT", "2000")]), (5, 2));
        assert_eq!(seconds(&[("METRIC_EXPORT_INTERVAL", "0")]), (60, 30), "no period is none");
    }

    #[test]
    fn propagators_are_a_list() {
        let chosen = |value: &str| {
            let (chosen, warnings) = with(&[("PROPAGATORS", value)], propagators);
            ([chosen.trace_context, chosen.baggage, chosen.b3, chosen.b3_multi], warnings.len())
        };
        assert_eq!(chosen(""), ([true, true, false, false], 0));
        assert_eq!(chosen("baggage, TraceContext,baggage"), ([true, true, false, false], 0));
        assert_eq!(chosen("tracecontext"), ([true, false, false, false], 0));
        assert_eq!(chosen("none"), ([false; 4], 0));
        assert_eq!(chosen("b3,B3Multi"), ([false, false, true, true], 0));
        assert_eq!(chosen("xray,tracecontext"), ([true, false, false, false], 1));
    }

    #[test]
    fn a_configuration_file_is_refused_and_named() {
        let (refused, _) = with(&[("CONFIG_FILE", "/etc/otel.yaml")], |env| refuse_config_file(env));
        let error = refused.unwrap_err().to_string();
        assert!(
            error.contains("OTEL_CONFIG_FILE=\"/etc/otel.yaml\"") && error.contains("unset it"),
            "{error}"
        );
        assert!(with(&[], |env| refuse_config_file(env)).0.is_ok());
    }
}
