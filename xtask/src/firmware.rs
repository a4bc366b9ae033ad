//! The programs of embedded-example: built, run in QEMU, and what they print and send compared with the files beside
//! each.

use std::io::{self, Read};
use std::process::Command;
use std::thread;

use serde_json::Value;

use crate::gateway::Gateway;
use crate::install::Need;
use crate::qemu::{Machine, Uart};
use crate::repo::{Repo, output};
use crate::step::{Log, Outcome, Step};
use crate::{relay, times};

/// `embedded-example/src/bin/NAME.rs`; what it must print is in `NAME.out` beside it.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    uart: Wired,
}

/// What is at the other end of a program's UART.
#[derive(Clone, Copy)]
enum Wired {
    /// Nobody: its bytes are printed, before what the program prints by semihosting.
    Printed,
    /// A gateway, in whose archive there must be what is in `NAME.json` afterwards.
    Gateway,
    /// Nobody, and QEMU's clock counts instructions.
    Counted,
}

/// A clock that moves by 1.024 µs for each instruction.
const ICOUNT: [&str; 3] = ["--", "-icount", "shift=10,sleep=off"];

pub(crate) const PROGRAMS: &[Program] = &[
    Program { name: "hello", uart: Wired::Printed },
    Program { name: "http", uart: Wired::Gateway },
    Program { name: "cost", uart: Wired::Counted },
];

/// All programs, as a step of `cargo xtask test`.
pub(crate) fn step() -> Step {
    Step {
        name: "firmware",
        about: "Cortex-M programs run in QEMU, print what they must and reach a gateway",
        needs: &[Need::BareMetal, Need::Qemu],
        run: Box::new(|repo, log| run(repo, log, None)),
    }
}

/// Checks all programs, or the one called `only`.
pub(crate) fn run(repo: &Repo, log: &Log, only: Option<&str>) -> Outcome {
    log.run(&mut cargo(repo, &["clippy", "--release", "--", "-D", "warnings"]))?;
    log.run(&mut cargo(repo, &["build", "--release"]))?;
    let mut done = Vec::new();
    for program in PROGRAMS.iter().filter(|program| only.is_none_or(|only| only == program.name)) {
        done.push(check(repo, log, program).map_err(|reason| format!("{}: {reason}", program.name))?);
    }
    Ok(done.join("; "))
}

/// Cargo in embedded-example, whose own `.cargo/config.toml` has target, linker and runner.
fn cargo(repo: &Repo, arguments: &[&str]) -> Command {
    let mut cargo = repo.debian_cargo("firmware", arguments);
    cargo.current_dir(repo.root.join("embedded-example"));
    cargo
}

/// Runs `program` and compares what it did with the files beside it. Says what it takes.
fn check(repo: &Repo, log: &Log, program: &Program) -> Result<String, String> {
    let (printed, archived) = match program.uart {
        Wired::Printed | Wired::Counted => (execute(repo, program, print)?, None),
        Wired::Gateway => {
            let gateway = Gateway::start(repo, log, program.name)?;
            let server = gateway.http;
            let printed = execute(repo, program, move |uart| {
                relay::run(uart.from, uart.to, server).map(|_| String::new())
            });
            let printed = printed.map_err(|reason| format!("{reason}\n  gateway:\n{}", gateway.said()))?;
            (printed, Some(gateway.stop()?))
        }
    };
    let expected = beside(repo, program, "out")?;
    if printed != expected {
        return Err(format!("\n  expected {expected:?}\n  printed  {printed:?}"));
    }
    if let Some(archived) = archived {
        compare(archived, &beside(repo, program, "json")?)?;
    }
    memory(repo, program)
}

/// Runs `program` with `serve` at the other end of its UART, and returns what both printed.
fn execute<F>(repo: &Repo, program: &Program, serve: F) -> Result<String, String>
where
    F: FnOnce(Uart) -> io::Result<String> + Send + 'static,
{
    let mut qemu = cargo(repo, &["run", "--quiet", "--release", "--bin", program.name]);
    if matches!(program.uart, Wired::Counted) {
        qemu.args(ICOUNT);
    }
    let (machine, uart) =
        Machine::start(&mut qemu).map_err(|error| format!("QEMU does not start: {error}"))?;
    let served = thread::spawn(move || serve(uart));
    let ended = machine.finish();
    let served = served.join().map_err(|_| "serving the UART panicked")?;
    let (console, status) = ended.map_err(|error| format!("{error}; on its UART: {served:?}"))?;
    match served {
        Ok(printed) if status.success() => Ok(printed + &console),
        served => Err(format!("{status}\n  UART: {served:?}\n  printed: {console:?}")),
    }
}

fn print(mut uart: Uart) -> io::Result<String> {
    let mut bytes = Vec::new();
    uart.from.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The file of that extension beside `program`'s source.
fn beside(repo: &Repo, program: &Program, extension: &str) -> Result<String, String> {
    let path = repo.root.join("embedded-example/src/bin").join(program.name).with_extension(extension);
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Compares what arrived, but for its times.
fn compare(mut archived: Value, expected: &str) -> Result<(), String> {
    let expected: Value = serde_json::from_str(expected).map_err(|error| format!("expected: {error}"))?;
    times::blank(&mut archived)?;
    if archived == expected { Ok(()) } else { Err(format!("in the archive is\n{archived:#}")) }
}

/// What `program` takes of a device's memory, as `size` has it.
fn memory(repo: &Repo, program: &Program) -> Result<String, String> {
    let elf = repo.target_dir().join("firmware/thumbv7m-none-eabi/release").join(program.name);
    let printed = output(repo.command("arm-none-eabi-size", &[]).arg(elf))?;
    let numbers: Vec<&str> = printed.lines().nth(1).unwrap_or_default().split_whitespace().collect();
    match numbers.as_slice() {
        [text, data, bss, ..] => Ok(format!("{}: text {text}, data {data}, bss {bss}", program.name)),
        _ => Err(format!("arm-none-eabi-size printed {printed:?}")),
    }
}
