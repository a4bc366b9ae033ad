//! OTLP/gRPC: a unary call is a request of HTTP/2 whose body is the message behind five bytes, so hyper is all it takes.
//!
//! hyper wants a runtime. It gets a private one that runs on the caller's thread, and only as long as a call does: to
//! callers the transport is as blocking as any other, and it makes no difference whether they are in a runtime themselves.

mod answer;
mod connect;
mod link;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::Request as Call;
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use ureq::http::Uri;

use super::endpoint::port;
use super::{Answer, Encoding, Endpoint, Outcome, Request};
use crate::Signal;
use crate::error::ConfigError;
use connect::Route;
use link::Link;

/// Calls one signal's service.
#[derive(Debug)]
pub(super) struct Grpc {
    endpoint: Endpoint,
    /// Scheme, host and port.
    base: String,
    /// What every call has.
    headers: HeaderMap,
    /// The connection, which signals share.
    link: Arc<Mutex<Link>>,
}

impl Grpc {
    /// Shares the connection of `other` if it goes to the same server in the same way.
    pub(super) fn new(endpoint: Endpoint, other: Option<&Self>) -> Result<Self, ConfigError> {
        let uri = endpoint.check()?;
        let way = |endpoint: &Endpoint| (endpoint.place(), endpoint.tls.clone(), endpoint.proxy.clone());
        let link = match other.filter(|other| way(&other.endpoint) == way(&endpoint)) {
            Some(other) => other.link.clone(),
            None => Arc::new(Mutex::new(Link::new(Route::new(&endpoint, &uri)?))),
        };
        Ok(Self { base: base(&uri), headers: headers(&endpoint)?, endpoint, link })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn send(&self, request: &Request<'_>, deadline: Instant) -> Outcome {
        let (body, encoding) = match self.endpoint.encode(request) {
            Ok(encoded) => encoded,
            Err(outcome) => return outcome,
        };
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        let timeout = self.endpoint.timeout.min(left);
        match self.call(request.signal, &body, encoding, timeout) {
            Ok(call) => {
                let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
                link.exchange(call, timeout, self.endpoint.max_response)
            }
            Err(error) => Outcome::new(Answer::BadDestination, error.to_string()),
        }
    }

    fn call(
        &self,
        signal: Signal,
        body: &[u8],
        encoding: Encoding,
        timeout: Duration,
    ) -> Result<Call<Bytes>, hyper::http::Error> {
        let mut call = Call::post(format!("{}{}", self.base, path(signal))).body(framed(body, encoding))?;
        *call.headers_mut() = self.headers.clone();
        // At most eight digits.
        let millis = timeout.as_millis().clamp(1, 99_999_999);
        call.headers_mut().insert("grpc-timeout", HeaderValue::try_from(format!("{millis}m"))?);
        if let Some(name) = encoding.name() {
            call.headers_mut().insert("grpc-encoding", HeaderValue::from_static(name));
        }
        Ok(call)
    }
}

/// The message behind its prefix. It is copied, because hyper's tasks outlive a borrow.
fn framed(body: &[u8], encoding: Encoding) -> Bytes {
    let mut frame = Vec::with_capacity(PREFIX + body.len());
    frame.push(u8::from(encoding != Encoding::Identity));
    // No request comes near to 4 GiB: its bound is far below.
    frame.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes());
    frame.extend_from_slice(body);
    frame.into()
}

/// Whether the message is compressed, and its length.
const PREFIX: usize = 5;

fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    }
}

/// The URL without user, password and path.
fn base(uri: &Uri) -> String {
    let (scheme, host) = (uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default());
    format!("{scheme}://{host}:{}", port(uri))
}

fn headers(endpoint: &Endpoint) -> Result<HeaderMap, ConfigError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &endpoint.headers {
        let unusable = || ConfigError::new(format!("the header {name:?} is not one that gRPC can send"));
        let name = HeaderName::try_from(name.to_ascii_lowercase()).map_err(|_| unusable())?;
        let mut value = HeaderValue::try_from(value).map_err(|_| unusable())?;
        // Kept out of the tables of HTTP/2's compression.
        value.set_sensitive(true);
        headers.append(name, value);
    }
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    headers.insert("te", HeaderValue::from_static("trailers"));
    headers.insert("user-agent", HeaderValue::from_static(super::USER_AGENT));
    Ok(headers)
}

/// How names become addresses; replaced by tests.
type Resolve = dyn Fn(&str, u16) -> io::Result<Vec<std::net::SocketAddr>> + Send + Sync;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_the_message_behind_five_bytes_at_the_signals_method() {
        let endpoint = Endpoint {
            protocol: super::super::Protocol::Grpc,
            headers: vec![("X-Tenant".to_owned(), "a".to_owned())],
            ..Endpoint::at("http://me:hush@collector:4317/ignored")
        };
        let grpc = Grpc::new(endpoint, None).unwrap();
        let call = grpc.call(Signal::Traces, b"\x0A\x00", Encoding::Gzip, Duration::from_secs(10)).unwrap();
        assert_eq!(
            call.uri(),
            "http://collector:4317/opentelemetry.proto.collector.trace.v1.TraceService/Export"
        );
        assert_eq!(&call.body()[..], b"\x01\x00\x00\x00\x02\x0A\x00");
        let header = |name: &str| call.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((header("te"), header("content-type")), ("trailers".into(), "application/grpc".into()));
        assert_eq!((header("grpc-timeout"), header("grpc-encoding")), ("10000m".into(), "gzip".into()));
        assert!(call.headers()["x-tenant"].is_sensitive());
        let call = grpc.call(Signal::Logs, b"", Encoding::Identity, Duration::from_secs(86_400_000)).unwrap();
        assert_eq!(call.headers()["grpc-timeout"], "99999999m");
        assert_eq!(&call.body()[..], [0; 5]);
        assert!(!call.headers().contains_key("grpc-encoding"));
    }

    #[test]
    fn a_header_that_cannot_be_sent_is_refused_without_its_value() {
        let headers = vec![("authorization".to_owned(), "hush\n".to_owned())];
        let endpoint = Endpoint { headers, ..Endpoint::at("http://collector:4317") };
        let error = Grpc::new(endpoint, None).unwrap_err().to_string();
        assert!(error.contains("authorization") && !error.contains("hush"), "{error}");
    }

    #[test]
    fn a_name_that_cannot_be_looked_up_is_looked_up_again() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = Endpoint::by(super::super::Protocol::Grpc, "http://collector.invalid", Signal::Logs);
        let grpc = Grpc::new(endpoint, None).unwrap();
        let lookups = std::sync::atomic::AtomicUsize::new(0);
        grpc.link.lock().unwrap().route.resolve = Arc::new(move |host, port| {
            assert_eq!((host, port), ("collector.invalid", 80));
            match lookups.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 => Err(io::ErrorKind::NotFound.into()),
                1 => Ok(Vec::new()),
                _ => Ok(vec![address]),
            }
        });
        let request = Request { signal: Signal::Logs, body: b"", encoding: Encoding::Identity, items: 0 };
        let send = || grpc.send(&request, Instant::now() + Duration::from_secs(20));
        for _ in 0..2 {
            let outcome = send();
            assert_eq!((outcome.answer, outcome.in_doubt), (Answer::NONE, false), "{}", outcome.message);
            assert!(outcome.message.contains("collector.invalid"), "{}", outcome.message);
        }
        std::thread::scope(|scope| {
            // It is found, and hangs up.
            scope.spawn(|| drop(listener.accept().unwrap()));
            let outcome = send();
            assert_eq!(outcome.answer, Answer::NONE, "{}", outcome.message);
        });
    }
}
