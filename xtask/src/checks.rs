//! The steps of `cargo xtask test`, in their order: quick and telling ones first.

use serde_json::Value;

use crate::install::Need;
use crate::repo::Repo;
use crate::step::{Log, Outcome, Step};
use crate::{
    bare_metal, conformance, costs, firmware, fuzz, guards, licences, package, programs, prove, static_builds,
};

/// All that CI checks.
pub(crate) fn all() -> Vec<Step> {
    vec![
        step("fmt", "the code is formatted", &[Need::RustComponents], fmt),
        step("clippy", "no warning in any target", &[Need::RustComponents], clippy),
        tests(),
        step(
            "conformance",
            "docs/CONFORMANCE.md says what the last run of the tests shows",
            &[],
            conformance::check,
        ),
        step("doc", "the documentation builds without a warning", &[], doc),
        step(
            "features",
            "each feature compiles by itself, without a warning",
            &[Need::RustComponents],
            features,
        ),
        step(
            "guards",
            "each crate's dependencies stay within its bounds, core's types have examples",
            &[],
            guards::run,
        ),
        step("licences", "dependencies keep to deny.toml", &[], licences::run),
        step("bare-metal", "smoltel-core builds for microcontrollers", &[Need::BareMetal], bare_metal::run),
        programs::step(None),
        package::step(),
        static_builds::step(),
        firmware::step(),
        fuzz::step(fuzz::SHORT),
        prove::step(),
        step("costs", "recording takes no more instructions than written", &[Need::Valgrind], costs::check),
    ]
}

/// The tests of all crates.
pub(crate) fn tests() -> Step {
    step(
        "test",
        "unit, documentation and behaviour tests, with real peers",
        &[Need::Strace, Need::Browser, Need::Peers, Need::JavaScript, Need::Nginx],
        test,
    )
}

fn step(
    name: &'static str,
    about: &'static str,
    needs: &'static [Need],
    run: fn(&Repo, &Log) -> Outcome,
) -> Step {
    Step { name, about, needs, run: Box::new(run) }
}

fn fmt(repo: &Repo, log: &Log) -> Outcome {
    log.run(&mut repo.cargo(&["fmt", "--all", "--check"]))?;
    for manifest in ["embedded-example/Cargo.toml", "fuzz/Cargo.toml"] {
        log.run(&mut repo.cargo(&["fmt", "--all", "--check", "--manifest-path", manifest]))?;
    }
    Ok(String::new())
}

fn clippy(repo: &Repo, log: &Log) -> Outcome {
    log.run(&mut repo.cargo(&["clippy", "--all-targets", "--", "-D", "warnings"]))?;
    Ok(String::new())
}

fn test(repo: &Repo, log: &Log) -> Outcome {
    log.run(repo.cargo(&["test", "--no-fail-fast"]).env("SMOLTEL_PEERS", repo.peers()))?;
    // By itself: with it, serde_json reads numbers otherwise, in whatever is built together.
    log.run(&mut repo.cargo(&[
        "test",
        "-p",
        "smoltel-gateway",
        "--features",
        "defmt",
        "--test",
        "defmt",
        "--bin",
        "smoltel-defmt",
    ]))?;
    let (passed, ignored) = count_tests(&log.text());
    Ok(format!("{passed} tests, {ignored} ignored"))
}

/// How many tests passed and were ignored, over all `test result:` lines that the test harnesses printed.
fn count_tests(printed: &str) -> (u64, u64) {
    let results = printed.lines().filter(|line| line.starts_with("test result:"));
    results.fold((0, 0), |(passed, ignored), line| {
        (passed + count_before(line, " passed"), ignored + count_before(line, " ignored"))
    })
}

fn count_before(line: &str, word: &str) -> u64 {
    let number = line.split(word).next().and_then(|before| before.rsplit(' ').next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn doc(repo: &Repo, log: &Log) -> Outcome {
    log.run(repo.cargo(&["doc", "--no-deps", "--all-features"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(String::new())
}

fn features(repo: &Repo, log: &Log) -> Outcome {
    let mut checked = 0;
    for (package, features) in members_with_features(&repo.metadata("")?) {
        for feature in features {
            let one = ["clippy", "-p", &package, "--no-default-features", "--features", &feature];
            log.run(repo.cargo(&one).args(["--", "-D", "warnings"]))?;
            checked += 1;
        }
        log.run(&mut repo.cargo(&[
            "clippy",
            "-p",
            &package,
            "--no-default-features",
            "--",
            "-D",
            "warnings",
        ]))?;
    }
    Ok(format!("{checked} features"))
}

/// The default members that have features, with the names of these.
fn members_with_features(metadata: &Value) -> Vec<(String, Vec<String>)> {
    let members = metadata["workspace_default_members"].as_array().map(Vec::as_slice).unwrap_or_default();
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut found = Vec::new();
    for package in packages.iter().filter(|package| members.contains(&package["id"])) {
        let features: Vec<String> = package["features"]
            .as_object()
            .map(|features| features.keys().filter(|name| *name != "default").cloned().collect())
            .unwrap_or_default();
        if let (Some(name), false) = (package["name"].as_str(), features.is_empty()) {
            found.push((name.to_owned(), features));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_results_add_up_over_harnesses() {
        let printed = "running 3 tests\ntest result: ok. 3 passed; 0 failed; 1 ignored; 0 measured\n\
                       noise\ntest result: ok. 12 passed; 0 failed; 0 ignored; 0 measured\n";
        assert_eq!(count_tests(printed), (15, 1));
    }

    #[test]
    fn only_default_members_with_features_are_listed() {
        let metadata = serde_json::json!({
            "workspace_default_members": ["a 1", "c 1"],
            "packages": [
                {"id": "a 1", "name": "a", "features": {"default": ["x"], "x": [], "y": []}},
                {"id": "b 1", "name": "b", "features": {"x": []}},
                {"id": "c 1", "name": "c", "features": {}},
            ],
        });
        assert_eq!(
            members_with_features(&metadata),
            [("a".to_owned(), vec!["x".to_owned(), "y".to_owned()])]
        );
    }
}
