//! Every public type of smoltel-core shows in its documentation how it is used.

use std::path::{Path, PathBuf};

use crate::repo::Repo;

/// How many public types there are, or those without an example.
pub(crate) fn check(repo: &Repo) -> Result<usize, String> {
    let (mut types, mut without) = (0, String::new());
    for file in sources(&repo.root.join("core/src"))? {
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        for (name, has_example) in public_types(&text) {
            types += 1;
            if !has_example {
                without += &format!("\n  {name} in {}", file.display());
            }
        }
    }
    if without.is_empty() { Ok(types) } else { Err(format!("types without an example:{without}")) }
}

/// The Rust files in `folder` and below.
fn sources(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            files.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

/// The public types that a file defines, and whether there is an example in the lines above each that belong to it.
fn public_types(text: &str) -> Vec<(&str, bool)> {
    let (mut found, mut has_example) = (Vec::new(), false);
    for line in text.lines().map(str::trim) {
        match line.strip_prefix("///") {
            Some(documentation) => has_example |= documentation.trim_start().starts_with("```"),
            // An attribute stands between a type and its documentation.
            None if line.starts_with('#') => {}
            None => {
                found.extend(type_name(line).map(|name| (name, has_example)));
                has_example = false;
            }
        }
    }
    found
}

fn type_name(line: &str) -> Option<&str> {
    let definition = line.strip_prefix("pub ")?;
    let kinds = ["struct ", "enum ", "trait ", "type "];
    let name = kinds.iter().find_map(|kind| definition.strip_prefix(kind))?;
    name.split(|c: char| c.is_whitespace() || "<({:;".contains(c)).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_belongs_to_the_type_below_it_and_to_no_other() {
        let text = "/// One.\n/// ```\n/// let one = One;\n/// ```\n#[derive(Debug)]\npub struct One<'a>(&'a str);\n\
                    /// Two.\npub enum Two {\n}\npub(crate) struct Hidden;\n    pub trait Three: Sized {}\n";
        assert_eq!(public_types(text), [("One", true), ("Two", false), ("Three", false)]);
    }
}
