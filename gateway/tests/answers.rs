//! What senders are answered.

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use flate2::{Compression, write::GzEncoder};
use support::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gateway(dir: &tempfile::TempDir) -> Gateway {
    let config = dir.path().join("gateway.toml");
    std::fs::write(&config, "[spool]\ncapacity-mib = 4\n[limits]\nrequest-mib = 2\nin-flight-mib = 8\n")
        .unwrap();
    Gateway::start(dir.path(), &["--config", config.to_str().unwrap()])
}

#[test]
fn success_is_empty_and_in_the_requests_encoding() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&dir);
    for path in ["/v1/traces", "/v1/metrics", "/v1/logs"] {
        let empty = post(gateway.http, path, PROTOBUF, b"");
        assert_eq!((empty.status, &*empty.body), (200, &b""[..]));
        assert_eq!(empty.header("content-type"), Some("application/x-protobuf"));
        let empty = post(gateway.http, path, JSON, b"{}");
        assert_eq!((empty.status, &*empty.body), (200, &b"{}"[..]));
        assert_eq!(empty.header("content-type"), Some("application/json"));
    }
    assert_eq!(gateway.metric("smoltel_gateway_spool_records"), 0, "nothing was worth storing");
    let charset = "Content-Type: Application/JSON; charset=utf-8\r\n";
    assert_eq!(post(gateway.http, "/v1/logs", charset, &log_json("a")).status, 200);
    assert_eq!(gateway.metric("smoltel_gateway_received_items_total{signal=\"logs\"}"), 1);
}

#[test]
fn refusals_are_statuses_in_the_requests_encoding() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&dir);
    let refused = |path: &str, headers: &str, body: &[u8], status: u16| {
        let answer = post(gateway.http, path, headers, body);
        assert_eq!(answer.status, status, "{path} {headers} {answer:?}");
        let json = answer.header("content-type") == Some("application/json");
        assert_eq!(json, !headers.contains("x-protobuf"), "{headers}");
        answer.rpc_status()
    };
    let bad = refused("/v1/logs", PROTOBUF, b"\x0A\x05", 400);
    assert!(
        bad["details"][0]["fieldViolations"][0]["field"].as_str().unwrap().ends_with("resourceLogs"),
        "{bad}"
    );
    let bad = refused("/v1/logs", JSON, b"{\"resourceLogs\":[{\"scopeLogs\":7}]}", 400);
    assert_eq!(bad["details"][0]["fieldViolations"][0]["field"], "resourceLogs[0].scopeLogs", "{bad}");
    for encoding in [PROTOBUF, JSON] {
        refused("/v1/nothing", encoding, b"", 404);
        refused("/v1development/profiles", encoding, b"", 404);
        refused("/v1/logs", &format!("{encoding}Content-Encoding: br\r\n"), b"", 415);
        refused("/v1/logs", &format!("{encoding}Content-Encoding: gzip\r\n"), b"not gzip", 400);
        refused("/v1/logs", &format!("{encoding}Content-Encoding: gzip\r\n"), &gzip(b"{}")[..12], 400);
    }
    refused("/v1/logs", "Content-Type: text/plain\r\n", b"hello", 415);
    refused("/v1/logs", "", b"hello", 415);
    let get = get(gateway.http, "/v1/logs");
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
    get.rpc_status();
    assert_eq!(gateway.metric("smoltel_gateway_refused_requests_total{status=\"415\"}"), 4);
}

#[test]
fn gzip_is_inflated_and_counted_as_it_grows() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&dir);
    let gzipped = |encoding: &str| format!("{encoding}Content-Encoding: gzip\r\n");
    let ok = post(gateway.http, "/v1/logs", &gzipped(PROTOBUF), &gzip(&log("compressed")));
    assert_eq!(ok.status, 200, "{ok:?}");
    let bomb = gzip(&vec![0; 32 << 20]);
    for encoding in [PROTOBUF, JSON] {
        let refused = post(gateway.http, "/v1/logs", &gzipped(encoding), &bomb);
        assert_eq!(refused.status, 413);
        refused.rpc_status();
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 32 << 10, "{peak} KiB at most in memory");
}

#[test]
fn what_is_too_long_is_refused_however_it_comes() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&dir);
    // The spool's segments are 1 MiB here, and requests may have 2 MiB.
    let body = log(&"x".repeat(1 << 20));
    assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &body).status, 413);
    assert_eq!(post(gateway.http, "/v1/logs", JSON, &log_json(&"x".repeat(1 << 20))).status, 413);
    assert_eq!(post(gateway.http, "/v1/logs", JSON, &vec![b' '; (2 << 20) + 1]).status, 413);
    let head = format!(
        "POST /v1/logs HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n{PROTOBUF}\r\n"
    );
    let chunk = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    assert_eq!(request(gateway.http, &head, &chunk).unwrap().status, 413);
    let body = log(&"x".repeat((1 << 20) - 1000));
    assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &body).status, 200);
}

/// Three records of 600 kB, laid end to end, are longer than a segment: they are stored in parts, and all arrive, in their order.
#[test]
fn what_is_longer_than_a_segment_is_split() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&dir);
    let texts: Vec<String> = ["a", "b", "c"].map(|text| text.repeat(600_000)).to_vec();
    let body: Vec<u8> = texts.iter().flat_map(|text| log(text)).collect();
    assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &body).status, 200);
    assert_eq!(gateway.metric("smoltel_gateway_received_items_total{signal=\"logs\"}"), 3);
    assert_eq!(gateway.metric("smoltel_gateway_received_requests_total{signal=\"logs\"}"), 1);
    let archive = dir.path().join("archive/logs.jsonl");
    let lines = || std::fs::read_to_string(&archive).unwrap_or_default();
    until("all of it", || lines().ends_with('\n') && lines().len() > 1_800_000);
    let arrived: Vec<_> = lines().lines().flat_map(|line| texts_of_json(line.as_bytes())).collect();
    assert!(arrived == texts);
}

#[test]
fn a_full_spool_says_come_back_later_and_takes_again_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("gateway.toml");
    std::fs::write(&config, "[spool]\ncapacity-mib = 4\n").unwrap();
    let upstream = Upstream::new(|_, _| 0);
    let gateway =
        Gateway::start(dir.path(), &["--config", config.to_str().unwrap(), "--upstream", &upstream.url()]);
    let body = log(&"x".repeat(600_000));
    let full =
        (0..20).map(|_| post(gateway.http, "/v1/logs", PROTOBUF, &body)).find(|answer| answer.status != 200);
    let full = full.expect("it fills");
    assert_eq!(full.status, 503);
    assert_eq!(full.rpc_status()["code"], 14);
    assert!(full.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    upstream.now(|_, _| 200);
    until("room again", || post(gateway.http, "/v1/logs", PROTOBUF, &body).status == 200);
}

#[test]
fn senders_that_hold_all_the_memory_make_others_wait() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&dir);
    let head = format!("POST /v1/logs HTTP/1.1\r\nHost: x\r\n{JSON}Content-Length: {}\r\n\r\n", 2 << 20);
    let held: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = TcpStream::connect(gateway.http).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(&vec![b' '; (2 << 20) - 1]).unwrap();
            stream
        })
        .collect();
    // Only then: what is sent meanwhile would take the room of one of them.
    until("all of it is held", || gateway.metric("smoltel_gateway_receiving_bytes") == 8 << 20);
    let send = || post(gateway.http, "/v1/logs", PROTOBUF, &log("patient"));
    let busy = send();
    assert_eq!((busy.status, busy.header("retry-after")), (503, Some("1")));
    busy.rpc_status();
    drop(held);
    until("room again", || send().status == 200);
}

#[test]
fn a_sender_that_closes_its_half_gets_its_answer() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&dir);
    let body = log("half");
    let head =
        format!("POST /v1/logs HTTP/1.1\r\nHost: x\r\n{PROTOBUF}Content-Length: {}\r\n\r\n", body.len());
    for number in 0..100 {
        let mut stream = TcpStream::connect(gateway.http).unwrap();
        stream.write_all(&[head.as_bytes(), &body].concat()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{number}: {answer:?}");
    }
}

#[test]
fn rubbish_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&dir);
    for port in [gateway.http, gateway.admin] {
        for rubbish in
            ["\0\0\0\0\r\n\r\n", "SSH-2.0-x\r\n\r\n", "POST\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
        {
            request(port, rubbish, &[0xFF; 100]);
        }
        request(port, &format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(1 << 20)), b"");
    }
    let half = format!("POST /v1/logs HTTP/1.1\r\nHost: x\r\n{PROTOBUF}Content-Length: 100\r\n\r\n");
    let mut stream = TcpStream::connect(gateway.http).unwrap();
    stream.write_all(half.as_bytes()).unwrap();
    drop(stream);
    assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log("still here")).status, 200);
    assert_eq!(get(gateway.admin, "/healthz").status, 200);
}

#[test]
fn the_admin_port_tells_everything_and_takes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway(&dir);
    for path in ["/", "/healthz", "/readyz", "/metrics", "/api/status"] {
        assert_eq!(get(gateway.admin, path).status, 200, "{path}");
        let answer = post(gateway.admin, path, "", b"");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{path}");
    }
    assert_eq!(get(gateway.admin, "/v1/logs").status, 404);
    assert_eq!(gateway.status()["destinations"][0]["id"], "archive");
    assert_eq!(gateway.metric("smoltel_gateway_up"), 1);
}
