//! The table of instruction counts in docs/PERFORMANCE.md: written by `bench core`, held by `test`.

use std::fmt::Write as _;
use std::ops::Range;

use crate::repo::Repo;
use crate::step::{Log, Outcome};

const DOCUMENT: &str = "docs/PERFORMANCE.md";
/// The table is between these lines.
const BEGIN: &str = "<!-- counted by `cargo xtask bench core` -->\n";
const END: &str = "<!-- end -->\n";
const HEAD: &str = "| instructions | seen | aim |\n|---|---|---|\n";
/// More than this above the committed figure, in percent, is a regression. Counts repeat to within 0.1.
const TOLERATED: u64 = 5;

/// The benches whose cases are in the table.
const BENCHES: &[&str] = &["application", "core"];

/// Counts again and fails where a case has become dearer.
pub(crate) fn check(repo: &Repo, log: &Log) -> Outcome {
    let text = read(repo)?;
    let (_, rows) = table(&text)?;
    let counts = count(repo, log)?;
    let complaints = complaints(&rows, &counts);
    if complaints.is_empty() { Ok(format!("{} cases", counts.len())) } else { Err(complaints.join("; ")) }
}

/// Counts, prints, and writes the table anew.
pub(crate) fn write(repo: &Repo) -> Result<bool, String> {
    let text = read(repo)?;
    let (place, rows) = table(&text)?;
    println!("counting: this takes a minute or two");
    let table = rendered(&rows, &count(repo, &Log::create(repo, "costs")?)?);
    let path = repo.root.join(DOCUMENT);
    let text = [&text[..place.start], &table, &text[place.end..]].concat();
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{table}written to {DOCUMENT}");
    Ok(true)
}

/// A line of the table.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    case: String,
    seen: u64,
    aim: String,
}

type Count = (String, u64);

fn read(repo: &Repo) -> Result<String, String> {
    let path = repo.root.join(DOCUMENT);
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Where the table is in the document, and its rows.
fn table(text: &str) -> Result<(Range<usize>, Vec<Row>), String> {
    let start = text.find(BEGIN).map(|at| at + BEGIN.len());
    let place = start.and_then(|start| Some(start..start + text.get(start..)?.find(END)?));
    let place = place.ok_or_else(|| format!("{DOCUMENT} has no table between {BEGIN:?} and {END:?}"))?;
    let rows = text[place.clone()].lines().filter_map(row).collect();
    Ok((place, rows))
}

fn row(line: &str) -> Option<Row> {
    let mut cells = line.trim_matches('|').split('|').map(str::trim);
    let (case, seen, aim) = (cells.next()?, cells.next()?, cells.next()?);
    Some(Row { case: case.to_owned(), seen: seen.replace(',', "").parse().ok()?, aim: aim.to_owned() })
}

/// The table of `counts`, with the aims that stood in it.
fn rendered(old: &[Row], counts: &[Count]) -> String {
    let mut table = HEAD.to_owned();
    for (case, seen) in counts {
        let aim = old.iter().find(|row| row.case == *case).map_or("", |row| &row.aim);
        let _ = writeln!(
            table,
            "| {case} | {} | {aim}{}|",
            grouped(*seen),
            if aim.is_empty() { "" } else { " " }
        );
    }
    table
}

/// 12345 as `12,345`.
fn grouped(number: u64) -> String {
    match number / 1000 {
        0 => number.to_string(),
        thousands => format!("{},{:03}", grouped(thousands), number % 1000),
    }
}

fn complaints(committed: &[Row], counts: &[Count]) -> Vec<String> {
    let complaint = |(case, seen): &Count| match committed.iter().find(|row| row.case == *case) {
        None => Some(format!("\"{case}\" is not in {DOCUMENT}; run `cargo xtask bench core`")),
        Some(row) if *seen > row.seen + row.seen * TOLERATED / 100 => {
            let (more, committed) = ((seen - row.seen) * 100 / row.seen.max(1), row.seen);
            Some(format!("\"{case}\" takes {seen} instructions, {more} % above the committed {committed}"))
        }
        Some(_) => None,
    };
    let gone = committed.iter().filter(|row| counts.iter().all(|(case, _)| *case != row.case));
    let gone = gone.map(|row| format!("\"{}\" is in {DOCUMENT} and was not counted", row.case));
    counts.iter().filter_map(complaint).chain(gone).collect()
}

/// Runs the benches and returns what they counted.
fn count(repo: &Repo, log: &Log) -> Result<Vec<Count>, String> {
    let mut cargo = repo.cargo(&["bench", "-p", "smoltel-benches"]);
    BENCHES.iter().for_each(|bench| _ = cargo.args(["--bench", bench]));
    log.run(&mut cargo)?;
    Ok(log.text().lines().filter_map(counted).collect())
}

/// A case and its count, as the benches print them.
fn counted(line: &str) -> Option<Count> {
    let (case, count) = line.rsplit_once(' ')?;
    Some((case.trim().to_owned(), count.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(rows: &str) -> String {
        format!("# Figures\n{BEGIN}{HEAD}{rows}{END}rest\n")
    }

    #[test]
    fn the_table_is_written_as_it_is_read_and_aims_stay() {
        let text = document("| span | 3,266 | 1,500 |\n| log | 404 | |\n");
        let (place, rows) = table(&text).unwrap();
        let expected = [("span", 3266, "1,500"), ("log", 404, "")];
        let expected = expected.map(|(case, seen, aim)| Row { case: case.into(), seen, aim: aim.into() });
        assert_eq!(rows, expected);
        let same = [("span".to_owned(), 3266), ("log".to_owned(), 404)];
        assert_eq!(rendered(&rows, &same), text[place]);
        assert!(table("# no table").is_err());
    }

    #[test]
    fn what_costs_more_is_named_and_what_costs_less_is_not() {
        let (_, rows) = table(&document("| span | 1,000 | |\n| log | 100 | |\n")).unwrap();
        let counts = |span, log| [("span".to_owned(), span), ("log".to_owned(), log)];
        assert!(complaints(&rows, &counts(1050, 50)).is_empty());
        let dearer = complaints(&rows, &counts(1051, 100));
        assert_eq!(dearer, ["\"span\" takes 1051 instructions, 5 % above the committed 1000"]);
    }

    #[test]
    fn no_case_comes_or_goes_unseen() {
        let (_, rows) = table(&document("| span | 1,000 | |\n")).unwrap();
        let found = complaints(&rows, &[("log".to_owned(), 1)]);
        assert!(found[0].contains("\"log\" is not in") && found[1].contains("\"span\" is in"), "{found:?}");
    }

    #[test]
    fn a_line_of_a_bench_is_a_case_and_its_count() {
        assert_eq!(
            counted("core: span, 3 attributes    1224"),
            Some(("core: span, 3 attributes".into(), 1224))
        );
        assert_eq!(counted("case     instructions"), None);
        assert_eq!(counted("span, 3 attributes   no valgrind?"), None);
    }
}
