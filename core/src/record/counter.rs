use crate::aggregate::PointRef;
use crate::counters::Loss;
use crate::otlp::Signal;
use crate::otlp::common::{Key, Value};
use crate::platform::{Device, Platform};

/// Counts what only grows: a monotonic sum for each set of attributes.
///
/// ```
/// # use smoltel_core::{Meter, Value};
/// fn count(meter: &Meter) {
///     let moves = meter.counter("valve.moves");
///     moves.add(1, &[("valve.id".into(), 3.into())]);
///     let bound = moves.bind(&[("valve.id".into(), 4.into())]); // looked up once
///     bound.add(1);
/// }
/// ```
pub struct Counter<P: Platform = Device> {
    pipeline: P::Handle,
    instrument: Option<u16>,
}

impl<P: Platform> Clone for Counter<P> {
    fn clone(&self) -> Self {
        Self { pipeline: self.pipeline.clone(), instrument: self.instrument }
    }
}

impl<P: Platform> Counter<P> {
    pub(super) fn new(pipeline: P::Handle, instrument: Option<u16>) -> Self {
        Self { pipeline, instrument }
    }

    /// Adds `n` to the sum of those attributes. Their order does not matter; of equal keys the last
    /// counts. Sets that find no room are summed under `otel.metric.overflow`.
    pub fn add(&self, n: u64, attributes: &[(Key<'_>, Value<'_>)]) {
        let now = self.pipeline.now();
        let added = self.instrument.and_then(|instrument| {
            self.pipeline.metrics(|metrics| {
                let point = metrics.point(instrument, attributes, now)?;
                metrics.add(point, n);
                Some(())
            })
        });
        if added.is_none() {
            self.pipeline.add_unrecorded(Signal::Metrics, Loss::NoSlot);
        }
    }

    /// The sum of those attributes, found once: adding to it costs next to nothing.
    pub fn bind(&self, attributes: &[(Key<'_>, Value<'_>)]) -> BoundCounter<P> {
        let now = self.pipeline.now();
        let point = self.instrument.and_then(|instrument| {
            self.pipeline.metrics(|metrics| metrics.point(instrument, attributes, now))
        });
        BoundCounter { pipeline: self.pipeline.clone(), point }
    }
}

/// A [`Counter`] with its attributes.
pub struct BoundCounter<P: Platform = Device> {
    pipeline: P::Handle,
    point: Option<PointRef>,
}

impl<P: Platform> BoundCounter<P> {
    /// Adds `n`.
    #[inline]
    pub fn add(&self, n: u64) {
        match self.point {
            Some(point) => self.pipeline.metrics(|metrics| metrics.add(point, n)),
            None => self.pipeline.add_unrecorded(Signal::Metrics, Loss::NoSlot),
        }
    }
}

crate::opaque_debug!(Counter<P>);
crate::opaque_debug!(BoundCounter<P>);
