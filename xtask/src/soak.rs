//! The gateway's soak, as long as it is given.

use std::process::Stdio;

use crate::repo::Repo;

/// Runs it for so many minutes, with that seed if there is one.
pub(crate) fn run(repo: &Repo, minutes: u64, seed: Option<&str>) -> Result<bool, String> {
    let mut test = repo.cargo(&["test", "-p", "smoltel-gateway", "--test", "soak", "--", "--nocapture"]);
    test.env("SOAK_SECONDS", (minutes * 60).to_string()).stdin(Stdio::null());
    seed.map(|seed| test.env("SOAK_SEED", seed));
    let status = test.status().map_err(|error| format!("cargo does not start: {error}"))?;
    Ok(status.success())
}
