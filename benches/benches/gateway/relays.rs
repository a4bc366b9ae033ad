//! The relays that are measured: ours, the floor, and the peers that are there.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::load::until;

/// One way to relay.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    FloorMemory,
    FloorDurable,
    Ours,
    Rotel,
    CollectorMemory,
    CollectorDurable,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [
        Self::FloorMemory,
        Self::Rotel,
        Self::CollectorMemory,
        Self::FloorDurable,
        Self::Ours,
        Self::CollectorDurable,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FloorMemory => "floor, in memory",
            Self::FloorDurable => "floor, durable",
            Self::Ours => "smoltel-gateway, durable",
            Self::Rotel => "rotel, in memory, with gzip",
            Self::CollectorMemory => "Collector, in memory",
            Self::CollectorDurable => "Collector, bbolt with fsync",
        }
    }

    fn program(self, peers: &Path) -> PathBuf {
        match self {
            Self::FloorMemory | Self::FloorDurable => std::env::current_exe().expect("this program"),
            // `cargo xtask bench gateway` has built it.
            Self::Ours => PathBuf::from(
                std::env::var_os("SMOLTEL_GATEWAY").unwrap_or("target/release/smoltel-gateway".into()),
            ),
            Self::Rotel => peers.join("bin/rotel"),
            Self::CollectorMemory | Self::CollectorDurable => peers.join("bin/otelcol-deb"),
        }
    }

    /// Whether it can be started here.
    pub(crate) fn is_there(self, peers: &Path) -> bool {
        self.program(peers).exists()
    }
}

/// A relay that runs; killed when dropped.
pub(crate) struct Relay {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Relay {
    /// Starts it with that folder for its data, and waits until it listens. The folder may hold what an earlier run left.
    pub(crate) fn start(kind: Kind, peers: &Path, dir: &Path, to: SocketAddr) -> Self {
        let address = free();
        let mut command = Command::new(kind.program(peers));
        arguments(kind, &mut command, dir, address, to);
        let log = fs::File::create(dir.join("log")).expect("a log");
        let said = log.try_clone().expect("a log");
        let child = command.stdin(Stdio::null()).stdout(said).stderr(log).spawn();
        let relay = Self { child: child.unwrap_or_else(|error| panic!("{}: {error}", kind.name())), address };
        let listens = until(Duration::from_secs(30), || TcpStream::connect(address).is_ok());
        assert!(listens, "{} does not listen; see {}", kind.name(), dir.join("log").display());
        relay
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Seconds of CPU time, user and system.
    pub(crate) fn cpu(&self) -> f64 {
        const TICKS: f64 = 100.0;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).expect("it runs");
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields[at].parse::<f64>().expect("a number");
        (ticks(11) + ticks(12)) / TICKS
    }

    /// A size from `/proc/PID/status` in MiB: `VmHWM` or `VmRSS`.
    pub(crate) fn memory(&self, what: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(what)).expect("/proc");
        line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
    }

    /// `kill -9`, or a SIGTERM and its end.
    pub(crate) fn end(mut self, signal: &str) {
        let id = self.id().to_string();
        Command::new("kill").args([&format!("-{signal}"), &id]).status().expect("kill");
        self.child.wait().expect("its end");
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that nobody listens on.
pub(crate) fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    listener.local_addr().expect("an address")
}

fn arguments(kind: Kind, command: &mut Command, dir: &Path, listen: SocketAddr, to: SocketAddr) {
    let (listen, to) = (listen.to_string(), to.to_string());
    let url = format!("http://{to}");
    match kind {
        Kind::FloorMemory => command.args(["floor", &listen, &to]),
        Kind::FloorDurable => command.args(["floor", &listen, &to]).arg(dir.join("floor.log")),
        Kind::Ours => command
            .args([
                "--http",
                &listen,
                "--grpc",
                "off",
                "--link",
                "off",
                "--admin",
                "off",
                "--upstream",
                &url,
                "--data-dir",
            ])
            .arg(dir.join("data")),
        Kind::Rotel => command
            .env("ROTEL_TELEMETRY_ENABLED", "false")
            .args(["start", "--otlp-http-endpoint", &listen, "--otlp-grpc-endpoint", &free().to_string()])
            .args([
                "--exporter",
                "otlp",
                "--otlp-exporter-endpoint",
                &url,
                "--otlp-exporter-protocol",
                "http",
            ])
            .args(["--otlp-exporter-compression", "none", "--log-file", "/dev/stderr", "--pid-file"])
            .arg(dir.join("pid")),
        Kind::CollectorMemory | Kind::CollectorDurable => {
            let config = dir.join("collector.yaml");
            fs::write(&config, collector(kind, dir, &listen, &url)).expect("a file");
            command.arg("--config").arg(config)
        }
    };
}

/// The Collector's configuration: its queue in memory, or in a file that is synced, and in both cases no other batching.
fn collector(kind: Kind, dir: &Path, listen: &str, url: &str) -> String {
    let storage = dir.join("storage");
    fs::create_dir_all(&storage).expect("a folder");
    let storage = storage.display();
    let (extension, queue) = match kind {
        Kind::CollectorDurable => (
            format!("extensions:\n  file_storage: {{directory: {storage}, fsync: true}}\n"),
            ", storage: file_storage",
        ),
        _ => (String::new(), ""),
    };
    let extensions = if extension.is_empty() { "" } else { "  extensions: [file_storage]\n" };
    format!(
        "receivers:\n  otlp: {{protocols: {{http: {{endpoint: {listen}}}}}}}\n{extension}exporters:\n  otlphttp:\n    \
         endpoint: {url}\n    compression: none\n    sending_queue: {{enabled: true, queue_size: 100000{queue}}}\n    \
         retry_on_failure: {{initial_interval: 100ms, max_interval: 1s, max_elapsed_time: 0}}\nservice:\n{extensions}  \
         telemetry: {{metrics: {{level: none}}, logs: {{level: error}}}}\n  pipelines:\n    traces: {{receivers: [otlp], \
         exporters: [otlphttp]}}\n"
    )
}
