//! OTLP/gRPC: a unary call is a request of HTTP/2 whose body is one message, behind five bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, Version};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use smoltel::Signal;

use super::answer::Refusal;
use crate::server::{Answer, Payload};

const MEDIA: &str = "application/grpc";
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");

/// What a call's head says about its message. Its `grpc-timeout` is not looked at: it is the sender who stops waiting,
/// and takes the call back; what is durable by then stays so.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) signal: Signal,
    pub(super) coding: Coding,
}

/// How a message may be compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
}

impl Coding {
    /// Whether the message is, by the byte before it.
    pub(super) fn compressed(self, flag: u8) -> Result<bool, Refusal> {
        match (flag, self) {
            (0, _) => Ok(false),
            (1, Self::Gzip) => Ok(true),
            _ => Err(Refusal::bad_flag()),
        }
    }
}

/// Whether the request is one of gRPC, and has to be answered so.
pub(super) fn is_call(parts: &Parts) -> bool {
    parts.version == Version::HTTP_2 && subtype(&parts.headers).is_some()
}

/// What stands behind gRPC's media type.
fn subtype(headers: &HeaderMap) -> Option<&str> {
    let media = headers.get(CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.trim();
    let (begin, rest) = media.split_at_checked(MEDIA.len())?;
    (begin.eq_ignore_ascii_case(MEDIA) && (rest.is_empty() || rest.starts_with('+'))).then_some(rest)
}

impl Call {
    /// Refuses what is not a call of OTLP's.
    pub(super) fn parse(parts: &Parts) -> Result<Self, Refusal> {
        let path = parts.uri.path();
        let signal = Signal::ALL.into_iter().find(|signal| method(*signal) == path);
        let signal = signal.ok_or_else(|| Refusal::no_such_method(path))?;
        if parts.method != Method::POST {
            return Err(Refusal::not_post());
        }
        if !matches!(subtype(&parts.headers), Some("" | "+proto")) {
            return Err(Refusal::no_such_coding());
        }
        let coding = match parts.headers.get(ENCODING).map(HeaderValue::as_bytes) {
            None | Some(b"identity") => Coding::Identity,
            Some(b"gzip") => Coding::Gzip,
            Some(_) => return Err(Refusal::no_such_coding()),
        };
        Ok(Self { signal, coding })
    }
}

fn method(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    }
}

/// Everything is durable: an empty response message, and a status behind it.
pub(super) fn success() -> Answer {
    let trailers = HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]);
    respond(Payload::with_trailers(Bytes::from_static(&[0; 5]), trailers))
}

/// A status and nothing before it.
pub(super) fn refuse(refusal: &Refusal) -> Answer {
    let mut answer = respond(Payload::new(Bytes::new()));
    let headers = answer.headers_mut();
    headers.insert(STATUS, refusal.code.into());
    // Both are made of what a header may hold.
    let message = HeaderValue::try_from(escape(&refusal.message));
    let details = HeaderValue::try_from(STANDARD_NO_PAD.encode(refusal.wire()));
    headers.extend(message.map(|value| (MESSAGE, value)));
    headers.extend(details.map(|value| (DETAILS, value)));
    answer
}

fn respond(payload: Payload) -> Answer {
    let mut answer = Response::new(payload);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity,gzip"));
    answer
}

/// Printable ASCII but for the percent sign, as gRPC wants it.
fn escape(message: &str) -> String {
    const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');
    utf8_percent_encode(message, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_printable() {
        assert_eq!(escape("100 %\né"), "100 %25%0A%C3%A9");
    }

    #[test]
    fn only_the_media_type_of_grpc_is_grpc() {
        let subtype_of = |media: &'static str| {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(media))]);
            subtype(&headers).map(str::to_owned)
        };
        assert_eq!(subtype_of("application/grpc").as_deref(), Some(""));
        assert_eq!(subtype_of("Application/GRPC+proto; x=y").as_deref(), Some("+proto"));
        for other in ["application/grpcs", "application/grp", "application/json", ""] {
            assert_eq!(subtype_of(other), None, "{other}");
        }
    }
}
