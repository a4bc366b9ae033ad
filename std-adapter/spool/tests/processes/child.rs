//! The process that is killed. It says on stdout what it was told, a line each:
//!
//! ```text
//! O            the spool is open            A ID   a record was acknowledged
//! P ID         a record waits               T ID…  records are about to be released
//! W            a record has wrong bytes     R ID   a record was refused, the spool was full
//! E GAPS LOST  all that waits was told      X WHY  the spool takes nothing more
//! C            it was closed                F WHY  the spool could not be opened
//! ```

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use smoltel_spool::{
    AppendError, Class, Codec, Destination, Full, Loss, Options, Record, Signal, Spool, Sync,
};

const APPENDERS: u64 = 3;

/// What it is asked to do; the parent makes it, [`Task::parse`] reads it.
#[derive(Clone)]
pub(crate) struct Task {
    pub(crate) dir: String,
    /// `always`, `interval` or `os`.
    pub(crate) policy: &'static str,
    /// The first record's id.
    pub(crate) base: u64,
    /// How many records to append before closing.
    pub(crate) records: u64,
}

pub(crate) const POLICIES: [&str; 3] = ["always", "interval", "os"];

impl Task {
    pub(crate) fn arguments(&self) -> Vec<String> {
        let numbers = [self.base.to_string(), self.records.to_string()];
        [vec!["child".into(), self.dir.clone(), self.policy.into()], numbers.to_vec()].concat()
    }

    fn parse(arguments: &[String]) -> Option<Task> {
        let [dir, policy, base, records] = arguments else { return None };
        let policy = POLICIES.into_iter().find(|known| known == policy)?;
        Some(Task { dir: dir.clone(), policy, base: base.parse().ok()?, records: records.parse().ok()? })
    }
}

pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let Some(task) = Task::parse(arguments) else {
        eprintln!("child: DIR POLICY BASE RECORDS");
        return ExitCode::from(2);
    };
    match work(&task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(line) => {
            say(&line);
            ExitCode::from(1)
        }
    }
}

fn work(task: &Task) -> Result<(), String> {
    let spool = open(Path::new(&task.dir), task.policy).map_err(|error| format!("F {error}"))?;
    let up = spool.destination("up").map_err(|error| format!("F {error}"))?;
    say("O");
    tell_waiting(&spool, &up);
    let (next, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let appenders: Vec<_> = (0..APPENDERS)
        .map(|_| {
            let (spool, task, next, stop) = (spool.clone(), task.clone(), next.clone(), stop.clone());
            thread::spawn(move || append(&spool, &task, &next, &stop))
        })
        .collect();
    while !appenders.iter().all(thread::JoinHandle::is_finished) {
        // Half of what comes is let go of: the rest makes a queue.
        if let Some(lease) = up.take(None, 4000, Instant::now() + Duration::from_millis(5)) {
            let ids: Vec<String> = lease
                .records()
                .iter()
                .filter_map(|e| identify(&e.payload))
                .map(|id| id.to_string())
                .collect();
            say(&format!("T {}", ids.join(" ")));
            lease.release();
        }
    }
    let closed = spool.close(Duration::from_secs(20)).map_err(|error| format!("X {error}"));
    closed.map(|()| say("C"))
}

/// A spool of eight segments of 16 KiB, so that they are used again and again.
fn open(dir: &Path, policy: &str) -> Result<Spool, String> {
    let sync = match policy {
        "interval" => Sync::Interval(Duration::from_millis(3)),
        "os" => Sync::Os,
        _ => Sync::Always,
    };
    let options = Options {
        capacity: 8 << 14,
        segment_size: Some(1 << 14),
        sync,
        full: Full::RefuseNewest,
        ..Options::default()
    };
    Spool::open(dir, options).map_err(|error| error.to_string())
}

fn tell_waiting(spool: &Spool, up: &Destination) {
    let mut leases = Vec::new();
    while let Some(lease) = up.take(None, 1 << 20, Instant::now()) {
        for entry in lease.records() {
            match identify(&entry.payload) {
                Some(id) => say(&format!("P {id}")),
                None => say("W"),
            }
        }
        leases.push(lease);
    }
    let stats = spool.stats();
    say(&format!("E {} {}", stats.gaps, stats.losses.records(Loss::Corrupt)));
}

fn append(spool: &Spool, task: &Task, next: &AtomicU64, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= task.records {
            return;
        }
        let id = task.base + number;
        match spool.append_wait(record(id)) {
            Ok(_) => say(&format!("A {id}")),
            Err(AppendError::ReadOnly(why)) => {
                say(&format!("X {why}"));
                stop.store(true, Ordering::Relaxed);
            }
            Err(_) => say(&format!("R {id}")),
        }
    }
}

pub(crate) fn record(id: u64) -> Record {
    let class = Class::ALL[id as usize % 3];
    let (signal, codec) = (Signal::ALL[id as usize % 4], Codec::Identity);
    Record { signal, class, codec, stream: 0, items: 1, origin: None, payload: payload(id) }
}

/// A payload that says which it is and can be checked; 8 to 2,000 bytes.
fn payload(id: u64) -> Vec<u8> {
    let len = 8 + (id.wrapping_mul(0x9e37_79b9) % 1992) as usize;
    let mut bytes = id.to_le_bytes().to_vec();
    bytes.extend((8..len).map(|at| (id as usize).wrapping_mul(7).wrapping_add(at) as u8));
    bytes
}

pub(crate) fn identify(bytes: &[u8]) -> Option<u64> {
    let id = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    (payload(id) == bytes).then_some(id)
}

/// One write for each line: a line is said or not, even if the next thing is the end.
fn say(line: &str) {
    let whole = format!("{line}\n");
    let mut out = std::io::stdout().lock();
    if out.write_all(whole.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}
