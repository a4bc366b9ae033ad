//! Servers of others get what we send over OTLP/gRPC.
//!
//! They are installed by `cargo xtask test --install`; without them these tests fail.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use smoltel::Telemetry;
use smoltel::transport::{Compression, Protocol};
use smoltel_tests::eventually;

/// A peer that prints what it gets; killed when dropped.
struct Peer {
    child: Child,
    printed: Arc<Mutex<String>>,
}

impl Peer {
    /// Starts a program, and waits until it listens.
    fn start(mut command: Command, listens: SocketAddr) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let printed = Arc::new(Mutex::new(String::new()));
        let pipes: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for pipe in pipes {
            let more = printed.clone();
            thread::spawn(move || {
                let lines = BufReader::new(pipe).lines().map_while(Result::ok);
                lines.for_each(|line| *more.lock().unwrap() += &(line + "\n"));
            });
        }
        let peer = Self { child, printed };
        eventually("the peer listens", || TcpStream::connect(listens).is_ok());
        peer
    }

    fn prints(&self, text: &str) {
        eventually(text, || self.printed.lock().unwrap().contains(text));
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Free now; that the peer gets it is as sure as anything on this machine.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A span, a log record and a counter, plain and compressed; all of it is taken.
fn send(to: SocketAddr) {
    for compression in [Compression::None, Compression::Gzip] {
        let builder = Telemetry::builder("over-grpc").endpoint(format!("http://{to}"));
        let telemetry = builder.protocol(Protocol::Grpc).compression(compression).build().unwrap();
        telemetry.tracer("t").start(&format!("span-{compression:?}")).end();
        telemetry.logger("l").info(&format!("log-{compression:?}"));
        telemetry.meter("m").counter("counter.of.us").add(1, &[]);
        let report = telemetry.shutdown(Duration::from_secs(20));
        assert_eq!((report.exported, report.dropped(), report.in_doubt), (3, 0, 0), "{report}");
    }
}

const SENT: [&str; 5] = ["span-None", "span-Gzip", "log-None", "log-Gzip", "counter.of.us"];

#[test]
fn rotel_gets_all_signals() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let peers = std::env::var_os("SMOLTEL_PEERS").map_or_else(|| root.join(".peers"), PathBuf::from);
    let program = peers.join("bin/rotel");
    assert!(program.exists(), "{} is not there: `cargo xtask test --install`", program.display());
    let (dir, http, grpc) = (tempfile::tempdir().unwrap(), free(), free());
    let mut rotel = Command::new(program);
    rotel.env("ROTEL_TELEMETRY_ENABLED", "false").arg("start").args(["--exporter", "blackhole"]);
    rotel.args(["--otlp-http-endpoint", &http.to_string(), "--otlp-grpc-endpoint", &grpc.to_string()]);
    for signal in ["traces", "metrics", "logs"] {
        rotel.args(["--debug-log", signal]);
    }
    rotel.args(["--debug-log-verbosity", "detailed", "--pid-file"]).arg(dir.path().join("pid"));
    let rotel = Peer::start(rotel, grpc);
    send(grpc);
    SENT.iter().for_each(|text| rotel.prints(text));
}

/// The path of the OpenTelemetry Collector is in `SMOLTEL_COLLECTOR`.
#[test]
#[ignore = "the Collector is not among what is installed"]
fn the_collector_gets_all_signals() {
    let program = std::env::var_os("SMOLTEL_COLLECTOR").expect("SMOLTEL_COLLECTOR names the Collector");
    let (dir, grpc) = (tempfile::tempdir().unwrap(), free());
    let pipeline = "{receivers: [otlp], exporters: [debug]}";
    let config = format!(
        "receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '{grpc}'}}}}}}}}\n\
         exporters: {{debug: {{verbosity: detailed}}}}\n\
         service:\n  telemetry: {{metrics: {{level: none}}}}\n  \
         pipelines: {{traces: {pipeline}, metrics: {pipeline}, logs: {pipeline}}}\n"
    );
    let path = dir.path().join("config.yaml");
    std::fs::write(&path, config).unwrap();
    let mut collector = Command::new(program);
    collector.arg("--config").arg(path);
    let collector = Peer::start(collector, grpc);
    send(grpc);
    SENT.iter().for_each(|text| collector.prints(text));
}
