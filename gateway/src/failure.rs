//! Why the program ends without having done what it was asked.

use std::fmt::{self, Display};
use std::process::ExitCode;

/// One line for people, what is wrong and how to mend it, and the exit status.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    text: String,
}

impl Failure {
    /// The command line, the environment or the config file asks for what cannot be: exit status 2.
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { status: 2, text: text.into() }
    }

    /// The machine stands in the way: exit status 1.
    pub(crate) fn other(text: impl Into<String>) -> Self {
        Self { status: 1, text: text.into() }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        self.status.into()
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names of files may hold anything.
        let printable = self.text.chars().map(|c| if c.is_control() { ' ' } else { c });
        f.write_str(&printable.collect::<String>())
    }
}
