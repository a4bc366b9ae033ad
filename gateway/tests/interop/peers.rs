//! The programs of others: started, and killed when dropped.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::until;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file or folder among those that `cargo xtask test --install` installs.
fn peer(name: &str) -> PathBuf {
    let peers = std::env::var_os("SMOLTEL_PEERS").map_or_else(|| repository().join(".peers"), PathBuf::from);
    let path = peers.join(name);
    assert!(path.exists(), "{} is not there: `cargo xtask test --install` installs it", path.display());
    path
}

/// A server in the folder given to `cargo xtask interop`.
fn server(name: &str) -> Command {
    let folder = std::env::var_os("SMOLTEL_SERVERS").expect("SMOLTEL_SERVERS: run cargo xtask interop");
    let path = Path::new(&folder).join("bin").join(name);
    assert!(path.exists(), "{} is not there", path.display());
    Command::new(path)
}

/// An official SDK. Each records 20 spans, a log record and two metrics.
#[derive(Clone, Copy)]
pub(crate) enum Sdk {
    Python,
    JavaScript,
}

impl Sdk {
    /// What the names of its records begin with.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::JavaScript => "javascript",
        }
    }

    /// It records and exports by `protocol`: `http`, `json` or `grpc`.
    pub(crate) fn sends(self, to: SocketAddr, protocol: &str) {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let mut command = match self {
            Self::Python => {
                let mut python = Command::new(peer("py/bin/python"));
                python.arg(tests.join("python_sdk.py"));
                python
            }
            Self::JavaScript => {
                let mut node = Command::new("node");
                node.env("NODE_PATH", peer("js/node_modules")).arg(tests.join("javascript_sdk.cjs"));
                node
            }
        };
        assert!(command.args([&*format!("http://{to}"), protocol]).status().unwrap().success());
    }
}

/// Our own example program, built with the front door, records 8 spans, 4 log records and a counter.
pub(crate) fn example_sends(to: SocketAddr) {
    let mut cargo = Command::new(env!("CARGO"));
    let run = ["run", "--quiet", "-p", "smoltel", "--example", "thermostat", "--"];
    cargo.current_dir(repository()).args(run);
    let output = cargo.arg(format!("http://{to}")).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("13 exported"), "{text}{output:?}");
}

/// An address that nobody listens on now; that the peer gets it is as sure as anything on this machine.
pub(crate) fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A program that runs until it is dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) http: SocketAddr,
    pub(crate) grpc: SocketAddr,
    printed: Arc<Mutex<String>>,
}

impl Running {
    /// Starts it and waits until it listens; what it writes to stdout is kept.
    pub(crate) fn start(command: &mut Command, http: SocketAddr, grpc: SocketAddr, dir: &Path) -> Self {
        let log = File::create(dir.join("peer.log")).unwrap();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let printed = Arc::new(Mutex::new(String::new()));
        let more = printed.clone();
        thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| *more.lock().unwrap() += &(line + "\n"));
        });
        until(&format!("{command:?} listens"), || TcpStream::connect(http).is_ok());
        Self { child, http, grpc, printed }
    }

    /// Waits until it has printed a text that often.
    pub(crate) fn prints(&self, text: &str, times: usize) {
        until(text, || self.printed.lock().unwrap().matches(text).count() >= times);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A collector that prints all it gets, and sends it on as told.
pub(crate) fn rotel(dir: &Path, exporter: &[&str]) -> Running {
    let (http, grpc) = (free(), free());
    let mut rotel = Command::new(peer("bin/rotel"));
    rotel.env("ROTEL_TELEMETRY_ENABLED", "false").arg("start").args(exporter);
    rotel.args(["--otlp-http-endpoint", &http.to_string(), "--otlp-grpc-endpoint", &grpc.to_string()]);
    for signal in ["traces", "metrics", "logs"] {
        rotel.args(["--debug-log", signal]);
    }
    rotel.args(["--debug-log-verbosity", "detailed", "--log-file", "/dev/stderr", "--pid-file"]);
    Running::start(rotel.arg(dir.join("rotel.pid")), http, grpc, dir)
}

/// The Collector, which sends on what it gets by an exporter of its configuration's words.
pub(crate) fn collector(dir: &Path, exporter: &str) -> Running {
    let (http, grpc) = (free(), free());
    let name = exporter.split(':').next().unwrap().trim();
    let pipelines: String = ["traces", "metrics", "logs"]
        .map(|signal| format!("    {signal}: {{receivers: [otlp], exporters: [{name}]}}\n"))
        .concat();
    let config = format!(
        "receivers:\n  otlp: {{protocols: {{http: {{endpoint: {http}}}, grpc: {{endpoint: {grpc}}}}}}}\nexporters:\n  \
         {exporter}\nservice:\n  telemetry: {{metrics: {{level: none}}}}\n  pipelines:\n{pipelines}"
    );
    let path = dir.join("collector.yaml");
    fs::write(&path, config).unwrap();
    Running::start(server("otelcol-deb").arg("--config").arg(path), http, grpc, dir)
}

/// A database for metrics, which takes OTLP below `/opentelemetry`.
pub(crate) fn victoria_metrics(dir: &Path) -> Running {
    let http = free();
    let mut victoria = server("victoria-metrics");
    victoria.arg(format!("-httpListenAddr={http}")).arg("-storageDataPath").arg(dir.join("victoria"));
    Running::start(&mut victoria, http, http, dir)
}
