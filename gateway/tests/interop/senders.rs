//! What others send is in the archive: SDKs, and collectors that an SDK sends to.

use tempfile::tempdir;

use crate::archive::holds_what_was_recorded;
use crate::peers::{Sdk, collector, rotel};
use crate::support::Gateway;

/// The SDK sends by that protocol.
fn sdk(sdk: Sdk, protocol: &str, pair: &str) {
    let dir = tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    sdk.sends(if protocol == "grpc" { gateway.grpc.unwrap() } else { gateway.http }, protocol);
    holds_what_was_recorded(dir.path(), sdk, pair);
}

#[test]
fn the_official_sdk_for_python() {
    sdk(Sdk::Python, "http", "Python SDK → gateway, HTTP protobuf, gzip");
    sdk(Sdk::Python, "grpc", "Python SDK → gateway, gRPC, gzip");
}

#[test]
fn the_official_sdk_for_javascript() {
    sdk(Sdk::JavaScript, "http", "JavaScript SDK → gateway, HTTP protobuf, gzip");
    sdk(Sdk::JavaScript, "json", "JavaScript SDK → gateway, HTTP JSON, gzip");
    sdk(Sdk::JavaScript, "grpc", "JavaScript SDK → gateway, gRPC");
}

/// It gets what it sends by HTTP: another client, of another family.
#[test]
fn rotel_over_grpc() {
    let dir = tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    let to = format!("http://{}", gateway.grpc.unwrap());
    let exporter =
        ["--exporter", "otlp", "--otlp-exporter-protocol", "grpc", "--otlp-exporter-endpoint", &to];
    let rotel = rotel(dir.path(), &exporter);
    Sdk::Python.sends(rotel.http, "http");
    holds_what_was_recorded(dir.path(), Sdk::Python, "rotel → gateway, gRPC");
}

#[test]
#[ignore = "needs the Collector: cargo xtask interop"]
fn the_collector_by_each_of_its_exporters() {
    let dir = tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    let (http, grpc) = (gateway.http, gateway.grpc.unwrap());
    drop(gateway);
    let exporters = [
        ("HTTP protobuf, gzip", format!("otlp_http: {{endpoint: 'http://{http}'}}")),
        ("HTTP JSON, gzip", format!("otlp_http: {{endpoint: 'http://{http}', encoding: json}}")),
        ("gRPC, gzip", format!("otlp_grpc: {{endpoint: '{grpc}', tls: {{insecure: true}}}}")),
    ];
    for (what, exporter) in exporters {
        let dir = tempdir().unwrap();
        let listen = ["--http", &http.to_string(), "--grpc", &grpc.to_string()];
        let _gateway = Gateway::start(dir.path(), &listen);
        let collector = collector(dir.path(), &exporter);
        Sdk::JavaScript.sends(collector.grpc, "grpc");
        holds_what_was_recorded(dir.path(), Sdk::JavaScript, &format!("Collector → gateway, {what}"));
    }
}
