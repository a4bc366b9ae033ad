//! Conformance as a number: which line of the checklist is shown by which test.
//!
//! The table in `xtask/conformance` says it, the log of the tests proves it, and `docs/CONFORMANCE.md` is both for people.

mod page;
mod results;
mod table;

use std::path::PathBuf;

use crate::repo::Repo;
use crate::step::{Log, Outcome};
use page::Page;
use results::Results;
use table::Table;

/// The step: every test that the table names has passed in the last run, and the committed page says what they show.
pub(crate) fn check(repo: &Repo, _log: &Log) -> Outcome {
    let (text, summary) = render(repo)?;
    if std::fs::read_to_string(path(repo)).unwrap_or_default() != text {
        return Err("docs/CONFORMANCE.md is old: `cargo xtask conformance --last` writes it".to_owned());
    }
    summary
}

/// Writes the page by the table and the last run of the tests; fails when a test that the table names has not passed.
pub(crate) fn write(repo: &Repo) -> Outcome {
    let (text, summary) = render(repo)?;
    std::fs::write(path(repo), text).map_err(|error| format!("{}: {error}", path(repo).display()))?;
    summary
}

/// The page, and what to say of it.
fn render(repo: &Repo) -> Result<(String, Outcome), String> {
    let table = Table::read(&repo.root.join("xtask/conformance"))?;
    let log = Log::path(repo, "test");
    let printed = std::fs::read_to_string(&log)
        .map_err(|error| format!("{}: {error}; `cargo xtask test --only test` makes it", log.display()))?;
    let results = Results::parse(&printed);
    if results.is_empty() {
        return Err(format!("no test has run by {}", log.display()));
    }
    let page = Page::new(&table, &results);
    Ok((page.text(), page.summary()))
}

fn path(repo: &Repo) -> PathBuf {
    repo.root.join("docs/CONFORMANCE.md")
}
