//! What the benches share: counting instructions and allocations.
//!
//! An instruction count does not depend on the machine's load, so it can be compared between runs and
//! guarded. Each case runs under valgrind for a few and for many rounds; the difference is the cost of a
//! round, whatever starting and stopping cost.

pub mod workload;

use std::process::Command;

/// The argument by which a bench calls itself: `CASE ROUNDS` follow.
const SELF: &str = "--case";

/// A case: its name, and what it does in that many rounds.
pub type Case = (&'static str, fn(u64));

/// What valgrind can count of a process, all its threads together.
#[derive(Clone, Copy, Debug)]
pub enum Count {
    /// Instructions, by callgrind.
    Instructions,
    /// Allocations, by memcheck.
    Allocations,
}

/// Runs every case, or, called by itself, the one that is asked for.
pub fn count_instructions(cases: &[Case]) {
    if called(cases) {
        return;
    }
    println!("{:<58} {:>12}", "case", "instructions");
    for (name, _) in cases {
        match Count::Instructions.of_a_round(name, &[]) {
            Some(count) => println!("{name:<58} {:>12}", count as u64),
            None => println!("{name:<58} {:>12}", "no valgrind?"),
        }
    }
}

/// Whether this process was called by itself for a case, which it has run then.
pub fn called(cases: &[Case]) -> bool {
    let args: Vec<String> = std::env::args().collect();
    let Some(at) = args.iter().position(|arg| arg == SELF) else { return false };
    let (name, rounds) = (&args[at + 1], args[at + 2].parse().unwrap_or(0));
    cases.iter().filter(|(case, _)| case == name).for_each(|(_, run)| run(rounds));
    true
}

impl Count {
    /// The count for one round of that case; none without valgrind.
    pub fn of_a_round(self, case: &str, environment: &[(&str, &str)]) -> Option<f64> {
        const FEW: u64 = 1024;
        const MANY: u64 = 5 * FEW;
        let (few, many) = (self.of(case, FEW, environment)?, self.of(case, MANY, environment)?);
        Some((many as f64 - few as f64) / (MANY - FEW) as f64)
    }

    fn of(self, case: &str, rounds: u64, environment: &[(&str, &str)]) -> Option<u64> {
        let (tool, line) = match self {
            Count::Instructions => ("--tool=callgrind", "Collected : "),
            Count::Allocations => ("--tool=memcheck", "total heap usage: "),
        };
        let mut valgrind = Command::new("valgrind");
        valgrind.arg(tool).args(match self {
            // What a library does before `main`, such as calibrating a clock, differs from run to run.
            Count::Instructions => &["--callgrind-out-file=/dev/null", "--zero-before=*::main"][..],
            Count::Allocations => &["--leak-check=no", "--undef-value-errors=no"][..],
        });
        valgrind.arg(std::env::current_exe().ok()?).args([SELF, case, &rounds.to_string()]);
        let run = valgrind.envs(environment.iter().copied()).output().ok()?;
        let text = String::from_utf8_lossy(&run.stderr).into_owned();
        let (_, found) = text.lines().find_map(|text| text.split_once(line))?;
        found.split(' ').next()?.replace(',', "").parse().ok()
    }
}
