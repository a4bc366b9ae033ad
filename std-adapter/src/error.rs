//! What can be wrong before anything is sent.

use std::fmt;

/// A setting that cannot work. The text says which, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl std::error::Error for ConfigError {}

/// The URL without what may be a user's name and password.
fn hide_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}***{}", &url[..scheme + 3], &url[at..]),
        _ => url.to_owned(),
    }
}
