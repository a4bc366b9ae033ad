use hyper::Method;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};
use hyper::http::request::Parts;
use smoltel::Signal;

use super::answer::Refusal;

/// How OTLP is written, in a request and in its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

/// What the head of a request says about its body.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) signal: Signal,
    pub(super) encoding: Encoding,
    pub(super) compressed: bool,
}

impl Head {
    /// Refuses what is not an OTLP request.
    pub(super) fn parse(parts: &Parts) -> Result<Self, Refusal> {
        let path = parts.uri.path();
        let signal = Signal::ALL.into_iter().find(|signal| signal.path() == path);
        let signal = signal.ok_or_else(|| Refusal::no_such_path(path))?;
        if parts.method != Method::POST {
            return Err(Refusal::not_post());
        }
        let encoding = encoding(&parts.headers).ok_or_else(Refusal::bad_type)?;
        Ok(Self { signal, encoding, compressed: compressed(&parts.headers)? })
    }
}

/// The encoding for the answer: the request's, and JSON for whoever has none of OTLP's.
pub(super) fn form(headers: &HeaderMap) -> Encoding {
    encoding(headers).unwrap_or(Encoding::Json)
}

fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let media = text(headers, CONTENT_TYPE)?.split(';').next()?.trim();
    match media {
        _ if media.eq_ignore_ascii_case("application/x-protobuf") => Some(Encoding::Protobuf),
        _ if media.eq_ignore_ascii_case("application/json") => Some(Encoding::Json),
        _ => None,
    }
}

fn compressed(headers: &HeaderMap) -> Result<bool, Refusal> {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    let coding = codings.next().map_or(Ok(""), |value| value.to_str()).unwrap_or("?").trim();
    match coding.to_ascii_lowercase().as_str() {
        _ if codings.next().is_some() => Err(Refusal::bad_coding()),
        "" | "identity" | "none" => Ok(false),
        "gzip" | "x-gzip" => Ok(true),
        _ => Err(Refusal::bad_coding()),
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
