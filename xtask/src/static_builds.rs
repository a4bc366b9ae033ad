//! Static programs for Arm: built with musl, and run under QEMU, over a restart.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::gateway::Gateway;
use crate::install::{ARMV7, Need, has_target};
use crate::repo::{Repo, output};
use crate::step::{Log, Outcome, Step};

struct Target {
    name: &'static str,
    /// For what is C and assembler in `ring`. The linker is Rust's own, and so is musl.
    compiler: &'static str,
    emulator: &'static str,
}

const TARGETS: [Target; 2] = [
    Target {
        name: "aarch64-unknown-linux-musl",
        compiler: "aarch64-linux-gnu-gcc",
        emulator: "qemu-aarch64-static",
    },
    Target {
        name: "armv7-unknown-linux-musleabihf",
        compiler: "arm-linux-gnueabihf-gcc",
        emulator: "qemu-arm-static",
    },
];

pub(crate) fn step() -> Step {
    Step {
        name: "static",
        about: "static gateways for Arm store, restart and archive under QEMU",
        needs: &[Need::Arm],
        run: Box::new(run),
    }
}

fn run(repo: &Repo, log: &Log) -> Outcome {
    let mut done = Vec::new();
    for target in &TARGETS {
        // What there is no Rust for, the others need not wait for.
        if !has_target(repo, target.name) {
            done.push(format!("{}: NOT RUN, there is no standard library for it: {ARMV7}", target.name));
            continue;
        }
        let program = build(repo, log, target)?;
        try_out(repo, target, &program).map_err(|reason| format!("{}: {reason}", target.name))?;
        let size = std::fs::metadata(&program).map_err(|error| error.to_string())?.len();
        done.push(format!("{}: {:.1} MB", target.name, size as f64 / 1e6));
    }
    Ok(done.join("; "))
}

fn build(repo: &Repo, log: &Log, target: &Target) -> Result<PathBuf, String> {
    let name = target.name;
    let linker = format!("CARGO_TARGET_{}_LINKER", name.to_uppercase().replace('-', "_"));
    let compiler = format!("CC_{}", name.replace('-', "_"));
    let mut cargo =
        repo.cargo(&["build", "--release", "--locked", "-p", "smoltel-gateway", "--target", name]);
    log.run(cargo.env(linker, "rust-lld").env(compiler, target.compiler))?;
    Ok(repo.target_dir().join(name).join("release/smoltel-gateway"))
}

/// What it takes while nobody listens upstream waits in its spool, and is in the archive after a restart.
fn try_out(repo: &Repo, target: &Target, program: &Path) -> Result<(), String> {
    let kind = output(repo.command("file", &["--brief"]).arg(program))?;
    if !kind.contains("statically linked") && !kind.contains("static-pie") {
        return Err(kind);
    }
    let mut gateway = Gateway::emulated(repo, target.emulator, program, target.name)?;
    let url = format!("http://{}", gateway.http);
    let mut send = repo.command(target.emulator, &[]);
    output(send.arg(program).args(["send", "--to", &url, "--traces", "7"]))?;
    gateway.restart(repo)?;
    let archive = gateway.stop()?;
    let spans = archive["traces"].as_array().map(Vec::as_slice).unwrap_or_default();
    let spans: usize = spans.iter().map(spans_of).sum();
    if spans == 7 { Ok(()) } else { Err(format!("{spans} of 7 spans are in the archive\n{archive:#}")) }
}

/// How many spans a line of the archive has.
fn spans_of(line: &Value) -> usize {
    line.to_string().matches("\"spanId\"").count()
}
