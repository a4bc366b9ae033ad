//! What we exchange with the programs of others: the gateway's tests with every peer there is, as a table.

use std::path::Path;

use crate::repo::Repo;
use crate::step::Log;

/// What the tests print a line with for each pair that works.
const WORKS: &str = "interop: ";

/// Runs all pairs, with the servers in `bin` of that folder, and prints a line for each that works.
pub(crate) fn run(repo: &Repo, servers: &Path) -> Result<bool, String> {
    let log = Log::create(repo, "interop")?;
    let mut tests = repo.cargo(&["test", "-p", "smoltel-gateway", "--test", "interop", "--no-fail-fast"]);
    tests.args(["--", "--nocapture", "--include-ignored", "--test-threads=2"]);
    tests.env("SMOLTEL_PEERS", repo.peers()).env("SMOLTEL_SERVERS", repo.root.join(servers));
    let outcome = log.run(&mut tests);
    println!("| pair | sent (spans, logs, metrics) | arrived |\n|---|---|---|");
    let text = log.text();
    let mut lines: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once(WORKS)?.1)).collect();
    lines.sort_unstable();
    lines.iter().for_each(|line| println!("| {line} |"));
    if let Err(problem) = &outcome {
        println!("FAILED {problem}");
        log.print_end();
    }
    Ok(outcome.is_ok())
}
