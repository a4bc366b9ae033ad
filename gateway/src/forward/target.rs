use smoltel::transport::pool::{EndpointStatus, Pool};
use smoltel::transport::{Compression, Transport, file::Files};

use crate::config::Destination;
use crate::failure::Failure;

/// How a destination is reached: by a transport for each thread, which share what is known of its endpoints.
pub(crate) struct Target {
    config: Destination,
    /// Of several endpoints.
    pool: Option<Pool>,
}

impl Target {
    pub(crate) fn new(config: Destination) -> Self {
        let several = config.url.len() > 1;
        Self { pool: several.then(|| Pool::new(config.strategy(), config.urls())), config }
    }

    /// Whether it takes requests in gzip, as OTLP servers do.
    pub(super) fn takes_gzip(&self) -> bool {
        self.config.archive.is_none()
    }

    /// What bodies are to be compressed with.
    pub(super) fn compression(&self) -> Compression {
        self.config.compression()
    }

    /// Each of several endpoints may take an attempt's time.
    pub(super) fn endpoints(&self) -> u32 {
        self.config.url.len().max(1) as u32
    }

    /// How its endpoints are, if it has several.
    pub(crate) fn status(&self) -> Vec<EndpointStatus> {
        self.pool.as_ref().map(Pool::status).unwrap_or_default()
    }

    /// Fails when a URL, a certificate or the archive's directory cannot be used.
    pub(crate) fn transport(&self) -> Result<Box<dyn Transport>, Failure> {
        if let Some(dir) = &self.config.archive {
            return Ok(Box::new(Files::new(dir).map_err(|error| {
                Failure::other(format!(
                    "cannot make the archive {}: {error}; choose another --data-dir, or another archive",
                    dir.display()
                ))
            })?));
        }
        let boxed = |otlp| -> Box<dyn Transport> { Box::new(otlp) };
        let mut all: Vec<_> = self.config.transports()?.into_iter().map(boxed).collect();
        match &self.pool {
            Some(pool) => Ok(Box::new(pool.over(all))),
            None => all.pop().ok_or_else(|| Failure::usage("a destination has no url; give it one")),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.config.shown())
    }
}
