//! The operating system's own calls fail at random, by libfiu between the process and the C library.

use std::process::{Command, Stdio};

use crate::Outcome;
use crate::child::{POLICIES, Task};
use crate::oracle::{Oracle, Tally};

/// Calls that fail, and with which probability.
const FAULTS: [(&str, &str); 6] = [
    ("posix/io/sync/fdatasync", "0.3"),
    ("posix/io/sync/fsync", "0.3"),
    ("posix/io/rw/pwrite", "0.05"),
    ("posix/io/rw/pread", "0.01"),
    ("posix/io/dir/rename", "0.3"),
    ("posix/io/oc/open", "0.05"),
];

pub(crate) fn run(prove: bool) -> Outcome {
    if Command::new("fiu-run").arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        let words = "not run: fiu-run is not here (Debian's fiu-utils)";
        return if prove { Err(words.into()) } else { Ok(words.into()) };
    }
    let rounds = if prove { 240 } else { 24 };
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut all = Tally::default();
    for round in 0..rounds {
        let dir = home.path().join((round % 12).to_string()).display().to_string();
        // Only what is acknowledged after its sync has to be there.
        let task = Task { dir, policy: POLICIES[0], base: round * 1000, records: 60 };
        let mut oracle = Oracle::default();
        let (name, probability) = FAULTS[round as usize % FAULTS.len()];
        let heard = child(&task, Some((name, probability)), &mut oracle);
        let after = Task { records: 0, ..task };
        // It opens again when the disk is well, with all that it promised.
        let heard = heard.and_then(|()| child(&after, None, &mut oracle));
        heard.map_err(|problem| format!("round {round}, {name} failing: {problem}"))?;
        all.add(&oracle.tally);
    }
    if all.failed + all.refused == 0 {
        return Err("no fault struck: does libfiu reach the calls?".into());
    }
    Ok(format!(
        "{rounds} runs with failing calls of {} kinds, {} ended early and said so, {} records acknowledged, 0 missing",
        FAULTS.len(),
        all.failed,
        all.acknowledged
    ))
}

fn child(task: &Task, fault: Option<(&str, &str)>, oracle: &mut Oracle) -> Result<(), String> {
    let me = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = match fault {
        Some((name, probability)) => {
            let mut command = Command::new("fiu-run");
            let enable = format!("enable_random name={name},probability={probability}");
            command.args(["-x", "-f", "", "-c", &enable]).arg(me);
            command
        }
        None => Command::new(me),
    };
    let output = command.args(task.arguments()).output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().try_for_each(|line| oracle.hear(line))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("panicked") {
        return Err(format!("it panicked: {errors}"));
    }
    if output.status.code().is_none() {
        return Err(format!("it was ended by a signal: {}", output.status));
    }
    Ok(())
}
