//! What the benches share: counting instructions.
//!
//! An instruction count does not depend on the machine's load, so it can be compared between runs and
//! guarded. Each case runs under callgrind for a few and for many rounds; the difference is the cost of a
//! round, whatever starting and stopping cost.

pub mod workload;

use std::process::Command;

/// The argument by which a bench calls itself: `CASE ROUNDS` follow.
const SELF: &str = "--case";

/// A case: its name, and what it does in that many rounds.
pub type Case = (&'static str, fn(u64));

/// Runs every case, or, called by itself, the one that is asked for.
pub fn count_instructions(cases: &[Case]) {
    let args: Vec<String> = std::env::args().collect();
    if let Some(at) = args.iter().position(|arg| arg == SELF) {
        let (name, rounds) = (&args[at + 1], args[at + 2].parse().unwrap_or(0));
        return cases.iter().filter(|(case, _)| case == name).for_each(|(_, run)| run(rounds));
    }
    println!("{:<58} {:>12}", "case", "instructions");
    for (name, _) in cases {
        const FEW: u64 = 1024;
        const MANY: u64 = 5 * FEW;
        match (instructions(name, FEW), instructions(name, MANY)) {
            (Some(few), Some(many)) => println!("{name:<58} {:>12}", (many - few) / (MANY - FEW)),
            _ => println!("{name:<58} {:>12}", "no valgrind?"),
        }
    }
}

fn instructions(name: &str, rounds: u64) -> Option<u64> {
    let me = std::env::current_exe().ok()?;
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(me)
        .args([SELF, name, &rounds.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&run.stderr).into_owned();
    let line = text.lines().find(|line| line.contains("Collected : "))?;
    line.rsplit(' ').next()?.parse().ok()
}
