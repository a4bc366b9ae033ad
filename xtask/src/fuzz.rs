//! Coverage-guided fuzzing of all that reads bytes from outside: the targets in `fuzz/`, with libFuzzer.
//!
//! Stable Rust is enough: LLVM's pass that counts coverage is asked for by name.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::install::Need;
use crate::repo::{Repo, output};
use crate::step::{Log, Outcome, Step};

/// What a run is to do.
#[derive(Clone)]
pub(crate) struct Options {
    /// One target, or all.
    pub(crate) target: Option<String>,
    /// How long each target runs.
    pub(crate) seconds: u64,
    /// Whether inputs that reach something new go into the repository, and those that reach nothing more leave it.
    pub(crate) keep: bool,
}

/// What CI has time for: everything in the corpus, and a look around it.
pub(crate) const SHORT: Options = Options { target: None, seconds: 2, keep: false };

/// The target whose bug is there to be found.
const PLANTED: &str = "planted";

const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

pub(crate) fn step(options: Options) -> Step {
    Step {
        name: "fuzz",
        about: "bytes made up by libFuzzer break nothing",
        needs: &[Need::Cxx],
        run: Box::new(move |repo, log| run(repo, log, &options)),
    }
}

/// The names of all targets but the planted one.
pub(crate) fn targets(repo: &Repo) -> Result<Vec<String>, String> {
    let folder = repo.root.join("fuzz/targets");
    let files = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = files.flatten().filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned()));
    let mut names: Vec<String> = names.filter(|name| name != PLANTED).collect();
    names.sort();
    Ok(names)
}

fn run(repo: &Repo, log: &Log, options: &Options) -> Outcome {
    let fuzzer = Fuzzer::build(repo, log)?;
    fuzzer.find_the_planted(log)?;
    let targets = options.target.clone().map_or_else(|| targets(repo), |target| Ok(vec![target]))?;
    for target in &targets {
        fuzzer.run(log, target, options.seconds)?;
        if options.keep {
            fuzzer.keep(log, target)?;
        }
    }
    Ok(format!("{} targets, {} s each", targets.len(), options.seconds))
}

/// The targets, built.
struct Fuzzer<'a> {
    repo: &'a Repo,
    programs: PathBuf,
    /// What runs find is kept here.
    found: PathBuf,
}

impl<'a> Fuzzer<'a> {
    fn build(repo: &'a Repo, log: &Log) -> Result<Self, String> {
        let target_dir = repo.target_dir().join("fuzz");
        let host = host(repo)?;
        // With a target named, build scripts and macros are built without the counters.
        let build =
            ["build", "--release", "--locked", "--manifest-path", "fuzz/Cargo.toml", "--target", &host];
        let mut cargo = repo.cargo(&build);
        log.run(cargo.env("RUSTFLAGS", COVERAGE).env("CARGO_TARGET_DIR", &target_dir))?;
        let programs = target_dir.join(host).join("release");
        Ok(Self { repo, programs, found: target_dir.join("found") })
    }

    fn command(&self, target: &str) -> Command {
        let mut command = self.repo.command(&self.programs.join(target).to_string_lossy(), &[]);
        command.args([
            "-use_value_profile=1",
            "-verbosity=0",
            "-print_final_stats=1",
            "-timeout=10",
            "-rss_limit_mb=2048",
        ]);
        command.arg(format!("-artifact_prefix={}/{target}-", self.found.display()));
        command
    }

    /// That nothing is found elsewhere says something only if this is found.
    fn find_the_planted(&self, log: &Log) -> Result<(), String> {
        create(&self.found)?;
        let mut command = self.command(PLANTED);
        match log.run(command.args(["-max_total_time=60", "-max_len=64", "-seed=1"])) {
            Err(_) if log.text().contains("the planted bug") => Ok(()),
            Err(reason) => Err(reason),
            Ok(()) => Err("the planted bug was not found: the fuzzer is blind".to_owned()),
        }
    }

    fn run(&self, log: &Log, target: &str, seconds: u64) -> Result<(), String> {
        let (corpus, found) = (self.corpus(target), self.found.join(target));
        create(&corpus)?;
        create(&found)?;
        let mut command = self.command(target);
        command.arg(format!("-max_total_time={seconds}"));
        // Into the first goes what is new; both are read.
        log.run(command.arg(&found).arg(&corpus))
            .map_err(|reason| format!("{target}: {reason}; the input is in {}", self.found.display()))
    }

    /// Makes the corpus anew, of the inputs that are needed for everything that was reached.
    fn keep(&self, log: &Log, target: &str) -> Result<(), String> {
        let (corpus, found) = (self.corpus(target), self.found.join(target));
        let kept = self.found.join("kept");
        let broken = |error: std::io::Error| format!("{}: {error}", kept.display());
        create(&kept)?;
        std::fs::remove_dir_all(&kept).map_err(broken)?;
        create(&kept)?;
        let mut command = self.repo.command(&self.programs.join(target).to_string_lossy(), &[]);
        log.run(command.args(["-set_cover_merge=1", "-use_counters=0"]).arg(&kept).arg(&corpus).arg(&found))?;
        std::fs::remove_dir_all(&corpus).and_then(|()| std::fs::rename(&kept, &corpus)).map_err(broken)
    }

    fn corpus(&self, target: &str) -> PathBuf {
        self.repo.root.join("fuzz/corpus").join(target)
    }
}

fn create(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

/// The triple of this machine.
fn host(repo: &Repo) -> Result<String, String> {
    let version = output(&mut repo.command("rustc", &["-vV"]))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc -vV does not say for which host it is".to_owned())
}
