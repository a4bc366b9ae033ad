//! The spool in real processes and on real disks: killed, filled to the last byte, and with syncs that fail.
//!
//! `PROVE=1` runs the numbers that a proof needs; without it, a share of them. Names of parts may be given.

mod child;
mod disks;
mod faults;
mod kill;
mod oracle;

use std::process::ExitCode;

/// A line that says what was seen, or what was seen and should not be.
type Outcome = Result<String, String>;

/// Proves something; in full if it is told so.
type Part = fn(bool) -> Outcome;

const PARTS: [(&str, Part); 4] =
    [("kill", kill::run), ("faults", faults::run), ("tmpfs", disks::tmpfs), ("ext4", disks::ext4)];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "child") {
        return child::run(&arguments[1..]);
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

/// A small generator, so that a seed replays a run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}
