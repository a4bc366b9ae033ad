use core::ops::DerefMut;

use crate::otlp::common::Scope;
use crate::pipeline::Pipeline;
use crate::platform::Platform;
use crate::ring::{Header, Ring};

/// Where a batch finds its records and their scopes.
///
/// ```
/// use smoltel_core::batch::Source;
/// /// How many records wait at a source.
/// fn count(source: &impl Source) -> usize {
///     let next = |offset: &usize| source.record(*offset).map(|(_, next)| next);
///     std::iter::successors(next(&0), next).count()
/// }
/// # use smoltel_core::{Pipeline, batch::Lane};
/// # static PIPELINE: Pipeline = Pipeline::new(|| 0);
/// assert_eq!(count(&Lane { pipeline: &PIPELINE, number: 0 }), 0);
/// ```
pub trait Source {
    /// The header of the record at `offset`, and the offset behind it.
    fn record(&self, offset: usize) -> Option<(Header, usize)>;
    /// Copies bytes out from `offset` on.
    fn read(&self, offset: usize, out: &mut [u8]) -> usize;
    /// Calls `f` with the scope of that number.
    fn scope<R>(&self, index: u16, f: impl FnOnce(Scope<'_>) -> R) -> R;
}

/// A lane of a pipeline as a source: each access takes the lock for one short copy.
///
/// ```
/// use smoltel_core::batch::{Batch, Lane};
/// use smoltel_core::{Pipeline, Seed, Signal};
/// # fn cell<T>(value: T) -> &'static mut T { Box::leak(Box::new(value)) }
/// static PIPELINE: Pipeline = Pipeline::new(|| 0);
/// PIPELINE.init(cell([0; 1024]), cell([[0; 256]; 2]), Seed::Unique([1; 16]));
/// PIPELINE.logger("main").info("ready");
/// let lane = Lane { pipeline: &PIPELINE, number: 0 };
/// let batch = Batch::plan(&lane, Signal::Logs, 0, (0, usize::MAX), 1000).expect("one record");
/// assert_eq!(batch.items(), 1);
/// ```
pub struct Lane<'a, P: Platform> {
    /// The pipeline.
    pub pipeline: &'a Pipeline<P>,
    /// The lane's number.
    pub number: usize,
}

impl<P: Platform> Source for Lane<'_, P> {
    fn record(&self, offset: usize) -> Option<(Header, usize)> {
        let (header, next) = self.pipeline.with_lane(self.number, |ring| ring.record(offset))??;
        Some((Header { scope: self.pipeline.scope_of_boot(header.scope), ..header }, next))
    }

    fn read(&self, offset: usize, out: &mut [u8]) -> usize {
        self.pipeline.with_lane(self.number, |ring| ring.read(offset, out)).unwrap_or(0)
    }

    fn scope<R>(&self, index: u16, f: impl FnOnce(Scope<'_>) -> R) -> R {
        self.pipeline.with_scope(index, f)
    }
}

/// A ring taken out of its pipeline, with the pipeline's scopes.
///
/// ```
/// use smoltel_core::batch::{Source, Taken};
/// use smoltel_core::{Pipeline, ring::Ring};
/// static PIPELINE: Pipeline = Pipeline::new(|| 0);
/// let ring = Ring::new(vec![0u8; 64]);
/// assert!(Taken { ring: &ring, pipeline: &PIPELINE }.record(0).is_none());
/// ```
pub struct Taken<'a, P: Platform, B> {
    /// The records.
    pub ring: &'a Ring<B>,
    /// Where their scopes were declared.
    pub pipeline: &'a Pipeline<P>,
}

impl<P: Platform, B: DerefMut<Target = [u8]>> Source for Taken<'_, P, B> {
    fn record(&self, offset: usize) -> Option<(Header, usize)> {
        self.ring.record(offset)
    }

    fn read(&self, offset: usize, out: &mut [u8]) -> usize {
        self.ring.read(offset, out)
    }

    fn scope<R>(&self, index: u16, f: impl FnOnce(Scope<'_>) -> R) -> R {
        self.pipeline.with_scope(index, f)
    }
}

crate::opaque_debug!(Lane<'_, P>);
