//! Gateways relaying the same load to the same sink: what a million spans cost, and what is lost when something dies.
//!
//! The first argument is the folder of the peers; those that are not in it are said to be missing. The second one is how many percent of
//! the load is sent, for a quick look. Load and sink are threads of this
//! process, each relay is a process of its own. On a busy machine CPU time holds, and the device's bytes do not.

mod floor;
mod http;
mod load;
#[expect(dead_code, reason = "the spool's bench measures its own memory, this one that of other processes")]
#[path = "../spool/machine.rs"]
mod machine;
mod payload;
mod relays;
mod sink;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use load::{Load, until};
use relays::{Kind, Relay, free};
use sink::{Seen, Sink};

const TOGETHER: [usize; 3] = [10, 100, 512];
const TURNS: usize = 3;
/// Enough for the clock of CPU time, a hundredth of a second, and for the slowest.
const SPANS: [u64; 3] = [100_000, 400_000, 800_000];
const PATIENCE: Duration = Duration::from_secs(120);
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["floor", listen, to, log @ ..] => {
            let address = |text: &str| text.parse().expect("an address");
            floor::run(address(listen), address(to), log.first().map(Path::new)).expect("the floor");
        }
        [] => tables(Path::new(".peers"), 100),
        [peers] => tables(Path::new(peers), 100),
        [peers, percent, ..] => tables(Path::new(peers), percent.parse().expect("a number of percent")),
    }
}

/// All tables, of that many percent of the load.
fn tables(peers: &Path, percent: u64) {
    let (there, missing): (Vec<_>, Vec<_>) = Kind::ALL.into_iter().partition(|kind| kind.is_there(peers));
    for kind in missing {
        println!("NOT RUN: {} is not in {}", kind.name(), peers.display());
    }
    for (together, spans) in TOGETHER.into_iter().zip(SPANS) {
        costs(&there, peers, Load { together, requests: spans * percent / 100 / together as u64 });
    }
    println!(
        "\n| acknowledged while the sink is down, then | kill -9 | SIGTERM | no restart |\n|---|---|---|---|"
    );
    for &kind in there.iter().filter(|kind| !matches!(kind, Kind::FloorMemory | Kind::FloorDurable)) {
        let ends = [Some("KILL"), Some("TERM"), None].map(|end| outage(kind, peers, end));
        println!("| {} | {} | {} | {} |", kind.name(), ends[0], ends[1], ends[2]);
    }
    println!("\n| kill -9 in the middle, sink up | acknowledged, lost, twice |\n|---|---|");
    for &kind in there.iter().filter(|kind| !matches!(kind, Kind::FloorMemory | Kind::FloorDurable)) {
        println!("| {} | {} |", kind.name(), cut(kind, peers));
    }
}

/// What one run of a relay took.
#[derive(Clone, Copy, Default)]
struct Cost {
    cpu: f64,
    idle: f64,
    peak: f64,
    written: f64,
    syncs: f64,
    lost: f64,
    twice: f64,
}

fn costs(kinds: &[Kind], peers: &Path, load: Load) {
    println!(
        "\n| {} spans a request, medians of {TURNS} | CPU s per million spans | idle MiB | peak MiB | device bytes per \
         payload byte | syncs per request | lost | twice |\n|---|---|---|---|---|---|---|---|",
        load.together
    );
    // In turns, so that a slower minute is everybody's.
    let mut runs: Vec<Vec<Cost>> = vec![Vec::new(); kinds.len()];
    for turn in 0..TURNS {
        for (&kind, runs) in kinds.iter().zip(&mut runs) {
            runs.push(relay(kind, peers, load, turn == 0));
        }
    }
    for (kind, runs) in kinds.iter().zip(&runs) {
        let median = |what: fn(&Cost) -> f64| {
            let mut values: Vec<f64> = runs.iter().map(what).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        println!(
            "| {} | {:.2} | {:.1} | {:.1} | {:.2} | {:.2} | {} | {} |",
            kind.name(),
            median(|cost| cost.cpu),
            median(|cost| cost.idle),
            median(|cost| cost.peak),
            median(|cost| cost.written),
            runs[0].syncs,
            median(|cost| cost.lost),
            median(|cost| cost.twice),
        );
    }
}

/// One run; with `traced`, a second and shorter one counts syncs.
fn relay(kind: Kind, peers: &Path, load: Load, traced: bool) -> Cost {
    let dir = tempfile::tempdir().expect("a folder");
    let sink = Sink::start(ANY).expect("a sink");
    let relay = Relay::start(kind, peers, dir.path(), sink.address);
    let idle = relay.memory("VmRSS");
    let (cpu, written) = (relay.cpu(), machine::device_bytes(dir.path()));
    load.send(relay.address);
    until(PATIENCE, || sink.seen().different >= load.spans());
    let seen = sink.seen();
    let cost = Cost {
        cpu: (relay.cpu() - cpu) / load.spans() as f64 * 1e6,
        idle,
        peak: relay.memory("VmHWM"),
        written: (machine::device_bytes(dir.path()) - written) / load.bytes(),
        lost: (load.spans() - seen.different) as f64,
        twice: (seen.spans - seen.different) as f64,
        syncs: 0.0,
    };
    drop(relay);
    Cost { syncs: if traced { syncs(kind, peers, load) } else { 0.0 }, ..cost }
}

/// Calls of fsync and fdatasync for a request, by strace; not a number where there is none.
fn syncs(kind: Kind, peers: &Path, load: Load) -> f64 {
    let load = Load { requests: (load.requests / 10).max(200), ..load };
    let dir = tempfile::tempdir().expect("a folder");
    let sink = Sink::start(ANY).expect("a sink");
    let relay = Relay::start(kind, peers, dir.path(), sink.address);
    let summary = dir.path().join("strace");
    let strace = Command::new("strace")
        .args(["-f", "-qq", "-c", "-e", "trace=fsync,fdatasync", "-p", &relay.id().to_string(), "-o"])
        .arg(&summary)
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut strace) = strace else { return f64::NAN };
    let attached = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", relay.id())).unwrap_or_default();
        !status.contains("TracerPid:\t0")
    };
    until(PATIENCE, attached);
    load.send(relay.address);
    until(PATIENCE, || sink.seen().different >= load.spans());
    let interrupted = Command::new("kill").args(["-INT", &strace.id().to_string()]).status();
    interrupted.and_then(|_| strace.wait()).expect("strace ends");
    let summary = std::fs::read_to_string(summary).unwrap_or_default();
    calls(&summary).unwrap_or(0.0) / load.requests as f64
}

/// All calls in a summary of strace, which is empty if there were none.
fn calls(summary: &str) -> Option<f64> {
    let total = summary.lines().rfind(|line| line.ends_with("total"))?;
    total.split_whitespace().nth(3)?.parse().ok()
}

/// The spans lost and doubled of those acknowledged while nobody took them, after that end of the relay and another start.
fn outage(kind: Kind, peers: &Path, end: Option<&str>) -> String {
    let load = Load { together: 100, requests: 500 };
    let dir = tempfile::tempdir().expect("a folder");
    let address = free();
    let mut relay = Relay::start(kind, peers, dir.path(), address);
    let acknowledged = load.send(relay.address);
    if let Some(signal) = end {
        relay.end(signal);
        relay = Relay::start(kind, peers, dir.path(), address);
    }
    let sink = Sink::start(address).expect("the sink");
    let seen = settled(&sink, acknowledged);
    drop(relay);
    format!("{} lost, {} twice", acknowledged.saturating_sub(seen.different), seen.spans - seen.different)
}

/// The same for a kill while everything flows.
fn cut(kind: Kind, peers: &Path) -> String {
    let load = Load { together: 100, requests: 1_000 };
    let dir = tempfile::tempdir().expect("a folder");
    let sink = Sink::start(ANY).expect("a sink");
    let relay = Relay::start(kind, peers, dir.path(), sink.address);
    let to = relay.address;
    let sending = std::thread::spawn(move || load.send(to));
    until(PATIENCE, || sink.seen().different >= load.spans() / 2);
    relay.end("KILL");
    let acknowledged = sending.join().expect("the load");
    let again = Relay::start(kind, peers, dir.path(), sink.address);
    let seen = settled(&sink, acknowledged);
    drop(again);
    let lost = acknowledged.saturating_sub(seen.different);
    format!("{acknowledged}, {lost}, {}", seen.spans - seen.different)
}

/// What has come when everything is there, or when nothing has come for ten seconds.
fn settled(sink: &Sink, spans: u64) -> Seen {
    const QUIET: Duration = Duration::from_secs(10);
    loop {
        let before = sink.seen();
        if before.different >= spans || !until(QUIET, || sink.seen() != before) {
            return sink.seen();
        }
    }
}
