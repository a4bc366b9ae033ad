//! Every field of OTLP can be written: telemetry that says all that it can, made with smoltel-core alone,
//! is walked by the protocol's table, and prost reads in it what was put in.

mod answers;
mod logs;
mod metrics;
mod producer;
mod profiles;
mod seen;
mod spans;
mod values;

use seen::{PROFILES, Place, STABLE, Seen, default_says_something, fields};
use smoltel_proto::table;

fn all() -> Seen {
    let mut seen = Seen::default();
    let (spans, metrics, logs, profiles) =
        (spans::request(), metrics::request(), logs::request(), profiles::request());
    for (root, bytes) in [
        (&table::EXPORT_TRACE_SERVICE_REQUEST, &spans),
        (&table::TRACES_DATA, &spans),
        (&table::EXPORT_METRICS_SERVICE_REQUEST, &metrics),
        (&table::METRICS_DATA, &metrics),
        (&table::EXPORT_LOGS_SERVICE_REQUEST, &logs),
        (&table::LOGS_DATA, &logs),
        (&table::EXPORT_PROFILES_SERVICE_REQUEST, &profiles),
        (&table::PROFILES_DATA, &profiles),
    ] {
        seen.walk(root, bytes);
    }
    answers::walk(&mut seen);
    seen
}

#[test]
fn every_field_can_be_written_and_is_read_as_it_was_put_in() {
    assert_eq!(fields(&STABLE).len(), 163);
    let only_profiles =
        fields(&PROFILES).into_iter().filter(|(message, _)| message.name.contains("profiles"));
    assert_eq!(only_profiles.count(), 60);
    let seen = all();
    let places = [&STABLE[..], &PROFILES[..]].concat();
    let mut missing: Vec<Place> =
        fields(&places).iter().map(|(message, field)| (message.name, field.number)).collect();
    missing.retain(|place| !seen.values.contains(place));
    assert_eq!(missing, [], "fields that are never written");
}

#[test]
fn what_is_zero_but_set_is_written() {
    let seen = all();
    let optional =
        fields(&STABLE).into_iter().filter(|(message, field)| default_says_something(message, field));
    let mut missing: Vec<Place> = optional.map(|(message, field)| (message.name, field.number)).collect();
    missing.retain(|place| !seen.defaults.contains(place));
    assert_eq!(missing, [], "fields whose zero is left out");
}

/// What a crate's types make of bytes, written again.
fn again<M: prost::Message + Default>(bytes: &[u8]) -> Vec<u8> {
    M::decode(bytes).unwrap().encode_to_vec()
}

#[test]
fn the_official_crate_reads_the_same() {
    use opentelemetry_proto::tonic::collector as official;
    use smoltel_proto::types::collector as ours;
    let (spans, metrics, logs) = (spans::request(), metrics::request(), logs::request());
    assert_eq!(
        again::<official::trace::v1::ExportTraceServiceRequest>(&spans),
        again::<ours::trace::v1::ExportTraceServiceRequest>(&spans)
    );
    assert_eq!(
        again::<official::metrics::v1::ExportMetricsServiceRequest>(&metrics),
        again::<ours::metrics::v1::ExportMetricsServiceRequest>(&metrics)
    );
    assert_eq!(
        again::<official::logs::v1::ExportLogsServiceRequest>(&logs),
        again::<ours::logs::v1::ExportLogsServiceRequest>(&logs)
    );
}
