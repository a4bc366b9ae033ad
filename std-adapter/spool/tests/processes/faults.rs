//! Calls into the operating system that fail at random, by `fiu-run` around an unchanged process.

use std::process::Command;
use std::time::Duration;

use crate::child::{Child, Said, Task};
use crate::life::{Life, Random};
use crate::oracle::{Count, Oracle};
use crate::{Outcome, home};

/// What fails, and in how many of 10,000 calls.
const POINTS: [(&str, u64); 7] = [
    ("posix/io/sync/fdatasync", 300),
    ("posix/io/sync/fsync", 1500),
    ("posix/io/rw/pwrite", 60),
    ("posix/io/rw/pread", 100),
    ("posix/io/rw/ftruncate", 3000),
    ("posix/io/dir/rename", 5000),
    ("posix/io/oc/open", 200),
];
/// How many processes with faults a spool sees.
const LIFE: u64 = 10;
/// EIO.
const ERROR: u32 = 5;

/// Some of the points, with the words for `fiu-run`.
fn faults(random: &mut Random) -> Vec<String> {
    let mut words = vec!["fiu-run".to_owned(), "-x".into(), "-f".into(), String::new()];
    for (point, share) in POINTS {
        if random.below(2) == 0 {
            words.push("-c".into());
            words.push(format!(
                "enable_random name={point},probability={:.4},failinfo={ERROR}",
                share as f64 / 1e4
            ));
        }
    }
    words
}

pub(crate) fn run(prove: bool) -> Outcome {
    if Command::new("fiu-run").arg("-h").output().is_err() {
        let words = "not run: fiu-run is not here (Debian's fiu-utils)";
        return if prove { Err(words.into()) } else { Ok(words.into()) };
    }
    let lives = if prove { 30 } else { 2 };
    let (mut unopened, mut read_only, mut sum) = (0, 0, Count::default());
    for number in 0..lives {
        let dir = home(number)?;
        let mut oracle = Oracle::new(dir.path().join("spool"), Life::new(number));
        let mut random = Random(number << 32 | 1);
        for turn in 0..LIFE {
            let words = faults(&mut random);
            let said = cycle(&oracle.task, &words, &mut random);
            unopened += u64::from(!said.opened);
            read_only += u64::from(said.read_only);
            oracle.judge(&said).map_err(|wrong| {
                format!("life {number}, cycle {turn}: {wrong}\n{}\n{:?}", words.join(" "), oracle.task.life)
            })?;
        }
        sum.add(&oracle.count);
    }
    if unopened + read_only == 0 || sum.acknowledged == 0 {
        return Err("no fault struck, or all did: does libfiu reach the calls?".into());
    }
    Ok(format!(
        "{} processes whose syncs, reads, writes, renames and opens fail at random, {unopened} did not open, {read_only} went \
         read-only; {sum}",
        lives * LIFE
    ))
}

fn cycle(task: &Task, words: &[String], random: &mut Random) -> Said {
    let mut child = Child::start(task, words);
    child.opened();
    child.listen(Duration::from_micros(random.below(60_000)));
    if random.below(2) == 0 { child.kill() } else { child.stop() }
}
