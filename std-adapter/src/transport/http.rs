//! OTLP/HTTP with binary bodies, by ureq: blocking, connections reused.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use smoltel_core::otlp::collector::Response as Export;
use smoltel_core::wire::{Payload, Reader};
use ureq::http::header::HeaderMap;
use ureq::http::{Response, Uri};
use ureq::{Agent, Body};

use super::{Answer, Compression, Encoding, Outcome, Request, Transport};
use crate::Signal;
use crate::error::ConfigError;

/// How to reach an endpoint for one signal.
#[derive(Clone, PartialEq)]
pub struct Endpoint {
    /// Where to post, with the whole path.
    pub url: String,
    /// Sent with every request; may hold credentials and is never printed.
    pub headers: Vec<(String, String)>,
    /// Whether bodies are compressed.
    pub compression: Compression,
    /// The most that one attempt may take.
    pub timeout: Duration,
    /// The largest request that is sent, in bytes before compression; a larger one is dropped.
    pub max_request: usize,
    /// The largest response that is read, in bytes; of a larger one only the status counts.
    pub max_response: u64,
    /// Whom to trust and who to be, over TLS.
    pub tls: Tls,
}

/// TLS settings: files in PEM.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tls {
    /// Certificates to trust instead of Mozilla's.
    pub certificate: Option<PathBuf>,
    /// The own certificate chain, with `client_key`, for mutual TLS.
    pub client_certificate: Option<PathBuf>,
    /// The own private key.
    pub client_key: Option<PathBuf>,
}

impl Endpoint {
    /// The default timeout of an export.
    pub const TIMEOUT: Duration = Duration::from_secs(10);
    /// The default bound of a request: 64 MiB.
    pub const MAX_REQUEST: usize = 64 << 20;
    /// The default bound of a response: 4 MiB.
    pub const MAX_RESPONSE: u64 = 4 << 20;

    /// The endpoint of a signal under a base URL: `/v1/traces` and so on behind its path.
    ///
    /// ```
    /// use smoltel::{Signal, transport::http::Endpoint};
    /// let endpoint = Endpoint::under("http://collector:4318/ingest/", Signal::Logs);
    /// assert_eq!(endpoint.url, "http://collector:4318/ingest/v1/logs");
    /// ```
    pub fn under(base: &str, signal: Signal) -> Self {
        Self::at(format!("{}{}", base.trim_end_matches('/'), signal.path()))
    }

    /// The endpoint at exactly that URL.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            headers: Vec::new(),
            compression: Compression::None,
            timeout: Self::TIMEOUT,
            max_request: Self::MAX_REQUEST,
            max_response: Self::MAX_RESPONSE,
            tls: Tls::default(),
        }
    }
}

/// Names and values of headers may be secrets: only their number shows.
impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.url)
            .field("headers", &self.headers.len())
            .field("compression", &self.compression)
            .field("timeout", &self.timeout)
            .field("max_request", &self.max_request)
            .field("max_response", &self.max_response)
            .field("tls", &self.tls)
            .finish()
    }
}

/// Posts requests to the endpoints of the three signals.
#[derive(Debug)]
pub struct Http {
    targets: [Target; 3],
}

#[derive(Debug)]
struct Target {
    agent: Agent,
    endpoint: Endpoint,
}

impl Http {
    /// A transport to the endpoints of traces, metrics and logs. Endpoints with the same TLS settings
    /// share their connections. Fails when a URL or a certificate is not usable: it is better known
    /// now than when the first spans are gone.
    pub fn new(endpoints: [Endpoint; 3]) -> Result<Self, ConfigError> {
        let [traces, metrics, logs] = endpoints;
        let traces = Target::new(traces, None)?;
        let metrics = Target::new(metrics, Some(&traces))?;
        let logs = Target::new(logs, Some(&traces))?;
        Ok(Self { targets: [traces, metrics, logs] })
    }

    /// A transport to all signals' default paths under one base URL.
    pub fn under(base: &str) -> Result<Self, ConfigError> {
        Self::new(Signal::ALL.map(|signal| Endpoint::under(base, signal)))
    }
}

impl Transport for Http {
    fn send(&mut self, request: &Request<'_>, deadline: Instant) -> Outcome {
        self.targets[request.signal as usize].send(request, deadline)
    }

    fn destination(&self) -> String {
        let url = &self.targets[0].endpoint.url;
        match url
            .parse::<Uri>()
            .ok()
            .and_then(|uri| Some((uri.scheme_str()?.to_owned(), uri.host()?.to_owned(), uri.port_u16())))
        {
            Some((scheme, host, Some(port))) => format!("{scheme}://{host}:{port}"),
            Some((scheme, host, None)) => format!("{scheme}://{host}"),
            None => String::new(),
        }
    }

    fn component_type(&self, signal: Signal) -> &'static str {
        match signal {
            Signal::Traces => "otlp_http_span_exporter",
            Signal::Metrics => "otlp_http_metric_exporter",
            Signal::Logs => "otlp_http_log_exporter",
        }
    }

    fn server(&self, signal: Signal) -> Option<(String, u16)> {
        let uri: Uri = self.targets[signal as usize].endpoint.url.parse().ok()?;
        let port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        Some((uri.host()?.to_owned(), uri.port_u16().unwrap_or(port)))
    }
}

impl Target {
    fn new(endpoint: Endpoint, shared: Option<&Self>) -> Result<Self, ConfigError> {
        check_url(&endpoint.url)?;
        let agent = match shared.filter(|other| other.endpoint.tls == endpoint.tls) {
            Some(other) => other.agent.clone(),
            None => agent(&endpoint.tls)?,
        };
        Ok(Self { agent, endpoint })
    }

    fn send(&self, request: &Request<'_>, deadline: Instant) -> Outcome {
        if request.encoding == Encoding::Identity && request.body.len() > self.endpoint.max_request {
            let why =
                format!("the request is larger than {} bytes, which is the limit", self.endpoint.max_request);
            return Outcome::new(Answer::BadData, why);
        }
        let (body, encoding) = match self.endpoint.compression.apply(request.body, request.encoding) {
            Ok(compressed) => compressed,
            Err(error) => return Outcome::new(Answer::BadData, error.to_string()),
        };
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let mut post = self.agent.post(&self.endpoint.url).header("content-type", "application/x-protobuf");
        if encoding == Encoding::Gzip {
            post = post.header("content-encoding", "gzip");
        }
        for (name, value) in &self.endpoint.headers {
            post = post.header(name, value);
        }
        let timeout = self.endpoint.timeout.min(left);
        match post.config().timeout_global(Some(timeout)).build().send(&body[..]) {
            Ok(response) => read(response, self.endpoint.max_response),
            Err(error) => failed(&error),
        }
    }
}

/// What a response means; its body is read within bounds.
fn read(mut response: Response<Body>, max_len: u64) -> Outcome {
    let status = response.status();
    let answer = Answer::from_http(status.as_u16(), retry_after(response.headers()));
    let body = response.body_mut().with_config().limit(max_len).read_to_vec();
    let outcome = match (answer, body) {
        (Answer::Accepted { .. }, Ok(body)) => match Export::decode(&body) {
            Ok(export) => Outcome::new(Answer::Accepted { rejected: export.rejected }, export.message),
            // Not OTLP, but a success: what was sent has been taken.
            Err(_) => Outcome::new(answer, "the answer is not OTLP"),
        },
        // Accepted, but the connection broke in the body: sending again would double what was taken.
        (Answer::Accepted { .. }, Err(error)) => Outcome::new(answer, error.to_string()),
        (_, body) => Outcome::new(answer, format!("{status}: {}", status_message(&body.unwrap_or_default()))),
    };
    Outcome { status: Some(status.as_u16()), ..outcome }
}

/// The message of a `google.rpc.Status`, or the beginning of what the body says in text.
fn status_message(body: &[u8]) -> String {
    const MESSAGE: u32 = 2;
    let mut fields = Reader::new(body).map_while(Result::ok);
    let message = fields.find_map(|field| match field {
        (MESSAGE, Payload::Len(text)) => std::str::from_utf8(text).ok(),
        _ => None,
    });
    message.map_or_else(|| String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned(), str::to_owned)
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get("retry-after")?.to_str().ok()?.trim();
    let delay = match value.parse::<u32>() {
        Ok(seconds) => Duration::from_secs(seconds.into()),
        Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::now()).ok()?,
    };
    u64::try_from(delay.as_nanos()).ok()
}

/// No response: what can be cured by waiting is retried.
fn failed(error: &ureq::Error) -> Outcome {
    use std::io::ErrorKind;
    use ureq::{Error, Timeout};
    let (answer, in_doubt) = match error {
        Error::BadUri(_) | Error::Http(_) | Error::TooManyRedirects => (Answer::BadDestination, false),
        Error::ConnectionFailed | Error::HostNotFound => (Answer::NONE, false),
        Error::Timeout(Timeout::Connect | Timeout::Resolve) => (Answer::NONE, false),
        Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => (Answer::NONE, false),
        _ => (Answer::NONE, true),
    };
    Outcome { in_doubt, ..Outcome::new(answer, error.to_string()) }
}

fn check_url(url: &str) -> Result<(), ConfigError> {
    let uri: Uri = url.parse().map_err(|_| ConfigError::url(url, "it is not a URL"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") if cfg!(feature = "rustls") => {}
        Some("https") => return Err(ConfigError::url(url, "https needs smoltel's feature `rustls`")),
        _ => return Err(ConfigError::url(url, "it has to begin with http:// or https://")),
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(ConfigError::url(url, "it has no host"));
    }
    Ok(())
}

fn agent(tls: &Tls) -> Result<Agent, ConfigError> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(concat!("OTel-OTLP-Exporter-Rust/", env!("CARGO_PKG_VERSION"), " smoltel"))
        .accept_encoding("");
    #[cfg(feature = "rustls")]
    let config = config.tls_config(tls::config(tls)?);
    #[cfg(not(feature = "rustls"))]
    if *tls != Tls::default() {
        return Err(ConfigError::tls("certificates need smoltel's feature `rustls`"));
    }
    Ok(config.build().new_agent())
}

#[cfg(feature = "rustls")]
mod tls {
    use std::path::Path;

    use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

    use super::Tls;
    use crate::error::ConfigError;

    pub(super) fn config(tls: &Tls) -> Result<TlsConfig, ConfigError> {
        let mut config = TlsConfig::builder();
        if let Some(path) = &tls.certificate {
            config = config.root_certs(RootCerts::from(certificates(path)?));
        }
        if let (Some(chain), Some(key)) = (&tls.client_certificate, &tls.client_key) {
            let pem = read(key)?;
            let key = PrivateKey::from_pem(&pem).map_err(|error| unusable(key, &error))?;
            config = config.client_cert(Some(ClientCert::new_with_certs(&certificates(chain)?, key)));
        } else if tls.client_certificate.is_some() || tls.client_key.is_some() {
            return Err(ConfigError::tls("a client certificate and its key go together"));
        }
        Ok(config.build())
    }

    fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, ConfigError> {
        let pem = read(path)?;
        let found: Vec<_> = parse_pem(&pem)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
                Ok(_) => None,
                Err(error) => Some(Err(unusable(path, &error))),
            })
            .collect::<Result<_, _>>()?;
        if found.is_empty() {
            return Err(unusable(path, &"there is no certificate in it"));
        }
        Ok(found)
    }

    fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
        std::fs::read(path).map_err(|error| unusable(path, &error))
    }

    fn unusable(path: &Path, why: &dyn std::fmt::Display) -> ConfigError {
        ConfigError::tls(format!("{}: {why}; it has to be a PEM file", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_and_timeout_have_the_defaults_of_the_specification() {
        let endpoint = Endpoint::at("http://localhost:4318/v1/logs");
        assert_eq!((endpoint.max_request, endpoint.max_response), (67_108_864, 4_194_304));
        assert_eq!(endpoint.timeout, Duration::from_secs(10));
    }

    #[test]
    fn a_wish_to_wait_is_a_number_or_a_date() {
        let wish = |value: &str| {
            let headers = HeaderMap::from_iter([(ureq::http::header::RETRY_AFTER, value.parse().unwrap())]);
            retry_after(&headers).map(Duration::from_nanos)
        };
        assert_eq!((wish("0"), wish(" 120 ")), (Some(Duration::ZERO), Some(Duration::from_secs(120))));
        let (hour, now) = (Duration::from_secs(3600), SystemTime::now());
        let later = wish(&httpdate::fmt_http_date(now + hour)).unwrap();
        assert!((hour - Duration::from_secs(60)..=hour).contains(&later), "{later:?}");
        assert_eq!(wish(&httpdate::fmt_http_date(now - hour)), None, "it is over");
        assert_eq!((wish("soon"), wish("-1"), retry_after(&HeaderMap::new())), (None, None, None));
    }
}
