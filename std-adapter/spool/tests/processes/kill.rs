//! `kill -9`, again and again.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::child::{POLICIES, Task};
use crate::oracle::{Oracle, Tally};
use crate::{Outcome, Random};

/// Each directory lives through many cycles.
const DIRECTORIES: u64 = 6;

pub(crate) fn run(prove: bool) -> Outcome {
    let cycles = if prove { 1000 } else { 60 };
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut all = Tally::default();
    for directory in 0..DIRECTORIES {
        let dir = home.path().join(directory.to_string()).display().to_string();
        let policy = POLICIES[directory as usize % POLICIES.len()];
        let mut oracle = Oracle::default();
        for cycle in 0..cycles / DIRECTORIES + 1 {
            let seed = directory * 1_000_000 + cycle;
            let task = Task { dir: dir.clone(), policy, base: seed * 1_000_000, records: 200 };
            self::cycle(&task, &mut oracle, seed)
                .map_err(|problem| format!("{policy}, directory {directory}, cycle {cycle}: {problem}"))?;
        }
        // The last word has a process that is not killed.
        let task = Task { dir, policy, base: u64::MAX / 2 + directory * 1000, records: 5 };
        let whole = listen(&task, &mut oracle, None).and_then(|()| listen(&task, &mut oracle, None));
        whole.map_err(|problem| format!("{policy}, directory {directory}, at the end: {problem}"))?;
        all.add(&oracle.tally);
    }
    Ok(format!(
        "{} cycles of kill -9 under {} policies, {} openings, {} records acknowledged, 0 missing, {} came again within the window",
        (cycles / DIRECTORIES + 1) * DIRECTORIES,
        POLICIES.len(),
        all.openings,
        all.acknowledged,
        all.again
    ))
}

/// Every tenth child may end in peace; the others are killed at some line, or before the first one.
fn cycle(task: &Task, oracle: &mut Oracle, seed: u64) -> Result<(), String> {
    let mut random = Random(seed);
    let lines = match random.below(10) {
        0 => None,
        1 => Some(0),
        _ => Some(1 + random.below(120)),
    };
    listen(task, oracle, lines)
}

/// Runs a child and hears what it says; kills it after so many lines.
fn listen(task: &Task, oracle: &mut Oracle, kill_after: Option<u64>) -> Result<(), String> {
    let me = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut child = Command::new(me)
        .args(task.arguments())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("no child: {error}"))?;
    let out = child.stdout.take().ok_or("no stdout")?;
    if kill_after == Some(0) {
        child.kill().map_err(|error| error.to_string())?;
    }
    let mut heard = Ok(());
    for (count, line) in (1..).zip(BufReader::new(out).split(b'\n')) {
        let line = line.map_err(|error| error.to_string())?;
        heard = heard.and_then(|()| oracle.hear(&String::from_utf8_lossy(&line)));
        if kill_after == Some(count) {
            child.kill().map_err(|error| error.to_string())?;
        }
    }
    child.wait().map_err(|error| error.to_string())?;
    heard
}
