//! The examples of smoltel as whole programs: each runs against a real gateway, and what arrived there is looked at. The real
//! Collector can stand between them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::collector::Collector;
use crate::gateway::Gateway;
use crate::repo::{Repo, output};
use crate::step::{Log, Outcome, Step};

/// A program, and what is true of the archive when it has ended.
struct Program {
    name: &'static str,
    run: fn(&Runner) -> Result<(), String>,
    /// `span` or `parent > span`, each with how often.
    spans: &'static [(&'static str, usize)],
    logs: &'static [(&'static str, usize)],
    metrics: &'static [&'static str],
}

const PROGRAMS: &[Program] = &[
    Program {
        name: "thermostat",
        run: |runner| runner.ends_well(&[&runner.endpoint]),
        spans: &[("turn", 4), ("turn > adjust", 4)],
        logs: &[("valve opened", 3), ("35 °C is more than the valve can do", 1)],
        metrics: &["valve.moves"],
    },
    Program {
        name: "server",
        run: server,
        spans: &[("b7ad6b7169203331 > GET /orders/{id}", 2), ("GET /orders/{id} > load order", 2)],
        logs: &[("order loaded", 1), ("order cannot be loaded", 1)],
        metrics: &["orders.answered", "http.server.request.duration"],
    },
    Program {
        name: "cron",
        run: cron,
        spans: &[("backup", 2), ("backup > copy table", 6), ("backup > check", 2)],
        logs: &[],
        metrics: &[],
    },
    Program {
        name: "tracing_app",
        run: |runner| runner.ends_well(&[&runner.endpoint]),
        spans: &[("turn", 3), ("turn > pump", 3)],
        logs: &[("primed", 1), ("pressure is high", 1), ("stopped", 1), ("filtered", 0)],
        metrics: &[],
    },
    Program {
        name: "opentelemetry_app",
        run: |runner| runner.ends_well(&[&runner.endpoint]),
        spans: &[("turn", 3), ("turn > adjust", 3)],
        logs: &[("valve moved", 3)],
        metrics: &["valve.moves"],
    },
];

const FEATURES: &str = "spool,bridge-tracing,bridge-opentelemetry-033";

/// The step that runs all of them, by way of the Collector in the folder of peers if there is one.
pub(crate) fn step(peers: Option<PathBuf>) -> Step {
    Step {
        name: "examples",
        about: "smoltel's examples run against a real gateway, which gets what they record",
        needs: &[],
        run: Box::new(move |repo, log| run(repo, log, peers.as_deref())),
    }
}

fn run(repo: &Repo, log: &Log, peers: Option<&Path>) -> Outcome {
    log.run(&mut repo.cargo(&["build", "-p", "smoltel", "--examples", "--features", FEATURES]))?;
    for program in PROGRAMS {
        check(repo, log, program, peers).map_err(|reason| format!("{}: {reason}", program.name))?;
    }
    let way = if peers.is_some() { ", through the Collector" } else { "" };
    Ok(format!("{} programs{way}", PROGRAMS.len()))
}

fn check(repo: &Repo, log: &Log, program: &Program, peers: Option<&Path>) -> Result<(), String> {
    let gateway = Gateway::start(repo, log, &format!("example-{}", program.name))?;
    let folder = repo.target_dir().join("xtask").join(format!("example-{}", program.name));
    let collector = peers.map(|peers| Collector::start(peers, gateway.http, &folder)).transpose()?;
    let endpoint = collector.as_ref().map_or(gateway.http, |collector| collector.http);
    let executable = repo.target_dir().join("debug/examples").join(program.name);
    (program.run)(&Runner { executable, endpoint: format!("http://{endpoint}"), folder })?;
    collector.map_or(Ok(()), Collector::stop)?;
    let archive = gateway.stop()?;
    let wrong = complaints(program, &archive);
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("{}; in the archive is\n{archive:#}", wrong.join("; ")))
    }
}

struct Runner {
    executable: PathBuf,
    endpoint: String,
    folder: PathBuf,
}

impl Runner {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.executable);
        command.args(arguments);
        command
    }

    fn ends_well(&self, arguments: &[&str]) -> Result<(), String> {
        output(&mut self.command(arguments)).map(|_| ())
    }
}

/// The first run finds nobody and keeps what it has; the second brings both home.
fn cron(runner: &Runner) -> Result<(), String> {
    let spool = runner.folder.join("spool");
    let spool = spool.to_str().ok_or("the target folder is not UTF-8")?;
    runner.ends_well(&["http://127.0.0.1:9", spool])?;
    runner.ends_well(&[&runner.endpoint, spool])
}

/// Calls it, each time with a caller's span, and lets it end.
fn server(runner: &Runner) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut command = runner.command(&[&runner.endpoint]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut first = String::new();
    // Open until the end: it prints its report there.
    let mut stdout = BufReader::new(child.stdout.take().ok_or("no standard output")?);
    let read = stdout.read_line(&mut first).map_err(failed);
    let address = first.trim().strip_prefix("listening on http://").ok_or("it does not say where it listens");
    let called = read.and_then(|_| Ok(address?)).and_then(|address| {
        ["/orders/7", "/orders/x"].iter().try_for_each(|path| get(address, path).map_err(failed))
    });
    // The end of its standard input is the end of it.
    drop(child.stdin.take());
    let status = child.wait().map_err(failed)?;
    called?;
    if status.success() { Ok(()) } else { Err(format!("it ended with {status}")) }
}

fn get(address: &str, path: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\ntraceparent: {parent}\r\n\r\n")?;
    stream.read_to_end(&mut Vec::new())?;
    Ok(())
}

/// What is not in the archive as often as it should be.
fn complaints(program: &Program, archive: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let (spans, logs) = (spans(archive), texts(archive, "logs", &["body", "stringValue"]));
    let expected = [(&spans, program.spans), (&logs, program.logs)];
    for (seen, (what, times)) in
        expected.iter().flat_map(|(seen, all)| all.iter().map(move |one| (seen, one)))
    {
        let count = seen.iter().filter(|one| *one == what).count();
        if count != *times {
            found.push(format!("{what:?} is there {count} times, not {times}"));
        }
    }
    let metrics = texts(archive, "metrics", &["name"]);
    let missing = program.metrics.iter().filter(|name| !metrics.iter().any(|metric| metric == *name));
    found.extend(missing.map(|name| format!("the metric {name} is missing")));
    found
}

/// Every record of a signal.
fn records<'a>(archive: &'a Value, signal: &str) -> impl Iterator<Item = &'a Value> {
    let list = |value: &'a Value, key: &str| value[key].as_array().map(Vec::as_slice).unwrap_or_default();
    let (resources, scopes, records) = match signal {
        "traces" => ("resourceSpans", "scopeSpans", "spans"),
        "logs" => ("resourceLogs", "scopeLogs", "logRecords"),
        _ => ("resourceMetrics", "scopeMetrics", "metrics"),
    };
    let resources = list(archive, signal).iter().flat_map(move |line| list(line, resources));
    resources.flat_map(move |resource| list(resource, scopes)).flat_map(move |scope| list(scope, records))
}

/// Every span by its name, and once more behind its parent: the name of one that is there, or an id.
fn spans(archive: &Value) -> Vec<String> {
    let text = |span: &Value, key: &str| span[key].as_str().unwrap_or_default().to_owned();
    let named = |id: &str| {
        let parent = records(archive, "traces").find(|span| text(span, "spanId") == id);
        parent.map_or(id.to_owned(), |parent| text(parent, "name"))
    };
    let mut seen = Vec::new();
    for span in records(archive, "traces") {
        let parent = text(span, "parentSpanId");
        if !parent.is_empty() {
            seen.push(format!("{} > {}", named(&parent), text(span, "name")));
        }
        seen.push(text(span, "name"));
    }
    seen
}

/// A text of every record of a signal.
fn texts(archive: &Value, signal: &str, path: &[&str]) -> Vec<String> {
    let text = |record: &Value| path.iter().fold(record.clone(), |value, key| value[*key].clone());
    records(archive, signal).filter_map(|record| text(record).as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_too_often_there_is_named() {
        let span = |id: &str, parent: &str, name: &str| serde_json::json!({"spanId": id, "parentSpanId": parent, "name": name});
        let spans = [span("1", "", "turn"), span("2", "1", "adjust"), span("3", "f", "adjust")];
        let archive =
            serde_json::json!({"traces": [{"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}]});
        let program = |spans| Program { name: "", run: |_| Ok(()), spans, logs: &[], metrics: &[] };
        let right = program(&[("turn", 1), ("turn > adjust", 1), ("f > adjust", 1), ("other", 0)]);
        assert!(complaints(&right, &archive).is_empty());
        let wrong = Program { metrics: &["m"], ..program(&[("turn", 2)]) };
        assert_eq!(
            complaints(&wrong, &archive),
            ["\"turn\" is there 1 times, not 2", "the metric m is missing"]
        );
    }
}
