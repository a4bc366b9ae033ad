//! The spool in real processes and on real disks: killed, filled to the last byte, and with syncs that fail.
//!
//! `PROVE=1` runs the numbers that a proof needs; without it, a share of them. Names of parts may be given.

mod child;
mod disks;
mod faults;
mod kill;
mod life;
mod oracle;
mod worker;

use std::process::ExitCode;

/// A line that says what was seen, or what was seen and should not be.
type Outcome = Result<String, String>;

/// Proves something; in full if it is told so.
type Part = fn(bool) -> Outcome;

const PARTS: [(&str, Part); 4] =
    [("kill", kill::run), ("faults", faults::run), ("tmpfs", disks::tmpfs), ("ext4", disks::ext4)];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "worker") {
        child::Task::parse(&arguments[1..]).iter().for_each(worker::run);
        return ExitCode::SUCCESS;
    }
    let prove = std::env::var_os("PROVE").is_some();
    let named: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| named.is_empty() || named.iter().any(|part| name.contains(part.as_str()));
    let (mut passed, mut failed) = (0, 0);
    for (name, part) in PARTS.iter().filter(|(name, _)| wanted(name)) {
        match part(prove) {
            Ok(seen) => {
                println!("test {name} ... ok\nproved: {seen}");
                passed += 1;
            }
            Err(problem) => {
                println!("test {name} ... FAILED\n{name}: {problem}");
                failed += 1;
            }
        }
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out"
    );
    ExitCode::from(u8::from(failed > 0))
}

/// Where a spool lives. Every fourth is on the disk, where a kill falls into a sync; the others are in memory, which a killed process
/// cannot tell from a disk, and where there are many more kills in a minute.
fn home(number: u64) -> Result<tempfile::TempDir, String> {
    let memory = !number.is_multiple_of(4);
    let in_memory = || tempfile::tempdir_in("/dev/shm").ok();
    memory.then(in_memory).flatten().map_or_else(tempfile::tempdir, Ok).map_err(|error| error.to_string())
}
