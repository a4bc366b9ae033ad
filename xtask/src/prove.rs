//! The proof of custody: the tests that can take as long as they are given, with all that CI has time for.

use std::time::Instant;

use crate::install::Need;
use crate::repo::Repo;
use crate::step::{Log, Step};

/// A part of the proof: tests that look further when `PROVE` is set, and say what they saw.
struct Part {
    name: &'static str,
    package: &'static [&'static str],
    tests: &'static [&'static str],
}

const CORE: &[&str] = &["smoltel-core"];
const SPOOL: &[&str] = &["smoltel-spool", "--all-features"];
const GATEWAY: &[&str] = &["smoltel-gateway"];

const PARTS: &[Part] = &[
    Part { name: "crash", package: SPOOL, tests: &["crash"] },
    Part { name: "unread", package: SPOOL, tests: &["unread"] },
    Part { name: "mutations", package: SPOOL, tests: &["mutations"] },
    Part { name: "model", package: SPOOL, tests: &["model"] },
    Part { name: "rot", package: SPOOL, tests: &["rot"] },
    Part { name: "processes", package: SPOOL, tests: &["processes"] },
    Part { name: "gateway", package: GATEWAY, tests: &["custody"] },
    Part { name: "flash", package: CORE, tests: &["flash"] },
    Part { name: SHUTTLE, package: SPOOL, tests: &["shuttle"] },
];

/// Threads under shuttle's schedules: a build of its own.
const SHUTTLE: &str = "shuttle";

/// What tests print a line with for each promise that they found kept.
const PROVED: &str = "proved: ";

pub(crate) fn step() -> Step {
    Step {
        name: "prove",
        about: "spool and flash queue keep their promises: crashes, rot, real disks, real processes",
        needs: &[Need::Disks],
        run: Box::new(|repo, log| {
            let lines = PARTS.iter().map(|part| prove(repo, log, part)).collect::<Result<Vec<_>, _>>()?;
            Ok(format!("{} promises", lines.concat().len()))
        }),
    }
}

/// Proves the parts named, or all, and prints a line for each promise.
pub(crate) fn run(repo: &Repo, names: &[&str]) -> Result<bool, String> {
    if let Some(unknown) = names.iter().find(|name| !PARTS.iter().any(|part| part.name == **name)) {
        let known: Vec<_> = PARTS.iter().map(|part| part.name).collect();
        return Err(format!("{unknown} is no part of the proof; there are: {}", known.join(", ")));
    }
    let log = Log::create(repo, "prove")?;
    let mut all = true;
    for part in PARTS.iter().filter(|part| names.is_empty() || names.contains(&part.name)) {
        let start = Instant::now();
        let proved = prove(repo, &log, part);
        println!("{} ({:.0} s)", part.name, start.elapsed().as_secs_f64());
        match proved {
            Ok(lines) => lines.iter().for_each(|line| println!("  {line}")),
            Err(problem) => {
                println!("  FAILED {problem}");
                log.print_end();
                all = false;
            }
        }
    }
    Ok(all)
}

/// What a part's tests say that they have proved.
fn prove(repo: &Repo, log: &Log, part: &Part) -> Result<Vec<String>, String> {
    let before = log.text().len();
    let mut command = repo.cargo(&["test", "-p"]);
    command.args(part.package);
    if part.name == SHUTTLE {
        command
            .env("RUSTFLAGS", "--cfg smoltel_shuttle")
            .arg("--target-dir")
            .arg(repo.target_dir().join(SHUTTLE));
    }
    part.tests.iter().for_each(|test| _ = command.args(["--test", test]));
    log.run(command.args(["--", "--nocapture"]).env("PROVE", "1"))?;
    let text = log.text();
    // A harness with one thread has the name of the test before it.
    let lines = text[before..].lines().filter_map(|line| Some(line.split_once(PROVED)?.1));
    let lines: Vec<String> = lines.map(str::to_owned).collect();
    if lines.is_empty() { Err(format!("{} proved nothing", part.name)) } else { Ok(lines) }
}
