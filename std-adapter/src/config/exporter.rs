//! Where each signal goes, and how: the exporter's settings, from code and from the environment.

#[cfg(feature = "file")]
use std::path::PathBuf;
use std::time::Duration;

use super::Env;
use crate::Signal;
use crate::error::ConfigError;
use crate::transport::pool::{Pool, Strategy};
use crate::transport::{BySignal, Compression, Endpoint, Nowhere, Otlp, Protocol, Transport};
#[cfg(feature = "file")]
use crate::transport::{JsonLines, file::Files};

/// What code has said of the exporter. What it left open the environment may say.
#[derive(Default)]
pub(crate) struct Exporter {
    pub(crate) endpoint: Option<String>,
    pub(crate) pool: Option<(Strategy, Vec<String>)>,
    pub(crate) endpoints: [Option<Endpoint>; 3],
    pub(crate) protocol: Option<Protocol>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) compression: Option<Compression>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) system_roots: bool,
    pub(crate) output: Option<Output>,
    pub(crate) transport: Option<Box<dyn Transport>>,
}

/// What a signal is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Endpoints.
    Otlp,
    /// OTLP JSON Lines on standard output.
    #[cfg(feature = "file")]
    Stdout,
    /// OTLP JSON Lines in files of that directory.
    #[cfg(feature = "file")]
    Files(PathBuf),
    /// Nothing.
    Nowhere,
}

/// What the settings came to.
pub(crate) struct Opened {
    pub(crate) transport: Box<dyn Transport>,
    /// The signals that go anywhere.
    pub(crate) wanted: [bool; 3],
    /// The endpoints, if there are several.
    pub(crate) pool: Option<Pool>,
}

impl Exporter {
    pub(crate) fn open(mut self, env: &mut Env<'_>) -> Result<Opened, ConfigError> {
        if let Some(transport) = self.transport.take() {
            return Ok(Opened { transport, wanted: [true; 3], pool: None });
        }
        let outputs = Signal::ALL.map(|signal| self.output.clone().unwrap_or_else(|| output(env, signal)));
        let wanted = outputs.each_ref().map(|output| *output != Output::Nowhere);
        let several = self.pool.take().or_else(|| several(env).filter(|_| self.endpoint.is_none()));
        let (otlp, pool) = match several {
            Some((strategy, bases)) => {
                let (transport, pool) = self.pool(strategy, &bases, env)?;
                (transport, Some(pool))
            }
            None => (Box::new(self.otlp(self.endpoint.as_deref(), env)?) as Box<dyn Transport>, None),
        };
        if outputs.iter().all(|output| *output == Output::Otlp) {
            return Ok(Opened { transport: otlp, wanted, pool });
        }
        let [traces, metrics, logs] = outputs.map(open);
        let transport = Box::new(BySignal::new(otlp, [traces?, metrics?, logs?]));
        Ok(Opened { transport, wanted, pool })
    }

    fn pool(
        &self,
        strategy: Strategy,
        bases: &[String],
        env: &mut Env<'_>,
    ) -> Result<(Box<dyn Transport>, Pool), ConfigError> {
        let mut transports: Vec<Box<dyn Transport>> = Vec::new();
        for base in bases {
            transports.push(Box::new(self.otlp(Some(base), env)?));
        }
        let names: Vec<_> = transports.iter().map(|otlp| otlp.destination(Signal::Traces)).collect();
        let pool = Pool::new(strategy, names);
        Ok((Box::new(pool.over(transports)), pool))
    }

    fn otlp(&self, base: Option<&str>, env: &mut Env<'_>) -> Result<Otlp, ConfigError> {
        Otlp::new(Signal::ALL.map(|signal| self.signal_endpoint(base, env, signal)))
    }

    /// A signal's endpoint. What code sets for one signal wins over what it sets for all.
    fn signal_endpoint(&self, base: Option<&str>, env: &mut Env<'_>, signal: Signal) -> Endpoint {
        if let Some(endpoint) = &self.endpoints[signal as usize] {
            return endpoint.clone();
        }
        let mut endpoint = endpoint(env, signal, base, self.protocol);
        endpoint.headers.extend(self.headers.iter().cloned());
        endpoint.compression = self.compression.unwrap_or(endpoint.compression);
        endpoint.timeout = self.timeout.unwrap_or(endpoint.timeout);
        endpoint.tls.system_roots = self.system_roots;
        endpoint
    }
}

/// What a signal is written to that does not go to an endpoint.
fn open(output: Output) -> Result<Option<Box<dyn Transport>>, ConfigError> {
    Ok(Some(match output {
        Output::Otlp => return Ok(None),
        Output::Nowhere => Box::new(Nowhere),
        #[cfg(feature = "file")]
        Output::Stdout => Box::new(JsonLines::stdout()),
        #[cfg(feature = "file")]
        Output::Files(dir) => Box::new(Files::new(&dir).map_err(|error| {
            ConfigError::new(format!("the directory {} cannot be used: {error}", dir.display()))
        })?),
    }))
}

/// Several endpoints by the environment: a strategy, and behind it base URLs.
fn several(env: &mut Env<'_>) -> Option<(Strategy, Vec<String>)> {
    const NAME: &str = "SMOLTEL_ENDPOINTS";
    let value = env.text(NAME)?;
    let mut words = value.split_whitespace().map(str::to_owned);
    let strategy = words.next().unwrap_or_default();
    let known = Strategy::NAMES.iter().find(|(name, _)| strategy.eq_ignore_ascii_case(name));
    let bases: Vec<_> = words.collect();
    match known {
        Some((_, strategy)) if !bases.is_empty() => Some((*strategy, bases)),
        _ => {
            // URLs may hold credentials.
            env.warnings.push(format!(
                "{NAME} has to be failover, round-robin or least-pending, and URLs behind it; it is ignored"
            ));
            None
        }
    }
}

/// A signal's endpoint by the environment. `base` is the base URL that code has set, `protocol` the protocol.
fn endpoint(env: &mut Env<'_>, signal: Signal, base: Option<&str>, protocol: Option<Protocol>) -> Endpoint {
    let names = Names(signal);
    let by_environment = names.first(|name| env.choice(name, Protocol::NAMES), "PROTOCOL");
    let protocol = protocol.or(by_environment).unwrap_or_default();
    let specific = env.text(&names.of("ENDPOINT")).filter(|_| base.is_none());
    let generic = env.text("OTEL_EXPORTER_OTLP_ENDPOINT");
    let insecure = names.first(|name| env.text(name).map(|_| env.boolean(name)), "INSECURE");
    let with_scheme = |url: String| match protocol.is_http() || url.contains("://") {
        true => url,
        false if insecure == Some(true) => format!("http://{url}"),
        false => format!("https://{url}"),
    };
    let mut endpoint = match specific {
        Some(url) => Endpoint { protocol, ..Endpoint::at(with_scheme(url)) },
        None => {
            let base = base.or(generic.as_deref()).unwrap_or(protocol.default_base());
            Endpoint::by(protocol, &with_scheme(base.to_owned()), signal)
        }
    };
    endpoint.headers = names.first(|name| env.list(name), "HEADERS").unwrap_or_default();
    if let Some(timeout) = names.first(|name| env.millis(name), "TIMEOUT") {
        // Zero is no limit; a day is as good as none.
        endpoint.timeout = if timeout.is_zero() { Duration::from_secs(86_400) } else { timeout };
    }
    if let Some(compression) = names.first(|name| env.choice(name, Compression::NAMES), "COMPRESSION") {
        endpoint.compression = compression;
    }
    let path = |option| names.first(|name| env.text(name), option).map(Into::into);
    endpoint.tls.certificate = path("CERTIFICATE");
    endpoint.tls.client_certificate = path("CLIENT_CERTIFICATE");
    endpoint.tls.client_key = path("CLIENT_KEY");
    endpoint
}

/// What `OTEL_TRACES_EXPORTER` and its like say.
fn output(env: &mut Env<'_>, signal: Signal) -> Output {
    let name = format!("OTEL_{}_EXPORTER", signal.name().to_ascii_uppercase());
    #[cfg(feature = "file")]
    if let Some(value) = env.text(&name)
        && let Some(dir) = value.strip_prefix("otlp/file:")
        && !dir.is_empty()
    {
        return Output::Files(dir.into());
    }
    let names = [
        ("otlp", Output::Otlp),
        ("none", Output::Nowhere),
        #[cfg(feature = "file")]
        ("otlp/stdout", Output::Stdout),
        #[cfg(feature = "file")]
        ("console", Output::Stdout),
        #[cfg(feature = "file")]
        ("otlp/file:DIRECTORY", Output::Otlp),
    ];
    env.choice(&name, &names).unwrap_or(Output::Otlp)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Tls;
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

    fn of(variables: &[(&str, &str)], signal: Signal) -> Endpoint {
        with(variables, |env| endpoint(env, signal, None, None)).0
    }

    fn url(variables: &[(&str, &str)], signal: Signal) -> String {
        of(variables, signal).url
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
        let two = |env: &mut Env<'_>| {
            [Signal::Logs, Signal::Traces].map(|signal| endpoint(env, signal, None, None))
        };
        let ([logs, traces], warnings) = with(&variables, two);
        assert_eq!(logs.headers, [("authorization".to_owned(), "Bearer x=y".to_owned())]);
        assert_eq!(traces.headers, [("a".to_owned(), "1".to_owned())]);
        assert_eq!((logs.timeout.as_secs(), traces.timeout.as_secs()), (86_400, 2));
        assert_eq!(logs.compression, Compression::None);
        #[cfg(feature = "gzip")]
        assert_eq!(traces.compression, Compression::Gzip);
        assert!(warnings.is_empty() || cfg!(not(feature = "gzip")), "{warnings:?}");
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
            let tls = of(&variables, signal).tls;
            [tls.certificate, tls.client_key, tls.client_certificate]
                .map(|path| path.unwrap().display().to_string())
        };
        assert_eq!(files(Signal::Logs), ["/all/ca.pem", "/all/key.pem", "/all/own.pem"]);
        assert_eq!(files(Signal::Metrics), ["/metrics/ca.pem", "/metrics/key.pem", "/metrics/own.pem"]);
        assert_eq!(of(&[], Signal::Logs).tls, Tls::default());
    }

    #[test]
    fn a_bad_value_is_named_and_ignored() {
        let variables =
            [("COMPRESSION", "brotli"), ("TIMEOUT", "-1"), ("PROTOCOL", "http/xml"), ("HEADERS", "secret")];
        let (logs, warnings) = with(&variables, |env| endpoint(env, Signal::Logs, None, None));
        assert_eq!((logs.timeout, logs.protocol), (Endpoint::TIMEOUT, Protocol::HttpProtobuf));
        assert_eq!(warnings.len(), 4, "{warnings:?}");
        for value in ["brotli", "-1", "http/xml"] {
            assert!(warnings.iter().any(|warning| warning.contains(value)), "{value} in {warnings:?}");
        }
        assert!(!warnings.iter().any(|warning| warning.contains("secret")), "headers are never printed");
    }

    #[cfg(feature = "json")]
    #[test]
    fn the_protocol_is_chosen_for_all_signals_or_for_one_and_code_wins() {
        let variables = [("PROTOCOL", "HTTP/JSON"), ("LOGS_PROTOCOL", "http/protobuf")];
        assert_eq!(of(&variables, Signal::Traces).protocol, Protocol::HttpJson);
        assert_eq!(of(&variables, Signal::Logs).protocol, Protocol::HttpProtobuf);
        let json = |env: &mut Env<'_>| endpoint(env, Signal::Logs, None, Some(Protocol::HttpJson));
        let logs = with(&variables, json).0;
        assert_eq!((logs.protocol, &*logs.url), (Protocol::HttpJson, "http://localhost:4318/v1/logs"));
    }

    #[cfg(feature = "grpc")]
    #[test]
    fn a_grpc_endpoint_has_its_own_port_and_no_path_and_its_scheme_wins_over_insecure() {
        let logs = |variables: &[(&str, &str)]| {
            let grpc = [&[("PROTOCOL", "grpc")], variables].concat();
            url(&grpc, Signal::Logs)
        };
        assert_eq!(logs(&[]), "http://localhost:4317");
        assert_eq!(logs(&[("ENDPOINT", "https://c:4317")]), "https://c:4317");
        assert_eq!(logs(&[("ENDPOINT", "https://c"), ("INSECURE", "true")]), "https://c");
        assert_eq!(logs(&[("ENDPOINT", "http://c"), ("INSECURE", "false")]), "http://c");
        assert_eq!(logs(&[("ENDPOINT", "c:4317")]), "https://c:4317");
        assert_eq!(logs(&[("ENDPOINT", "c:4317"), ("INSECURE", "TRUE")]), "http://c:4317");
        let own = [("ENDPOINT", "c:4317"), ("INSECURE", "true"), ("LOGS_INSECURE", "false")];
        assert_eq!(
            (logs(&own), url(&[&[("PROTOCOL", "grpc")], &own[..]].concat(), Signal::Traces)),
            ("https://c:4317".to_owned(), "http://c:4317".to_owned())
        );
        let http = [("ENDPOINT", "c:4318"), ("INSECURE", "true")];
        assert_eq!(
            url(&http, Signal::Logs),
            "c:4318/v1/logs",
            "HTTP has no such setting: building refuses it"
        );
    }

    #[test]
    fn several_endpoints_stand_behind_their_strategy() {
        let found = |value: &str| {
            let get = |name: &str| (name == "SMOLTEL_ENDPOINTS").then(|| value.to_owned());
            let mut env = Env::new(&get);
            let found = several(&mut env);
            (found, env.warnings)
        };
        let (pool, warnings) = found("Round-Robin  http://a:4318 http://b:4318");
        let urls = ["http://a:4318", "http://b:4318"].map(str::to_owned).to_vec();
        assert_eq!((pool, warnings.len()), (Some((Strategy::RoundRobin, urls)), 0));
        for bad in ["failover", "http://me:hush@a http://b", "random http://a"] {
            let (pool, warnings) = found(bad);
            assert!(pool.is_none() && warnings.len() == 1 && !warnings[0].contains("hush"), "{bad}");
        }
    }

    #[test]
    fn each_signal_has_its_exporter() {
        let outputs = |value: &str| {
            let get = |name: &str| (name == "OTEL_LOGS_EXPORTER").then(|| value.to_owned());
            let mut env = Env::new(&get);
            let outputs = [Signal::Traces, Signal::Logs].map(|signal| output(&mut env, signal));
            assert_eq!(outputs[0], Output::Otlp, "others are not touched");
            (outputs[1].clone(), env.warnings.len())
        };
        assert_eq!((outputs(""), outputs("OTLP")), ((Output::Otlp, 0), (Output::Otlp, 0)));
        assert_eq!(outputs("none"), (Output::Nowhere, 0));
        assert_eq!(outputs("prometheus"), (Output::Otlp, 1));
        #[cfg(feature = "file")]
        for (value, expected) in [
            ("console", Output::Stdout),
            ("otlp/stdout", Output::Stdout),
            ("otlp/file:/var/log/otlp", Output::Files("/var/log/otlp".into())),
        ] {
            assert_eq!(outputs(value), (expected, 0));
        }
    }
}
