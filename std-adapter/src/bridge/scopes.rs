use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use smoltel_core::{Pipeline, Scope};

use crate::Scoped;
use crate::platform::Threads;

/// The scope of each target: the module that a record comes from, unless it says otherwise.
pub(super) struct Scopes {
    pipeline: Arc<Pipeline<Threads>>,
    known: RwLock<HashMap<Box<str>, Scoped>>,
}

/// Targets can be made up at run time. What comes after these has a scope without a name.
const MAX: usize = 4096;

impl Scopes {
    pub(super) fn new(pipeline: Arc<Pipeline<Threads>>) -> Self {
        Self { pipeline, known: RwLock::default() }
    }

    /// Calls `f` with the scope of `target`. Nothing is allocated for one that is known.
    pub(super) fn with<R>(&self, target: &str, f: impl FnOnce(&Scoped) -> R) -> R {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(scope) = known.get(target) {
            let scope = scope.clone();
            drop(known);
            return f(&scope);
        }
        drop(known);
        f(&self.declare(target))
    }

    #[cold]
    fn declare(&self, target: &str) -> Scoped {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let name = if known.len() < MAX { target } else { "" };
        let number = self.pipeline.declare((&Scope::new(name)).into());
        let scope = Scoped::new(self.pipeline.clone(), number);
        if known.len() < MAX {
            known.insert(target.into(), scope.clone());
        }
        scope
    }
}
