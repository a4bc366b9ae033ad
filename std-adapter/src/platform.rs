//! What an operating system provides to a pipeline: the heap, a mutex, the wall clock, and a worker to
//! wake.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use smoltel_core::platform::{self, Platform, Priority};
use smoltel_core::propagation::TraceState;
use smoltel_core::ring::Ring;
use smoltel_core::{
    Limits, MetricSettings, Metrics, Observer, Pipeline, Scope, Seed, SpanContext, View, pipeline::Records,
};

use crate::Signal;
use crate::clock::unix_now;
use crate::command::Commands;
use crate::context::{self, Entered};
#[cfg(unix)]
use crate::evidence::Evidence;
use crate::mutex::{Guard, Mutex};
use crate::scope::OwnedScope;
use crate::settings::{BatchSettings, ChosenProcessor, ChosenSampler, LogSettings, TraceSettings};
use crate::silence;

/// Programs with threads: one lane for each signal, so that one signal's outage does not hold the others.
#[derive(Debug)]
pub struct Threads {
    worker: Commands,
    sampler: ChosenSampler,
    processor: ChosenProcessor,
    limits: Limits,
    /// The least priority of each signal's records that leave at once.
    urgent_from: [u8; 3],
    /// Whether the worker knows already that a lane has filled, or has an urgent record.
    woken: [AtomicBool; 3],
    hurried: [AtomicBool; 3],
    /// Slots that may still be made.
    slots: AtomicUsize,
    #[cfg(unix)]
    evidence: Option<Evidence>,
}

/// Bytes of a lane, unless a signal's settings have others; the worker has as much again while it sends.
pub(crate) const LANE: usize = 1 << 20;
/// Bytes of a slot: the largest span or log record.
const SLOT: usize = 16 << 10;
/// Spans and log records that can be open at once.
const SLOTS: usize = 1024;
/// Bytes of metric points: ten thousand counters, some hundred histograms.
const POINTS: usize = 1 << 20;

/// How records are made.
pub(crate) struct Making {
    pub(crate) traces: TraceSettings,
    pub(crate) logs: LogSettings,
    pub(crate) metrics: MetricSettings,
    pub(crate) views: &'static [View],
    pub(crate) processor: ChosenProcessor,
}

impl Threads {
    /// A pipeline that wakes `worker` when a lane is half full, or has an urgent record. One that is not `enabled` has no
    /// slots, and so records nothing.
    pub(crate) fn pipeline(
        worker: Commands,
        enabled: bool,
        making: Making,
        #[cfg(unix)] evidence: Option<Evidence>,
    ) -> Pipeline<Self> {
        let most = if enabled { SLOTS } else { 0 };
        let Making { traces, logs, metrics, views, processor } = making;
        let TraceSettings { sampler, attributes, events, links, event_attributes, link_attributes, batch } =
            traces;
        let (span, log) = (attributes, logs.attributes);
        let platform = Self {
            worker,
            sampler,
            processor,
            limits: Limits { span, log, events, links, event_attributes, link_attributes },
            urgent_from: [urgent_from(&batch), NEVER, urgent_from(&logs.batch)],
            woken: Default::default(),
            hurried: Default::default(),
            slots: AtomicUsize::new(most),
            #[cfg(unix)]
            evidence,
        };
        let lanes = [batch.queue_bytes, LANE, logs.batch.queue_bytes].map(empty_lane);
        let slots = Growing(Vec::with_capacity(most));
        let records = Records::new(lanes, slots, Growing::default(), Seed::Random(crate::random()));
        let metrics = Metrics::with_memory(vec![0; POINTS].into_boxed_slice(), metrics, views);
        let records = Locked::new(records, || {
            let closed = std::array::from_fn(|_| Ring::new(Box::default()));
            Records::new(closed, Growing::default(), Growing::default(), Seed::Random(crate::random()))
        });
        let metrics =
            Locked::new(metrics, || Metrics::with_memory(Box::default(), MetricSettings::DEFAULT, &[]));
        Pipeline::from_parts(platform, records, metrics)
    }

    /// What is kept for the case of a crash.
    #[cfg(unix)]
    pub(crate) fn evidence(&self) -> Option<&Evidence> {
        self.evidence.as_ref()
    }

    /// The worker is looking at the lane: it wants to be woken again.
    pub(crate) fn seen(&self, signal: Signal) {
        self.woken[signal as usize].store(false, Ordering::Release);
        self.hurried[signal as usize].store(false, Ordering::Release);
    }
}

/// Above every priority.
const NEVER: u8 = Priority::Keep as u8 + 1;

fn urgent_from(batch: &BatchSettings) -> u8 {
    match batch.urgent {
        _ if batch.delay.is_zero() => Priority::Low as u8,
        true => Priority::Keep as u8,
        false => NEVER,
    }
}

/// A lane's ring, with room for a few records at the least. The system gives memory only to the pages that are written.
pub(crate) fn empty_lane(bytes: usize) -> Ring<Box<[u8]>> {
    Ring::new(vec![0; bytes.max(4 * SLOT)].into_boxed_slice())
}

impl Platform for Threads {
    type Handle = Arc<Pipeline<Self>>;
    type Lock<T: Send + 'static> = Locked<T>;
    type Buffer = Box<[u8]>;
    type Text = Arc<str>;
    type Scope = OwnedScope;
    type Table<T: Send + 'static> = Growing<T>;
    type Lanes = [Ring<Box<[u8]>>; 3];
    type Processor = ChosenProcessor;
    type Sampler = ChosenSampler;

    type Callback = Callback;
    type Entered = Entered;

    const HAS_CURRENT: bool = true;

    /// A full queue drops what is new, as OpenTelemetry's processors do.
    const EVICT: bool = false;
    const CELL: usize = 8;
    const SHORT_LOCKS: bool = false;
    const EXEMPLARS: u8 = 4;

    fn call(callback: &Callback, observer: &mut Observer<'_, Self>) {
        // A callback that panics has observed what it has; the worker goes on. The panic hook tells of it.
        // It is code of the program's: what it logs is to be heard.
        let call = || silence::with(false, || (callback.0)(observer));
        let _ = catch_unwind(AssertUnwindSafe(call));
    }

    fn enter(context: Option<SpanContext>, trace_state: TraceState<'_>) -> Entered {
        context::enter(context, trace_state)
    }

    #[inline(always)]
    fn with_current<R>(f: impl FnOnce(Option<&SpanContext>, TraceState<'_>) -> R) -> R {
        context::with(f)
    }

    #[inline(always)]
    fn is_unwinding() -> bool {
        std::thread::panicking()
    }

    #[inline]
    fn now(&self) -> u64 {
        unix_now()
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    #[inline]
    fn processor(&self) -> Option<&ChosenProcessor> {
        self.processor.0.is_some().then_some(&self.processor)
    }

    fn sampler(&self) -> &Self::Sampler {
        &self.sampler
    }

    fn lane(signal: Signal, _: Priority) -> usize {
        signal as usize
    }

    fn scope(held: &OwnedScope) -> Scope<'_> {
        held.borrow()
    }

    fn grow(&self) -> Option<Box<[u8]>> {
        let left = self.slots.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.is_ok().then(|| vec![0; SLOT].into_boxed_slice())
    }

    #[cfg(unix)]
    #[inline(always)]
    fn keeps_evidence(&self) -> bool {
        self.evidence.is_some()
    }

    #[cfg(unix)]
    fn keep_evidence(
        &self,
        pipeline: &Pipeline<Self>,
        signal: Signal,
        scope: u16,
        sequence: u64,
        record: &[u8],
    ) {
        if let Some(evidence) = &self.evidence {
            evidence.keep(pipeline, signal, scope, sequence, record);
        }
    }

    #[inline]
    fn stored(&self, signal: Signal, priority: Priority, used: usize, capacity: usize) {
        let (half, urgent) = (used >= capacity / 2, priority as u8 >= self.urgent_from[signal as usize]);
        if half || urgent {
            self.tell_worker(signal, half, urgent);
        }
    }
}

impl Threads {
    #[cold]
    fn tell_worker(&self, signal: Signal, half: bool, is_urgent: bool) {
        if is_urgent && !self.hurried[signal as usize].swap(true, Ordering::AcqRel) {
            self.worker.hurry(signal);
        }
        if half && !self.woken[signal as usize].swap(true, Ordering::AcqRel) {
            self.worker.wake();
        }
    }
}

/// What observes when metrics are collected, on the worker's thread.
///
/// ```
/// use smoltel::{Callback, Telemetry};
/// # let telemetry = Telemetry::builder("doc").endpoint("http://127.0.0.1:9").build()?;
/// let threads = telemetry.meter("runtime").instrument("process.thread.count").unit("{thread}");
/// threads.observable_up_down_counter(Callback::new(|observer| {
///     let count = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
///     observer.observe(count, &[]);
/// }));
/// # telemetry.shutdown(std::time::Duration::ZERO);
/// # Ok::<(), smoltel::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Callback(Arc<Closure>);

type Closure = dyn Fn(&mut Observer<'_, Threads>) + Send + Sync;

/// A function that captures nothing.
impl From<fn(&mut Observer<'_, Threads>)> for Callback {
    fn from(observe: fn(&mut Observer<'_, Threads>)) -> Self {
        Self::new(observe)
    }
}

impl Callback {
    /// Any closure that can be shared.
    pub fn new(callback: impl Fn(&mut Observer<'_, Threads>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(callback))
    }
}

impl std::fmt::Debug for Callback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callback").finish_non_exhaustive()
    }
}

/// A mutex as a pipeline's lock.
///
/// A child of `fork` may find it locked for ever, by a thread that only its parent has. It then works on a state
/// of its own, that holds nothing.
#[derive(Debug)]
pub struct Locked<T> {
    state: Mutex<T>,
    process: u32,
    childs: OnceLock<Mutex<T>>,
    make: fn() -> T,
}

/// How long a thread may keep the lock, and more: it is held for less than a microsecond.
const HELD: Duration = Duration::from_millis(10);

impl<T> Locked<T> {
    fn new(state: T, make: fn() -> T) -> Self {
        Self { state: Mutex::new(state), process: std::process::id(), childs: OnceLock::new(), make }
    }

    #[cold]
    fn wait(&self) -> Guard<'_, T> {
        if std::process::id() == self.process {
            return self.state.lock();
        }
        let deadline = Instant::now() + HELD;
        while self.childs.get().is_none() && Instant::now() < deadline {
            if let Some(state) = self.state.try_lock() {
                return state;
            }
            std::thread::yield_now();
        }
        self.childs.get_or_init(|| Mutex::new((self.make)())).lock()
    }
}

impl<T> platform::Lock<T> for Locked<T> {
    #[inline]
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut self.state.try_lock().unwrap_or_else(|| self.wait()))
    }
}

/// A list without a limit of its own.
#[derive(Debug)]
pub struct Growing<T>(Vec<T>);

impl<T> Default for Growing<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> AsRef<[T]> for Growing<T> {
    fn as_ref(&self) -> &[T] {
        &self.0
    }
}

impl<T> AsMut<[T]> for Growing<T> {
    fn as_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T> platform::Table<T> for Growing<T> {
    fn push(&mut self, item: T) -> Result<(), T> {
        self.0.push(item);
        Ok(())
    }

    fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }
}
