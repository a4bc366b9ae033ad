//! The programs of embedded-example: built, run in QEMU, and what they print and send compared with the files beside
//! each.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use serde_json::Value;

use crate::cable::Cable;
use crate::gateway::Gateway;
use crate::install::Need;
use crate::qemu::{Machine, Uart};
use crate::repo::{Repo, output};
use crate::step::{Log, Outcome, Step};
use crate::{arrived, relay, times};

/// `embedded-example/src/bin/NAME.rs`; what it must print is in `NAME.out` beside it.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    wired: Wired,
}

/// What is at the other end of a program's UARTs.
#[derive(Clone, Copy)]
enum Wired {
    /// Nobody: what comes out of UART0 is printed, before what the program prints by semihosting.
    Printed,
    /// On UART0 a gateway that takes OTLP/HTTP, in whose archive there must be what is in `NAME.json` afterwards.
    Http,
    /// The same over Ethernet: QEMU's own network, in which the host is 10.0.2.2.
    Ethernet,
    /// On UART1 a gateway's end of the link. The records in its archive must be those in `NAME.records`.
    Link,
    /// The same over a line that flips one bit in a thousand.
    Noisy,
    /// The same over a line that is plugged in when the program says `plug` on UART0, and answers rubbish before. When it says
    /// `restart`, the gateway is ended and started again.
    Unplugged,
    /// On UART1 the link, to a gateway that makes log records of its defmt stream.
    Defmt,
    /// Nobody, and QEMU's clock counts instructions.
    Counted,
}

impl Wired {
    /// For a line of the table.
    const fn about(self) -> &'static str {
        match self {
            Self::Printed => "alone",
            Self::Http => "OTLP/HTTP over a UART",
            Self::Ethernet => "OTLP/HTTP over Ethernet",
            Self::Link => "link over a UART",
            Self::Noisy => "the same, 1 bit in 1,000 flipped",
            Self::Unplugged => "link late, gateway restarted",
            Self::Defmt => "link over a UART, with defmt",
            Self::Counted => "alone, instructions counted",
        }
    }
}

/// A clock that moves by 1.024 µs for each instruction.
const ICOUNT: [&str; 2] = ["-icount", "shift=10,sleep=off"];

pub(crate) const PROGRAMS: &[Program] = &[
    Program { name: "hello", wired: Wired::Printed },
    Program { name: "http", wired: Wired::Http },
    Program { name: "ethernet", wired: Wired::Ethernet },
    Program { name: "sensor", wired: Wired::Link },
    Program { name: "sensor", wired: Wired::Noisy },
    Program { name: "offline", wired: Wired::Unplugged },
    Program { name: "defmt", wired: Wired::Defmt },
    Program { name: "crash", wired: Wired::Link },
    Program { name: "cost", wired: Wired::Counted },
    Program { name: "sealed", wired: Wired::Counted },
    Program { name: "logger", wired: Wired::Counted },
    Program { name: "span", wired: Wired::Counted },
    Program { name: "micropb", wired: Wired::Counted },
    Program { name: "femtopb", wired: Wired::Counted },
];

impl Program {
    /// Cargo's options for the features of embedded-example that it needs: none should carry what others are made of, and what
    /// is told of some is how little they are.
    fn features(&self) -> &'static [&'static str] {
        match self.name {
            "sealed" => &["--features", "aead"],
            "micropb" | "femtopb" => &["--no-default-features", "--features", "peers"],
            "hello" | "http" | "sensor" | "span" => &["--no-default-features"],
            _ => &[],
        }
    }
}

/// Packages that are built and not run. Each by itself: only one of them has named interrupts, and features add up.
const SKETCHES: [&str; 2] = ["smoltel-sketch-embassy", "smoltel-sketch-rtic"];

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
    log.run(&mut cargo(repo, &["clippy", "--release", "--all-features", "--", "-D", "warnings"]))?;
    for sketch in SKETCHES {
        log.run(&mut cargo(repo, &["clippy", "--release", "-p", sketch, "--", "-D", "warnings"]))?;
        log.run(&mut cargo(repo, &["build", "--release", "-p", sketch]))?;
    }
    // What it does with memory is tried on the host, outside of the firmware's target.
    let unsafe_crate = ["test", "--manifest-path", "embedded-example/smoltel-cortex-m/Cargo.toml"];
    let mut unsafe_crate = repo.cargo(&unsafe_crate);
    unsafe_crate.env("CARGO_TARGET_DIR", repo.target_dir().join("cortex-host"));
    log.run(unsafe_crate.env("RUSTFLAGS", "--cfg smoltel_resets"))?;
    let mut table = format!("\n  {:<12}{:<38}{:>7}{:>7}{:>7}", "program", "", "text", "data", "bss");
    for program in PROGRAMS.iter().filter(|program| only.is_none_or(|only| only == program.name)) {
        let [text, data, bss] =
            check(repo, log, program).map_err(|reason| format!("{}: {reason}", program.name))?;
        let (name, about) = (program.name, program.wired.about());
        let _ = write!(table, "\n  {name:<12}{about:<38}{text:>7}{data:>7}{bss:>7}");
    }
    Ok(table)
}

/// Cargo in embedded-example, whose own `.cargo/config.toml` has target, linker and runner.
fn cargo(repo: &Repo, arguments: &[&str]) -> Command {
    let mut cargo = repo.debian_cargo("firmware", arguments);
    cargo.current_dir(repo.root.join("embedded-example"));
    cargo
}

/// Runs `program` and compares what it did with the files beside it. Returns what it takes.
fn check(repo: &Repo, log: &Log, program: &Program) -> Result<[u64; 3], String> {
    // Before its time runs.
    log.run(cargo(repo, &["build", "--release", "--bin", program.name]).args(program.features()))?;
    let printed = match program.wired {
        Wired::Printed => execute(repo, program, &[], print)?,
        Wired::Counted => execute(repo, program, &ICOUNT.map(str::to_owned), print)?,
        Wired::Http => {
            let (printed, archived) = beside_gateway(repo, log, program, |gateway| {
                let server = gateway.http;
                let serve = move |uart: Uart| relay::run(uart.from, uart.to, server).map(|_| String::new());
                execute(repo, program, &[], serve)
            })?;
            let expected = beside(repo, program, "json")?;
            let expected: Value =
                serde_json::from_str(&expected).map_err(|error| format!("expected: {error}"))?;
            same("in the archive is", &format!("{archived:#}"), &format!("{expected:#}"))?;
            printed
        }
        Wired::Ethernet | Wired::Link | Wired::Noisy | Wired::Unplugged | Wired::Defmt => {
            let (printed, archived) =
                beside_gateway(repo, log, program, |gateway| linked(repo, program, gateway))?;
            // Where a log was written is a path on this machine.
            let arrived = arrived::records(&archived).replace(&format!("{}/", repo.root.display()), "");
            same("arrived", &arrived, &beside(repo, program, "records")?)?;
            printed
        }
    };
    same("printed", &printed, &beside(repo, program, "out")?)?;
    memory(repo, program)
}

/// Does `work` beside a gateway. Returns what it returns, and what was archived, without the times.
fn beside_gateway<T>(
    repo: &Repo,
    log: &Log,
    program: &Program,
    work: impl FnOnce(&mut Gateway) -> Result<T, String>,
) -> Result<(T, Value), String> {
    let mut gateway = match program.wired {
        Wired::Defmt => Gateway::reading_defmt(repo, log, program.name, &elves(repo))?,
        _ => Gateway::start(repo, log, program.name)?,
    };
    let done = work(&mut gateway).map_err(|reason| format!("{reason}\n  gateway:\n{}", gateway.said()))?;
    let mut archived = gateway.stop()?;
    times::blank(&mut archived)?;
    Ok((done, archived))
}

/// Runs `program` with its UART1 on the gateway's link, or its network where the gateway takes OTLP/HTTP.
fn linked(repo: &Repo, program: &Program, gateway: &mut Gateway) -> Result<String, String> {
    let broken = |error| format!("the line: {error}");
    match program.wired {
        Wired::Noisy => {
            let cable = Cable::lay(true).map_err(broken)?;
            cable.plug(gateway.link);
            let printed = execute(repo, program, &serial(cable.device), print);
            match cable.flipped() {
                0 => Err(format!("the line flipped no bit; the program: {printed:?}")),
                flipped => printed.map_err(|error| format!("{error}; the line flipped {flipped} bits")),
            }
        }
        Wired::Unplugged => {
            let cable = Cable::lay(false).map_err(broken)?;
            execute(repo, program, &serial(cable.device), |uart| obey(repo, uart, &cable, gateway))
        }
        Wired::Ethernet => execute(repo, program, &network(gateway.http), print),
        _ => execute(repo, program, &serial(gateway.link), print),
    }
}

/// QEMU's options for its second UART. Without nodelay, each byte waits for the one before to be acknowledged.
fn serial(to: SocketAddr) -> [String; 2] {
    ["-serial".to_owned(), format!("tcp:{to},nodelay=on")]
}

/// QEMU's options for a network of its own, and the program's argument: the port at the host.
fn network(to: SocketAddr) -> [String; 4] {
    let nic = "user,model=lan9118".to_owned();
    ["-nic".to_owned(), nic, "-append".to_owned(), to.port().to_string()]
}

/// Does what the program says on its UART0, and returns that.
fn obey(repo: &Repo, uart: Uart, cable: &Cable, gateway: &mut Gateway) -> io::Result<String> {
    let mut said = String::new();
    for line in BufReader::new(uart.from).lines() {
        let line = line?;
        if line == "restart" {
            gateway.restart(repo).map_err(io::Error::other)?;
        }
        cable.plug(gateway.link);
        said += &(line + "\n");
    }
    Ok(said)
}

/// Runs `program`, with more `options` for QEMU and `serve` at the other end of its UART0. Returns what both printed.
fn execute<F>(repo: &Repo, program: &Program, options: &[String], serve: F) -> Result<String, String>
where
    F: FnOnce(Uart) -> io::Result<String> + Send,
{
    let mut qemu = cargo(repo, &["run", "--quiet", "--release", "--bin", program.name]);
    qemu.args(program.features());
    if !options.is_empty() {
        qemu.arg("--").args(options);
    }
    let (machine, uart) =
        Machine::start(&mut qemu).map_err(|error| format!("QEMU does not start: {error}"))?;
    let (served, ended) = thread::scope(|scope| {
        let served = scope.spawn(|| serve(uart));
        let ended = machine.finish();
        (served.join(), ended)
    });
    let served = served.map_err(|_| "serving the UART panicked")?;
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

/// Compares two texts, and shows the lines that are in one of them only.
fn same(what: &str, found: &str, expected: &str) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let lacks = |text: &str, line: &str| {
        let count = |text: &str| text.lines().filter(|known| *known == line).count();
        count(text) < count(found).max(count(expected))
    };
    let more = found.lines().filter(|line| lacks(expected, line)).map(|line| format!("+ {line}"));
    let less = expected.lines().filter(|line| lacks(found, line)).map(|line| format!("- {line}"));
    let lines: Vec<_> = more.chain(less).collect();
    if lines.is_empty() {
        return Err(format!("{what} in another order\n{found}"));
    }
    Err(format!("{what} (+: not expected, -: missing)\n{}\n", lines.join("\n")))
}

/// Where the programs are when they are built.
fn elves(repo: &Repo) -> PathBuf {
    repo.target_dir().join("firmware/thumbv7m-none-eabi/release")
}

/// What `program` takes of a device's memory: text, data and bss, as `size` has it.
fn memory(repo: &Repo, program: &Program) -> Result<[u64; 3], String> {
    let elf = elves(repo).join(program.name);
    let printed = output(repo.command("arm-none-eabi-size", &[]).arg(elf))?;
    let line = printed.lines().nth(1).unwrap_or_default();
    let mut numbers = line.split_whitespace().map_while(|number| number.parse().ok());
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(text), Some(data), Some(bss)) => Ok([text, data, bss]),
        _ => Err(format!("arm-none-eabi-size printed {printed:?}")),
    }
}
