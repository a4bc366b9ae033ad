//! What the library itself has to say: rarely, and never through the telemetry that it carries.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Where messages go: standard error, unless the program takes them.
#[derive(Clone)]
pub(crate) struct Diagnostics(Arc<dyn Fn(&str) + Send + Sync>);

impl Diagnostics {
    pub(crate) fn new(sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// A sink that panics has heard it; the worker goes on.
    pub(crate) fn say(&self, message: impl fmt::Display) {
        let message = message.to_string();
        let _ = catch_unwind(AssertUnwindSafe(|| (self.0)(&message)));
    }
}

impl Default for Diagnostics {
    fn default() -> Self {
        Self::new(|message| eprintln!("smoltel: {message}"))
    }
}
