//! The process that is killed: it appends and delivers, and says on its standard output what it did, a line each.

use std::io::{Read, Write, stdin, stdout};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use smoltel_spool::{AppendError, Destination, Lease, Spool};

use crate::child::Task;
use crate::life::{Random, id, recognise, record};

/// Threads that append.
const APPENDERS: u64 = 3;
/// Records of one thread that wait for their answer at the same time.
const WINDOW: usize = 6;
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs until it is killed, or until its standard input ends: then it closes the spool.
pub(crate) fn run(task: &Task) {
    let opened = Spool::open(&task.dir, task.life.options.clone()).map_err(|error| error.to_string());
    let destinations = |spool: &Spool| {
        let all = task.life.destinations.iter().map(|id| spool.destination(id));
        all.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())
    };
    let (spool, destinations) = match opened.and_then(|s| destinations(&s).map(|all| (s, all))) {
        Ok(both) => both,
        Err(error) => return say(&format!("failed {error}\n")),
    };
    say("opened\n");
    let (stop, done) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        for (at, destination) in destinations.iter().enumerate() {
            let done = &done;
            scope.spawn(move || deliver(task, at, destination, done));
        }
        let append = |thread| {
            let (spool, stop) = (&spool, &stop);
            scope.spawn(move || append(task, thread, spool, stop))
        };
        let appenders: Vec<_> = (0..APPENDERS).map(append).collect();
        // Nothing is ever written to it: it ends when the parent wants an orderly end.
        _ = stdin().read(&mut [0]);
        stop.store(true, Relaxed);
        // Who waits for room gets it from those who deliver.
        appenders.into_iter().for_each(|appender| _ = appender.join());
        done.store(true, Relaxed);
    });
    if let Some(reason) = spool.stats().read_only {
        say(&format!("read-only {reason}\n"));
    }
    match spool.close(PATIENCE) {
        Ok(()) => say("closed\n"),
        Err(error) => say(&format!("failed to close: {error}\n")),
    }
}

/// In one write: a process killed in the middle says all of it or, at worst, a line without its end.
fn say(lines: &str) {
    let mut out = stdout().lock();
    _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
}

fn append(task: &Task, thread: u64, spool: &Spool, stop: &AtomicBool) {
    let (done, answers) = mpsc::channel();
    let mut waiting = 0;
    for turn in 0.. {
        let id = id(task.cycle, thread, turn);
        if task.lies && turn % 50 == 7 {
            say(&format!("stored {id}\n"));
            continue;
        }
        let done = done.clone();
        spool.append(record(id), move |result| {
            if result.is_ok() {
                say(&format!("stored {id}\n"));
            }
            _ = done.send(result.err());
        });
        waiting += 1;
        let answer = if waiting < WINDOW { answers.try_recv().ok() } else { answers.recv().ok() };
        waiting -= usize::from(answer.is_some());
        match answer.flatten() {
            Some(AppendError::Full | AppendError::Busy) => thread::park_timeout(Duration::from_millis(1)),
            Some(AppendError::ReadOnly(reason)) => return say(&format!("read-only {reason}\n")),
            Some(other) => return say(&format!("refused {other}\n")),
            None => {}
        }
        if stop.load(Relaxed) {
            return;
        }
    }
}

fn deliver(task: &Task, at: usize, destination: &Destination, done: &AtomicBool) {
    let mut random = Random(task.cycle + at as u64);
    while !done.load(Relaxed) {
        let until = Instant::now() + Duration::from_millis(20);
        let Some(lease) = destination.take(None, random.pick(&[1, 2000, 20_000]), until) else { continue };
        if random.below(8) > 0 {
            release(at, lease);
        }
        if !task.life.pause.is_zero() {
            thread::park_timeout(task.life.pause);
        }
    }
}

/// Says what it has before it lets go of it, and after that when that was.
fn release(at: usize, lease: Lease) {
    let (mut has, mut gone) = (String::new(), Vec::new());
    for entry in lease.records() {
        match recognise(entry) {
            Ok(id) => {
                has += &format!("has {at} {id}\n");
                gone.push(id);
            }
            Err(wrong) => has += &format!("wrong {wrong}\n"),
        }
    }
    say(&has);
    lease.release();
    let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
    say(&gone.iter().map(|id| format!("released {at} {id} {now}\n")).collect::<String>());
}
