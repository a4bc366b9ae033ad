use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_core::span::Id;

use crate::Span;

/// A span that is open in `tracing`. Its lock is held while it is written to, and by nobody who waits for another.
pub(super) type Shared = Arc<Mutex<Option<Span>>>;

/// The spans that are open in `tracing`, by its ids. They are not in the registry's extensions, which allocate for each
/// span; here the places of spans that have ended are used again.
#[derive(Default)]
pub(super) struct OpenSpans {
    shards: [Mutex<Shard>; SHARDS],
}

/// So many threads find their spans without waiting for each other, mostly.
const SHARDS: usize = 16;
/// Places that a shard keeps for later.
const SPARE: usize = 64;

#[derive(Default)]
struct Shard {
    spans: HashMap<u64, Shared, BuildHasherDefault<Spread>>,
    spare: Vec<Shared>,
}

impl OpenSpans {
    pub(super) fn insert(&self, id: &Id, span: Span) {
        self.shard(id, |shard| {
            let mut place = shard.spare.pop().unwrap_or_default();
            match Arc::get_mut(&mut place).map(Mutex::get_mut) {
                Some(Ok(free)) => *free = Some(span),
                // Not one of the spare ones then: nobody else has those, and nobody panicked with them.
                _ => place = Arc::new(Mutex::new(Some(span))),
            }
            shard.spans.insert(id.into_u64(), place);
        });
    }

    /// The span of that id. It is none that this layer does not listen to.
    pub(super) fn get(&self, id: &Id) -> Option<Shared> {
        self.shard(id, |shard| shard.spans.get(&id.into_u64()).cloned())
    }

    /// Calls `f` with the span of that id.
    pub(super) fn with<R>(&self, id: &Id, f: impl FnOnce(&mut Span) -> R) -> Option<R> {
        let place = self.get(id)?;
        let mut span = place.lock().unwrap_or_else(PoisonError::into_inner);
        span.as_mut().map(f)
    }

    pub(super) fn remove(&self, id: &Id) -> Option<Span> {
        self.shard(id, |shard| {
            let mut place = shard.spans.remove(&id.into_u64())?;
            let alone = Arc::get_mut(&mut place).is_some();
            let span = place.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Whoever still looks at the place must not find another span in it.
            if alone && shard.spare.len() < SPARE {
                shard.spare.push(place);
            }
            span
        })
    }

    fn shard<R>(&self, id: &Id, f: impl FnOnce(&mut Shard) -> R) -> R {
        let mut hash = Spread::default();
        hash.write_u64(id.into_u64());
        let shard = &self.shards[hash.finish() as usize >> 4 & (SHARDS - 1)];
        f(&mut shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Ids are numbers that nobody from outside chooses: to spread their bits is enough.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(self.0 ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, id: u64) {
        let product = id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = product ^ product >> 32;
    }
}
