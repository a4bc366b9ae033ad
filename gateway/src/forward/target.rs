use std::path::PathBuf;

use smoltel::transport::{Transport, file::Files};

use crate::config::{Config, Upstream};
use crate::failure::Failure;

/// Where everything goes.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Upstream(Upstream),
    /// OTLP JSON Lines in this directory.
    Archive(PathBuf),
}

impl Target {
    pub(crate) fn of(config: &Config) -> Self {
        match &config.upstream {
            Some(upstream) => Self::Upstream(upstream.clone()),
            None => Self::Archive(config.archive_dir()),
        }
    }

    /// The spool's name for it.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::Upstream(upstream) => upstream.id(),
            Self::Archive(_) => "archive".into(),
        }
    }

    /// Whether it takes requests in gzip, as OTLP/HTTP servers do.
    pub(crate) fn takes_gzip(&self) -> bool {
        matches!(self, Self::Upstream(_))
    }

    pub(crate) fn transport(&self) -> Result<Box<dyn Transport>, Failure> {
        Ok(match self {
            Self::Upstream(upstream) => Box::new(upstream.transport()?),
            Self::Archive(dir) => Box::new(Files::new(dir).map_err(|error| {
                Failure::other(format!(
                    "cannot make the archive {}: {error}; choose another --data-dir",
                    dir.display()
                ))
            })?),
        })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Upstream(upstream) => f.write_str(&upstream.shown()),
            Self::Archive(dir) => write!(f, "the archive {}", dir.display()),
        }
    }
}
