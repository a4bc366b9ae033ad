//! `send`: test telemetry, to see whether it arrives.

use std::hash::{BuildHasher, RandomState};
use std::time::{Instant, SystemTime};

use serde_json::{Value, json};
use smoltel::Signal;
use smoltel::transport::{Answer, Encoding, Request, Transport};
use smoltel_proto::from_json;

use crate::cli;
use crate::config::Destination;
use crate::failure::Failure;
use crate::forward::Target;
use crate::signals;

/// Items in one request.
const BATCH: u32 = 512;

pub(crate) fn execute(send: &cli::Send) -> Result<(), Failure> {
    let to = Target::new(Destination::to([&*send.to]).checked()?);
    let mut transport = to.transport()?;
    let all = [(Signal::Traces, send.traces), (Signal::Metrics, send.metrics), (Signal::Logs, send.logs)];
    for (signal, count) in all {
        let mut left = count;
        while left > 0 {
            let items = left.min(BATCH);
            post(&mut *transport, signal, items, &to.to_string())?;
            left -= items;
        }
    }
    let [traces, metrics, logs] = all.map(|(_, count)| count);
    crate::print(&format!("{to} took {traces} spans, {metrics} data points, {logs} log records\n"))
}

fn post(transport: &mut dyn Transport, signal: Signal, items: u32, to: &str) -> Result<(), Failure> {
    let mut body = Vec::new();
    from_json(signals::request(signal), request(signal, items).to_string().as_bytes(), &mut body)
        .map_err(|error| Failure::other(format!("cannot make {}: {error}", signal.name())))?;
    let request = Request { signal, body: &body, encoding: Encoding::Identity, items: items.into() };
    let outcome = transport.send(&request, Instant::now() + smoltel::transport::Endpoint::TIMEOUT);
    match outcome.answer {
        Answer::Accepted { rejected: 0 } => Ok(()),
        Answer::Accepted { rejected } => Err(Failure::other(format!(
            "{to} rejected {rejected} of {items} {}: {}",
            signal.name(),
            outcome.message
        ))),
        _ => Err(Failure::other(format!(
            "{to} did not take {}: {}; is it running, and is --to right?",
            signal.name(),
            outcome.message
        ))),
    }
}

fn request(signal: Signal, items: u32) -> Value {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
    let all: Vec<_> = (0..items).map(|number| item(signal, now, number)).collect();
    let resource = json!({ "attributes": [{ "key": "service.name", "value": { "stringValue": "smoltel-gateway-send" } }] });
    let scope = json!({ "name": "smoltel-gateway send", "version": env!("CARGO_PKG_VERSION") });
    match signal {
        Signal::Traces => {
            json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "scope": scope, "spans": all }] }] })
        }
        Signal::Metrics => {
            let metric = json!({ "name": "smoltel.test.value", "unit": "1", "gauge": { "dataPoints": all } });
            json!({ "resourceMetrics": [{ "resource": resource, "scopeMetrics": [{ "scope": scope, "metrics": [metric] }] }] })
        }
        Signal::Logs => {
            json!({ "resourceLogs": [{ "resource": resource, "scopeLogs": [{ "scope": scope, "logRecords": all }] }] })
        }
    }
}

fn item(signal: Signal, now: u64, number: u32) -> Value {
    let now = now.to_string();
    let attributes = json!([{ "key": "number", "value": { "intValue": number.to_string() } }]);
    match signal {
        Signal::Traces => {
            let random = |salt: u8| RandomState::new().hash_one((salt, number)).max(1);
            json!({
                "traceId": format!("{:016x}{:016x}", random(0), random(1)), "spanId": format!("{:016x}", random(2)),
                "name": "test", "kind": 1, "startTimeUnixNano": now, "endTimeUnixNano": now, "attributes": attributes,
            })
        }
        Signal::Metrics => {
            json!({ "timeUnixNano": now, "asInt": number.to_string(), "attributes": attributes })
        }
        Signal::Logs => json!({
            "timeUnixNano": now, "observedTimeUnixNano": now, "severityNumber": 9, "severityText": "INFO",
            "body": { "stringValue": "a test" }, "attributes": attributes,
        }),
    }
}
