use std::time::Instant;

#[cfg(feature = "grpc")]
use super::grpc::Grpc;
use super::http::Http;
use super::{Endpoint, Outcome, Protocol, Request, Transport};
use crate::Signal;
use crate::error::ConfigError;

/// Sends requests to the endpoints of the three signals, each by its protocol.
///
/// ```no_run
/// use std::time::Instant;
/// use smoltel::Signal;
/// use smoltel::transport::{Encoding, Endpoint, Otlp, Request, Transport};
///
/// let mut otlp = Otlp::under("http://127.0.0.1:4318")?;
/// let request = Request { signal: Signal::Logs, body: b"", encoding: Encoding::Identity, items: 0 };
/// let outcome = otlp.send(&request, Instant::now() + Endpoint::TIMEOUT);
/// println!("{:?}: {}", outcome.answer, outcome.message);
/// # Ok::<(), smoltel::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct Otlp {
    clients: [Client; 3],
}

#[derive(Debug)]
enum Client {
    Http(Http),
    #[cfg(feature = "grpc")]
    Grpc(Grpc),
}

impl Otlp {
    /// A transport to the endpoints of traces, metrics and logs. Signals that go to the same server in the same way
    /// share connections.
    ///
    /// # Errors
    /// A URL, a certificate or a proxy is not usable: it is better known now than when the first spans are gone. That a
    /// server does not answer is no error: it may come later.
    pub fn new(endpoints: [Endpoint; 3]) -> Result<Self, ConfigError> {
        let [traces, metrics, logs] = endpoints;
        let traces = Client::new(traces, None)?;
        let metrics = Client::new(metrics, Some(&traces))?;
        let logs = Client::new(logs, Some(&traces))?;
        Ok(Self { clients: [traces, metrics, logs] })
    }

    /// OTLP/HTTP to all signals' default paths under one base URL.
    ///
    /// # Errors
    /// As with [`new`](Self::new).
    pub fn under(base: &str) -> Result<Self, ConfigError> {
        Self::new(Signal::ALL.map(|signal| Endpoint::under(base, signal)))
    }

    fn endpoint(&self, signal: Signal) -> &Endpoint {
        match &self.clients[signal as usize] {
            Client::Http(http) => http.endpoint(),
            #[cfg(feature = "grpc")]
            Client::Grpc(grpc) => grpc.endpoint(),
        }
    }
}

impl Client {
    fn new(endpoint: Endpoint, other: Option<&Self>) -> Result<Self, ConfigError> {
        Ok(match endpoint.protocol {
            #[cfg(feature = "grpc")]
            Protocol::Grpc => {
                let other = match other {
                    Some(Self::Grpc(other)) => Some(other),
                    _ => None,
                };
                Self::Grpc(Grpc::new(endpoint, other)?)
            }
            _ => {
                let other = match other {
                    Some(Self::Http(other)) => Some(other),
                    #[cfg(feature = "grpc")]
                    Some(Self::Grpc(_)) => None,
                    None => None,
                };
                Self::Http(Http::new(endpoint, other)?)
            }
        })
    }
}

impl Transport for Otlp {
    fn send(&mut self, request: &Request<'_>, deadline: Instant) -> Outcome {
        match &mut self.clients[request.signal as usize] {
            Client::Http(http) => http.send(request, deadline),
            #[cfg(feature = "grpc")]
            Client::Grpc(grpc) => grpc.send(request, deadline),
        }
    }

    fn destination(&self, signal: Signal) -> String {
        self.endpoint(signal).place()
    }

    fn component_type(&self, signal: Signal) -> &'static str {
        let [span, metric, log] = match self.endpoint(signal).protocol {
            Protocol::HttpProtobuf => {
                ["otlp_http_span_exporter", "otlp_http_metric_exporter", "otlp_http_log_exporter"]
            }
            #[cfg(feature = "json")]
            Protocol::HttpJson => [
                "otlp_http_json_span_exporter",
                "otlp_http_json_metric_exporter",
                "otlp_http_json_log_exporter",
            ],
            #[cfg(feature = "grpc")]
            Protocol::Grpc => {
                ["otlp_grpc_span_exporter", "otlp_grpc_metric_exporter", "otlp_grpc_log_exporter"]
            }
        };
        match signal {
            Signal::Traces => span,
            Signal::Metrics => metric,
            Signal::Logs => log,
        }
    }

    fn server(&self, signal: Signal) -> Option<(String, u16)> {
        self.endpoint(signal).server()
    }
}
