//! Interrupts record whenever no lock is held: also between any two steps of what the main loop does.

use std::cell::{Cell, RefCell};
use std::sync::Mutex;

use prost::Message;
use smoltel_core::platform::{Device, Lock, Platform, Priority, StaticScope};
use smoltel_core::propagation::TraceState;
use smoltel_core::time::Bounds;
use smoltel_core::transport::{Transport, http::Http};
use smoltel_core::{
    Limits, Logger, Loss, Metrics, Observer, Pipeline, Seed, Signal, SpanContext, pipeline::Records,
    ring::Ring,
};
use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;

const SECOND: u64 = 1_000_000_000;

thread_local! {
    /// What may happen before each lock is taken.
    static INTERRUPT: RefCell<Option<Logger<Interrupted>>> = const { RefCell::new(None) };
    static COUNT: Cell<u64> = const { Cell::new(0) };
    static RANDOM: Cell<u64> = const { Cell::new(1) };
}

/// A device whose interrupt handler logs, whenever it can.
struct Interrupted(Device);

const LONG: &str = "a text that makes a record much longer than the others";

struct Masked<T>(Mutex<T>);

impl<T> Lock<T> for Masked<T> {
    fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        // It does not interrupt itself.
        if let Some(logger) = INTERRUPT.take() {
            let random =
                RANDOM.replace(RANDOM.get().wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1)) >> 60;
            if random < 4 {
                COUNT.set(COUNT.get() + 1);
                logger.info(if random == 0 { LONG } else { "" });
            }
            INTERRUPT.set(Some(logger));
        }
        f(&mut self.0.lock().unwrap())
    }
}

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
    const BURST: u8 = 2;
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

    fn processor(&self) -> &() {
        &()
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

fn pipeline(ring: usize) -> &'static Pipeline<Interrupted> {
    let lane = |len: usize| Ring::new(&mut *vec![0; len].leak());
    let mut slots = <Device as Platform>::Table::<&'static mut [u8]>::default();
    for _ in 0..3 {
        slots.push(vec![0; 128].leak()).unwrap();
    }
    let lanes = [lane(ring), lane(64)];
    let records = Records::new(lanes, slots, Default::default(), Seed::Unique([1; 16]));
    let metrics = Metrics::with_memory(vec![0; 1024].leak(), Default::default(), &[]);
    let platform = Interrupted(Device::new(|| 7));
    Box::leak(Box::new(Pipeline::from_parts(
        platform,
        Masked(Mutex::new(records)),
        Masked(Mutex::new(metrics)),
    )))
}

/// How many log records a request has.
fn logs_in(request: &[u8]) -> u64 {
    let head = request.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head") + 4;
    let decoded = ExportLogsServiceRequest::decode(&request[head..]).expect("a request");
    let records = decoded.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
    records.map(|scope| scope.log_records.len() as u64).sum()
}

/// All that is sent at that time.
fn sent(http: &mut Http<'_>, now: u64, pipeline: &Pipeline<Interrupted>) -> Vec<u8> {
    let (mut request, mut out) = (Vec::new(), [0; 64]);
    while let Some(n) = http.transmit(now, pipeline, &mut out) {
        request.extend_from_slice(&out[..n]);
        assert!(request.len() < 1000, "it comes to an end");
    }
    request
}

#[test]
fn records_that_interrupts_push_out_are_not_sent_and_all_others_are() {
    let pipeline = pipeline(300);
    pipeline.learn_time(Bounds::exactly(1_700_000_000 * SECOND, 7).unwrap());
    let logger = Logger::new(pipeline, pipeline.declare("interrupt".into()));
    let mut http = Http::new("gateway:4318", b"", 0, 1);
    let mut exported = 0;
    for now in 0..1000 {
        if now % 2 == 0 {
            INTERRUPT.set(Some(logger.clone()));
            // The lane is full when it is looked at, so that each interrupt pushes a record out.
            (0..40).for_each(|_| _ = pipeline.counters());
        }
        let request = sent(&mut http, now, pipeline);
        INTERRUPT.take();
        exported += if request.is_empty() { 0 } else { logs_in(&request) };
        http.receive(now, pipeline, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(now % 2 == 1 && sent(&mut http, now, pipeline).is_empty(), http.is_idle());
    }
    let counters = pipeline.counters();
    assert_eq!(counters.exported(Signal::Logs), exported);
    assert_eq!(counters.recorded(Signal::Logs), COUNT.get(), "each is counted");
    assert!(counters.lost(Signal::Logs, Loss::Evicted) > 1000);
    assert_eq!(counters.recorded(Signal::Logs), exported + counters.lost_in_all());
}
