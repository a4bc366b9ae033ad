use super::Counter;
use crate::platform::{Device, Platform};

/// Makes instruments for one component. Cheap to clone and to keep.
pub struct Meter<P: Platform = Device> {
    pipeline: P::Handle,
    scope: u16,
}

impl<P: Platform> Clone for Meter<P> {
    fn clone(&self) -> Self {
        Self { pipeline: self.pipeline.clone(), scope: self.scope }
    }
}

impl<P: Platform> Meter<P> {
    /// A meter over `pipeline` for a scope that was declared there.
    pub fn new(pipeline: P::Handle, scope: u16) -> Self {
        Self { pipeline, scope }
    }

    /// A counter of that name; the same name gives the same counter. When the table of instruments is
    /// full, its additions are counted as lost.
    pub fn counter<N: Into<P::Text>>(&self, name: N) -> Counter<P>
    where
        &'static str: Into<P::Text>,
    {
        self.counter_in(name, "")
    }

    /// A counter with a unit, in UCUM notation: `By`, `s`, `{request}`.
    pub fn counter_in<N: Into<P::Text>, U: Into<P::Text>>(&self, name: N, unit: U) -> Counter<P> {
        let (name, unit) = (name.into(), unit.into());
        let instrument = self.pipeline.metrics(|metrics| metrics.declare(self.scope, &name, &unit));
        Counter::new(self.pipeline.clone(), instrument)
    }
}

crate::opaque_debug!(Meter<P>);
