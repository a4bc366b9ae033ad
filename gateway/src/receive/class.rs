//! How dear a request is: what tells of a failure is dearer than the rest, as in a device's lanes.

use smoltel::Signal;
use smoltel_core::wire::{Payload, Reader};
use smoltel_spool::Class;

/// The `severityNumber` that warnings begin with, and the code of a status of error.
const SEVERITY_WARN: u64 = 13;
const STATUS_ERROR: u64 = 2;

/// High if a span in it has failed, or a log record is a warning or worse. It has passed the check, so it can be read.
pub(super) fn of(signal: Signal, request: &[u8]) -> Class {
    let is_dear: fn(&[u8]) -> bool = match signal {
        Signal::Traces => |span| messages(span, 15).any(|status| has(status, 3, |code| code == STATUS_ERROR)),
        Signal::Logs => |record| has(record, 2, |severity| severity >= SEVERITY_WARN),
        Signal::Metrics => return Class::Normal,
    };
    let items =
        messages(request, 1).flat_map(|resource| messages(resource, 2)).flat_map(|scope| messages(scope, 2));
    if items.into_iter().any(is_dear) { Class::High } else { Class::Normal }
}

/// The messages that are a field of this one.
fn messages(message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    Reader::new(message).map_while(Result::ok).filter_map(move |field| match field {
        (found, Payload::Len(bytes)) if found == number => Some(bytes),
        _ => None,
    })
}

fn has(message: &[u8], number: u32, holds: impl Fn(u64) -> bool) -> bool {
    let mut fields = Reader::new(message).map_while(Result::ok);
    fields.any(|field| matches!(field, (found, Payload::Varint(value)) if found == number && holds(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals;

    fn class(signal: Signal, json: &str) -> Class {
        let mut wire = Vec::new();
        smoltel_proto::from_json(signals::request(signal), json.as_bytes(), &mut wire).unwrap();
        of(signal, &wire)
    }

    #[test]
    fn failures_are_dear_wherever_they_stand() {
        let spans = |code: u32| {
            format!(
                r#"{{"resourceSpans":[{{}},{{"scopeSpans":[{{"spans":[{{"name":"a"}},{{"status":{{"code":{code}}}}}]}}]}}]}}"#
            )
        };
        assert_eq!(
            [0, 1, 2].map(|code| class(Signal::Traces, &spans(code))),
            [Class::Normal, Class::Normal, Class::High]
        );
        let logs = |severity: u32| {
            format!(
                r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"severityNumber":{severity}}}]}}]}}]}}"#
            )
        };
        assert_eq!(
            [9, 12, 13, 24].map(|n| class(Signal::Logs, &logs(n)) == Class::High),
            [false, false, true, true]
        );
        assert_eq!(class(Signal::Metrics, "{}"), Class::Normal);
        assert_eq!(of(Signal::Logs, b"\x0A\xFF"), Class::Normal);
    }
}
