//! A gateway that compresses and encrypts what it keeps.

mod support;

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use flate2::read::GzDecoder;
use smoltel_spool::{Codec, Entry, Options, Spool, list};
use support::*;

/// A config file with this `[spool]`, beside the data.
fn config(dir: &Path, spool: &str) -> String {
    let path = dir.join("gateway.toml");
    fs::write(&path, format!("[spool]\n{spool}\n")).unwrap();
    path.to_str().unwrap().to_owned()
}

fn gunzip(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(body).read_to_end(&mut plain).unwrap();
    plain
}

fn is_gzip(body: &[u8]) -> bool {
    body.starts_with(&[0x1f, 0x8b])
}

/// What is in the spool of a gateway that does not run.
fn stored(dir: &Path) -> Vec<Entry> {
    let spool = Spool::open(dir.join("spool"), Options::default()).unwrap();
    let id = spool.stats().destinations.remove(0).id;
    let lease = spool.destination(&id).unwrap().take(None, 1 << 20, Instant::now()).unwrap();
    lease.records().to_vec()
}

/// A request of a thousand log records, each with a number like a trace id.
fn long_log() -> Vec<u8> {
    let id = |n: u128| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834);
    (0..1000).flat_map(|n| log(&format!("GET /pumps of {:032x}", id(n)))).collect()
}

fn waiting(gateway: &Gateway) -> serde_json::Value {
    gateway.status()["destinations"][0]["signals"]["logs"]["waiting"]["records"].clone()
}

#[test]
fn what_is_stored_in_gzip_leaves_as_it_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), "compression = 'gzip'");
    let upstream = Upstream::new(|_, _| 503);
    let args = ["--config", &config, "--upstream", &upstream.url()];
    let gateway = Gateway::start(dir.path(), &args);
    for body in [long_log(), long_log()] {
        assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &body).status, 200);
    }
    upstream.until("an attempt", |seen| !seen.is_empty());
    assert_eq!(gateway.stop(), Some(0));
    let stored = stored(dir.path());
    assert!(stored.iter().all(|entry| entry.codec == Codec::Gzip && entry.payload.len() >= 16_000));

    upstream.now(|_, _| 200);
    let gateway = Gateway::start(dir.path(), &args);
    until("everything is forwarded", || waiting(&gateway) == 0);
    let seen: Vec<_> = upstream.seen().into_iter().filter(|seen| seen.status == 200).collect();
    assert_eq!(seen.len(), 2, "members of gzip are not laid end to end");
    for (seen, entry) in seen.iter().zip(&stored) {
        assert!(seen.head.to_ascii_lowercase().contains("content-encoding: gzip"), "{}", seen.head);
        assert_eq!(seen.body, entry.payload);
        assert_eq!(gunzip(&seen.body), long_log());
    }
}

#[test]
fn small_records_are_laid_end_to_end_and_an_archive_gets_json_from_any_codec() {
    for codec in ["gzip", "zstd"].into_iter().filter(|codec| *codec != "zstd" || cfg!(feature = "zstd")) {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), &format!("compression = '{codec}'"));
        let upstream = Upstream::new(|_, _| 503);
        let bodies: Vec<Vec<u8>> = (0..5).map(|n| log(&"say it again. ".repeat(20 + n))).collect();
        let args = ["--config", &config, "--upstream", &upstream.url()];
        let gateway = Gateway::start(dir.path(), &args);
        for body in &bodies {
            assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, body).status, 200);
        }
        assert_eq!(gateway.stop(), Some(0));
        assert!(stored(dir.path()).iter().all(|entry| entry.codec.name() == codec));
        let data = dir.path().to_str().unwrap();
        let exported = String::from_utf8(output(&["spool", "export", "--data-dir", data]).stdout).unwrap();
        assert_eq!(exported.lines().count(), 5, "{exported}");

        let seen_before = upstream.seen().len();
        upstream.now(|_, _| 200);
        let gateway = Gateway::start(dir.path(), &args);
        until("everything is forwarded", || waiting(&gateway) == 0);
        let seen = &upstream.seen()[seen_before..];
        assert_eq!(seen.iter().map(|seen| &*seen.body).collect::<Vec<_>>(), [bodies.concat()]);
        assert_eq!(gateway.stop(), Some(0));

        let gateway = Gateway::start(dir.path(), &["--config", &config]);
        assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &bodies[0]).status, 200);
        let archive = dir.path().join("archive/logs.jsonl");
        until("it is archived", || fs::read_to_string(&archive).is_ok_and(|text| text.ends_with('\n')));
        assert_eq!(texts_of_json(&fs::read(&archive).unwrap()), texts(&bodies[0]));
    }
}

#[test]
fn an_upstream_that_does_not_take_gzip_gets_all_without_it() {
    for refusal in [400, 415] {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path(), "compression = 'gzip'");
        let upstream = Upstream::new(move |_, body| if is_gzip(body) { refusal } else { 200 });
        let gateway = Gateway::start(dir.path(), &["--config", &config, "--upstream", &upstream.url()]);
        for _ in 0..3 {
            assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &long_log()).status, 200);
        }
        until("everything is forwarded", || waiting(&gateway) == 0);
        assert_eq!(accepted(&upstream.seen()).len(), 3000);
        assert_eq!(upstream.seen().iter().filter(|seen| is_gzip(&seen.body)).count(), 1, "it is tried once");
        assert!(gateway.log().contains("does not take gzip"));
    }
}

#[test]
fn a_request_longer_than_a_segment_is_taken_if_it_fits_compressed() {
    let dir = tempfile::tempdir().unwrap();
    let long = log(&"say it again. ".repeat(100_000));
    for (compression, status) in [("none", 413), ("gzip", 200)] {
        let config = config(dir.path(), &format!("compression = '{compression}'\ncapacity-mib = 4"));
        let gateway = Gateway::start(dir.path(), &["--config", &config]);
        assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &long).status, status);
    }
}

#[test]
fn with_a_key_file_nothing_can_be_read_on_the_disk_and_nothing_without_it() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    fs::write(&key, "0f".repeat(32) + "\n").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let config = config(dir.path(), &format!("key-file = '{}'", key.display()));
    let upstream = Upstream::new(|_, _| 503);
    let args = ["--config", &config, "--upstream", &upstream.url()];
    let gateway = Gateway::start(dir.path(), &args);
    assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log("the patient's name")).status, 200);
    assert_eq!(gateway.stop(), Some(0));
    let bytes = fs::read(dir.path().join("spool/spool.dat")).unwrap();
    assert!(!bytes.windows(11).any(|window| window == b"the patient"));
    assert_eq!(list(dir.path().join("spool")).unwrap().len(), 1);

    let data = dir.path().to_str().unwrap();
    let run = |args: &[&str]| {
        let output = output(&[args, &["--data-dir", data]].concat());
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    assert_eq!(run(&["spool", "verify"]).0, Some(0), "it needs no key");
    let (status, text) = run(&["spool", "export"]);
    assert!(status == Some(1) && text.contains("spool.key-file"), "{text}");
    let (status, text) = run(&["--http", "off", "--grpc", "off", "--link", "off", "--admin", "off"]);
    assert!(status == Some(1) && text.contains("encrypted") && text.contains("spool.key-file"), "{text}");
    let (_, text) = run(&["spool", "export", "--config", &config]);
    assert!(text.contains("the patient's name"), "{text}");
    let (status, text) = run(&["check", "--config", &config]);
    assert!(status == Some(0) && text.contains("key-file = ") && !text.contains("0f0f"), "{text}");

    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let (status, text) = run(&["check", "--config", &config]);
    assert!(status == Some(2) && text.contains("chmod 640"), "{text}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o440)).unwrap();
    upstream.now(|_, _| 200);
    let gateway = Gateway::start(dir.path(), &args);
    until("it is forwarded", || waiting(&gateway) == 0);
    assert_eq!(accepted(&upstream.seen()), ["the patient's name"]);
}
