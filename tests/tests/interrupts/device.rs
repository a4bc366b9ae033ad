//! A device whose lock lets interrupts through whenever it is not held.

use std::cell::{Cell, RefCell};
use std::sync::Mutex;

use smoltel_core::platform::{Device, Lock, Platform, Priority, StaticScope};
use smoltel_core::propagation::TraceState;
use smoltel_core::{
    Limits, MetricSettings, Metrics, Observer, Pipeline, Seed, Signal, SpanContext, pipeline::Records,
    ring::Ring,
};

type Handler = Box<dyn FnMut()>;

thread_local! {
    /// What happens before each lock is taken, unless one is held.
    static HANDLER: RefCell<Option<Handler>> = const { RefCell::new(None) };
    static HELD: Cell<u32> = const { Cell::new(0) };
}

/// Lets `handler` run between any two locks while `work` is done.
pub(crate) fn interrupted<R>(handler: impl FnMut() + 'static, work: impl FnOnce() -> R) -> R {
    HANDLER.set(Some(Box::new(handler)));
    let result = work();
    HANDLER.take();
    result
}

pub(crate) struct Masked<T>(Mutex<T>);

impl<T> Lock<T> for Masked<T> {
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        // It does not interrupt itself.
        if HELD.get() == 0
            && let Some(mut handler) = HANDLER.take()
        {
            handler();
            HANDLER.set(Some(handler));
        }
        HELD.set(HELD.get() + 1);
        let result = f(&mut self.0.lock().unwrap());
        HELD.set(HELD.get() - 1);
        result
    }
}

/// A device but for its lock.
pub(crate) struct Interrupted(Device);

impl Platform for Interrupted {
    type Handle = &'static Pipeline<Self>;
    type Lock<T: Send + 'static> = Masked<T>;
    type Buffer = &'static mut [u8];
    type Text = &'static str;
    type Scope = StaticScope;
    type Table<T: Send + 'static> = <Device as Platform>::Table<T>;
    type Lanes = [Ring<&'static mut [u8]>; 2];
    type Processor = ();
    type Sampler = <Device as Platform>::Sampler;
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
        7
    }

    fn limits(&self) -> &Limits {
        self.0.limits()
    }

    fn processor(&self) -> Option<&()> {
        Some(&())
    }

    fn sampler(&self) -> &Self::Sampler {
        self.0.sampler()
    }

    fn lane(signal: Signal, priority: Priority) -> usize {
        Device::<(), Self::Sampler>::lane(signal, priority)
    }

    fn scope(held: &StaticScope) -> smoltel_core::Scope<'_> {
        Device::<(), Self::Sampler>::scope(held)
    }
}

/// With that much memory for records, slots and points.
pub(crate) fn pipeline(ring: usize, slot: usize, settings: MetricSettings) -> &'static Pipeline<Interrupted> {
    let lane = |len: usize| Ring::new(&mut *vec![0; len].leak());
    let mut slots = <Device as Platform>::Table::<&'static mut [u8]>::default();
    for _ in 0..3 {
        slots.push(vec![0; slot].leak()).unwrap();
    }
    let lanes = [lane(ring), lane(64)];
    let records = Records::new(lanes, slots, Default::default(), Seed::Unique([1; 16]));
    let metrics = Metrics::with_memory(vec![0; 4096].leak(), settings, &[]);
    let platform = Interrupted(Device::new(|| 7));
    Box::leak(Box::new(Pipeline::from_parts(
        platform,
        Masked(Mutex::new(records)),
        Masked(Mutex::new(metrics)),
    )))
}
