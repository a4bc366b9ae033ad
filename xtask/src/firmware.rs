//! The programs of embedded-example: built, run in QEMU, and what they print compared with the file beside each.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::thread;

use crate::install::Need;
use crate::qemu::{Machine, Uart};
use crate::relay;
use crate::repo::Repo;
use crate::step::{Log, Outcome, Step};

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
    /// An HTTP server.
    Http,
}

pub(crate) const PROGRAMS: &[Program] =
    &[Program { name: "hello", uart: Wired::Printed }, Program { name: "http", uart: Wired::Http }];

/// All programs, as a step of `cargo xtask test`.
pub(crate) fn step() -> Step {
    Step {
        name: "firmware",
        about: "Cortex-M programs run in QEMU and print what they must",
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
        check(repo, program).map_err(|reason| format!("{}: {reason}", program.name))?;
        done.push(program.name);
    }
    Ok(done.join(", "))
}

/// Cargo in embedded-example, whose own `.cargo/config.toml` has target, linker and runner.
fn cargo(repo: &Repo, arguments: &[&str]) -> Command {
    let mut cargo = repo.debian_cargo("firmware", arguments);
    cargo.current_dir(repo.root.join("embedded-example"));
    cargo
}

fn check(repo: &Repo, program: &Program) -> Result<(), String> {
    let path = repo.root.join("embedded-example/src/bin").join(program.name).with_extension("out");
    let expected = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut qemu = cargo(repo, &["run", "--quiet", "--release", "--bin", program.name]);
    let (machine, uart) =
        Machine::start(&mut qemu).map_err(|error| format!("QEMU does not start: {error}"))?;
    let wire = connect(uart, program.uart).map_err(|error| error.to_string())?;
    let ended = machine.finish();
    let carried = wire.join().map_err(|_| "serving the UART panicked")?;
    let (console, status) = ended.map_err(|error| format!("{error}; on its UART: {carried:?}"))?;
    let printed = carried.map_err(|error| format!("UART: {error}"))? + &console;
    if printed != expected || !status.success() {
        return Err(format!("{status}\n  expected {expected:?}\n  printed  {printed:?}"));
    }
    Ok(())
}

/// Serves the UART as `wired` says, in a thread that ends with the program. It returns what is to be printed.
fn connect(uart: Uart, wired: Wired) -> io::Result<thread::JoinHandle<io::Result<String>>> {
    match wired {
        Wired::Printed => Ok(thread::spawn(move || read_text(uart))),
        Wired::Http => {
            let server = serve()?;
            Ok(thread::spawn(move || relay::run(uart.from, uart.to, server).map(|_| String::new())))
        }
    }
}

fn read_text(mut uart: Uart) -> io::Result<String> {
    let mut bytes = Vec::new();
    uart.from.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// An HTTP server for one connection, which answers each request without a body with 200.
fn serve() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || -> io::Result<()> {
        let (stream, _) = listener.accept()?;
        let mut answer = stream.try_clone()?;
        for line in BufReader::new(stream).lines() {
            if line?.is_empty() {
                answer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
            }
        }
        Ok(())
    });
    Ok(address)
}
