//! What a target provides: memory, a lock and a clock. [`Device`] is the one of bare metal; `smoltel`
//! has the one of operating systems. Everything else is written once.

use core::cell::{RefCell, RefMut};
use core::ops::{Deref, DerefMut};

use critical_section::Mutex;

use crate::context::SpanContext;
use crate::limits::Limits;
use crate::otlp::Signal;
use crate::otlp::common::Scope;
use crate::pipeline::Pipeline;
use crate::processor::Processor;
use crate::propagation::TraceState;
use crate::record::Observer;
use crate::ring::Ring;
use crate::sampler::{AlwaysOn, ParentBased, Sampler};

/// The types a [`Pipeline`] is built from.
///
/// ```
/// use smoltel_core::platform::{Device, Platform};
/// fn slots_lie_in<P: Platform>() -> &'static str {
///     core::any::type_name::<P::Buffer>()
/// }
/// assert_eq!(slots_lie_in::<Device>(), "&mut [u8]");
/// ```
pub trait Platform: Sized + Send + Sync + 'static {
    /// How tracers, loggers and instruments hold their pipeline.
    type Handle: Deref<Target = Pipeline<Self>> + Clone + Send + Sync + 'static;
    /// Mutual exclusion.
    type Lock<T: Send + 'static>: Lock<T> + Send + Sync;
    /// Owned bytes of a fixed length.
    type Buffer: DerefMut<Target = [u8]> + Send + 'static;
    /// An owned or static name.
    type Text: Deref<Target = str> + Clone + Send + 'static;
    /// An owned or static scope.
    type Scope: From<&'static str> + Send + 'static;
    /// A short list.
    type Table<T: Send + 'static>: Table<T> + Default + Send;
    /// The rings, by [`lane`](Self::lane).
    type Lanes: AsRef<[Ring<Self::Buffer>]> + AsMut<[Ring<Self::Buffer>]> + Send + 'static;

    /// What may change or drop a record before it enters its lane.
    type Processor: Processor + Send + Sync;

    /// What decides whether a span is recorded and sent.
    type Sampler: Sampler + Send + Sync;

    /// What observes when metrics are collected.
    type Callback: Clone + Send + 'static;

    /// What keeps a span the current one of its thread while it lives; `()` where there are no threads.
    type Entered;

    /// Whether a thread has a current span, which spans, log records and exemplars find by themselves.
    const HAS_CURRENT: bool = false;
    /// Whether a full lane gives up its oldest records for a new one, or refuses the new one.
    const EVICT: bool;
    /// Bytes of a histogram bucket's count, 4 or 8. Measurements beyond what 4 can count are lost, and
    /// counted as such.
    const CELL: usize;
    /// Whether a lock is to be held as shortly as can be, because it masks interrupts. Otherwise points become records
    /// under as few locks as can be.
    const SHORT_LOCKS: bool;
    /// How many exemplars a point keeps that has no buckets to keep one for each.
    const EXEMPLARS: u8;

    /// Calls a callback, under no lock.
    fn call(callback: &Self::Callback, observer: &mut Observer<'_, Self>);

    /// Makes a span, or none, the current one of this thread until the answer is dropped. Only called where
    /// there is such a thing.
    fn enter(context: Option<SpanContext>, trace_state: TraceState<'_>) -> Self::Entered;

    /// Calls `f` with this thread's current span and its trace state.
    #[inline(always)]
    fn with_current<R>(f: impl FnOnce(Option<&SpanContext>, TraceState<'_>) -> R) -> R {
        f(None, TraceState::EMPTY)
    }

    /// Whether this thread unwinds because of a panic: a span that ends meanwhile has failed.
    #[inline(always)]
    fn is_unwinding() -> bool {
        false
    }

    /// The time in nanoseconds that records get: uptime on a device, Unix time in `std`.
    fn now(&self) -> u64;

    /// How much one record may hold.
    fn limits(&self) -> &Limits;

    /// The processors that every record passes, if there are any.
    fn processor(&self) -> Option<&Self::Processor>;

    /// The sampler that every span asks when it starts.
    fn sampler(&self) -> &Self::Sampler;

    /// The lane that records of that kind go to; every number has to be within `Lanes`.
    fn lane(signal: Signal, priority: Priority) -> usize;

    /// What a scope holds.
    fn scope(held: &Self::Scope) -> Scope<'_>;

    /// One more slot for an open record, when none is free and more are allowed.
    fn grow(&self) -> Option<Self::Buffer> {
        None
    }

    /// Whether it wants to see every record.
    #[inline(always)]
    fn keeps_evidence(&self) -> bool {
        false
    }

    /// Called with a span or log record that has entered its lane, outside the lock. `sequence` counts those of its
    /// signal from 1, in the order that they have in their lane.
    fn keep_evidence(
        &self,
        pipeline: &Pipeline<Self>,
        signal: Signal,
        scope: u16,
        sequence: u64,
        record: &[u8],
    ) {
        let _ = (pipeline, signal, scope, sequence, record);
    }

    /// Called after a record was stored, outside the lock; `used` is how full its lane is, of `capacity`.
    fn stored(&self, signal: Signal, priority: Priority, used: usize, capacity: usize) {
        let _ = (signal, priority, used, capacity);
    }
}

/// Which records stay longest when there is not room for all.
///
/// ```
/// use smoltel_core::platform::Priority;
/// assert_eq!((Priority::Low as usize, Priority::Keep as usize), (0, 1)); // a device's lanes
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum Priority {
    /// Can be missed first.
    Low,
    /// Failed spans, and log records of `WARN` and above.
    Keep,
}

/// A lock that a pipeline's state lives in.
///
/// ```
/// use smoltel_core::platform::Lock;
/// struct Alone(std::sync::Mutex<u32>);
/// impl Lock<u32> for Alone {
///     fn with<R>(&self, f: impl FnOnce(&mut u32) -> R) -> R {
///         f(&mut self.0.lock().unwrap())
///     }
/// }
/// assert_eq!(Alone(3.into()).with(|n| *n + 1), 4);
/// ```
pub trait Lock<T> {
    /// Runs `f` alone. No code of a user runs in `f`, and `f` never locks again.
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R;
}

/// A list that may have a fixed capacity.
///
/// ```
/// use smoltel_core::platform::Table;
/// fn swap_last<T>(table: &mut impl Table<T>, item: T) -> Option<T> {
///     let last = table.pop();
///     let pushed = table.push(item);
///     last.filter(|_| pushed.is_ok())
/// }
/// # let mut table = heapless::Vec::<u8, 2>::new();
/// assert_eq!(swap_last(&mut table, 7), None);
/// ```
pub trait Table<T>: AsRef<[T]> + AsMut<[T]> {
    /// Appends; gives the item back when the table is full.
    fn push(&mut self, item: T) -> Result<(), T>;
    /// Removes the last item.
    fn pop(&mut self) -> Option<T>;
}

impl<T, const N: usize> Table<T> for heapless::Vec<T, N> {
    fn push(&mut self, item: T) -> Result<(), T> {
        self.push(item)
    }

    fn pop(&mut self) -> Option<T> {
        self.pop()
    }
}

/// Bare metal: a `static` pipeline, memory given once as `&'static mut`, critical sections as the lock.
///
/// [`Pipeline::on`] has an example.
///
/// ```
/// use smoltel_core::platform::Device;
/// let device = Device::new(|| 7);
/// assert_eq!(((device.clock)(), device.limits.events), (7, 128));
/// ```
#[derive(Debug)]
pub struct Device<C = (), S = ParentBased<AlwaysOn>> {
    /// The uptime in nanoseconds; it must not run backwards.
    pub clock: fn() -> u64,
    /// How much one record may hold.
    pub limits: Limits,
    /// What may change or drop a record.
    pub processor: C,
    /// What decides whether a span is recorded and sent.
    pub sampler: S,
}

/// The most slots, scopes and instruments a device's pipeline has: each.
pub const TABLE: usize = 16;

impl Device {
    /// Without processors, with the specification's limits and sampler.
    pub const fn new(clock: fn() -> u64) -> Self {
        Self { clock, limits: Limits::DEFAULT, processor: (), sampler: ParentBased::new(AlwaysOn) }
    }
}

impl<C, S> Platform for Device<C, S>
where
    C: Processor + Send + Sync + 'static,
    S: Sampler + Send + Sync + 'static,
{
    type Handle = &'static Pipeline<Self>;
    type Lock<T: Send + 'static> = CriticalSection<T>;
    type Buffer = &'static mut [u8];
    type Text = &'static str;
    type Scope = StaticScope;
    type Table<T: Send + 'static> = heapless::Vec<T, TABLE>;
    type Lanes = [Ring<&'static mut [u8]>; 2];
    type Processor = C;
    type Sampler = S;
    type Callback = fn(&mut Observer<'_, Self>);
    type Entered = ();

    const EVICT: bool = true;
    const CELL: usize = 4;
    const SHORT_LOCKS: bool = true;
    const EXEMPLARS: u8 = 1;

    fn call(callback: &Self::Callback, observer: &mut Observer<'_, Self>) {
        callback(observer);
    }

    fn enter(_: Option<SpanContext>, _: TraceState<'_>) {}

    fn now(&self) -> u64 {
        (self.clock)()
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn processor(&self) -> Option<&C> {
        Some(&self.processor)
    }

    fn sampler(&self) -> &S {
        &self.sampler
    }

    fn lane(_: Signal, priority: Priority) -> usize {
        priority as usize
    }

    fn scope(held: &StaticScope) -> Scope<'_> {
        match held {
            StaticScope::Named(name) => Scope::new(name),
            StaticScope::Whole(scope) => **scope,
        }
    }
}

/// A device's scope. Most have only a name.
///
/// ```
/// use smoltel_core::platform::StaticScope;
/// assert!(matches!(StaticScope::from("valve"), StaticScope::Named("valve")));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum StaticScope {
    /// Its name.
    Named(&'static str),
    /// All of it.
    Whole(&'static Scope<'static>),
}

impl From<&'static str> for StaticScope {
    fn from(name: &'static str) -> Self {
        Self::Named(name)
    }
}

impl From<&'static Scope<'static>> for StaticScope {
    fn from(scope: &'static Scope<'static>) -> Self {
        Self::Whole(scope)
    }
}

/// A lock that masks interrupts, or what else the target's `critical-section` implementation does.
///
/// ```
/// use smoltel_core::platform::{CriticalSection, Device, Platform};
/// let lock_of = core::any::type_name::<<Device as Platform>::Lock<u8>>();
/// assert_eq!(lock_of, core::any::type_name::<CriticalSection<u8>>());
/// ```
#[derive(Debug)]
pub struct CriticalSection<T>(Mutex<RefCell<T>>);

impl<T> CriticalSection<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(RefCell::new(value)))
    }
}

/// Once for each type: with its panic, as `f` never locks again, it is much of what is around a short `f`.
#[cfg_attr(target_os = "none", inline(never))]
fn borrow<T>(cell: &RefCell<T>) -> RefMut<'_, T> {
    cell.borrow_mut()
}

impl<T> Lock<T> for CriticalSection<T> {
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        critical_section::with(|cs| f(&mut borrow(self.0.borrow(cs))))
    }
}
