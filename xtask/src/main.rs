//! `cargo xtask …`: the one place that knows how to build, check and measure.
//!
//! CI runs `cargo xtask test --install` and nothing else, so whatever CI does can be done here by the same command.

mod arrived;
mod bare_metal;
mod cable;
mod checks;
mod collector;
mod conformance;
mod costs;
mod examples;
mod firmware;
mod fleet;
mod fuzz;
mod gateway;
mod guards;
mod install;
mod interop;
mod licences;
mod mutants;
mod package;
mod programs;
mod prove;
mod qemu;
mod relay;
mod repo;
mod soak;
mod static_builds;
mod step;
mod times;
mod wait;

use std::path::Path;
use std::process::ExitCode;

use crate::repo::Repo;
use crate::step::Step;

const USAGE: &str = "\
cargo xtask test [--install] [--only STEP]...   everything that CI checks; --install first installs what is missing
cargo xtask test --list                         the steps of `test`
cargo xtask conformance [--last]                run the tests, or take their last run, and write docs/CONFORMANCE.md
cargo xtask firmware [PROGRAM]                  build and run the programs of embedded-example in QEMU
cargo xtask examples [PEERS]                    run smoltel's examples against a real gateway, through the Collector in that folder
cargo xtask fuzz [TARGET] [--seconds N] [--keep]  fuzz each target for N seconds (60); --keep renews the corpus
cargo xtask prove [PART]...                     prove what is promised: crash, mutations, model, rot, processes, flash, shuttle …
cargo xtask fleet [DEVICES]                     very many devices on the link of one gateway, and what they take (10000)
cargo xtask package                             build the Debian package, and install, upgrade and purge it under systemd (as root)
cargo xtask interop [PEERS]                     every pair of ours with a program of others; servers are in that folder (.peers)
cargo xtask soak [MINUTES [SEED]]               a gateway under random load, with outages, kills, full disks and clock jumps (10)
cargo xtask static                              build static gateways for Arm, and run them in QEMU
cargo xtask mutants [FILE]...                   change core's lower layers; which changes do its tests notice?
cargo xtask bench core                          count instructions with valgrind, into docs/PERFORMANCE.md
cargo xtask bench client [PART]                 the application library beside its peers: calls, threads, spans [NUMBER], sizes [WORD]
cargo xtask bench spool [ARGUMENT...]           measure the spool beside raw writes
cargo xtask bench gateway [PEERS [PERCENT]]     what relaying costs and loses, beside a floor and the peers in that folder (.peers)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let repo = Repo::here();
    let done = match arguments.as_slice() {
        ["test", "--list"] => list(),
        ["test", options @ ..] => test(&repo, options),
        ["conformance"] => conformance(&repo, &["test"]),
        ["conformance", "--last"] => conformance(&repo, &[]),
        ["firmware"] => firmware(&repo, None),
        ["firmware", program] if !program.starts_with('-') => firmware(&repo, Some(program)),
        ["examples"] => examples(&repo, None),
        ["examples", peers] => examples(&repo, Some(peers)),
        ["fuzz", options @ ..] => fuzz(&repo, options),
        ["prove", parts @ ..] => prove(&repo, parts),
        ["interop"] => interop(&repo, ".peers"),
        ["interop", servers] => interop(&repo, servers),
        ["soak", options @ ..] => soak(&repo, options),
        ["fleet"] => fleet::run(&repo, 10_000),
        ["fleet", devices] => {
            devices.parse().map_err(|_| USAGE.to_owned()).and_then(|devices| fleet::run(&repo, devices))
        }
        ["static"] => steps(&repo, &[static_builds::step()]),
        ["package"] => steps(&repo, &[package::step()]),
        ["mutants", files @ ..] => steps(&repo, &[mutants::step(files)]),
        ["bench", "core"] => costs::write(&repo),
        ["bench", rest @ ..] => bench(&repo, rest),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(true)
        }
        _ => Err(format!("usage:\n{USAGE}")),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(usage) => {
            eprintln!("{usage}");
            ExitCode::from(2)
        }
    }
}

fn list() -> Result<bool, String> {
    for step in checks::all() {
        println!("{:<12} {}", step.name, step.about);
    }
    Ok(true)
}

fn test(repo: &Repo, options: &[&str]) -> Result<bool, String> {
    let mut install = false;
    let mut only = Vec::new();
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match *option {
            "--install" => install = true,
            "--only" => {
                let step = options.next().ok_or("--only needs a step; `cargo xtask test --list` has them")?;
                only.push(*step);
            }
            other => return Err(format!("{other} is no option of `test`\n{USAGE}")),
        }
    }
    let mut steps = checks::all();
    if let Some(unknown) = only.iter().find(|name| !steps.iter().any(|step| step.name == **name)) {
        return Err(format!("{unknown} is no step; `cargo xtask test --list` has them"));
    }
    steps.retain(|step| only.is_empty() || only.contains(&step.name));
    Ok(install::ensure(repo, &steps, install) && step::run_all(repo, &steps))
}

/// Runs `first`, and then writes the page.
fn conformance(repo: &Repo, first: &[&str]) -> Result<bool, String> {
    let mut steps = checks::all();
    steps.retain(|step| first.contains(&step.name) || step.name == "conformance");
    for step in steps.iter_mut().filter(|step| step.name == "conformance") {
        step.run = Box::new(|repo, _| conformance::write(repo));
    }
    Ok(install::ensure(repo, &steps, false) && step::run_all(repo, &steps))
}

fn prove(repo: &Repo, parts: &[&str]) -> Result<bool, String> {
    Ok(install::ensure(repo, &[prove::step()], false) && prove::run(repo, parts)?)
}

fn firmware(repo: &Repo, program: Option<&str>) -> Result<bool, String> {
    if let Some(unknown) = program.filter(|name| !firmware::PROGRAMS.iter().any(|p| p.name == *name)) {
        let known: Vec<_> = firmware::PROGRAMS.iter().map(|p| p.name).collect();
        return Err(format!("no program {unknown} in embedded-example; there are: {}", known.join(", ")));
    }
    let program = program.map(str::to_owned);
    let step = Step {
        run: Box::new(move |repo, log| firmware::run(repo, log, program.as_deref())),
        ..firmware::step()
    };
    steps(repo, &[step])
}

fn examples(repo: &Repo, peers: Option<&str>) -> Result<bool, String> {
    let steps = [programs::step(peers.map(Into::into))];
    Ok(install::ensure(repo, &steps, false) && step::run_all(repo, &steps))
}

fn fuzz(repo: &Repo, words: &[&str]) -> Result<bool, String> {
    let mut options = fuzz::Options { target: None, seconds: 60, keep: false };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--keep" => options.keep = true,
            "--seconds" => {
                let seconds = words.next().and_then(|seconds| seconds.parse().ok());
                options.seconds = seconds.ok_or("--seconds needs a number")?;
            }
            target => options.target = Some(target.to_owned()),
        }
    }
    let targets = fuzz::targets(repo)?;
    if options.target.as_ref().is_some_and(|target| !targets.contains(target)) {
        return Err(format!("there is no such target; there are: {}", targets.join(", ")));
    }
    steps(repo, &[fuzz::step(options)])
}

fn interop(repo: &Repo, servers: &str) -> Result<bool, String> {
    let steps = [checks::tests()];
    Ok(install::ensure(repo, &steps, false) && interop::run(repo, Path::new(servers))?)
}

fn soak(repo: &Repo, options: &[&str]) -> Result<bool, String> {
    let minutes = options.first().map_or(Ok(10), |minutes| minutes.parse());
    let minutes = minutes.map_err(|_| format!("soak takes a number of minutes, and a seed\n{USAGE}"))?;
    soak::run(repo, minutes, options.get(1).copied())
}

/// Those steps, if what they need is here.
fn steps(repo: &Repo, steps: &[Step]) -> Result<bool, String> {
    Ok(install::ensure(repo, steps, false) && step::run_all(repo, steps))
}

fn bench(repo: &Repo, rest: &[&str]) -> Result<bool, String> {
    let mut cargo = repo.cargo(&["bench", "-p", "smoltel-benches"]);
    if rest.first() == Some(&"gateway") {
        build_gateway(repo)?;
        cargo.arg("--no-default-features");
        cargo.env("SMOLTEL_GATEWAY", repo.target_dir().join("release/smoltel-gateway"));
    }
    if let [name, arguments @ ..] = rest {
        cargo.args(["--bench", name, "--"]).args(arguments);
    }
    let status = cargo.status().map_err(|error| format!("cargo does not start: {error}"))?;
    Ok(status.success())
}

/// The program as it is shipped.
pub(crate) fn build_gateway(repo: &Repo) -> Result<(), String> {
    let status = repo.cargo(&["build", "--release", "-p", "smoltel-gateway"]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err("the gateway does not build".to_owned()),
    }
}
