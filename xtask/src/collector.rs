//! The real Collector between a program and a gateway: what arrives at the gateway has gone through it.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::wait::wait;

/// Its name in the folder of peers.
const PROGRAM: &str = "bin/otelcol-deb";
/// It starts, and stops, in a few seconds.
const DEADLINE: Duration = Duration::from_secs(60);

/// A Collector that runs; dropped, it is killed.
pub(crate) struct Collector {
    child: Child,
    /// Where it takes OTLP/HTTP.
    pub(crate) http: SocketAddr,
    log: PathBuf,
}

impl Collector {
    /// Starts the one among `peers`, which forwards to `gateway`. `folder` is for its files.
    pub(crate) fn start(peers: &Path, gateway: SocketAddr, folder: &Path) -> Result<Self, String> {
        let http = free_address()?;
        let (config, log) = (folder.join("collector.yaml"), folder.join("collector.log"));
        let failed = |error: std::io::Error| format!("the Collector does not start: {error}");
        std::fs::write(&config, configuration(http, gateway)).map_err(failed)?;
        let mut command = Command::new(peers.join(PROGRAM));
        command.arg("--config").arg(config).stdout(Stdio::null());
        let child = command.stderr(File::create(&log).map_err(failed)?).spawn().map_err(failed)?;
        let mut collector = Self { child, http, log };
        collector.wait_for("its port", |_| TcpStream::connect(http).ok().map(drop))?;
        Ok(collector)
    }

    /// Asks it to end, which it does when it has forwarded everything.
    pub(crate) fn stop(mut self) -> Result<(), String> {
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status();
        asked.map_err(|error| format!("kill: {error}"))?;
        let status = self.wait_for("the end", |collector| collector.child.try_wait().ok().flatten())?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the Collector ended with {status}{}", self.said()))
        }
    }

    fn wait_for<T>(&mut self, what: &str, ready: impl Fn(&mut Self) -> Option<T>) -> Result<T, String> {
        wait(DEADLINE, || ready(self)).ok_or_else(|| {
            format!("waited {} s for {what} of the Collector{}", DEADLINE.as_secs(), self.said())
        })
    }

    fn said(&self) -> String {
        format!("; it said\n{}", std::fs::read_to_string(&self.log).unwrap_or_default())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // Fails when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// It has no way to say which port it was given.
fn free_address() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map_err(|error| format!("no free port: {error}"))
}

fn configuration(listen: SocketAddr, gateway: SocketAddr) -> String {
    let pipeline = "{receivers: [otlp], exporters: [otlphttp]}";
    format!(
        "receivers:\n  otlp: {{protocols: {{http: {{endpoint: {listen}}}}}}}\nexporters:\n  otlphttp: {{endpoint: \
         \"http://{gateway}\"}}\nservice:\n  telemetry: {{metrics: {{level: none}}}}\n  pipelines:\n    traces: \
         {pipeline}\n    logs: {pipeline}\n    metrics: {pipeline}\n"
    )
}
