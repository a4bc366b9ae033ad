//! The same as `/metrics`, as OTLP: into the spool, from where it goes as any sender's.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use smoltel_proto::{from_json, table};
use smoltel_spool::{Class, Codec, Record, Signal};

use super::Admin;
use super::metrics::{Family, families};
use crate::receive::MERGEABLE;

/// Tells what is counted each time that has passed, for ever. How often does not depend on what is counted, so telling of it feeds nothing back.
pub(crate) async fn tell(admin: Arc<Admin>, every: Duration) {
    let start = now();
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        // What does not fit is told by the next.
        admin.spool.append(request(&families(&admin), &start), |_| {});
    }
}

fn request(families: &[Family], start: &str) -> Record {
    let now = now();
    // There may be thousands of devices: each of them is in /metrics.
    let told: Vec<_> = families.iter().filter(|family| !family.name.starts_with("device_")).collect();
    let metrics: Vec<_> = told.iter().map(|family| metric(family, start, &now)).collect();
    let items = told.iter().map(|family| family.samples.len()).sum::<usize>() as u32;
    let service = json!([{ "key": "service.name", "value": { "stringValue": "smoltel-gateway" } }]);
    let scope = json!({ "name": "smoltel-gateway", "version": env!("CARGO_PKG_VERSION") });
    let json = json!({ "resourceMetrics": [{
        "resource": { "attributes": service },
        "scopeMetrics": [{ "scope": scope, "metrics": metrics }],
    }] });
    let mut payload = Vec::new();
    // It is a request by how it was made; an empty one is one too.
    _ = from_json(&table::EXPORT_METRICS_SERVICE_REQUEST, json.to_string().as_bytes(), &mut payload);
    let (signal, class, codec) = (Signal::Metrics, Class::Low, Codec::Identity);
    Record { signal, class, codec, stream: MERGEABLE, items, origin: None, payload }
}

fn metric(family: &Family, start: &str, now: &str) -> Value {
    let points = family.samples.iter().map(|sample| {
        let attributes =
            sample.labels.iter().map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } }));
        json!({
            "startTimeUnixNano": start, "timeUnixNano": now, "asInt": sample.value,
            "attributes": attributes.collect::<Vec<_>>(),
        })
    });
    let points: Vec<_> = points.collect();
    let name = format!("smoltel_gateway_{}", family.name.trim_end_matches("_total"));
    let mut metric = json!({ "name": name, "description": family.help });
    if family.kind == "counter" {
        metric["sum"] = json!({ "aggregationTemporality": 2, "isMonotonic": true, "dataPoints": points });
    } else {
        metric["gauge"] = json!({ "dataPoints": points });
    }
    metric
}

fn now() -> String {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}
