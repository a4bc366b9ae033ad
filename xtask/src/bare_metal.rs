//! smoltel-core on microcontrollers: it compiles for each kind, with every feature.

use crate::repo::Repo;
use crate::step::{Log, Outcome};

/// Cortex-M0 (no atomic read-modify-write), M3, M4F and up, and a RISC-V without an MMU.
const TARGETS: &[&str] =
    &["thumbv6m-none-eabi", "thumbv7m-none-eabi", "thumbv7em-none-eabihf", "riscv32imac-unknown-none-elf"];

pub(crate) fn run(repo: &Repo, log: &Log) -> Outcome {
    let build = ["build", "-p", "smoltel-core", "--all-features", "-Zbuild-std=core"];
    let mut cargo = repo.debian_cargo("bare-metal", &build);
    for target in TARGETS {
        cargo.args(["--target", target]);
    }
    log.run(&mut cargo)?;
    Ok(TARGETS.join(", "))
}
