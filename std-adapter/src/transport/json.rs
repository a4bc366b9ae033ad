//! OTLP/JSON on the wire: requests are made of the binary ones, and answers become binary ones.

use smoltel_proto::{from_json, table, table::Message, to_json};

use super::{Answer, Encoding, Outcome, Request};
use crate::Signal;

/// A request in JSON, or why there is none.
pub(super) fn request(request: &Request<'_>) -> Result<Vec<u8>, Outcome> {
    let mut json = Vec::with_capacity(request.body.len() * 2);
    append(request, &mut json)?;
    Ok(json)
}

/// Writes a request in JSON behind what is in `out`.
pub(super) fn append(request: &Request<'_>, out: &mut Vec<u8>) -> Result<(), Outcome> {
    if request.encoding != Encoding::Identity {
        return Err(Outcome::new(Answer::BadData, "a compressed request cannot be written as JSON"));
    }
    to_json(root(request.signal), request.body, out)
        .map_err(|error| Outcome::new(Answer::BadData, error.to_string()))
}

/// An `Export…ServiceResponse` in JSON as a binary one.
pub(super) fn response(signal: Signal, body: &[u8]) -> Option<Vec<u8>> {
    let message = match signal {
        Signal::Traces => &table::EXPORT_TRACE_SERVICE_RESPONSE,
        Signal::Metrics => &table::EXPORT_METRICS_SERVICE_RESPONSE,
        Signal::Logs => &table::EXPORT_LOGS_SERVICE_RESPONSE,
    };
    binary(message, body)
}

/// A `google.rpc.Status` in JSON as a binary one.
pub(super) fn status(body: &[u8]) -> Option<Vec<u8>> {
    binary(&table::STATUS, body)
}

fn binary(message: &'static Message, body: &[u8]) -> Option<Vec<u8>> {
    let mut wire = Vec::new();
    from_json(message, body, &mut wire).ok()?;
    Some(wire)
}

fn root(signal: Signal) -> &'static Message {
    // A line of a file is TracesData and so on, which has the shape of the request.
    match signal {
        Signal::Traces => &table::EXPORT_TRACE_SERVICE_REQUEST,
        Signal::Metrics => &table::EXPORT_METRICS_SERVICE_REQUEST,
        Signal::Logs => &table::EXPORT_LOGS_SERVICE_REQUEST,
    }
}
