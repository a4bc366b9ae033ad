//! Dependencies keep to deny.toml: their licences, the crates that it bans, and where they come from.
//!
//! `cargo deny check` reads the same file, and also knows advisories, which need a database from the network.

use std::collections::BTreeSet;

use serde_json::Value;
use spdx::{Expression, ParseMode};
use toml::Table;

use crate::repo::Repo;
use crate::step::{Log, Outcome};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(crate) fn run(repo: &Repo, _log: &Log) -> Outcome {
    let path = repo.root.join("deny.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let rules = Rules::parse(&text)?;
    let mut checked = BTreeSet::new();
    let mut complaints = Vec::new();
    for workspace in ["", "embedded-example", "fuzz"] {
        let metadata = repo.metadata(workspace)?;
        for package in metadata["packages"].as_array().into_iter().flatten() {
            if checked.insert(package["id"].to_string()) {
                complaints.extend(rules.complaint(package));
            }
        }
    }
    if complaints.is_empty() { Ok(format!("{} crates", checked.len())) } else { Err(complaints.join("; ")) }
}

struct Rules {
    licences: Vec<String>,
    banned: Vec<String>,
}

impl Rules {
    fn parse(deny: &str) -> Result<Self, String> {
        let table: Table = deny.parse().map_err(|error| format!("deny.toml: {error}"))?;
        let list = |section: &str, key: &str| {
            let list =
                table.get(section).and_then(|section| section.get(key)).and_then(toml::Value::as_array);
            list.ok_or_else(|| format!("deny.toml has no list [{section}] {key}"))
        };
        let licences = list("licenses", "allow")?;
        let banned = list("bans", "deny")?.iter().filter_map(|ban| ban.get("crate"));
        Ok(Self {
            licences: licences.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
            banned: banned.filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        })
    }

    /// What is wrong with `package`, an entry of `cargo metadata`.
    fn complaint(&self, package: &Value) -> Option<String> {
        let name = package["name"].as_str().unwrap_or_default();
        if self.banned.iter().any(|banned| banned == name) {
            return Some(format!("{name} is banned"));
        }
        match package["source"].as_str() {
            None | Some(CRATES_IO) => {}
            Some(other) => return Some(format!("{name} comes from {other}")),
        }
        let licence = package["license"].as_str().unwrap_or_default();
        (!self.allows(licence)).then(|| format!("{name} has the licence {licence:?}"))
    }

    fn allows(&self, licence: &str) -> bool {
        // Lax: older crates write "MIT/Apache-2.0".
        Expression::parse_mode(licence, ParseMode::LAX).is_ok_and(|expression| {
            expression.evaluate(|required| {
                let known =
                    required.license.id().is_some_and(|id| self.licences.iter().any(|l| l == id.name));
                known && required.addition.is_none()
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules() -> Rules {
        Rules::parse("[licenses]\nallow = ['MIT', 'Zlib']\n[bans]\ndeny = [{ crate = 'openssl-sys' }]")
            .unwrap()
    }

    #[test]
    fn one_allowed_choice_is_enough_and_every_obligation_counts() {
        assert!(rules().allows("MIT"));
        assert!(rules().allows("GPL-3.0-only OR MIT"));
        assert!(rules().allows("MIT/Apache-2.0"));
        assert!(rules().allows("MIT AND Zlib"));
        assert!(!rules().allows("MIT AND GPL-3.0-only"));
        assert!(!rules().allows("Apache-2.0"));
        assert!(!rules().allows(""));
    }

    #[test]
    fn banned_crates_and_foreign_sources_are_named() {
        let ours = json!({"name": "ours", "source": null, "license": "MIT"});
        let banned = json!({"name": "openssl-sys", "source": CRATES_IO, "license": "MIT"});
        let foreign = json!({"name": "fork", "source": "git+https://example.com/fork", "license": "MIT"});
        assert_eq!(rules().complaint(&ours), None);
        assert_eq!(rules().complaint(&banned).unwrap(), "openssl-sys is banned");
        assert_eq!(rules().complaint(&foreign).unwrap(), "fork comes from git+https://example.com/fork");
    }

    #[test]
    fn a_list_that_is_missing_is_not_an_empty_list() {
        assert!(Rules::parse("[bans]\ndeny = []").is_err());
    }
}
