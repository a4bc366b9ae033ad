//! A real gateway, for whoever needs one: built, started on loopback, stopped, and what it archived.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Map, Value};

use crate::repo::Repo;
use crate::step::Log;
use crate::wait::wait;

/// It starts, and stops, in less than a second.
const DEADLINE: Duration = Duration::from_secs(30);

/// A gateway that runs; dropped, it is killed.
pub(crate) struct Gateway {
    child: Child,
    /// Where it takes OTLP/HTTP.
    pub(crate) http: SocketAddr,
    /// Where it takes devices' links.
    pub(crate) link: SocketAddr,
    folder: PathBuf,
    /// The program, behind what runs it if this machine does not.
    program: Vec<PathBuf>,
}

impl Gateway {
    /// Builds a gateway and starts it with nothing else in its archive. `name` is for its folder.
    pub(crate) fn start(repo: &Repo, log: &Log, name: &str) -> Result<Self, String> {
        log.run(&mut repo.cargo(&["build", "-p", "smoltel-gateway"]))?;
        let folder = repo.target_dir().join("xtask").join(name);
        empty(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Self::spawn(repo, built(repo), folder)
    }

    /// A program for another machine, in that emulator. It forwards to where nobody listens, until it is started again.
    pub(crate) fn emulated(repo: &Repo, emulator: &str, program: &Path, name: &str) -> Result<Self, String> {
        let folder = repo.target_dir().join("xtask").join(name);
        let (config, nowhere) = (folder.join(CONFIG), "[[destination]]\nurl = 'http://127.0.0.1:9'\n");
        let failed = |error: io::Error| format!("{}: {error}", folder.display());
        empty(&folder).and_then(|()| std::fs::write(&config, nowhere)).map_err(failed)?;
        let started = Self::spawn(repo, vec![emulator.into(), program.to_owned()], folder.clone());
        std::fs::remove_file(config).map_err(failed)?;
        started
    }

    /// The same with a config file, and the program that reads devices' defmt streams beside it.
    pub(crate) fn reading_defmt(repo: &Repo, log: &Log, name: &str, elves: &Path) -> Result<Self, String> {
        log.run(&mut repo.cargo(&["build", "-p", "smoltel-gateway"]))?;
        log.run(&mut repo.cargo(&[
            "build",
            "-p",
            "smoltel-gateway",
            "--features",
            "defmt",
            "--bin",
            "smoltel-defmt",
        ]))?;
        let folder = repo.target_dir().join("xtask").join(name);
        let config = format!("[defmt]\nelf-dir = {elves:?}\n");
        empty(&folder)
            .and_then(|()| std::fs::write(folder.join(CONFIG), config))
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        Self::spawn(repo, built(repo), folder)
    }

    /// Ends it and starts it again over the same data. It listens elsewhere then.
    ///
    /// It is not killed: an archive gets again what it had got before the spool knew of it.
    pub(crate) fn restart(&mut self, repo: &Repo) -> Result<(), String> {
        self.end()?;
        *self = Self::spawn(repo, self.program.clone(), self.folder.clone())?;
        Ok(())
    }

    fn spawn(repo: &Repo, program: Vec<PathBuf>, folder: PathBuf) -> Result<Self, String> {
        let child =
            spawn(repo, &program, &folder).map_err(|error| format!("the gateway does not start: {error}"))?;
        let nowhere = SocketAddr::from(([0; 4], 0));
        let mut gateway = Self { child, http: nowhere, link: nowhere, folder, program };
        (gateway.http, gateway.link) = gateway.wait_for("the addresses", |gateway| {
            let said = gateway.said();
            Some((address(&said, "OTLP/HTTP on http://")?, address(&said, "devices on tcp://")?))
        })?;
        Ok(gateway)
    }

    /// Asks it to end, which it does when everything is in the archive, and returns that: the lines of the file of each
    /// signal.
    pub(crate) fn stop(mut self) -> Result<Value, String> {
        self.end()?;
        archive(&self.folder.join("data/archive"))
    }

    fn end(&mut self) -> Result<(), String> {
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status();
        asked.map_err(|error| format!("kill: {error}"))?;
        let status = self.wait_for("the end", |gateway| gateway.child.try_wait().ok().flatten())?;
        if !status.success() {
            return Err(format!("the gateway ended with {status}; it said\n{}", self.said()));
        }
        Ok(())
    }

    /// What it printed so far.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn wait_for<T>(&mut self, what: &str, ready: impl Fn(&mut Self) -> Option<T>) -> Result<T, String> {
        wait(DEADLINE, || ready(self)).ok_or_else(|| {
            format!("waited {} s for {what} of the gateway; it said\n{}", DEADLINE.as_secs(), self.said())
        })
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Fails when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn built(repo: &Repo) -> Vec<PathBuf> {
    vec![repo.target_dir().join("debug/smoltel-gateway")]
}

fn empty(folder: &Path) -> io::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)
}

/// Its config file, if it has one.
const CONFIG: &str = "gateway.toml";

fn spawn(repo: &Repo, program: &[PathBuf], folder: &Path) -> io::Result<Child> {
    let (first, rest) = program.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    repo.command(&first.to_string_lossy(), &[])
        .args(rest)
        .args([
            "--http",
            "127.0.0.1:0",
            "--grpc",
            "off",
            "--link",
            "127.0.0.1:0",
            "--admin",
            "off",
            "--data-dir",
        ])
        .arg(folder.join("data"))
        .args(
            [folder.join(CONFIG)]
                .iter()
                .filter(|file| file.exists())
                .flat_map(|file| ["--config".as_ref(), file.as_os_str()]),
        )
        .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT")
        .stdout(Stdio::null())
        .stderr(File::create(folder.join("log"))?)
        .spawn()
}

/// Where it listens, when it has said so behind the words `what` and is ready.
fn address(said: &str, what: &str) -> Option<SocketAddr> {
    said.lines().find(|line| line.contains("data in "))?;
    said.lines().find_map(|line| line.split_once(what)?.1.trim().parse().ok())
}

/// The lines of `traces.jsonl`, `logs.jsonl` and `metrics.jsonl`, as far as they are there.
fn archive(folder: &Path) -> Result<Value, String> {
    let mut signals = Map::new();
    for signal in ["traces", "logs", "metrics"] {
        let path = folder.join(signal).with_extension("jsonl");
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.map_err(|error| format!("{}: {error}", path.display()))?,
        };
        let lines: Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
        let lines = lines.map_err(|error| format!("{}: {error}", path.display()))?;
        signals.insert(signal.to_owned(), lines.into());
    }
    Ok(signals.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_known_when_the_gateway_is_ready() {
        let listening = "smoltel-gateway: listening for OTLP/HTTP on http://127.0.0.1:4318\n";
        let what = "OTLP/HTTP on http://";
        assert_eq!(address(listening, what), None);
        let ready = format!("{listening}smoltel-gateway: data in x, forwarding to y\n");
        assert_eq!(address(&ready, what), Some(SocketAddr::from(([127, 0, 0, 1], 4318))));
    }

    #[test]
    fn a_signal_of_which_nothing_came_has_no_lines() {
        let archive = archive(Path::new("no/such/folder")).unwrap();
        assert_eq!(archive, serde_json::json!({"traces": [], "logs": [], "metrics": []}));
    }
}
