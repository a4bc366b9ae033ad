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

mod collect;
mod device;
mod records;

pub use records::Records;
pub(crate) use records::{MARK, Stored};

use crate::aggregate::{MetricUsage, Metrics};
use crate::context::SpanContext;
use crate::counters::{Counters, Loss, ParentOrigin};
use crate::limits::Limits;
use crate::otlp::Signal;
use crate::otlp::common::Scope;
use crate::platform::{Device, Lock, Platform, Priority, Table};
use crate::processor::{Processor, Record, Verdict};
use crate::ring::Ring;
use crate::sampler::Decision;
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

/// The scope of records whose own found no room in the table: it has no name.
const UNKNOWN_SCOPE: u16 = u16::MAX;

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
            #[cfg(feature = "recorder")]
            if let (Some(words), None) = (records.recorder, known) {
                words.declare(index as u16, P::scope(&scope).signature());
            }
            let added = known.is_some() || records.scopes.push(scope).is_ok();
            u16::try_from(index).ok().filter(|_| added).unwrap_or(UNKNOWN_SCOPE)
        })
    }

    /// The number of the scope that has `number` in a ring.
    pub(crate) fn scope_of_boot(&self, number: u16) -> u16 {
        #[cfg(feature = "recorder")]
        if let Some(words) = self.records.with(|records| records.recorder) {
            return words.of_boot(number);
        }
        number
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

    /// Counts items that were recorded elsewhere and come ready for the wire: an exporter has them at once.
    pub fn add_received(&self, signal: Signal, items: u64) {
        self.records.with(|records| {
            records.counters.add_recorded(signal, items);
            records.counters.add_processed(signal, items);
        });
    }

    /// Counts items that were given to an exporter: once, however often it has to send them.
    pub fn add_processed(&self, signal: Signal, items: u64) {
        self.records.with(|records| records.counters.add_processed(signal, items));
    }

    /// Counts items that the other side has accepted.
    pub fn add_exported(&self, signal: Signal, items: u64) {
        self.records.with(|records| records.counters.add_exported(signal, items));
    }

    /// Works on a lane's ring under the lock: keep it short. `None` when there is no such lane.
    pub fn with_lane<R>(&self, lane: usize, f: impl FnOnce(&mut Ring<P::Buffer>) -> R) -> Option<R> {
        self.records.with(|records| records.lanes.as_mut().get_mut(lane).map(f))
    }

    /// Gives all that waits of a signal, which has its lane for itself, to an exporter, in exchange for the ring that the
    /// lane goes on with. Returns how many items that is.
    pub fn take_lane(&self, signal: Signal, ring: &mut Ring<P::Buffer>) -> u64 {
        self.records.with(|records| {
            if let Some(lane) = records.lanes.as_mut().get_mut(P::lane(signal, Priority::Low)) {
                core::mem::swap(lane, ring);
            }
            // Counted as they came: nobody has to look at each again.
            let items = records.counters.queued(signal);
            records.counters.add_processed(signal, items);
            items
        })
    }

    /// How many scopes are declared.
    pub fn scopes(&self) -> u16 {
        self.records.with(|records| records.scopes.as_ref().len() as u16)
    }

    /// Works on a declared scope under the lock; one that is unknown has no name.
    pub fn with_scope<R>(&self, index: u16, f: impl FnOnce(Scope<'_>) -> R) -> R {
        self.records.with(|records| {
            let found = records.scopes.as_ref().get(usize::from(index));
            f(found.map_or(Scope::new(""), P::scope))
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
        slot.or_else(|| self.grow_or_loss())
    }

    #[cold]
    fn grow_or_loss(&self) -> Option<P::Buffer> {
        let slot = self.platform.grow();
        if slot.is_none() {
            self.add_unrecorded(Signal::Traces, Loss::NoSlot);
        }
        slot
    }

    /// Takes note of a span that is not to be sent; its slot is free again unless it `keeps` it.
    #[inline(never)]
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
            if let Some(slot) = slot {
                records.free(slot);
            }
            None
        })
    }

    /// Frees the slot of a span that was not to be sent, and has ended.
    pub(crate) fn end_unsampled(&self, slot: P::Buffer, recorded: bool) {
        self.records.with(|records| {
            if recorded {
                records.counters.add_ended_unsampled();
            }
            records.free(slot);
        });
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
        let (len, verdict) = match self.platform.processor() {
            _ if len > Record::MAX => (0, Verdict::Drop(Loss::TooLarge)),
            None => (len, Verdict::Keep),
            Some(processor) => {
                let room = slot.len().saturating_sub(MARK);
                let room = slot.get_mut(..room).unwrap_or_default();
                let mut complete = Record::new(record.signal, record.time, record.priority, room, len);
                let verdict = processor.process(&mut complete);
                record.priority = complete.priority;
                (complete.bytes().len(), verdict)
            }
        };
        if self.platform.keeps_evidence() && verdict == Verdict::Keep {
            return self.store_with_evidence(&record, slot, len);
        }
        let (used, capacity) = self.records.with(|records| {
            let fill = match verdict {
                Verdict::Keep => records.store(&record, slot.get(..len).unwrap_or_default()),
                Verdict::Drop(reason) => records.lose(&record, reason),
            };
            records.free(slot);
            fill
        });
        if capacity > 0 {
            self.platform.stored(record.signal, record.priority, used, capacity);
        }
    }

    /// The same with a record that goes on, which the platform gets to see before the slot is free.
    #[cold]
    fn store_with_evidence(&self, record: &Stored, slot: P::Buffer, len: usize) {
        let bytes = slot.get(..len).unwrap_or_default();
        let ((used, capacity), sequence) = self.records.with(|records| {
            let before = records.counters.entered(record.signal);
            let fill = records.store(record, bytes);
            let sequence = records.counters.entered(record.signal);
            (fill, (sequence > before).then_some(sequence))
        });
        if let Some(sequence) = sequence {
            self.platform.keep_evidence(self, record.signal, record.scope, sequence, bytes);
        }
        self.give_back(slot);
        if capacity > 0 {
            self.platform.stored(record.signal, record.priority, used, capacity);
        }
    }

    pub(crate) fn give_back(&self, slot: P::Buffer) {
        self.records.with(|records| {
            records.free(slot);
        });
    }

    pub(crate) fn take_slot(&self) -> Option<P::Buffer> {
        self.records.with(|records| records.slots.pop()).or_else(|| self.platform.grow())
    }
}

crate::opaque_debug!(Pipeline<P>);
crate::opaque_debug!(Records<P>);
