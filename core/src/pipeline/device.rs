use super::{Pipeline, Records};
use crate::aggregate::{MetricSettings, Metrics, View};
use crate::counters::Counters;
use crate::id::{IdGenerator, Seed};
use crate::otlp::common::Scope;
use crate::platform::{self, CriticalSection, Device, Lock};
use crate::processor::Processor;
use crate::record::{Logger, Meter, Scoped, Tracer};
#[cfg(feature = "recorder")]
use crate::recorder::Words;
use crate::ring::Ring;
use crate::sampler::Sampler;

impl Pipeline<Device> {
    /// A pipeline without memory: until [`init`](Self::init) everything recorded is counted as lost.
    /// `clock` is the uptime in nanoseconds; it must not run backwards.
    pub const fn new(clock: fn() -> u64) -> Self {
        Self::on(Device::new(clock))
    }
}

impl<C, S> Pipeline<Device<C, S>>
where
    C: Processor + Send + Sync + 'static,
    S: Sampler + Send + Sync + 'static,
{
    /// A pipeline with its own limits, processors and sampler, without memory.
    ///
    /// ```
    /// use smoltel_core::platform::Device;
    /// use smoltel_core::processor::Deny;
    /// use smoltel_core::sampler::{AlwaysOn, ParentBased};
    /// use smoltel_core::{Limits, Pipeline};
    ///
    /// # fn uptime_ns() -> u64 { 0 }
    /// static TELEMETRY: Pipeline<Device<Deny<'_>>> = Pipeline::on(Device {
    ///     clock: uptime_ns,
    ///     limits: Limits { events: 4, ..Limits::DEFAULT },
    ///     processor: Deny::new(&["password"]),
    ///     sampler: ParentBased::new(AlwaysOn),
    /// });
    /// ```
    pub const fn on(device: Device<C, S>) -> Self {
        let records = Records {
            lanes: [Ring::new(&mut [] as &mut [u8]), Ring::new(&mut [] as &mut [u8])],
            slots: heapless::Vec::new(),
            scopes: heapless::Vec::new(),
            ids: None,
            counters: Counters::ZERO,
            offset: None,
            #[cfg(feature = "recorder")]
            recorder: None,
        };
        let metrics = Metrics::new(&mut [] as &mut [u8], heapless::Vec::new(), heapless::Vec::new());
        Self {
            platform: device,
            records: CriticalSection::new(records),
            metrics: CriticalSection::new(metrics),
        }
    }

    /// Gives the pipeline its memory and its identity, once, before anything is recorded.
    ///
    /// A quarter of `ring` is for failed spans and records of `WARN` and above, the rest for all others.
    /// A slot holds one open span or log record while it is written, up to `M` bytes; one is always
    /// left to log records. Slots beyond [`platform::TABLE`] are not used.
    pub fn init<const M: usize>(&self, ring: &'static mut [u8], slots: &'static mut [[u8; M]], seed: Seed) {
        let keep = ring.len() / 4;
        let (keep, low) = ring.split_at_mut(keep);
        self.records.with(|records| {
            records.lanes = [Ring::new(low), Ring::new(keep)];
            records.slots.clear();
            for slot in slots.iter_mut().take(platform::TABLE) {
                // Cannot be full: no more are taken than it has room for.
                let _ = records.slots.push(slot);
            }
            records.ids = Some(IdGenerator::new(seed));
        });
    }

    /// Takes rings that go on where they were before a reset. There are no slots yet.
    #[cfg(feature = "recorder")]
    pub(crate) fn survive(&self, lanes: [Ring<&'static mut [u8]>; 2], words: &'static Words, seed: Seed) {
        self.records.with(|records| {
            records.lanes = lanes;
            records.slots.clear();
            records.recorder = Some(words);
            records.ids = Some(IdGenerator::new(seed));
        });
    }

    /// Gives metrics their memory, once, before anything is measured. A point (an instrument with one set of
    /// attributes) takes 40 bytes and its attributes, that of a histogram more:
    /// [`Aggregation::point_len`](crate::Aggregation::point_len). Without it, measurements are counted as lost.
    pub fn init_metrics(&self, points: &'static mut [u8]) {
        self.metrics.with(|metrics| metrics.init(points, MetricSettings::DEFAULT, None));
    }

    /// The same with settings.
    pub fn init_metrics_with(&self, points: &'static mut [u8], settings: MetricSettings) {
        self.metrics.with(|metrics| metrics.init(points, settings, Some(Metrics::keep)));
    }

    /// The same with views, for the instruments that are made from then on. Each stream that they make takes a place in the
    /// table of instruments. Making an instrument compares it with every view under the lock.
    pub fn init_metrics_with_views(
        &self,
        points: &'static mut [u8],
        settings: MetricSettings,
        views: &'static [View],
    ) {
        self.metrics.with(|metrics| {
            metrics.init(points, settings, Some(Metrics::keep));
            metrics.view(views);
        });
    }

    /// Tracers, loggers and meters of a scope that has more than a name.
    ///
    /// ```
    /// use smoltel_core::{Pipeline, Scope, Tracer};
    /// static VALVE: Scope<'static> = Scope::new("valve").version("1.2");
    /// fn tracer(pipeline: &'static Pipeline) -> Tracer {
    ///     pipeline.scope(&VALVE).tracer()
    /// }
    /// ```
    pub fn scope(&'static self, scope: &'static Scope<'static>) -> Scoped<Device<C, S>> {
        Scoped::new(self, self.declare(scope.into()))
    }

    /// A tracer for the component of that name.
    pub fn tracer(&'static self, name: &'static str) -> Tracer<Device<C, S>> {
        Tracer::new(self, self.declare(name.into()))
    }

    /// A logger for the component of that name.
    pub fn logger(&'static self, name: &'static str) -> Logger<Device<C, S>> {
        Logger::new(self, self.declare(name.into()))
    }

    /// A meter for the component of that name.
    pub fn meter(&'static self, name: &'static str) -> Meter<Device<C, S>> {
        Meter::new(self, self.declare(name.into()))
    }
}
