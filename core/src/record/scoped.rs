use super::{Logger, Meter, Tracer};
use crate::platform::{Device, Platform};

/// A scope that was declared: where its tracers, loggers and meters come from.
///
/// ```
/// # use smoltel_core::Scoped;
/// fn start(valve: &Scoped) {
///     valve.logger().info("ready");
///     valve.meter().counter("valve.moves").add(1, &[]);
/// }
/// ```
pub struct Scoped<P: Platform = Device> {
    pipeline: P::Handle,
    number: u16,
}

impl<P: Platform> Clone for Scoped<P> {
    fn clone(&self) -> Self {
        Self { pipeline: self.pipeline.clone(), number: self.number }
    }
}

impl<P: Platform> Scoped<P> {
    /// The scope of that number, which `pipeline` has given it.
    pub fn new(pipeline: P::Handle, number: u16) -> Self {
        Self { pipeline, number }
    }

    /// A tracer.
    pub fn tracer(&self) -> Tracer<P> {
        Tracer::new(self.pipeline.clone(), self.number)
    }

    /// A logger.
    pub fn logger(&self) -> Logger<P> {
        Logger::new(self.pipeline.clone(), self.number)
    }

    /// A meter.
    pub fn meter(&self) -> Meter<P> {
        Meter::new(self.pipeline.clone(), self.number)
    }
}

crate::opaque_debug!(Scoped<P>);
