//! What the gateway itself has to tell, as log records among those of its senders.

use std::time::SystemTime;

use serde_json::{Value, json};
use smoltel_proto::{from_json, table};
use smoltel_spool::{Class, Codec, Record, Signal};

use crate::receive::MERGEABLE;

/// Something that the other side should know of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    pub(crate) attributes: Vec<(&'static str, Value)>,
}

/// A request with these events as warnings.
pub(crate) fn request(events: &[Event]) -> Record {
    let now =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos().to_string();
    let logs: Vec<_> = events.iter().map(|event| record(event, &now)).collect();
    let service = json!([{ "key": "service.name", "value": { "stringValue": "smoltel-gateway" } }]);
    let scope = json!({ "name": "smoltel-gateway", "version": env!("CARGO_PKG_VERSION") });
    let json = json!({ "resourceLogs": [{
        "resource": { "attributes": service },
        "scopeLogs": [{ "scope": scope, "logRecords": logs }],
    }] });
    let mut payload = Vec::new();
    // It is a request by how it was made; an empty one is one too.
    _ = from_json(&table::EXPORT_LOGS_SERVICE_REQUEST, json.to_string().as_bytes(), &mut payload);
    let items = u32::try_from(events.len()).unwrap_or(u32::MAX);
    let (signal, class, codec) = (Signal::Logs, Class::High, Codec::Identity);
    Record { signal, class, codec, stream: MERGEABLE, items, origin: None, payload }
}

fn record(event: &Event, now: &str) -> Value {
    let attribute = |(key, value): &(&str, Value)| {
        let value = match value {
            Value::String(text) => json!({ "stringValue": text }),
            number => json!({ "intValue": number.to_string() }),
        };
        json!({ "key": key, "value": value })
    };
    json!({
        "timeUnixNano": now, "observedTimeUnixNano": now,
        "severityNumber": 13, "severityText": "WARN", "eventName": event.name,
        "body": { "stringValue": event.text },
        "attributes": event.attributes.iter().map(attribute).collect::<Vec<_>>(),
    })
}
