//! A step of a check: it passes or it fails, and says so on one line.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use crate::install::Need;
use crate::repo::{Repo, shown};

/// Something that `cargo xtask test` checks.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// One line for `--list`.
    pub(crate) about: &'static str,
    /// What must be on the machine.
    pub(crate) needs: &'static [Need],
    pub(crate) run: Box<Run>,
}

pub(crate) type Run = dyn Fn(&Repo, &Log) -> Outcome;

/// A few words worth printing beside "ok", or what is wrong.
pub(crate) type Outcome = Result<String, String>;

/// Runs `steps` in order, also past a failure, prints a line for each, and says whether all passed.
pub(crate) fn run_all(repo: &Repo, steps: &[Step]) -> bool {
    let mut failed = 0;
    for step in steps {
        failed += usize::from(!run_one(repo, step));
    }
    println!("{} passed, {failed} failed", steps.len() - failed);
    failed == 0
}

fn run_one(repo: &Repo, step: &Step) -> bool {
    print!("{:<12} ", step.name);
    // A step can take minutes: its name must be there while it runs.
    let _ = io::stdout().flush();
    let start = Instant::now();
    let log = Log::create(repo, step.name);
    let outcome = log.as_ref().map_err(Clone::clone).and_then(|log| (step.run)(repo, log));
    let seconds = start.elapsed().as_secs_f64();
    match &outcome {
        Ok(note) => println!("ok     {seconds:>6.1} s  {note}"),
        Err(reason) => {
            println!("FAILED {seconds:>6.1} s  {reason}");
            if let Ok(log) = &log {
                log.print_end();
            }
        }
    }
    outcome.is_ok()
}

/// What the commands of a step print, kept in a file.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
}

/// A failed step shows so many lines of its log.
const SHOWN_LINES: usize = 120;

impl Log {
    /// Where a step's log is, also after the step.
    pub(crate) fn path(repo: &Repo, step: &str) -> PathBuf {
        repo.target_dir().join("xtask").join(format!("{step}.log"))
    }

    pub(crate) fn create(repo: &Repo, step: &str) -> Result<Self, String> {
        let path = Self::path(repo, step);
        std::fs::create_dir_all(path.parent().unwrap_or(&repo.root))
            .and_then(|()| File::create(&path))
            .map(|file| Self { file, path: path.clone() })
            .map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    /// Runs `command` with all it prints going to the log; fails when it does.
    pub(crate) fn run(&self, command: &mut Command) -> Result<(), String> {
        let text = shown(command);
        let broken = |error| format!("{text}: {error}");
        writeln!(&self.file, "$ {text}").map_err(broken)?;
        let (out, err) = (self.file.try_clone().map_err(broken)?, self.file.try_clone().map_err(broken)?);
        let status = command.stdout(out).stderr(err).status().map_err(broken)?;
        if status.success() { Ok(()) } else { Err(format!("{text}: {status}")) }
    }

    /// What the log holds so far.
    pub(crate) fn text(&self) -> String {
        std::fs::read(&self.path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Prints what is most worth seeing of it.
    pub(crate) fn print_end(&self) {
        let text = self.text();
        let lines: Vec<_> = text.lines().collect();
        let end = lines.len().saturating_sub(SHOWN_LINES);
        let failures = failures(&lines[..end]);
        for line in failures.iter().take(SHOWN_LINES * 4).chain(&lines[end..]) {
            println!("  {line}");
        }
        println!("  (all of it: {})", self.path.display());
    }
}

/// What test harnesses say of failed tests: other tests that ran after them may have pushed it far up.
fn failures<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let mut inside = false;
    let shown = lines.iter().filter(|line| {
        inside = (inside || **line == "failures:") && !line.starts_with("test result:");
        inside
    });
    shown.copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_failed_tests_are_found_wherever_they_stand() {
        let log =
            "test a ... FAILED\n\nfailures:\nnever: b\ntest result: FAILED.\ntest c ... ok\ntest result: ok.";
        assert_eq!(failures(&log.lines().collect::<Vec<_>>()), ["failures:", "never: b"]);
    }
}
