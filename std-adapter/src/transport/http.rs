//! OTLP/HTTP by ureq: blocking, connections reused.

use std::time::{Duration, Instant, SystemTime};

use smoltel_core::otlp::collector::Response as Export;
use smoltel_core::wire::{Payload, Reader};
use ureq::http::Response;
use ureq::http::header::HeaderMap;
use ureq::{Agent, Body};

use super::{Answer, Endpoint, Outcome, Protocol, Request, Status};
use crate::Signal;
use crate::error::ConfigError;

/// Posts one signal's requests.
#[derive(Debug)]
pub(super) struct Http {
    agent: Agent,
    endpoint: Endpoint,
}

impl Http {
    /// Shares the connections of `other` if it is reached in the same way.
    pub(super) fn new(endpoint: Endpoint, other: Option<&Self>) -> Result<Self, ConfigError> {
        let uri = endpoint.check()?;
        let same = |other: &&Self| {
            let server =
                |endpoint: &Endpoint| (endpoint.tls.clone(), endpoint.proxy.clone(), endpoint.place());
            server(&other.endpoint) == server(&endpoint)
        };
        let agent = match other.filter(same) {
            Some(other) => other.agent.clone(),
            None => agent(&endpoint, &uri)?,
        };
        Ok(Self { agent, endpoint })
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
        let mut post =
            self.agent.post(&self.endpoint.url).header("content-type", content_type(self.endpoint.protocol));
        if let Some(name) = encoding.name() {
            post = post.header("content-encoding", name);
        }
        for (name, value) in &self.endpoint.headers {
            post = post.header(name, value);
        }
        let timeout = self.endpoint.timeout.min(left);
        match post.config().timeout_global(Some(timeout)).build().send(&body[..]) {
            Ok(response) => self.read(response, request.signal),
            Err(error) => failed(&error),
        }
    }

    /// What a response means; its body is read within bounds.
    fn read(&self, mut response: Response<Body>, signal: Signal) -> Outcome {
        let status = response.status();
        let answer = Answer::from_http(status.as_u16(), retry_after(response.headers()));
        let body = response.body_mut().with_config().limit(self.endpoint.max_response).read_to_vec();
        let outcome = match (answer, body) {
            (Answer::Accepted { .. }, Ok(body)) => self.accepted(&body, signal),
            // Accepted, but the connection broke in the body: sending again would double what was taken.
            (Answer::Accepted { .. }, Err(error)) => Outcome::new(answer, error.to_string()),
            (_, body) => {
                Outcome::new(answer, format!("{status}: {}", self.message(&body.unwrap_or_default())))
            }
        };
        let too_large = status == ureq::http::StatusCode::PAYLOAD_TOO_LARGE;
        Outcome { status: Some(Status::Http(status.as_u16())), too_large, ..outcome }
    }

    fn accepted(&self, body: &[u8], signal: Signal) -> Outcome {
        #[cfg(feature = "json")]
        let decoded = match self.endpoint.protocol {
            Protocol::HttpJson => super::json::response(signal, body),
            _ => None,
        };
        #[cfg(feature = "json")]
        let body = decoded.as_deref().unwrap_or(body);
        #[cfg(not(feature = "json"))]
        let _ = signal;
        match Export::decode(body) {
            Ok(export) => Outcome::new(Answer::Accepted { rejected: export.rejected }, export.message),
            // Not OTLP, but a success: what was sent has been taken.
            Err(_) => Outcome::new(Answer::Accepted { rejected: 0 }, "the answer is not OTLP"),
        }
    }

    /// The message of an error's `google.rpc.Status`, or the beginning of what the body says in text.
    fn message(&self, body: &[u8]) -> String {
        #[cfg(feature = "json")]
        if self.endpoint.protocol == Protocol::HttpJson
            && let Some(status) = super::json::status(body)
        {
            return status_message(&status);
        }
        status_message(body)
    }
}

fn content_type(protocol: Protocol) -> &'static str {
    match protocol {
        #[cfg(feature = "json")]
        Protocol::HttpJson => "application/json",
        _ => "application/x-protobuf",
    }
}

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
        Error::ConnectionFailed | Error::HostNotFound | Error::ConnectProxyFailed(_) | Error::Tls(_) => {
            (Answer::NONE, false)
        }
        Error::Timeout(Timeout::Connect | Timeout::Resolve) => (Answer::NONE, false),
        Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => (Answer::NONE, false),
        #[cfg(feature = "rustls")]
        Error::Io(error) if is_distrust(error) => (Answer::NONE, false),
        _ => (Answer::NONE, true),
    };
    Outcome { in_doubt, ..Outcome::new(answer, error.to_string()) }
}

/// Whether we did not like the server's certificate, and so have told it nothing.
#[cfg(feature = "rustls")]
fn is_distrust(error: &std::io::Error) -> bool {
    let tls = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    matches!(tls, Some(rustls::Error::InvalidCertificate(_)))
}

fn agent(endpoint: &Endpoint, uri: &ureq::http::Uri) -> Result<Agent, ConfigError> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(super::USER_AGENT)
        .proxy(endpoint.proxy.on_the_way_to(uri)?)
        .accept_encoding("");
    #[cfg(feature = "rustls")]
    let config = config.tls_config(super::tls::Loaded::new(&endpoint.tls)?.for_http());
    #[cfg(not(feature = "rustls"))]
    endpoint.tls.check()?;
    Ok(config.build().new_agent())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{SocketAddr, TcpListener};
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use ureq::http::Uri;
    use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
    use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

    use super::*;
    use crate::transport::Transport;

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

    /// Knows no name the first times, and then an address.
    #[derive(Debug)]
    struct Flaky(AtomicUsize, SocketAddr);

    impl Resolver for Flaky {
        fn resolve(
            &self,
            _: &Uri,
            _: &ureq::config::Config,
            _: NextTimeout,
        ) -> Result<ResolvedSocketAddrs, ureq::Error> {
            if self.0.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
                return Err(ureq::Error::HostNotFound);
            }
            let mut found = self.empty();
            found.push(self.1);
            Ok(found)
        }
    }

    struct Alone(Http);

    impl Transport for Alone {
        fn send(&mut self, request: &Request<'_>, deadline: Instant) -> Outcome {
            self.0.send(request, deadline)
        }

        fn destination(&self, _: Signal) -> String {
            self.0.endpoint.place()
        }
    }

    /// Answers one request after another on one connection after another.
    fn accept_everything(listener: &TcpListener) {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let mut line = String::new();
            let mut len = 0;
            while reader.read_line(&mut line).is_ok_and(|n| n > 0) {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    len = value.trim().parse().unwrap();
                }
                if line == "\r\n" {
                    reader.read_exact(&mut vec![0; len]).unwrap();
                    reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                }
                line.clear();
            }
        }
    }

    #[test]
    fn names_that_cannot_be_looked_up_for_a_while_cost_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let resolver = Flaky(AtomicUsize::new(2), listener.local_addr().unwrap());
        std::thread::spawn(move || accept_everything(&listener));
        let mut http = Http::new(Endpoint::under("http://collector.invalid", Signal::Logs), None).unwrap();
        let config = http.agent.config().clone();
        http.agent = Agent::with_parts(config, DefaultConnector::new(), resolver);
        let builder = crate::Telemetry::builder("dns").on_message(|_| {});
        let telemetry = builder.transport(Alone(http)).build().unwrap();
        (0..10).for_each(|_| telemetry.logger("l").info("hello"));
        let report = telemetry.shutdown(Duration::from_secs(20));
        assert_eq!((report.exported, report.in_doubt, report.dropped()), (10, 0, 0), "{report}");
    }
}
