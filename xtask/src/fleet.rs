//! Very many simulated devices against the gateway as it is shipped.

use crate::build_gateway;
use crate::repo::Repo;
use crate::step::Log;

/// What the test prints a line with.
const FLEET: &str = "fleet: ";

/// Runs so many devices, and prints a table of what they take.
pub(crate) fn run(repo: &Repo, devices: u32) -> Result<bool, String> {
    build_gateway(repo)?;
    let log = Log::create(repo, "fleet")?;
    // Each is a socket here, and one of the gateway's.
    let files = devices + 1000;
    let command =
        format!("ulimit -n {files} && exec cargo test -p smoltel-gateway --test fleet -- --nocapture");
    let mut test = repo.command("sh", &["-c", &command]);
    test.env("FLEET", devices.to_string())
        .env("SMOLTEL_GATEWAY", repo.target_dir().join("release/smoltel-gateway"));
    let outcome = log.run(&mut test);
    println!(
        "| devices | all connected, s | gateway's memory, KiB | of that each, KiB | at most, KiB | 10 records of each stored, s | \
         CPU µs per record | syncs per record | 10 more of each over a kill -9, s | lost, twice |\n|---|---|---|---|---|---|---|---|---|---|"
    );
    let text = log.text();
    text.lines().filter_map(|line| Some(line.split_once(FLEET)?.1)).for_each(|line| println!("| {line} |"));
    if let Err(problem) = &outcome {
        println!("FAILED {problem}");
        log.print_end();
    }
    Ok(outcome.is_ok())
}
