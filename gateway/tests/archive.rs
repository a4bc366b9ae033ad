//! Without an upstream, requests become lines in files.

mod support;

use std::fs;
use std::path::Path;

use support::*;

fn archived(dir: &Path) -> Vec<String> {
    let lines = fs::read_to_string(dir.join("archive/logs.jsonl")).unwrap_or_default();
    lines.lines().flat_map(|line| texts_of_json(line.as_bytes())).collect()
}

#[test]
fn requests_arrive_in_the_archive() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log("binary")).status, 200);
    assert_eq!(post(gateway.http, "/v1/logs", JSON, &log_json("json")).status, 200);
    until("two records", || archived(dir.path()) == ["binary", "json"]);
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn test_telemetry_arrives_in_every_file() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    let url = format!("http://{}", gateway.http);
    let sent = output(&["send", "--to", &url, "--traces", "600", "--metrics", "2", "--logs", "3"]);
    assert!(sent.status.success(), "{sent:?}");
    for (signal, items) in [("traces", 600), ("metrics", 2), ("logs", 3)] {
        until(signal, || gateway.sent("forwarded_items_total", signal) == items);
        assert!(dir.path().join(format!("archive/{signal}.jsonl")).exists());
    }
}

#[test]
fn a_signal_to_stop_is_obeyed_and_one_to_reload_survived() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    gateway.signal("HUP");
    until("a word about it", || gateway.log().contains("the config is read again"));
    assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log("last")).status, 200);
    assert_eq!(gateway.stop(), Some(0));
    assert_eq!(archived(dir.path()), ["last"]);
}
