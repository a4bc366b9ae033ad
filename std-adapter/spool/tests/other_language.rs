//! docs/SPOOL.md is enough to write a reader in another language: tests/reader.py and tests/reader.mjs were written from it, and see what
//! ours sees.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use smoltel_spool::{Class, Codec, Full, Options, Origin, Reader, Record, Signal, Spool};

/// What both print: a line for each record.
fn ours(dir: &Path) -> String {
    let reader = Reader::open(dir).unwrap();
    let mut lines = String::new();
    for listed in reader.list().unwrap() {
        let entry = reader.read(&listed).unwrap().unwrap();
        let waiting = listed.waiting_for.join(",");
        let waiting = if waiting.is_empty() { "-" } else { &waiting };
        let (signal, class, codec) = (listed.signal as u8, listed.class as u8, listed.codec as u8);
        let (sequence, items, stream) = (listed.sequence, listed.items, listed.stream);
        write!(lines, "{sequence} {signal} {class} {codec} {items} {stream} {waiting} ").unwrap();
        let plain = entry.decode(1 << 20).unwrap();
        plain.iter().for_each(|byte| write!(lines, "{byte:02x}").unwrap());
        lines.push('\n');
    }
    lines
}

/// Indexes that the other reader found, and found right.
static INDEXES: AtomicUsize = AtomicUsize::new(0);

/// A reader of another language: what runs it, and its file.
type Theirs = (&'static str, &'static str);

const PYTHON: Theirs = ("python3", "reader.py");
const NODE: Theirs = ("node", "reader.mjs");

fn theirs((program, script): Theirs, dir: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(script);
    let output = Command::new(program).arg(script).arg(dir).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let indexes = said.trim().strip_suffix(" indexes").map(|count| count.parse().expect("a count"));
    INDEXES.fetch_add(indexes.unwrap_or(0), Ordering::Relaxed);
    String::from_utf8(output.stdout).unwrap()
}

fn record(n: u32) -> Record {
    let signal = Signal::ALL[n as usize % 4];
    let class = Class::ALL[n as usize % 7 % 3];
    let device = Origin { device: [n as u8 % 5; 16], epoch: 9, sequence: n.into() };
    // Some are too long for the rest of a segment, which leaves room for its index.
    let len = if n.is_multiple_of(5) { 3900 } else { n * 37 % 1900 };
    let payload = (0..len).map(|at| (at / 3 * n) as u8).collect();
    let origin = n.is_multiple_of(2).then_some(device);
    Record { signal, class, codec: Codec::Identity, stream: n % 3, items: n % 11, origin, payload }
}

/// A spool whose slots are used again, with records that some destinations released, out of order, over some restarts. Each state
/// that it is left in, open or closed, must look the same to both; returns how many records that were.
fn compare(reader: Theirs, options: &Options) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let (mut n, mut seen) = (0, 0);
    for round in 0..6u32 {
        let spool = Spool::open(dir.path(), options.clone()).unwrap();
        let (east, west) = (spool.destination("east").unwrap(), spool.destination("west").unwrap());
        for _ in 0..25 {
            n += 1;
            // A low record finds no room where all is dearer.
            _ = spool.append_wait(record(n));
        }
        let take =
            |signal| east.take(signal, 3000, Instant::now()).into_iter().for_each(|lease| lease.release());
        take(Some(Signal::Metrics));
        (0..round * 3).for_each(|_| take(None));
        (0..round * 2)
            .for_each(|_| west.take(None, 4000, Instant::now()).into_iter().for_each(|l| l.release()));
        // CURSOR is synced with this: what is released from now on is not known from outside for a moment.
        _ = spool.destination(&format!("north{round}")).unwrap();
        spool.retire(&format!("north{round}")).unwrap();
        let open = ours(dir.path());
        assert_eq!(theirs(reader, dir.path()), open, "while it is open, round {round}");
        spool.close(Duration::from_secs(10)).unwrap();
        let closed = ours(dir.path());
        assert_eq!(theirs(reader, dir.path()), closed, "closed, round {round}");
        seen += open.lines().count() + closed.lines().count();
    }
    seen
}

/// Compares spools of several kinds, if that reader's language is here.
fn compare_all(reader: Theirs) -> bool {
    if Command::new(reader.0).arg("--version").output().is_err() {
        println!("NOT RUN: {} is not here", reader.0);
        return false;
    }
    let small = Options {
        capacity: 10 * 8192,
        segment_size: Some(8192),
        full: Full::DropOldest,
        ..Options::default()
    };
    let mut all =
        vec![small.clone(), Options { segment_size: Some(32768), capacity: 10 * 32768, ..small.clone() }];
    if cfg!(feature = "gzip") {
        all.push(Options { codec: Codec::Gzip, ..small });
    }
    let seen: usize = all.iter().map(|options| compare(reader, options)).sum();
    println!("{seen} records, the same to both");
    assert!(seen > 100);
    true
}

#[test]
fn a_reader_in_python_sees_the_same() {
    if compare_all(PYTHON) {
        let indexes = INDEXES.load(Ordering::Relaxed);
        println!("{indexes} indexes");
        assert!(indexes > 10);
    }
}

#[test]
fn a_reader_in_javascript_sees_the_same() {
    compare_all(NODE);
}
