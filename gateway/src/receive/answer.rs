use std::io;

use hyper::body::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, ALLOW, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use smoltel_proto::{Invalid, JsonError, from_json, table};
use smoltel_spool::AppendError;

use super::request::Encoding;
use crate::server::{Answer, Payload};

/// Why a request is not taken: a status of HTTP, and a `google.rpc.Status` that says it to people.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// The code of gRPC that fits.
    pub(super) code: u32,
    pub(super) message: String,
    /// What is wrong with which field, for data that can never be taken.
    field: Option<String>,
    header: Option<(HeaderName, &'static str)>,
    /// The seconds after which it may be tried again.
    retry_after: Option<u32>,
}

/// The most bytes of a message, so that every answer is short.
const MAX_MESSAGE: usize = 1000;

/// Where profiles go: a signal in development, whose messages may still change, and which cannot be split or merged as bytes.
const PROFILES: &str = "/v1development/profiles";
const PROFILES_CALL: &str = "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export";

const INVALID_ARGUMENT: u32 = 3;
const RESOURCE_EXHAUSTED: u32 = 8;
const UNIMPLEMENTED: u32 = 12;
const INTERNAL: u32 = 13;
const UNAVAILABLE: u32 = 14;
const UNAUTHENTICATED: u32 = 16;

impl Refusal {
    /// A refusal with the beginning of that message: it may repeat what was sent, and that can be long.
    fn new(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        let mut message = message.into();
        let end = (0..=MAX_MESSAGE).rev().find(|&at| message.is_char_boundary(at)).unwrap_or(0);
        message.truncate(end);
        Self { status, code, message, field: None, header: None, retry_after: None }
    }

    fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some((name, value));
        self
    }

    fn bad_data(message: String, field: String) -> Self {
        Self { field: Some(field), ..Self::new(StatusCode::BAD_REQUEST, INVALID_ARGUMENT, message) }
    }

    fn later(message: impl Into<String>, seconds: u32) -> Self {
        let refusal = Self::new(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, message);
        Self { retry_after: Some(seconds), ..refusal }
    }

    pub(super) fn too_often(seconds: u32) -> Self {
        let message =
            "this sender sends more than the gateway's limits allow; send less often, in larger batches";
        Self { status: StatusCode::TOO_MANY_REQUESTS, ..Self::later(message, seconds) }
    }

    pub(super) fn unauthenticated() -> Self {
        let message =
            "the token is missing or unknown; send Authorization: Bearer and a token of the gateway's";
        Self::new(StatusCode::UNAUTHORIZED, UNAUTHENTICATED, message).with(WWW_AUTHENTICATE, "Bearer")
    }

    pub(super) fn invalid(error: &Invalid) -> Self {
        let field =
            error.field.map_or_else(|| error.message.into(), |field| format!("{}.{field}", error.message));
        Self::bad_data(format!("the body is not an OTLP request: {error}"), field)
    }

    pub(super) fn not_json(error: &JsonError) -> Self {
        Self::bad_data(format!("the body is not an OTLP/JSON request: {error}"), error.path.clone())
    }

    pub(super) fn not_gzip(error: &io::Error) -> Self {
        Self::bad_data(format!("the body is not gzip, as its head says: {error}"), String::new())
    }

    pub(super) fn broken(error: &hyper::Error) -> Self {
        Self::bad_data(format!("the body broke off: {error}"), String::new())
    }

    pub(super) fn no_such_path(path: &str) -> Self {
        let path: String = path.chars().take(100).collect();
        let message = match &*path {
            PROFILES => {
                format!("this gateway takes no profiles, which are what {path} is for; send them elsewhere")
            }
            _ => format!("there is no {path} here; post to /v1/traces, /v1/metrics or /v1/logs"),
        };
        Self::new(StatusCode::NOT_FOUND, UNIMPLEMENTED, message)
    }

    pub(super) fn not_post() -> Self {
        let message = "OTLP/HTTP requests are posted";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, UNIMPLEMENTED, message).with(ALLOW, "POST")
    }

    pub(super) fn bad_type() -> Self {
        let message = "Content-Type has to be application/x-protobuf or application/json";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID_ARGUMENT, message)
    }

    pub(super) fn bad_coding() -> Self {
        let message = "Content-Encoding has to be gzip or absent";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID_ARGUMENT, message).with(ACCEPT_ENCODING, "gzip")
    }

    pub(super) fn no_such_method(path: &str) -> Self {
        let path: String = path.chars().take(100).collect();
        let message = match &*path {
            PROFILES_CALL => "this gateway takes no profiles; send them elsewhere".into(),
            _ => format!("there is no {path} here; call Export of the services for traces, metrics or logs"),
        };
        Self::new(StatusCode::NOT_FOUND, UNIMPLEMENTED, message)
    }

    pub(super) fn no_such_coding() -> Self {
        let message = "messages have to be in protobuf, and in gzip or not compressed";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, UNIMPLEMENTED, message)
    }

    pub(super) fn bad_flag() -> Self {
        let message = "the message says that it is compressed, but not how: grpc-encoding has to be gzip";
        Self::new(StatusCode::BAD_REQUEST, INTERNAL, message)
    }

    pub(super) fn cut_short() -> Self {
        Self::bad_data("the message is shorter than its prefix says".into(), String::new())
    }

    pub(super) fn not_one_message() -> Self {
        Self::new(StatusCode::BAD_REQUEST, UNIMPLEMENTED, "a call has to have exactly one message")
    }

    pub(super) fn too_slow() -> Self {
        let message = "the body took too long to arrive";
        Self::new(StatusCode::REQUEST_TIMEOUT, UNAVAILABLE, message).with(CONNECTION, "close")
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let message =
            format!("the request is longer than {limit} bytes, after decompression; send smaller batches");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, RESOURCE_EXHAUSTED, message)
    }

    fn too_long_to_store(error: &AppendError) -> Self {
        let message = format!("{error}; send smaller batches");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, RESOURCE_EXHAUSTED, message)
    }

    pub(super) fn busy() -> Self {
        Self::later("too many bytes are in flight", 1)
    }

    pub(super) fn spool(error: &AppendError) -> Self {
        match error {
            AppendError::TooLarge { .. } => Self::too_long_to_store(error),
            AppendError::Busy => Self::later(error.to_string(), 1),
            AppendError::Full => Self::later(error.to_string(), 10),
            AppendError::ReadOnly(_) => Self::later(error.to_string(), 30),
            AppendError::Closed => Self::later("the gateway is shutting down", 5),
        }
    }

    pub(super) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    pub(super) fn answer(self, form: Encoding) -> Answer {
        let mut answer = respond(form, self.status, write(form, &self.json()));
        let headers = answer.headers_mut();
        if let Some((name, value)) = self.header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        answer
    }

    /// The `google.rpc.Status` in protobuf.
    pub(super) fn wire(&self) -> Bytes {
        write(Encoding::Protobuf, &self.json())
    }

    /// The `google.rpc.Status` in JSON.
    fn json(&self) -> Value {
        let mut status = json!({ "code": self.code, "message": self.message });
        if let Some(field) = &self.field {
            status["details"] = json!([{
                "@type": "type.googleapis.com/google.rpc.BadRequest",
                "fieldViolations": [{ "field": field, "description": self.message }],
            }]);
        }
        if let Some(seconds) = self.retry_after {
            status["details"] = json!([{
                "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s"),
            }]);
        }
        status
    }
}

/// Everything is durable: an empty `Export…ServiceResponse`.
pub(super) fn success(form: Encoding) -> Answer {
    let body: &[u8] = match form {
        Encoding::Protobuf => b"",
        Encoding::Json => b"{}",
    };
    respond(form, StatusCode::OK, Bytes::from_static(body))
}

fn respond(form: Encoding, status: StatusCode, body: Bytes) -> Answer {
    let media = match form {
        Encoding::Protobuf => "application/x-protobuf",
        Encoding::Json => "application/json",
    };
    let mut answer = Response::new(Payload::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    answer
}

fn write(form: Encoding, status: &Value) -> Bytes {
    let json = status.to_string();
    match form {
        Encoding::Json => json.into(),
        Encoding::Protobuf => {
            let mut wire = Vec::new();
            // It is a Status by how it was made; an empty body is one too.
            _ = from_json(&table::STATUS, json.as_bytes(), &mut wire);
            wire.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_said_in_both_encodings() {
        let refusal = Refusal::busy();
        let wire = refusal.wire();
        let mut json = Vec::new();
        smoltel_proto::to_json(&table::STATUS, &wire, &mut json).unwrap();
        let back: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(back, refusal.json());
    }

    #[test]
    fn a_refusal_says_the_same_in_both_encodings() {
        let refusal = Refusal::bad_data("no \"quotes\"\n".into(), "resourceSpans".into());
        let wire = write(Encoding::Protobuf, &refusal.json());
        let mut json = Vec::new();
        smoltel_proto::to_json(&table::STATUS, &wire, &mut json).unwrap();
        let back: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(back, refusal.json());
        assert_eq!(back["details"][0]["fieldViolations"][0]["field"], "resourceSpans");
    }
}
