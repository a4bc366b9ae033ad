//! OTLP/gRPC: what callers are answered, on either port.

mod support;

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use support::grpc::{LOGS, METRICS, TRACES, call, framed, pieces};
use support::*;

const INVALID_ARGUMENT: u32 = 3;
const RESOURCE_EXHAUSTED: u32 = 8;
const UNIMPLEMENTED: u32 = 12;
const INTERNAL: u32 = 13;
const UNAVAILABLE: u32 = 14;
const GZIP: (&str, &str) = ("grpc-encoding", "gzip");

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gateway(dir: &tempfile::TempDir, more: &[&str]) -> Gateway {
    let config = dir.path().join("gateway.toml");
    std::fs::write(&config, "[spool]\ncapacity-mib = 4\n[limits]\nrequest-mib = 2\nin-flight-mib = 8\n")
        .unwrap();
    Gateway::start(dir.path(), &[&["--config", config.to_str().unwrap()], more].concat())
}

#[test]
fn a_call_is_answered_with_an_empty_message_and_its_status_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::new(|_, _| 200);
    let gateway = gateway(&dir, &["--upstream", &upstream.url()]);
    // The port for HTTP takes them, too.
    for port in [gateway.grpc.unwrap(), gateway.http] {
        for method in [LOGS, TRACES, METRICS] {
            let empty = call(port, method, &[("content-type", "application/grpc+proto")], &framed(0, b""));
            assert_eq!((empty.code(), &*empty.body), (0, &[0; 5][..]), "{empty:?}");
            assert_eq!(empty.find("content-type"), "application/grpc");
            assert!(!empty.headers.contains_key("grpc-status"), "it is in the trailers: {empty:?}");
        }
    }
    let grpc = gateway.grpc.unwrap();
    assert_eq!(call(grpc, LOGS, &[], &framed(0, &log("plain"))).code(), 0);
    assert_eq!(call(grpc, LOGS, &[GZIP], &framed(1, &gzip(&log("compressed")))).code(), 0);
    assert_eq!(call(grpc, LOGS, &[GZIP], &framed(0, &log("not compressed"))).code(), 0);
    let drops = framed(0, &log("byte by byte")).into_iter().map(|byte| vec![byte]).collect();
    assert_eq!(pieces(grpc, LOGS, &[("grpc-timeout", "10S")], drops).code(), 0);
    assert_eq!(post(grpc, "/v1/logs", PROTOBUF, &log("OTLP/HTTP")).status, 200, "and the other way round");
    let all = ["plain", "compressed", "not compressed", "byte by byte", "OTLP/HTTP"];
    upstream.until("all of it", |seen| accepted(seen) == all);
    assert_eq!(gateway.metric("smoltel_gateway_received_items_total{signal=\"logs\"}"), 5);
}

#[test]
fn what_can_never_be_taken_is_said_with_its_field_and_nothing_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&dir, &[]);
    let grpc = gateway.grpc.unwrap();
    let refused = |path: &str, headers: &[(&str, &str)], body: &[u8], code: u32| {
        let reply = call(grpc, path, headers, body);
        assert_eq!(reply.code(), code, "{path} {headers:?} {reply:?}");
        assert!(reply.headers.contains_key("grpc-status") && reply.trailers.is_none(), "{reply:?}");
        assert!(reply.body.is_empty() && !reply.find("grpc-message").is_empty(), "{reply:?}");
        assert_eq!(reply.status()["code"], code);
        reply
    };
    let bad = refused(LOGS, &[], &framed(0, b"\x0A\x05"), INVALID_ARGUMENT).status();
    let field = bad["details"][0]["fieldViolations"][0]["field"].as_str().unwrap();
    assert!(field.ends_with("resourceLogs"), "{bad}");
    refused(LOGS, &[GZIP], &framed(1, b"not gzip"), INVALID_ARGUMENT);
    refused(LOGS, &[], &framed(0, b"\x0A")[..5], INVALID_ARGUMENT);
    refused(LOGS, &[], &framed(1, &gzip(b"")), INTERNAL);
    refused(LOGS, &[GZIP], &framed(2, b""), INTERNAL);
    refused(LOGS, &[("grpc-encoding", "zstd")], &framed(1, b""), UNIMPLEMENTED);
    let json = ("content-type", "application/grpc+json");
    refused(LOGS, &[json], &framed(0, b"{}"), UNIMPLEMENTED);
    refused(LOGS, &[], b"", UNIMPLEMENTED);
    refused(LOGS, &[], b"\0\0", UNIMPLEMENTED);
    refused(LOGS, &[], &[framed(0, b""), framed(0, b"")].concat(), UNIMPLEMENTED);
    refused("/v1/logs", &[], &framed(0, b""), UNIMPLEMENTED);
    let profiles = "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export";
    let unknown = refused(profiles, &[], &framed(0, b""), UNIMPLEMENTED);
    assert_eq!(unknown.find("grpc-accept-encoding"), "identity,gzip");
    assert_eq!(call(grpc, LOGS, &[], &framed(0, &log("still here"))).code(), 0);
}

#[test]
fn a_message_is_bounded_before_and_after_it_is_inflated() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&dir, &[]);
    let grpc = gateway.grpc.unwrap();
    let refused = |headers: &[(&str, &str)], body: &[u8]| {
        let reply = call(grpc, LOGS, headers, body);
        assert_eq!(reply.code(), RESOURCE_EXHAUSTED, "{reply:?}");
        assert!(reply.status().get("details").is_none(), "it may not be tried again: {reply:?}");
    };
    refused(&[], b"\0\x7F\xFF\xFF\xFF");
    refused(&[], &framed(0, &vec![0; (2 << 20) + 1]));
    refused(&[GZIP], &framed(1, &gzip(&vec![0; 32 << 20])));
    // It fits a request, but not a segment of the spool.
    refused(&[], &framed(0, &log(&"x".repeat(1 << 20))));
}

#[test]
fn a_full_spool_is_unavailable_with_a_delay() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::new(|_, _| 0);
    let gateway = gateway(&dir, &["--upstream", &upstream.url()]);
    let body = framed(0, &log(&"x".repeat(600_000)));
    let mut replies = (0..20).map(|_| call(gateway.grpc.unwrap(), LOGS, &[], &body));
    let full = replies.find(|reply| reply.code() != 0).expect("it fills");
    assert_eq!(full.code(), UNAVAILABLE);
    let details = &full.status()["details"][0];
    assert_eq!(details["@type"], "type.googleapis.com/google.rpc.RetryInfo");
    assert_eq!(details["retryDelay"], "10s");
    assert!(gateway.metric("smoltel_gateway_refused_requests_total{status=\"503\"}") > 0);
}
