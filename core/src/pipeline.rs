//! The state that all recording shares: lanes, free slots, scopes, ids, counters, metric points.
//!
//! ```text
//!  Tracer ─▶ Span ──┐ slot           ┌──────────── Records (one lock) ───────────┐
//!  Logger ─▶ Log  ──┼──────────────▶ │ free slots │ lanes: Ring, Ring … │ scopes │ ─▶ Batch
//!  Meter ─▶ Counter ─▶ Metrics ──────┘            └─────────────────────┘        │
//!                      (one lock)  collect()                                     │
//!                                    └───────────────────────────────────────────┘
//! ```
//!
//! A record is written in a slot that its maker owns, outside any lock; storing it is one short move
//! under the lock. Metric points have a lock of their own.

use crate::aggregate::{MetricSettings, MetricUsage, Metrics, Outgoing, Progress};
use crate::context::SpanContext;
use crate::counters::{Counters, Loss, ParentOrigin};
use crate::id::{IdGenerator, Seed};
use crate::limits::Limits;
use crate::otlp::Signal;
use crate::otlp::common::Scope;
use crate::platform::{self, CriticalSection, Device, Lock, Platform, Priority, Table};
use crate::processor::{Processor, Record, Verdict};
use crate::record::{Logger, Meter, Observer, Scoped, Tracer};
use crate::ring::{Header, Ring};
use crate::sampler::{Decision, Sampler};
use crate::time::{Bounds, Offset};

/// Records from their makers to whoever sends them.
///
/// A device has one as a `static`:
///
/// ```
/// use smoltel_core::{Pipeline, Seed};
///
/// fn uptime_ns() -> u64 {
///     0 // read a timer
/// }
/// static TELEMETRY: Pipeline = Pipeline::new(uptime_ns);
///
/// # fn cell<T>(value: T) -> &'static mut T { Box::leak(Box::new(value)) }
/// // `cell` stands for static_cell::StaticCell or cortex_m::singleton!.
/// let ring: &'static mut [u8; 2048] = cell([0; 2048]);
/// let slots: &'static mut [[u8; 256]; 4] = cell([[0; 256]; 4]);
/// TELEMETRY.init(ring, slots, Seed::Unique(*b"serial no. 00042"));
///
/// let mut span = TELEMETRY.tracer("control-loop").start("adjust");
/// span.set("target.celsius", 21.5);
/// span.end();
/// assert_eq!(TELEMETRY.counters().recorded(smoltel_core::Signal::Traces), 1);
/// ```
pub struct Pipeline<P: Platform = Device> {
    platform: P,
    records: P::Lock<Records<P>>,
    metrics: P::Lock<Metrics<P>>,
}

/// What the first lock protects.
pub struct Records<P: Platform> {
    lanes: P::Lanes,
    slots: P::Table<P::Buffer>,
    scopes: P::Table<P::Scope>,
    ids: Option<IdGenerator>,
    counters: Counters,
    /// How uptime becomes Unix time, once that is known.
    offset: Option<Offset>,
}

impl<P: Platform> Records<P> {
    /// State over that memory. Without slots or lanes everything is counted as lost.
    pub fn new(lanes: P::Lanes, slots: P::Table<P::Buffer>, scopes: P::Table<P::Scope>, seed: Seed) -> Self {
        let ids = Some(IdGenerator::new(seed));
        Self { lanes, slots, scopes, ids, counters: Counters::ZERO, offset: None }
    }

    fn ids(&mut self) -> &mut IdGenerator {
        // Only a pipeline that was never initialised gets here without a generator.
        self.ids.get_or_insert_with(|| IdGenerator::new(Seed::Unique([0; 16])))
    }

    /// Counts a record that goes nowhere.
    fn lose(&mut self, record: &Stored, reason: Loss) -> (usize, usize) {
        self.counters.add_recorded(record.signal, record.items.into());
        self.counters.add_lost(record.signal, reason, record.items.into());
        (0, 0)
    }

    /// Puts a record into its lane; how full that is then, and its capacity.
    fn store(&mut self, record: &Stored, bytes: &[u8]) -> (usize, usize) {
        self.counters.add_recorded(record.signal, record.items.into());
        if let Err(reason) = self.push(record, bytes) {
            self.counters.add_lost(record.signal, reason, record.items.into());
        }
        self.fill(record)
    }

    /// How full the record's lane is, and its capacity.
    fn fill(&self, record: &Stored) -> (usize, usize) {
        let ring = self.lanes.as_ref().get(P::lane(record.signal, record.priority));
        ring.map_or((0, 0), |ring| (ring.len(), ring.capacity()))
    }

    /// Appends a record to its lane, or says why not. What is evicted for it is counted as lost.
    fn push(&mut self, record: &Stored, bytes: &[u8]) -> Result<(), Loss> {
        let lane = P::lane(record.signal, record.priority);
        let Some(ring) = self.lanes.as_mut().get_mut(lane) else { return Err(Loss::Closed) };
        let header = Header {
            len: bytes.len() as u16,
            scope: record.scope,
            kind: record.signal as u8,
            items: record.items,
        };
        if bytes.len() > usize::from(u16::MAX) || header.record_len() > ring.capacity() {
            return Err(if ring.capacity() == 0 { Loss::Closed } else { Loss::TooLarge });
        }
        while ring.push(header, bytes).is_none() {
            let evicted = P::EVICT.then(|| ring.evict()).flatten().ok_or(Loss::Full)?;
            if let Some(signal) = Signal::from_number(evicted.kind) {
                self.counters.add_lost(signal, Loss::Evicted, evicted.items.into());
            }
        }
        Ok(())
    }
}

/// What the ring's header says of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    pub(crate) signal: Signal,
    pub(crate) priority: Priority,
    pub(crate) scope: u16,
    pub(crate) items: u8,
    /// When it was complete.
    pub(crate) time: u64,
}

/// The scope of records whose own found no room in the table: it has no name.
const UNKNOWN_SCOPE: u16 = u16::MAX;

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

    /// Gives metrics their memory, once, before anything is measured. A point (an instrument with one set of
    /// attributes) takes 40 bytes and its attributes, that of a histogram more:
    /// [`Aggregation::point_len`](crate::Aggregation::point_len). Without it, measurements are counted as lost.
    pub fn init_metrics(&self, points: &'static mut [u8]) {
        self.init_metrics_with(points, MetricSettings::DEFAULT);
    }

    /// The same with settings.
    pub fn init_metrics_with(&self, points: &'static mut [u8], settings: MetricSettings) {
        self.metrics.with(|metrics| metrics.init(points, settings));
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

impl<P: Platform> Pipeline<P> {
    /// A pipeline over state that is complete already.
    pub fn from_parts(platform: P, records: P::Lock<Records<P>>, metrics: P::Lock<Metrics<P>>) -> Self {
        Self { platform, records, metrics }
    }

    /// What the platform provides.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// The number of a scope, the same for an equal one. When the table is full, the number of a scope
    /// without a name.
    pub fn declare(&self, scope: P::Scope) -> u16 {
        self.records.with(|records| {
            let scopes = records.scopes.as_ref();
            let known = scopes.iter().position(|known| P::scope(known) == P::scope(&scope));
            let index = known.unwrap_or(scopes.len());
            let added = known.is_some() || records.scopes.push(scope).is_ok();
            u16::try_from(index).ok().filter(|_| added).unwrap_or(UNKNOWN_SCOPE)
        })
    }

    /// Takes in what a look at a true clock says; see [`time`](crate::time).
    pub fn learn_time(&self, bounds: Bounds) {
        self.records.with(|records| records.offset = Some(bounds.narrow(records.offset)));
    }

    /// How uptime becomes Unix time; `None` until the time was learned.
    pub fn time_offset(&self) -> Option<Offset> {
        self.records.with(|records| records.offset)
    }

    /// What was recorded and lost so far.
    pub fn counters(&self) -> Counters {
        self.records.with(|records| records.counters)
    }

    /// Counts items that were lost behind the ring.
    pub fn add_lost(&self, signal: Signal, reason: Loss, items: u64) {
        self.records.with(|records| records.counters.add_lost(signal, reason, items));
    }

    /// Works on a lane's ring under the lock: keep it short. `None` when there is no such lane.
    pub fn with_lane<R>(&self, lane: usize, f: impl FnOnce(&mut Ring<P::Buffer>) -> R) -> Option<R> {
        self.records.with(|records| records.lanes.as_mut().get_mut(lane).map(f))
    }

    /// Works on a declared scope under the lock; one that is unknown has no name.
    pub fn with_scope<R>(&self, index: u16, f: impl FnOnce(Scope<'_>) -> R) -> R {
        self.records.with(|records| {
            let found = records.scopes.as_ref().get(usize::from(index));
            f(found.map_or(Scope::new(""), P::scope))
        })
    }

    /// Turns the points of every instrument into metric records in their lane. Call it before sending, as
    /// often as points are wanted. Points that find no slot wait for the next call.
    ///
    /// Observable instruments are observed first, under no lock: what observes may record. Called from
    /// there, or while another call is at work, it does nothing.
    pub fn collect(&self) {
        if !self.metrics.with(|metrics| metrics.begin()) {
            return;
        }
        self.observe();
        if let Some(mut slot) = self.take_slot() {
            self.collect_points(&mut slot);
            self.give_back(slot);
        }
        self.metrics.with(|metrics| metrics.end());
    }

    fn observe(&self) {
        let mut at = 0;
        while let Some((instrument, callback)) = self.metrics.with(|metrics| metrics.callback(at)) {
            P::call(&callback, &mut Observer::new(self, instrument));
            at += 1;
        }
    }

    fn collect_points(&self, slot: &mut [u8]) {
        let time = self.platform.now();
        let mut at = Progress::default();
        loop {
            let mut fill = None;
            // Both locks, always in this order: a delta begins anew only once its record is in the ring.
            let done = self.metrics.with(|metrics| {
                metrics.collect(&mut at, time, slot, |record| self.push_points(&record, time, &mut fill))
            });
            let Some(too_large) = done else { return };
            if too_large > 0 {
                self.add_unmeasured(Loss::TooLarge, too_large);
            }
            if let Some((used, capacity)) = fill {
                self.platform.stored(Signal::Metrics, Priority::Low, used, capacity);
            }
        }
    }

    fn push_points(&self, record: &Outgoing<'_>, time: u64, fill: &mut Option<(usize, usize)>) -> bool {
        let (signal, priority, items) = (Signal::Metrics, Priority::Low, u64::from(record.items));
        let stored = Stored { signal, priority, scope: record.scope, items: record.items, time };
        self.records.with(|records| {
            let pushed = records.push(&stored, record.bytes);
            if pushed.is_ok() || record.lost {
                records.counters.add_recorded(signal, items);
            }
            if let (Err(reason), true) = (pushed, record.lost) {
                records.counters.add_lost(signal, reason, items);
            }
            *fill = Some(records.fill(&stored));
            pushed.is_ok()
        })
    }

    /// What metrics there are, and what they take.
    pub fn metric_usage(&self) -> MetricUsage {
        self.metrics.with(|metrics| metrics.usage())
    }

    /// Counts measurements or points that were lost at once.
    pub(crate) fn add_unmeasured(&self, reason: Loss, items: u64) {
        self.records.with(|records| {
            records.counters.add_recorded(Signal::Metrics, items);
            records.counters.add_lost(Signal::Metrics, reason, items);
        });
    }

    pub(crate) fn now(&self) -> u64 {
        self.platform.now()
    }

    pub(crate) fn sampler(&self) -> &P::Sampler {
        self.platform.sampler()
    }

    pub(crate) fn limits(&self) -> &Limits {
        self.platform.limits()
    }

    pub(crate) fn metrics<R>(&self, f: impl FnOnce(&mut Metrics<P>) -> R) -> R {
        self.metrics.with(f)
    }

    /// A new span's context, and a slot for it if one is free. The last slot is left to log records.
    #[inline]
    pub(crate) fn new_span(&self, parent: Option<&SpanContext>) -> (SpanContext, Option<P::Buffer>) {
        self.records.with(|records| {
            records.counters.add_started(ParentOrigin::of(parent));
            let context = records.ids().context(parent);
            let spare = records.slots.as_ref().len() > 1;
            (context, spare.then(|| records.slots.pop()).flatten())
        })
    }

    /// The slot of a span that is to be sent. Without one the span is counted as lost, but its context
    /// still ties its children together.
    #[inline]
    pub(crate) fn slot_or_loss(&self, slot: Option<P::Buffer>) -> Option<P::Buffer> {
        let slot = slot.or_else(|| self.platform.grow());
        if slot.is_none() {
            self.add_unrecorded(Signal::Traces, Loss::NoSlot);
        }
        slot
    }

    /// Takes note of a span that is not to be sent; its slot is free again unless it `keeps` it.
    pub(crate) fn not_sampled(
        &self,
        decision: Decision,
        parent: Option<&SpanContext>,
        slot: Option<P::Buffer>,
        keeps: bool,
    ) -> Option<P::Buffer> {
        self.records.with(|records| {
            records.counters.decided(decision, ParentOrigin::of(parent));
            if keeps {
                return slot;
            }
            // Cannot be full: the slot came from there.
            let _ = slot.map(|slot| records.slots.push(slot));
            None
        })
    }

    /// Frees the slot of a span that was not to be sent, and has ended.
    pub(crate) fn end_unsampled(&self, slot: P::Buffer, recorded: bool) {
        self.records.with(|records| {
            if recorded {
                records.counters.add_ended_unsampled();
            }
            let _ = records.slots.push(slot);
        });
    }

    /// A slot for a log record; without one the record is counted as lost.
    pub(crate) fn open_log(&self) -> Option<P::Buffer> {
        let slot = self.take_slot();
        if slot.is_none() {
            self.add_unrecorded(Signal::Logs, Loss::NoSlot);
        }
        slot
    }

    /// Counts an item that was recorded and lost at once.
    pub(crate) fn add_unrecorded(&self, signal: Signal, reason: Loss) {
        self.records.with(|records| {
            records.counters.add_recorded(signal, 1);
            records.counters.add_lost(signal, reason, 1);
        });
    }

    /// Moves the first `len` bytes of a slot into their lane, if the processors want them to go on, and
    /// frees the slot.
    pub(crate) fn store(&self, mut record: Stored, mut slot: P::Buffer, len: usize) {
        let mut complete = Record::new(record.signal, record.time, record.priority, &mut slot, len);
        let verdict = self.platform.processor().process(&mut complete);
        record.priority = complete.priority;
        let len = complete.bytes().len();
        let (used, capacity) = self.records.with(|records| {
            let fill = match verdict {
                Verdict::Keep => records.store(&record, slot.get(..len).unwrap_or_default()),
                Verdict::Drop(reason) => records.lose(&record, reason),
            };
            // Cannot be full: the slot came from there, or the platform has room for those it made.
            let _ = records.slots.push(slot);
            fill
        });
        if capacity > 0 {
            self.platform.stored(record.signal, record.priority, used, capacity);
        }
    }

    pub(crate) fn give_back(&self, slot: P::Buffer) {
        self.records.with(|records| {
            let _ = records.slots.push(slot);
        });
    }

    pub(crate) fn take_slot(&self) -> Option<P::Buffer> {
        self.records.with(|records| records.slots.pop()).or_else(|| self.platform.grow())
    }
}

crate::opaque_debug!(Pipeline<P>);
crate::opaque_debug!(Records<P>);
