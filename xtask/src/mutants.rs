//! Mutation testing of core's lowest layers: of the bugs that cargo-mutants makes, how many do the tests notice?
//!
//! It takes about a quarter of an hour, so it runs by hand and not in CI.

use std::path::Path;

use crate::install::Need;
use crate::repo::Repo;
use crate::step::{Log, Outcome, Step};

/// What is mutated unless files are named: everything above moves what these hold.
const FILES: &[&str] =
    &["core/src/wire/*.rs", "core/src/ring.rs", "core/src/batch/*.rs", "core/src/aggregate/*.rs"];

/// Fewer caught mutants than that, in percent, are too few. Some cannot be caught: without a fast path the result is the
/// same.
const AIM: usize = 90;

pub(crate) fn step(files: &[&str]) -> Step {
    let files: Vec<String> =
        if files.is_empty() { FILES } else { files }.iter().map(|file| (*file).to_owned()).collect();
    Step {
        name: "mutants",
        about: "tests notice when an operator, a condition or a result is changed",
        needs: &[Need::Mutants],
        run: Box::new(move |repo, log| run(repo, log, &files)),
    }
}

fn run(repo: &Repo, log: &Log, files: &[String]) -> Outcome {
    let folder = repo.target_dir().join("mutants");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut cargo =
        repo.command("nice", &["-n", "19", "cargo", "mutants", "-p", "smoltel-core", "-j1", "-o"]);
    cargo.arg(&folder).args(["--timeout", "5", "--colors", "never"]);
    files.iter().for_each(|file| _ = cargo.args(["--file", file]));
    // It exits with an error when it misses one: the counts tell more.
    let ran = log.run(cargo.args(["--", "--lib"]));
    let counts = Counts::read(&folder.join("mutants.out"));
    if counts.caught == 0 {
        return Err(ran.err().unwrap_or_else(|| "no mutant was caught: did the tests run?".to_owned()));
    }
    counts.judge()
}

/// Mutants by what became of them; those that do not compile are none.
struct Counts {
    caught: usize,
    missed: Vec<String>,
}

impl Counts {
    fn read(folder: &Path) -> Self {
        let lines = |name| -> Vec<String> {
            let text = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
            text.lines().map(str::to_owned).collect()
        };
        // One that never ends is noticed, too.
        Self { caught: lines("caught.txt").len() + lines("timeout.txt").len(), missed: lines("missed.txt") }
    }

    fn judge(&self) -> Outcome {
        let all = self.caught + self.missed.len();
        let share = self.caught * 1000 / all.max(1);
        let text = format!("{} of {all} caught, {}.{} %", self.caught, share / 10, share % 10);
        let listed = self.missed.iter().map(|mutant| format!("\n  missed: {mutant}")).collect::<String>();
        if share >= AIM * 10 {
            Ok(text + &listed)
        } else {
            Err(format!("{text}; the aim is {AIM} %{listed}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_caught_mutants_decides() {
        let counts = |caught, missed| Counts { caught, missed: vec!["a".to_owned(); missed] };
        assert_eq!(counts(9, 1).judge(), Ok("9 of 10 caught, 90.0 %\n  missed: a".to_owned()));
        assert!(
            counts(899, 101).judge().unwrap_err().starts_with("899 of 1000 caught, 89.9 %; the aim is 90 %")
        );
    }
}
