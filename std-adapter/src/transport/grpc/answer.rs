//! What a call came to: the answer's message, and the status that comes behind it.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hyper::header::HeaderMap;
use smoltel_core::otlp::collector::Response as Export;
use smoltel_core::wire::{Payload, Reader};

use super::PREFIX;
use crate::config::percent_decoded;
use crate::transport::{Answer, Outcome, Status};

/// What the call came to, by its HTTP status, its headers or trailers, and its message.
pub(super) fn outcome(http: u16, headers: &HeaderMap, message: &[u8]) -> Outcome {
    let code = headers.get("grpc-status").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let code = code.unwrap_or_else(|| of_http(http));
    let delay = headers.get("grpc-status-details-bin").and_then(|value| retry_delay(value.as_bytes()));
    let answer = Answer::from_grpc(code, delay);
    let outcome = match answer {
        Answer::Accepted { .. } => accepted(message),
        _ => {
            let text = headers.get("grpc-message").and_then(|value| value.to_str().ok()).unwrap_or_default();
            let text = percent_decoded(text).unwrap_or_else(|| text.to_owned());
            let text = if text.is_empty() && http != 200 { format!("HTTP status {http}") } else { text };
            Outcome::new(answer, format!("{}: {text}", name(code)))
        }
    };
    let too_large = code == RESOURCE_EXHAUSTED && answer == Answer::BadData;
    Outcome { status: Some(Status::Grpc(code)), too_large, ..outcome }
}

fn accepted(message: &[u8]) -> Outcome {
    const COMPRESSED: u8 = 1;
    let full = Answer::Accepted { rejected: 0 };
    let decoded = match message {
        [] => Ok(Export::default()),
        // Nobody has asked for that.
        [COMPRESSED, ..] => return Outcome::new(full, "the answer is compressed"),
        _ => Export::decode(message.get(PREFIX..).unwrap_or_default()),
    };
    match decoded {
        Ok(export) => Outcome::new(Answer::Accepted { rejected: export.rejected }, export.message),
        // Not OTLP, but a success: what was sent has been taken.
        Err(_) => Outcome::new(full, "the answer is not OTLP"),
    }
}

const UNKNOWN: u16 = 2;
const RESOURCE_EXHAUSTED: u16 = 8;

/// gRPC's code for an answer that has none, from something between us and the service.
fn of_http(status: u16) -> u16 {
    const UNIMPLEMENTED: u16 = 12;
    const INTERNAL: u16 = 13;
    match status {
        400 => INTERNAL,
        401 => 16,
        403 => 7,
        404 => UNIMPLEMENTED,
        429 | 502 | 503 | 504 => 14,
        _ => UNKNOWN,
    }
}

fn name(code: u16) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    NAMES.get(usize::from(code)).copied().unwrap_or("a code that gRPC does not have")
}

/// The delay in nanoseconds that a `google.rpc.RetryInfo` asks for, out of a `google.rpc.Status` in base64.
fn retry_delay(details: &[u8]) -> Option<u64> {
    const DETAILS: u32 = 3;
    const INDIFFERENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let status = INDIFFERENT.decode(details).ok()?;
    messages(&status, DETAILS).find_map(retry_info)
}

/// The delay of a `google.protobuf.Any` that is a `RetryInfo`.
fn retry_info(any: &[u8]) -> Option<u64> {
    const TYPE_URL: u32 = 1;
    const VALUE: u32 = 2;
    const RETRY_DELAY: u32 = 1;
    messages(any, TYPE_URL).find(|url| url.ends_with(b"/google.rpc.RetryInfo"))?;
    let duration = messages(any, VALUE).find_map(|info| messages(info, RETRY_DELAY).next());
    let mut delay: u64 = 0;
    for field in Reader::new(duration.unwrap_or_default()).map_while(Result::ok) {
        delay = match field {
            (1, Payload::Varint(seconds)) if i64::try_from(seconds).is_ok() => {
                delay.saturating_add(seconds.saturating_mul(1_000_000_000))
            }
            (2, Payload::Varint(nanos)) if nanos < 1_000_000_000 => delay.saturating_add(nanos),
            _ => delay,
        };
    }
    Some(delay)
}

fn messages(message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    Reader::new(message).map_while(Result::ok).filter_map(move |field| match field {
        (found, Payload::Len(bytes)) if found == number => Some(bytes),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[(&'static str, &str)]) -> Outcome {
        let headers = fields.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        outcome(200, &HeaderMap::from_iter(headers), b"")
    }

    /// A status with a `RetryInfo` of 5.25 s, as a gRPC server writes it.
    fn details(padded: bool) -> String {
        let info = b"\x0A\x07\x08\x05\x10\x80\xe5\x9aw";
        let url = b"type.googleapis.com/google.rpc.RetryInfo";
        let any = [&[0x0A, url.len() as u8][..], url, &[0x12, info.len() as u8], info].concat();
        let status = [&b"\x08\x08\x12\x04busy\x1A"[..], &[any.len() as u8], &any].concat();
        let text = base64::engine::general_purpose::STANDARD.encode(status);
        if padded { text } else { text.trim_end_matches('=').to_owned() }
    }

    #[test]
    fn an_exhausted_resource_is_retried_only_if_the_details_say_when() {
        let refused = of(&[("grpc-status", "8"), ("grpc-message", "too%20large")]);
        assert_eq!((refused.answer, refused.too_large), (Answer::BadData, true));
        assert_eq!(refused.message, "RESOURCE_EXHAUSTED: too large");
        for padded in [false, true] {
            let busy = of(&[("grpc-status", "8"), ("grpc-status-details-bin", &details(padded))]);
            assert_eq!(busy.answer, Answer::Retry { after: Some(5_250_000_000) });
            assert!(!busy.too_large);
        }
        let garbled = of(&[("grpc-status", "8"), ("grpc-status-details-bin", "%%%")]);
        assert_eq!(garbled.answer, Answer::BadData);
    }

    #[test]
    fn without_a_code_of_grpc_that_of_http_counts() {
        let of = |status| outcome(status, &HeaderMap::new(), b"").answer;
        for status in [429, 502, 503, 504] {
            assert_eq!(of(status), Answer::NONE);
        }
        for status in [200, 301, 400, 401, 403, 404, 500] {
            assert_eq!(of(status), Answer::BadDestination, "{status}");
        }
    }

    #[test]
    fn a_success_says_what_it_rejects() {
        let ok = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
        let answer = |message: &[u8]| outcome(200, &ok, message).answer;
        assert_eq!(answer(b""), Answer::Accepted { rejected: 0 });
        assert_eq!(answer(b"\0\0\0\0\0"), Answer::Accepted { rejected: 0 });
        assert_eq!(answer(b"\0\0\0\0\x04\x0A\x02\x08\x03"), Answer::Accepted { rejected: 3 });
        for odd in [&b"\0"[..], b"\x01\0\0\0\0", b"\0\0\0\0\x01\xFF"] {
            assert_eq!(answer(odd), Answer::Accepted { rejected: 0 }, "{odd:?}");
        }
    }
}
