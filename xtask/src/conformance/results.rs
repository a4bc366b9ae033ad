//! What a run of `cargo test` says of each test.

use std::collections::BTreeMap;

/// Tests by name, and whether they passed.
///
/// A name is the test binary's and the test's own: `encoders::spans_decode_to_what_was_recorded`,
/// `smoltel_core::ring::tests::no_capacity_holds_nothing`; an example in documentation is named after its item:
/// `smoltel_core::doc::retry::Answer::from_http`.
#[derive(Debug, Default)]
pub(crate) struct Results(BTreeMap<String, bool>);

impl Results {
    /// Reads what cargo and the test harnesses printed. An ignored test has not passed.
    pub(crate) fn parse(printed: &str) -> Self {
        let mut results = Self::default();
        let mut binary = String::new();
        for line in printed.lines() {
            if let Some(found) = binary_of(line) {
                binary = found;
            } else if let Some((name, passed)) = test_of(line) {
                // Of several with one name each has to pass: an item can have several examples.
                *results.0.entry(format!("{binary}::{name}")).or_insert(true) &= passed;
            }
        }
        results
    }

    /// Whether nothing has run at all: the build failed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there was such a test, and it passed.
    pub(crate) fn passed(&self, name: &str) -> bool {
        self.0.get(name) == Some(&true)
    }
}

/// The test binary that the next lines are about.
fn binary_of(line: &str) -> Option<String> {
    let line = line.trim_start();
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{name}::doc"));
    }
    // Running unittests src/lib.rs (target/debug/deps/smoltel_core-0123456789abcdef)
    let path = line.strip_prefix("Running ")?.rsplit_once('(')?.1.strip_suffix(')')?;
    let file = path.rsplit(['/', '\\']).next()?;
    Some(file.rsplit_once('-')?.0.to_owned())
}

fn test_of(line: &str) -> Option<(String, bool)> {
    let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
    // core/src/retry.rs - retry::Answer::from_http (line 33) - compile
    let name = match name.split_once(" - ") {
        Some((_, item)) if item.contains("(line ") => item.split("(line ").next().unwrap_or(item).trim(),
        Some((name, _)) => name,
        None => name,
    };
    Some((name.to_owned(), result.trim() == "ok"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
$ cargo test
     Running unittests src/lib.rs (target/debug/deps/smoltel_core-0a1b)
test ring::tests::a ... ok
test ring::tests::b ... FAILED
test ring::tests::c ... ignored
test ring::tests::d - should panic ... ok
     Running tests/outage.rs (target/debug/deps/outage-0a1b)
noise (of a kind)
test a ... ok
test result: FAILED. 1 passed
   Doc-tests smoltel_core
test core/src/retry.rs - retry::Answer (line 3) ... ok
test core/src/retry.rs - retry::Answer (line 9) - compile ... FAILED
test core/src/id.rs - id::Seed (line 9) - compile fail ... ok
";

    #[test]
    fn a_test_has_passed_only_if_the_log_says_so_of_its_binary() {
        let results = Results::parse(PRINTED);
        for name in ["smoltel_core::ring::tests::a", "smoltel_core::ring::tests::d", "outage::a"] {
            assert!(results.passed(name), "{name}");
        }
        for name in ["smoltel_core::ring::tests::b", "smoltel_core::ring::tests::c", "outage::ring::tests::a"]
        {
            assert!(!results.passed(name), "{name}");
        }
    }

    #[test]
    fn of_an_items_examples_all_have_to_pass() {
        let results = Results::parse(PRINTED);
        assert!(results.passed("smoltel_core::doc::id::Seed"));
        assert!(!results.passed("smoltel_core::doc::retry::Answer"));
    }
}
