//! What the spool lost, told to the upstream as a log record.

use std::time::SystemTime;

use serde_json::{Value, json};
use smoltel_proto::{from_json, table};
use smoltel_spool::{Class, Codec, Gap, Record, Signal};

use crate::receive::MERGEABLE;

/// A request with one log record, `smoltel.gap`.
pub(crate) fn report(gap: &Gap) -> Record {
    let mut payload = Vec::new();
    // It is a request by how it was made; an empty one is one too.
    _ = from_json(&table::EXPORT_LOGS_SERVICE_REQUEST, request(gap).to_string().as_bytes(), &mut payload);
    let (signal, class, codec) = (Signal::Logs, Class::High, Codec::Identity);
    Record { signal, class, codec, stream: MERGEABLE, items: 1, origin: None, payload }
}

fn request(gap: &Gap) -> Value {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let int = |key: &str, value: u64| json!({ "key": key, "value": { "intValue": value.to_string() } });
    let mut attributes = vec![int("smoltel.gap.requests", gap.records), int("smoltel.gap.items", gap.items)];
    if let Some(sequences) = &gap.sequences {
        attributes.push(int("smoltel.gap.first_sequence", *sequences.start()));
        attributes.push(int("smoltel.gap.last_sequence", *sequences.end()));
    }
    let text = format!("the gateway's disk lost {} stored requests with {} items", gap.records, gap.items);
    let log = json!({
        "timeUnixNano": now.to_string(), "observedTimeUnixNano": now.to_string(),
        "severityNumber": 13, "severityText": "WARN", "eventName": "smoltel.gap",
        "body": { "stringValue": text }, "attributes": attributes,
    });
    let service = json!([{ "key": "service.name", "value": { "stringValue": "smoltel-gateway" } }]);
    let scope = json!({ "name": "smoltel-gateway", "version": env!("CARGO_PKG_VERSION") });
    json!({ "resourceLogs": [{
        "resource": { "attributes": service },
        "scopeLogs": [{ "scope": scope, "logRecords": [log] }],
    }] })
}
