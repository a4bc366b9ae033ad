//! The spool beside a raw write + fdatasync of the same bytes, and beside databases that serve as a durable queue, in a temporary
//! directory of the disk that `TMPDIR` names. Each run is a process of its own; the runs of the stores take turns.

mod machine;
mod stores;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use stores::{NAMES, open};

/// Payloads: one export of a small program, and one of a busy one.
const LENGTHS: [usize; 2] = [3_500, 35_000];
const TOGETHER: usize = 16;
const BATCHES: usize = 1_600;
/// With strace, which slows them down; in bytes.
const TRACED: usize = 11_200_000;
const TURNS: usize = 5;
/// Stored and taken out before anything is measured, in bytes.
const WARM_UP: usize = 12 << 20;
const QUEUED: usize = 256 << 20;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["child", dir, store, len, what @ ..] => {
            child(Path::new(dir), store, len.parse().expect("a length"), what);
        }
        _ => tables(),
    }
}

/// Prints what one process measured.
fn child(dir: &Path, name: &str, len: usize, what: &[&str]) {
    let figures = match what {
        ["run", together, batches] => {
            run(dir, name, len, together.parse().expect("a count"), batches.parse().expect("a count"))
        }
        ["fill"] => fill(dir, name, len),
        ["reopen"] => reopen(dir, name),
        _ => panic!("there is no {what:?}"),
    };
    let figures: Vec<String> = figures.iter().map(f64::to_string).collect();
    println!("{}", figures.join(" "));
}

/// Batches a second, each durable and taken out again, and bytes that the device wrote for a byte of payload.
fn run(dir: &Path, name: &str, len: usize, together: usize, batches: usize) -> Vec<f64> {
    let payload = vec![7; len];
    let mut store = open(name, dir, stores::CAPACITY);
    store.pass(&payload, together, WARM_UP / len);
    let before = machine::device_bytes(dir);
    let start = Instant::now();
    store.pass(&payload, together, batches);
    let seconds = start.elapsed().as_secs_f64();
    let written = machine::device_bytes(dir) - before;
    vec![batches as f64 / seconds, written / (batches * len) as f64]
}

fn fill(dir: &Path, name: &str, len: usize) -> Vec<f64> {
    let payload = vec![7; len];
    open(name, dir, QUEUED as u64 * 5 / 4).fill(&payload, QUEUED / len);
    Vec::new()
}

/// Milliseconds, the median of nine with the page cache warm, and MiB of memory after the first.
fn reopen(dir: &Path, name: &str) -> Vec<f64> {
    let before = machine::memory();
    let mut memory = 0.0;
    let mut times = [0; 9].map(|_| {
        let start = Instant::now();
        let store = open(name, dir, QUEUED as u64 * 5 / 4);
        let time = start.elapsed().as_secs_f64() * 1e3;
        memory = if memory == 0.0 { machine::memory() - before } else { memory };
        drop(store);
        time
    });
    vec![median(&mut times), memory]
}

/// A line of a table: what it is about, and the figure of each store.
type Row = (&'static str, Vec<String>);

/// Rows of which the first table is made, with what is aimed at.
const AIMS: [(&str, &str); 7] = [
    ("batches/s, one by one, against raw", "0.9"),
    ("batches/s, 16 at a time, against raw", ""),
    ("syncs per batch, one by one", "1.02"),
    ("syncs per batch, 16 at a time", "0.08"),
    ("device bytes per payload byte, one by one", "1.25 / 1.05"),
    ("reopen with 256 MiB queued, ms", "50"),
    ("memory then, MiB", ""),
];

fn print(heads: &[&str], rows: &[Row]) {
    println!("\n| {} |", heads.join(" | "));
    println!("|{}", "---|".repeat(heads.len()));
    rows.iter().for_each(|(title, cells)| println!("| {title} | {} |", cells.join(" | ")));
}

/// What docs/PERFORMANCE.md shows: ours beside what is aimed at, then all stores.
fn tables() {
    let tables = LENGTHS.map(|len| (len, table(len)));
    let ours = AIMS.map(|(title, aim)| {
        let of =
            |rows: &[Row]| rows.iter().find(|row| row.0 == title).map_or("?".into(), |row| row.1[0].clone());
        let mut cells: Vec<String> = tables.iter().map(|(_, rows)| of(rows)).collect();
        cells.push(aim.into());
        (title, cells)
    });
    print(&["the spool", "3,500 bytes", "35,000 bytes", "aim"], &ours);
    for (len, rows) in &tables {
        let head = format!("{len} bytes");
        print(&[&[head.as_str()], &NAMES[..]].concat(), rows);
    }
}

fn table(len: usize) -> Vec<Row> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let turns: Vec<_> = (0..TURNS).map(|_| NAMES.map(|name| turn(dir.path(), name, len))).collect();
    let of = |store: usize, at: usize| -> Vec<f64> { turns.iter().map(|turn| turn[store][at]).collect() };
    let row = |title, figure: &dyn Fn(usize) -> String| (title, (0..NAMES.len()).map(figure).collect());
    let rate = |at| move |store| format!("{:.0}", median(&mut of(store, at)));
    let against_raw = |at| {
        move |store| {
            let (ours, raw) = (of(store, at), of(1, at));
            let mut ratios: Vec<f64> = ours.iter().zip(raw).map(|(ours, raw)| ours / raw).collect();
            format!("{:.2}", median(&mut ratios))
        }
    };
    // What others wrote meanwhile only adds.
    let written = |at| move |store| format!("{:.2}", of(store, at).into_iter().fold(f64::MAX, f64::min));
    let synced = |together| {
        let dir = dir.path();
        move |store: usize| syncs(dir, NAMES[store], len, together).map_or("?".into(), |n| format!("{n:.3}"))
    };
    let queued: Vec<_> = NAMES.iter().map(|name| queued(dir.path(), name, len)).collect();
    let reopened = |at: usize| {
        let queued = &queued;
        move |store: usize| {
            queued[store].as_ref().map_or("–".into(), |figures| format!("{:.1}", figures[at]))
        }
    };
    vec![
        row("batches/s, one by one", &rate(0)),
        row("batches/s, one by one, against raw", &against_raw(0)),
        row("batches/s, 16 at a time", &rate(2)),
        row("batches/s, 16 at a time, against raw", &against_raw(2)),
        row("device bytes per payload byte, one by one", &written(1)),
        row("device bytes per payload byte, 16 at a time", &written(3)),
        row("syncs per batch, one by one", &synced(1)),
        row("syncs per batch, 16 at a time", &synced(TOGETHER)),
        row("reopen with 256 MiB queued, ms", &reopened(0)),
        row("memory then, MiB", &reopened(1)),
    ]
}

/// The figures of both kinds of run.
fn turn(dir: &Path, name: &str, len: usize) -> Vec<f64> {
    [1, TOGETHER]
        .into_iter()
        .flat_map(|together| measured(dir, name, len, &run_arguments(together, BATCHES)))
        .collect()
}

fn run_arguments(together: usize, batches: usize) -> Vec<String> {
    vec!["run".into(), together.to_string(), batches.to_string()]
}

/// Counted by strace, while what is measured runs.
fn syncs(dir: &Path, name: &str, len: usize, together: usize) -> Option<f64> {
    let batches = TRACED / len;
    let inner = tempfile::tempdir_in(dir).ok()?;
    let seen = dir.join("strace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "--seccomp-bpf", "-e", "trace=sync,fsync,fdatasync,msync,sync_file_range", "-o"]);
    strace.arg(&seen).arg(std::env::current_exe().ok()?).arg("child").arg(inner.path());
    strace.args([name, &len.to_string()]).args(run_arguments(together, batches));
    strace.output().ok()?.status.success().then_some(())?;
    Some(machine::syncs(&std::fs::read_to_string(seen).ok()?)? / batches as f64)
}

fn queued(dir: &Path, name: &str, len: usize) -> Option<Vec<f64>> {
    if name == stores::RAW {
        return None;
    }
    let inner = tempfile::tempdir_in(dir).expect("a temporary directory");
    spawn(inner.path(), name, len, &["fill".into()]);
    Some(spawn(inner.path(), name, len, &["reopen".into()]))
}

/// What a process measured in a directory of its own.
fn measured(dir: &Path, name: &str, len: usize, what: &[String]) -> Vec<f64> {
    let inner = tempfile::tempdir_in(dir).expect("a temporary directory");
    spawn(inner.path(), name, len, what)
}

fn spawn(dir: &Path, name: &str, len: usize, what: &[String]) -> Vec<f64> {
    let mut child = Command::new(std::env::current_exe().expect("this program"));
    let output =
        child.arg("child").arg(dir).args([name, &len.to_string()]).args(what).output().expect("a child");
    assert!(output.status.success(), "{name} {what:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .filter_map(|figure| figure.parse().ok())
        .collect()
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
