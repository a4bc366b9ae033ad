//! The table as a page.

use std::fmt::Write;

use super::results::Results;
use super::table::{CRATES, LINES, Line, Table, WHO};
use crate::step::Outcome;

const INTRO: &str = "\
# Conformance

How smoltel stands to OpenTelemetry, line by line: a checklist of 314 requirements drawn from the OTLP 1.11 and
OpenTelemetry 1.60 specifications, their `.proto` files, the semantic conventions, and W3C's Trace Context and Baggage. Each
is told here in our own words, with the place it comes from in brackets.

`cargo xtask conformance` runs the tests and writes this page. A line **holds** only if every test named beside it has passed
in that run; what is true of one crate and not yet of another holds **in part**, and the page says what is missing and where.
`cargo xtask test` fails when a named test is missing or does not pass, or when this page is old.

Who has to keep a line: C a client or exporter, S a server or receiver, F a forwarder, K an SDK or library.
";

/// An error names so many lines that are not shown; the page has them all.
const SHOWN_LINES: usize = 8;

/// The table, seen with a run of the tests.
pub(crate) struct Page<'a> {
    table: &'a Table,
    results: &'a Results,
}

/// How it stands with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Holds,
    InPart,
    NotYet,
    DoesNotApply,
    /// A test that is named for it is missing or did not pass.
    NotShown,
}

impl Status {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Holds, "holds"),
        (Self::InPart, "in part"),
        (Self::NotYet, "not yet"),
        (Self::DoesNotApply, "does not apply"),
        (Self::NotShown, "**not shown**"),
    ];

    fn words(self) -> &'static str {
        Self::ALL.into_iter().find(|(status, _)| *status == self).map_or("", |(_, words)| words)
    }
}

impl<'a> Page<'a> {
    pub(crate) fn new(table: &'a Table, results: &'a Results) -> Self {
        Self { table, results }
    }

    pub(crate) fn text(&self) -> String {
        let mut text = INTRO.to_owned();
        self.counts(&mut text);
        for section in &self.table.0 {
            _ = write!(text, "\n## {}\n\n", section.title);
            text += "| | who | level | requirement | | shown by, or what is missing |\n|--:|---|---|---|---|---|\n";
            for (number, line) in &section.lines {
                self.row(*number, line, &mut text);
            }
        }
        text
    }

    /// One line on the whole; an error names the tests that are missing or did not pass.
    pub(crate) fn summary(&self) -> Outcome {
        let lines = self.table.lines();
        let unshown: Vec<_> = lines
            .filter(|(_, line)| self.status(line) == Status::NotShown)
            .map(|(number, line)| format!("line {number} by {}", self.unshown(line).join(", ")))
            .collect();
        if !unshown.is_empty() {
            let (some, more) = unshown.split_at(unshown.len().min(SHOWN_LINES));
            let more =
                if more.is_empty() { String::new() } else { format!("; and {} more lines", more.len()) };
            return Err(format!("tests are missing or did not pass: {}{more}", some.join("; ")));
        }
        let (hold, apply) = self.share("core", "CK");
        let all = self.count(|line| self.status(line) == Status::Holds);
        Ok(format!("{all} of {LINES} lines hold; of core's as a client and SDK {hold} of {apply}"))
    }

    fn counts(&self, text: &mut String) {
        let (hold, apply) = self.share("core", "CK");
        let tenths = (hold * 1000).checked_div(apply).unwrap_or(0);
        _ = write!(
            text,
            "\nOf the C and K lines that concern smoltel-core, {hold} of {apply} hold there: {}.{} %.\n",
            tenths / 10,
            tenths % 10
        );
        text.push_str("\n| who | lines");
        Status::ALL.iter().for_each(|(_, words)| _ = write!(text, " | {words}"));
        text.push_str(" |\n|---|--:|--:|--:|--:|--:|--:|\n");
        self.counts_of("all", |_| true, text);
        for (letter, name) in WHO {
            self.counts_of(&format!("{letter}: {name}"), |line| line.who.contains(letter), text);
        }
        text.push_str("\n| crate | lines | hold there | not yet |\n|---|--:|--:|--:|\n");
        for name in CRATES {
            let hold = self.count(|line| self.holds_in(line, name));
            let lines = self.count(|line| line.concerns(name));
            _ = writeln!(text, "| {name} | {lines} | {hold} | {} |", lines - hold);
        }
    }

    fn counts_of(&self, name: &str, of: impl Fn(&Line) -> bool, text: &mut String) {
        _ = write!(text, "| {name} | {}", self.count(&of));
        for (status, _) in Status::ALL {
            _ = write!(text, " | {}", self.count(|line| of(line) && self.status(line) == status));
        }
        text.push_str(" |\n");
    }

    fn row(&self, number: u32, line: &Line, text: &mut String) {
        let who: Vec<_> = line.who.chars().map(String::from).collect();
        let status = self.status(line);
        let mut reasons: Vec<_> = line.tests.iter().map(|test| format!("`{test}`")).collect();
        reasons.extend(line.not_yet.iter().map(|(name, what)| format!("**{name}**: {what}")));
        reasons.extend(line.does_not_apply.clone());
        if status == Status::NotShown {
            reasons.push(format!("**not passed**: {}", self.unshown(line).join(", ")));
        }
        let (who, level, status) = (who.join(", "), &line.level, status.words());
        let (requirement, source) = (&line.text, &line.source);
        let reasons = reasons.join("<br>");
        _ = writeln!(
            text,
            "| {number} | {who} | {level} | {requirement} [{source}] | {status} | {reasons} |"
        );
    }

    fn status(&self, line: &Line) -> Status {
        match line {
            _ if line.is_out() => Status::DoesNotApply,
            _ if !self.unshown(line).is_empty() => Status::NotShown,
            _ if line.not_yet.is_empty() => Status::Holds,
            _ if line.tests.is_empty() => Status::NotYet,
            _ => Status::InPart,
        }
    }

    fn holds_in(&self, line: &Line, name: &str) -> bool {
        line.keeps(name) && self.unshown(line).is_empty()
    }

    /// The tests of a line that have not passed.
    fn unshown<'l>(&self, line: &'l Line) -> Vec<&'l str> {
        line.tests.iter().map(String::as_str).filter(|test| !self.results.passed(test)).collect()
    }

    /// Of the lines for any of `who` that concern a crate: how many hold there, and how many there are.
    fn share(&self, name: &str, who: &str) -> (usize, usize) {
        let concerned =
            |line: &Line| line.concerns(name) && line.who.chars().any(|letter| who.contains(letter));
        (self.count(|line| concerned(line) && self.holds_in(line, name)), self.count(concerned))
    }

    fn count(&self, of: impl Fn(&Line) -> bool) -> usize {
        self.table.lines().filter(|(_, line)| of(line)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::table;
    use super::*;

    const LINES: &str = "\
[1]\nwho = \"C\"\nlevel = \"MUST\"\ntext = \"a\"\nsource = \"s\"\nholds = [\"core\"]\ntests = [\"t::a\"]
[2]\nwho = \"SF\"\nlevel = \"MAY\"\ntext = \"b\"\nsource = \"s\"\ndoes-not-apply = \"why\"
[3]\nwho = \"K\"\nlevel = \"MUST\"\ntext = \"c\"\nsource = \"s\"\nholds = [\"smoltel\"]\ntests = [\"t::a\"]
not-yet = { core = \"this\" }
";

    fn printed(result: &str) -> Results {
        Results::parse(&format!("Running t (t-0)\ntest a ... {result}\n"))
    }

    #[test]
    fn rows_say_what_shows_them_and_what_is_missing() {
        let (table, results) = (table(LINES), printed("ok"));
        let page = Page::new(&table, &results);
        let text = page.text();
        for row in [
            "| 1 | C | MUST | a [s] | holds | `t::a` |\n",
            "| 2 | S, F | MAY | b [s] | does not apply | why |\n",
            "| 3 | K | MUST | c [s] | in part | `t::a`<br>**core**: this |\n",
            "1 of 2 hold there: 50.0 %",
            "| all | 3 | 1 | 1 | 0 | 1 | 0 |\n",
            "| core | 2 | 1 | 1 |\n",
        ] {
            assert!(text.contains(row), "{row} in {text}");
        }
        assert!(page.summary().is_ok());
    }

    #[test]
    fn a_test_that_fails_takes_its_lines_with_it() {
        for results in [printed("FAILED"), Results::default()] {
            let table = table(LINES);
            let page = Page::new(&table, &results);
            assert!(page.text().contains("| a [s] | **not shown** | `t::a`<br>**not passed**: t::a |"));
            assert!(page.text().contains("0 of 2 hold there: 0.0 %"));
            assert!(page.summary().unwrap_err().contains("line 1 by t::a"));
        }
    }
}
