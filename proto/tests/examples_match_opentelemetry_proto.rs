//! Example requests give what opentelemetry-proto makes of the same text, and what prost makes of the bytes.

mod support;

use std::path::PathBuf;

use opentelemetry_proto::tonic::collector as oracle;
use prost::Message as _;
use smoltel_proto::table::{self, Message};
use smoltel_proto::{check, from_json, to_json, types};

fn example(name: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

/// The official example of this name, if the references are here.
fn official(name: &str) -> Option<Vec<u8>> {
    let Some(path) = support::reference(&format!("examples/{name}")) else {
        support::not_compared(&format!("the official example {name}"));
        return None;
    };
    Some(std::fs::read(path).unwrap())
}

/// The bytes for the JSON; they have so many items, and survive another way to JSON and back.
fn wire(root: &'static Message, json: &[u8], items: u64) -> Vec<u8> {
    let (mut wire, mut again, mut back) = (Vec::new(), Vec::new(), Vec::new());
    from_json(root, json, &mut wire).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(check(root, &wire).unwrap().items, items);
    to_json(root, &wire, &mut again).unwrap();
    from_json(root, &again, &mut back).unwrap();
    let mut second = Vec::new();
    to_json(root, &back, &mut second).unwrap();
    assert_eq!(again, second);
    wire
}

fn same<M: prost::Message + Default + PartialEq + std::fmt::Debug + serde::de::DeserializeOwned>(
    root: &'static Message,
    json: &[u8],
    items: u64,
) {
    let ours = wire(root, json, items);
    assert_eq!(M::decode(&*ours).unwrap(), serde_json::from_slice::<M>(json).unwrap());
    // And it reads what we write.
    let mut written = Vec::new();
    to_json(root, &ours, &mut written).unwrap();
    assert_eq!(serde_json::from_slice::<M>(&written).unwrap(), M::decode(&*ours).unwrap());
}

#[test]
fn traces() {
    type Request = oracle::trace::v1::ExportTraceServiceRequest;
    for json in [Some(example("trace.json")), official("trace.json")].into_iter().flatten() {
        same::<Request>(&table::EXPORT_TRACE_SERVICE_REQUEST, &json, 1);
    }
}

#[test]
fn logs() {
    type Request = oracle::logs::v1::ExportLogsServiceRequest;
    let officials = [official("logs.json"), official("events.json")];
    for json in [Some(example("logs.json"))].into_iter().chain(officials).flatten() {
        same::<Request>(&table::EXPORT_LOGS_SERVICE_REQUEST, &json, 1);
    }
}

#[test]
fn metrics() {
    type Request = oracle::metrics::v1::ExportMetricsServiceRequest;
    same::<Request>(&table::EXPORT_METRICS_SERVICE_REQUEST, &example("metrics.json"), 3);
    if let Some(json) = official("metrics.json") {
        same::<Request>(&table::EXPORT_METRICS_SERVICE_REQUEST, &json, 4);
    }
}

/// opentelemetry-proto has no serde for profiles; prost's view of the bytes is looked at in its place.
#[test]
fn profiles() {
    let wire = wire(&table::EXPORT_PROFILES_SERVICE_REQUEST, &example("profiles.json"), 1);
    let request =
        types::collector::profiles::v1development::ExportProfilesServiceRequest::decode(&*wire).unwrap();
    let profile = &request.resource_profiles[0].scope_profiles[0].profiles[0];
    assert_eq!(profile.samples[0].values, [4, -1]);
    assert_eq!(profile.profile_id, (0..16).collect::<Vec<u8>>());
    assert_eq!(request.dictionary.unwrap().string_table, ["", "cpu", "nanoseconds"]);
}
