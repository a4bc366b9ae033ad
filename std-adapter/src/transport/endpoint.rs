use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use ureq::http::Uri;

use super::{Answer, Compression, Encoding, Outcome, Protocol, Proxy, Request, Tls};
use crate::Signal;
use crate::error::ConfigError;

/// How to reach an endpoint for one signal.
///
/// ```
/// use smoltel::{Signal, transport::{Endpoint, Protocol}};
/// let endpoint = Endpoint::under("http://collector:4318/ingest/", Signal::Logs);
/// assert_eq!(endpoint.url, "http://collector:4318/ingest/v1/logs");
/// assert_eq!(endpoint.protocol, Protocol::HttpProtobuf);
/// ```
#[derive(Clone, PartialEq)]
pub struct Endpoint {
    /// How to speak to it.
    pub protocol: Protocol,
    /// Where to send: for HTTP with the whole path; gRPC knows its own paths, and takes none.
    pub url: String,
    /// Sent with every request; may hold credentials and is never printed.
    pub headers: Vec<(String, String)>,
    /// Whether bodies are compressed.
    pub compression: Compression,
    /// The most that one attempt may take.
    pub timeout: Duration,
    /// The largest request that is sent, in bytes before compression; a larger one is refused.
    pub max_request: usize,
    /// The largest response that is read, in bytes. Of a larger one over HTTP only the status counts; over gRPC, where
    /// the status comes last, it is a refusal.
    pub max_response: u64,
    /// Whom to trust and who to be, over TLS.
    pub tls: Tls,
    /// Through which proxy.
    pub proxy: Proxy,
}

impl Endpoint {
    /// The default timeout of an export.
    pub const TIMEOUT: Duration = Duration::from_secs(10);
    /// The default bound of a request: 64 MiB.
    pub const MAX_REQUEST: usize = 64 << 20;
    /// The default bound of a response: 4 MiB.
    pub const MAX_RESPONSE: u64 = 4 << 20;

    /// OTLP/HTTP under a base URL: `/v1/traces` and so on behind its path.
    pub fn under(base: &str, signal: Signal) -> Self {
        Self::at(format!("{}{}", base.trim_end_matches('/'), signal.path()))
    }

    /// OTLP/HTTP at exactly that URL.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            protocol: Protocol::HttpProtobuf,
            url: url.into(),
            headers: Vec::new(),
            compression: Compression::None,
            timeout: Self::TIMEOUT,
            max_request: Self::MAX_REQUEST,
            max_response: Self::MAX_RESPONSE,
            tls: Tls::default(),
            proxy: Proxy::default(),
        }
    }

    /// An endpoint of any protocol by its base URL.
    ///
    /// ```
    /// use smoltel::{Signal, transport::{Endpoint, Protocol}};
    /// let endpoint = Endpoint::by(Protocol::HttpProtobuf, "http://collector:4318", Signal::Traces);
    /// assert_eq!(endpoint.url, "http://collector:4318/v1/traces");
    /// ```
    pub fn by(protocol: Protocol, base: &str, signal: Signal) -> Self {
        let endpoint = if protocol.is_http() { Self::under(base, signal) } else { Self::at(base) };
        Self { protocol, ..endpoint }
    }

    /// The URL's parts, if it can be used.
    pub(super) fn check(&self) -> Result<Uri, ConfigError> {
        let url = &self.url;
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
        Ok(uri)
    }

    /// Scheme, host and port, without anything that may be secret.
    pub(super) fn place(&self) -> String {
        let Ok(uri) = self.url.parse::<Uri>() else { return String::new() };
        let (scheme, host) = (uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default());
        match uri.port_u16() {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        }
    }

    /// The host and the port that are connected to.
    pub(super) fn server(&self) -> Option<(String, u16)> {
        let uri: Uri = self.url.parse().ok()?;
        Some((uri.host()?.to_owned(), port(&uri)))
    }

    /// A request's body as this endpoint wants it, or why it cannot be sent.
    pub(super) fn encode<'a>(&self, request: &Request<'a>) -> Result<(Cow<'a, [u8]>, Encoding), Outcome> {
        let body = match self.protocol {
            #[cfg(feature = "json")]
            Protocol::HttpJson => Cow::Owned(super::json::request(request)?),
            _ => Cow::Borrowed(request.body),
        };
        if request.encoding == Encoding::Identity && body.len() > self.max_request {
            let why = format!("the request is larger than {} bytes, which is the limit", self.max_request);
            return Err(Outcome { too_large: true, ..Outcome::new(Answer::BadData, why) });
        }
        let compressed = self.compression.apply(body, request.encoding);
        compressed.map_err(|error| Outcome::new(Answer::BadData, error.to_string()))
    }
}

/// A URL's port, or its scheme's.
pub(super) fn port(uri: &Uri) -> u16 {
    uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 })
}

/// Names and values of headers may be secrets: only their number shows.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("protocol", &self.protocol)
            .field("place", &self.place())
            .field("headers", &self.headers.len())
            .field("compression", &self.compression)
            .field("timeout", &self.timeout)
            .field("max_request", &self.max_request)
            .field("max_response", &self.max_response)
            .field("tls", &self.tls)
            .field("proxy", &self.proxy)
            .finish()
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
    fn nothing_secret_is_printed() {
        let headers = vec![("authorization".to_owned(), "hush".to_owned())];
        let proxy = Proxy::Url("http://me:hush@proxy".to_owned());
        let endpoint = Endpoint { headers, proxy, ..Endpoint::at("https://me:hush@host/v1/logs?key=hush") };
        let shown = format!("{endpoint:?} {}", endpoint.place());
        assert!(!shown.contains("hush") && shown.contains("https://host"), "{shown}");
    }
}
