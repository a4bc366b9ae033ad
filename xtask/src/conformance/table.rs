//! The checklist: a file of TOML for each section, a table for each line.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

/// How many lines there are, numbered from 1 on.
pub(crate) const LINES: u32 = 314;

/// Those who may have to keep a line, by their letter.
pub(crate) const WHO: [(char, &str); 4] =
    [('C', "client, exporter"), ('S', "server, receiver"), ('F', "forwarder"), ('K', "SDK, library")];

/// What a line can concern.
pub(crate) const CRATES: [&str; 5] = ["core", "smoltel", "gateway", "proto", "spool"];

/// All sections, in order.
#[derive(Debug)]
pub(crate) struct Table(pub(crate) Vec<Section>);

/// One file.
#[derive(Debug, Deserialize)]
pub(crate) struct Section {
    pub(crate) title: String,
    #[serde(flatten)]
    named: BTreeMap<String, Line>,
    #[serde(skip)]
    pub(crate) lines: BTreeMap<u32, Line>,
}

/// One requirement, and how it stands with it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Line {
    /// Letters of [`WHO`].
    pub(crate) who: String,
    /// RFC 2119's word, or what the source has in its place.
    pub(crate) level: String,
    pub(crate) text: String,
    pub(crate) source: String,
    /// The crates that keep it: all of it.
    #[serde(default)]
    pub(crate) holds: Vec<String>,
    /// What shows that; with [`not_yet`](Self::not_yet), what shows the part that is there.
    #[serde(default)]
    pub(crate) tests: Vec<String>,
    /// What is missing, by crate.
    #[serde(default)]
    pub(crate) not_yet: BTreeMap<String, String>,
    /// Why nobody here has to keep it.
    pub(crate) does_not_apply: Option<String>,
}

impl Table {
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let broken = |error| format!("{}: {error}", folder.display());
        let entries = std::fs::read_dir(folder).map_err(broken)?;
        let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        let mut sections = Vec::new();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "toml")) {
            let named = |error: String| format!("{}: {error}", path.display());
            let text = std::fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
            sections.push(Section::parse(&text).map_err(named)?);
        }
        let table = Self(sections);
        table.is_complete()?;
        Ok(table)
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = (u32, &Line)> {
        self.0.iter().flat_map(|section| &section.lines).map(|(number, line)| (*number, line))
    }

    /// Every number once, in order over all sections.
    fn is_complete(&self) -> Result<(), String> {
        let found: Vec<_> = self.lines().map(|(number, _)| number).collect();
        match (1..=LINES).zip(found.iter().copied().chain([0])).find(|(expected, found)| expected != found) {
            Some((expected, found)) => Err(format!("line {expected} is expected where {found} stands")),
            None if found.len() > LINES as usize => Err(format!("there are more than {LINES} lines")),
            None => Ok(()),
        }
    }
}

impl Section {
    fn parse(text: &str) -> Result<Self, String> {
        let mut section: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for (name, line) in std::mem::take(&mut section.named) {
            let number = name.parse().map_err(|_| format!("{name} is no line's number"))?;
            line.makes_sense().map_err(|why| format!("line {number}: {why}"))?;
            section.lines.insert(number, line);
        }
        Ok(section)
    }
}

impl Line {
    /// Whether nobody here has to keep it.
    pub(crate) fn is_out(&self) -> bool {
        self.does_not_apply.is_some()
    }

    pub(crate) fn concerns(&self, name: &str) -> bool {
        self.keeps(name) || self.not_yet.contains_key(name)
    }

    /// Whether that crate keeps it, if its tests pass.
    pub(crate) fn keeps(&self, name: &str) -> bool {
        self.holds.iter().any(|kept| kept == name)
    }

    fn makes_sense(&self) -> Result<(), String> {
        let crates = self.holds.iter().chain(self.not_yet.keys());
        if let Some(unknown) = crates.clone().find(|name| !CRATES.contains(&name.as_str())) {
            return Err(format!("there is no crate {unknown}"));
        }
        let letters = |c| WHO.iter().any(|(letter, _)| *letter == c);
        if self.who.is_empty() || !self.who.chars().all(letters) {
            return Err(format!("{:?} is nobody", self.who));
        }
        if self.text.is_empty() || self.source.is_empty() || self.level.is_empty() {
            return Err("text, source and level have to say something".to_owned());
        }
        match (self.is_out(), crates.count(), self.holds.is_empty() || !self.tests.is_empty()) {
            (true, 0, _) if self.tests.is_empty() => Ok(()),
            (true, ..) => Err("what does not apply has no crates and no tests".to_owned()),
            (false, 0, _) => Err("no crate keeps it, none lacks it, and it is not said why".to_owned()),
            (false, _, false) => Err("what holds has tests".to_owned()),
            (false, _, true) if self.holds.iter().any(|name| self.not_yet.contains_key(name)) => {
                Err("a crate both keeps it and lacks it".to_owned())
            }
            (false, _, true) => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn table(lines: &str) -> Table {
        Table(vec![Section::parse(&format!("title = \"All\"\n{lines}")).unwrap()])
    }

    fn line(rest: &str) -> Result<Section, String> {
        Section::parse(&format!(
            "title = \"x\"\n[7]\nwho = \"CK\"\nlevel = \"MUST\"\ntext = \"t\"\nsource = \"s\"\n{rest}"
        ))
    }

    #[test]
    fn a_line_holds_by_tests_or_says_what_is_missing_or_why_not() {
        for good in [
            "holds = [\"core\"]\ntests = [\"a\"]",
            "holds = [\"core\"]\ntests = [\"a\"]\nnot-yet = { gateway = \"w\" }",
            "not-yet = { core = \"w\" }",
            "does-not-apply = \"w\"",
        ] {
            assert!(line(good).is_ok(), "{good}: {:?}", line(good).err());
        }
        for bad in [
            "",
            "holds = [\"core\"]",
            "holds = [\"hull\"]\ntests = [\"a\"]",
            "holds = [\"core\"]\ntests = [\"a\"]\nnot-yet = { core = \"w\" }",
            "does-not-apply = \"w\"\ntests = [\"a\"]",
            "test = [\"a\"]\nholds = [\"core\"]",
        ] {
            assert!(line(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_missing_line_is_named() {
        let error = table("").is_complete().unwrap_err();
        assert!(error.contains("line 1 is expected"), "{error}");
    }
}
