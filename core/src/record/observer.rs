use super::instrument::{Attributes, Measure, Within, measure};
use crate::aggregate::Declared;
use crate::pipeline::Pipeline;
use crate::platform::{Device, Platform};

/// Takes what an observable instrument's callback observes while metrics are collected.
///
/// The callback runs under no lock: it may record spans, logs and other metrics. What it does not observe
/// is not sent.
///
/// ```
/// # use smoltel_core::{Meter, Observer};
/// fn tanks(observer: &mut Observer<'_>) {
///     observer.observe(0.75, &[("tank".into(), "north".into())]);
///     observer.observe(0.5, &[("tank".into(), "south".into())]);
/// }
/// fn watch(meter: &Meter) {
///     meter.instrument("tank.level").unit("1").observable_gauge(tanks);
/// }
/// ```
pub struct Observer<'a, P: Platform = Device> {
    pipeline: &'a Pipeline<P>,
    declared: Declared,
}

impl<'a, P: Platform> Observer<'a, P> {
    pub(crate) fn new(pipeline: &'a Pipeline<P>, declared: Declared) -> Self {
        Self { pipeline, declared }
    }

    /// Says what the value of those attributes is. Of several the last counts; sets that find no room
    /// share one value, under `otel.metric.overflow`. What a sum does not take is counted as lost.
    pub fn observe<N: Measure>(&mut self, value: N, attributes: Attributes<'_>) {
        measure(self.pipeline, &self.declared, value.number(), attributes, &Within::NONE);
    }

    /// What was recorded and lost, to be observed.
    pub fn pipeline(&self) -> &'a Pipeline<P> {
        self.pipeline
    }
}

impl<P: Platform> core::fmt::Debug for Observer<'_, P> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}
