//! Real peers: the official Python SDK sends, and a third party's receiver (rotel) gets what we relay.
//!
//! They are installed by `cargo xtask test --install`. Without them these tests fail: what cannot run is
//! not reported as passed.

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use support::{Gateway, until};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A peer's program.
fn peer(name: &str) -> Command {
    let peers = std::env::var_os("SMOLTEL_PEERS").map_or_else(|| repository().join(".peers"), PathBuf::from);
    let path = peers.join(name);
    assert!(path.exists(), "{} is not there: `cargo xtask test --install` installs it", path.display());
    Command::new(path)
}

/// The official SDK records 20 spans, a log record and two metrics.
fn python_sends(to: SocketAddr, protocol: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python_sdk.py");
    let url = format!("http://{to}");
    let status = peer("py/bin/python").arg(script).args([&*url, protocol]).status().unwrap();
    assert!(status.success());
}

/// Our own example program, built with the front door, records 8 spans, 4 log records and a counter.
fn example_sends(to: SocketAddr) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(repository()).args([
        "run",
        "--quiet",
        "-p",
        "smoltel",
        "--example",
        "thermostat",
        "--",
    ]);
    let output = cargo.arg(format!("http://{to}")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("13 exported"), "{text}{output:?}");
}

/// A receiver that prints all it gets; killed when dropped.
struct Rotel {
    child: Child,
    http: SocketAddr,
    printed: Arc<Mutex<String>>,
}

impl Rotel {
    fn start(dir: &Path) -> Self {
        Self::with(dir, &["--exporter", "blackhole"])
    }

    /// One that sends on as told.
    fn with(dir: &Path, exporter: &[&str]) -> Self {
        // The ports are free now; that rotel gets them is as sure as anything on this machine.
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (http, grpc) = (free(), free());
        let mut rotel = peer("bin/rotel");
        rotel.env("ROTEL_TELEMETRY_ENABLED", "false").arg("start").args(exporter);
        rotel.args(["--otlp-http-endpoint", &http.to_string(), "--otlp-grpc-endpoint", &grpc.to_string()]);
        for signal in ["traces", "metrics", "logs"] {
            rotel.args(["--debug-log", signal]);
        }
        rotel.args(["--debug-log-verbosity", "detailed", "--log-file", "/dev/stderr", "--pid-file"]);
        let mut child =
            rotel.arg(dir.join("rotel.pid")).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let printed = Arc::new(Mutex::new(String::new()));
        let more = printed.clone();
        thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| *more.lock().unwrap() += &(line + "\n"));
        });
        until("rotel listens", || TcpStream::connect(http).is_ok());
        Self { child, http, printed }
    }

    /// Waits until it has printed a text that often.
    fn prints(&self, text: &str, times: usize) {
        until(text, || self.printed.lock().unwrap().matches(text).count() >= times);
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn lines(dir: &Path, signal: &str) -> Vec<Value> {
    let text = fs::read_to_string(dir.join("archive").join(format!("{signal}.jsonl"))).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every value of a member of that name, at any depth.
fn members<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, inner)| {
            if key == name {
                found.push(inner);
            }
            members(inner, name, found);
        }),
        Value::Array(list) => list.iter().for_each(|inner| members(inner, name, found)),
        _ => {}
    }
}

fn texts(lines: &[Value], name: &str) -> Vec<String> {
    let mut found = Vec::new();
    lines.iter().for_each(|line| members(line, name, &mut found));
    found.into_iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

#[test]
fn the_official_sdk_can_be_seen_in_the_archive() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    python_sends(gateway.http, "http");
    seen_in_the_archive(&dir);
}

#[test]
fn the_official_sdk_is_understood_over_grpc() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    python_sends(gateway.grpc.unwrap(), "grpc");
    seen_in_the_archive(&dir);
}

/// rotel gets it by HTTP and sends it on by gRPC: another client, of another family.
#[test]
fn a_third_party_is_understood_over_grpc() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    let to = format!("http://{}", gateway.grpc.unwrap());
    let exporter =
        ["--exporter", "otlp", "--otlp-exporter-protocol", "grpc", "--otlp-exporter-endpoint", &to];
    let rotel = Rotel::with(dir.path(), &exporter);
    python_sends(rotel.http, "http");
    seen_in_the_archive(&dir);
}

fn seen_in_the_archive(dir: &tempfile::TempDir) {
    until("three signals are archived", || {
        ["traces", "metrics", "logs"].iter().all(|signal| !lines(dir.path(), signal).is_empty())
    });
    until("all spans are archived", || {
        let names = texts(&lines(dir.path(), "traces"), "name");
        names.iter().filter(|name| name.starts_with("python-span-")).count() == 20
    });
    let traces = lines(dir.path(), "traces");
    assert!(texts(&traces, "stringValue").contains(&"\u{e9}".to_owned()), "text is UTF-8 all the way");
    assert!(texts(&traces, "traceId").iter().all(|id| id.len() == 32));
    assert!(texts(&lines(dir.path(), "logs"), "stringValue").contains(&"python-log 1".to_owned()));
    let metrics = lines(dir.path(), "metrics");
    assert!(texts(&metrics, "name").contains(&"python.histogram".to_owned()));
    assert!(texts(&metrics, "asInt").contains(&"41".to_owned()), "64-bit integers are strings");
}

#[test]
fn what_is_relayed_is_understood_by_a_third_party() {
    let dir = tempfile::tempdir().unwrap();
    let rotel = Rotel::start(dir.path());
    let upstream = format!("http://{}", rotel.http);
    let gateway = Gateway::start(&dir.path().join("data"), &["--upstream", &upstream]);
    python_sends(gateway.http, "http");
    example_sends(gateway.http);
    for i in 0..20 {
        rotel.prints(&format!("python-span-{i}\n"), 1);
    }
    rotel.prints("python-log 1", 1);
    rotel.prints("python.counter", 1);
    rotel.prints("python.histogram", 1);
    rotel.prints("adjust", 4);
    rotel.prints("valve opened", 3);
    rotel.prints("is more than the valve can do", 1);
    rotel.prints("valve.moves", 1);
    for (signal, items) in [("traces", 20 + 8), ("metrics", 2 + 1), ("logs", 1 + 4)] {
        until("everything is forwarded", || gateway.sent("forwarded_items_total", signal) == items);
    }
}
