//! The workspace's Cargo.lock.

use std::path::{Path, PathBuf};

/// Where the workspace is.
pub(crate) fn root() -> PathBuf {
    let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
    benches.parent().unwrap_or(benches).to_owned()
}

/// All of it.
pub(crate) fn text() -> String {
    std::fs::read_to_string(root().join("Cargo.lock")).expect("the workspace's Cargo.lock")
}

/// The version of that crate, the highest if there are several.
pub(crate) fn version_of(name: &str) -> String {
    let (text, entry) = (text(), format!("name = \"{name}\"\nversion = \""));
    let (_, rest) = text.rsplit_once(&entry).expect("a crate that the workspace has");
    rest.split('"').next().unwrap_or_default().to_owned()
}
