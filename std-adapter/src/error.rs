//! What can be wrong before anything is sent.

use std::fmt;

/// A setting that cannot work. The text says which, why, and what to do; it is what `main` prints that returns the error.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn url(url: &str, why: &str) -> Self {
        Self(format!(
            "the endpoint {:?} cannot be used: {why}; an example is http://127.0.0.1:4318",
            hide_password(url)
        ))
    }

    pub(crate) fn tls(why: impl fmt::Display) -> Self {
        Self(format!("the TLS settings cannot be used: {why}"))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text as well: a `main` that returns an error prints it so.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}

/// The URL without what may be a user's name and password.
fn hide_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}***{}", &url[..scheme + 3], &url[at..]),
        _ => url.to_owned(),
    }
}
