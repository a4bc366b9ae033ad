//! Where things are, and how cargo is called.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The repository that this program was built from.
pub(crate) struct Repo {
    pub(crate) root: PathBuf,
}

impl Repo {
    pub(crate) fn here() -> Self {
        let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self { root: xtask.parent().unwrap_or(xtask).to_owned() }
    }

    /// A program that runs in the root and reads nothing from the terminal.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.root).stdin(Stdio::null());
        command
    }

    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        self.command("cargo", arguments)
    }

    /// Cargo of Debian's Rust, whose stable compiler can build `core` from source. RUSTC_BOOTSTRAP would change host
    /// builds, so it is set for this command alone, and what it makes goes to a directory of its own.
    pub(crate) fn debian_cargo(&self, target_dir: &str, arguments: &[&str]) -> Command {
        let mut command = self.cargo(&["+debian"]);
        command
            .args(arguments)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_DIR", self.target_dir().join(target_dir));
        command
    }

    pub(crate) fn target_dir(&self) -> PathBuf {
        match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => self.root.join(dir),
            None => self.root.join("target"),
        }
    }

    /// The third-party programs that tests of interoperation run against.
    pub(crate) fn peers(&self) -> PathBuf {
        self.root.join(".peers")
    }

    /// `cargo metadata` of the workspace in `folder`, the root being `""`.
    pub(crate) fn metadata(&self, folder: &str) -> Result<Value, String> {
        let manifest = self.root.join(folder).join("Cargo.toml");
        let mut cargo = self.cargo(&["metadata", "--format-version", "1", "--manifest-path"]);
        let json = output(cargo.arg(manifest))?;
        serde_json::from_str(&json).map_err(|error| format!("cargo metadata: {error}"))
    }
}

/// What `command` prints, or why there is nothing.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let done = command.output().map_err(|error| format!("{} does not start: {error}", shown(command)))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        return Err(format!("{}: {}\n{said}", shown(command), done.status));
    }
    String::from_utf8(done.stdout).map_err(|error| format!("{}: {error}", shown(command)))
}

/// `command` as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
