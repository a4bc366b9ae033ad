//! OpenTelemetry for firmware: spans, logs and metrics as OTLP bytes, without an allocator.
//!
//! A record is encoded once, while it is made, into a slot of fixed size. From then on only bytes move:
//!
//! ```text
//!  open slot        ring (RAM)      batch               transport
//! ┌─────────┐      ┌───────────┐   ┌────────────────┐  ┌──────────────┐
//! │ span    │ ───▶ │ ▓▓▓▓▓▓░░░ │ ─▶│ prefix ▓▓▓▓▓▓  │─▶│ HTTP, link … │─▶ gateway or collector
//! └─────────┘ end  └───────────┘   └────────────────┘  └──────┬───────┘
//!                        ▲                                    │
//!                        └──────── released when it answers ──┘
//! ```
//!
//! Layers, each of which sees only those above it in this list:
//!
//! | module | what it is |
//! |---|---|
//! | [`wire`], [`ring`] | protobuf; records in a FIFO of bytes. Neither knows the other |
//! | [`otlp`] | the protocol's messages |
//! | [`propagation`], [`sampler`] | context from and to other processes; which spans are recorded |
//! | [`platform`], [`pipeline`] | memory, lock and clock; the state that all recording shares |
//! | [`processor`] | what may change or drop a record before it enters its ring |
//! | [`record`] | what users hold: tracer, span, logger, meter, instruments |
//! | [`time`] | from uptime to Unix time |
//! | [`batch`], [`exporter`], [`retry`] | a request out of a ring; when to send it; what the answer means |
//! | [`transport`] | the bytes of a connection, in and out; no I/O of its own |
//! | `link` (feature) | the device link: both of its ends |
//! | `flash` (feature) | a queue on NOR flash, for when nobody takes them |
//! | `recorder` (feature) | what a device recorded before a reset, and why it was reset |
//!
//! With the feature `defmt-1` what a program may want to print implements `defmt::Format`.
//!
//! Everything that goes on over time takes `now` and says when it next wants to run, so it can be
//! driven from a main loop, an interrupt or a task.
//!
//! # A first span
//!
//! A device has one [`Pipeline`], as a `static`. It gets its memory once, and its clock is the uptime.
//!
//! ```
//! use smoltel_core::{Key, Pipeline, Seed, Severity, SpanKind};
//!
//! fn uptime_ns() -> u64 {
//!     0 // read a timer
//! }
//! static TELEMETRY: Pipeline = Pipeline::new(uptime_ns);
//! /// A key that is prepared at compile time.
//! const VALVE: Key<'static> = Key::new("valve.id");
//!
//! # fn cell<T>(value: T) -> &'static mut T { Box::leak(Box::new(value)) }
//! // `cell` stands for static_cell::StaticCell or cortex_m::singleton!.
//! let ring: &'static mut [u8; 4096] = cell([0; 4096]); // records on their way
//! let slots: &'static mut [[u8; 256]; 4] = cell([[0; 256]; 4]); // spans and log records that are open
//! TELEMETRY.init(ring, slots, Seed::Unique(*b"serial no. 00042"));
//!
//! let tracer = TELEMETRY.tracer("control-loop");
//! let mut request = tracer.span("adjust").kind(SpanKind::Server).start();
//! request.set(VALVE, 3).set("target.celsius", 21.5);
//! let child = tracer.span("move").child_of(&request).start();
//! child.end();
//! request.event("valve opened", &[(VALVE, 3.into())]);
//! request.fail("stuck at 40 %");
//!
//! let logger = TELEMETRY.logger("control-loop");
//! logger.log(Severity::Warn).context(request.context()).body(format_args!("{} tries", 3)).emit();
//! request.end();
//! ```
//!
//! # Metrics
//!
//! Their state has memory of its own, of which [`MetricUsage`] says how much is in use. Collecting them
//! makes records of their points, which leave as spans do.
//!
//! ```
//! # use smoltel_core::{Pipeline, Seed};
//! # static TELEMETRY: Pipeline = Pipeline::new(|| 0);
//! # fn cell<T>(value: T) -> &'static mut T { Box::leak(Box::new(value)) }
//! # let (ring, slots) = (cell([0; 4096]), cell([[0; 256]; 2]));
//! # TELEMETRY.init(ring, slots, Seed::Unique([1; 16]));
//! TELEMETRY.init_metrics(cell([0; 2048]));
//! let meter = TELEMETRY.meter("control-loop");
//! let moves = meter.counter_in("valve.moves", "{move}").bind(&[("valve.id".into(), 3.into())]);
//! moves.add(1); // found once, some forty instructions from then on
//! meter.instrument("loop.duration").unit("s").bounds(&[0.001, 0.01, 0.1]).histogram().record(0.004, &[]);
//! TELEMETRY.collect(); // every minute, say
//! assert!(TELEMETRY.metric_usage().used > 0);
//! ```
//!
//! # What is recorded, and what of it
//!
//! A [`platform::Device`] has [`Limits`], a [`sampler`] that every span asks, and [`processor`]s that every
//! complete record passes: they are composed at compile time, and what is not used is not there.
//!
//! ```
//! use smoltel_core::platform::Device;
//! use smoltel_core::processor::{Deny, MinimumSeverity};
//! use smoltel_core::sampler::{ParentBased, Probability};
//! use smoltel_core::{Limits, Pipeline, Severity};
//!
//! type Rules = (MinimumSeverity, Deny<'static>);
//! static TELEMETRY: Pipeline<Device<Rules, ParentBased<Probability>>> = Pipeline::on(Device {
//!     clock: || 0,
//!     limits: Limits { events: 16, ..Limits::DEFAULT },
//!     processor: (MinimumSeverity::new(Severity::Info), Deny::new(&["password", "http.request.header.*"])),
//!     sampler: ParentBased::new(Probability::new(0.1).expect("between 2^-56 and 1")),
//! });
//! ```
//!
//! # Across processes
//!
//! [`propagation`] reads W3C's headers from whatever carries them, and writes them.
//!
//! ```
//! use smoltel_core::propagation::TraceState;
//! use smoltel_core::{Span, SpanContext, Tracer};
//!
//! fn handle(tracer: &Tracer, traceparent: &[u8], tracestate: &[u8]) -> Span {
//!     let parent = SpanContext::from_traceparent(traceparent).ok();
//!     let state = TraceState::parse(tracestate).ok().filter(|_| parent.is_some()).unwrap_or_default();
//!     let span = tracer.span("handle").parent(parent).trace_state(state).start();
//!     let _onward = span.context().traceparent(); // and span.trace_state(), for the next request
//!     span
//! }
//! ```
//!
//! # On their way
//!
//! A [`transport`] moves bytes in and out and does no I/O: [`transport::http::Http`] has an example. What it
//! has sent stays in the ring until it is answered for. A device learns the [`time`] on the way, and its
//! records arrive with it.
//!
//! # When there is no room
//!
//! Nothing waits and nothing panics. Whatever is lost is counted, by signal and reason, in
//! [`Pipeline::counters`]:
//!
//! | what | what happens | counted as |
//! |---|---|---|
//! | no slot is free | the span or log record goes nowhere; the span's context is good for its children | [`Loss::NoSlot`] |
//! | an attribute, event or link does not fit, or is over its limit | it is left out | the record's own `dropped_…_count` |
//! | a name, body or reason does not fit | it is cut at a character | `dropped_attributes_count`, as one |
//! | a device's ring is full | its oldest records give way; failed spans and warnings have a quarter for themselves | [`Loss::Evicted`] |
//! | an attribute set finds no room among the metrics | it is summed under `otel.metric.overflow` | not lost |
//! | a sampler or processor says no | a sampler's no is no loss; a processor's is | [`Loss::Filtered`], [`Loss::RateLimited`] |
//! | a queue in flash is full, or lost bits | its oldest page gives way; what cannot be read is passed over | [`Loss::Evicted`], [`Loss::Damaged`] |
//! | the other side refuses for good | the records are let go | [`Loss::Rejected`] |
//!
//! Before [`Pipeline::init`] there is no room at all: everything is counted as lost.

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

#[cfg(any(test, smoltel_resets))]
extern crate std;

/// `Debug` for a type over a platform: its name, since memory and locks show nothing that helps.
macro_rules! opaque_debug {
    ($name:ident<$($lifetime:lifetime,)? P>) => {
        impl<P: $crate::platform::Platform> core::fmt::Debug for $name<$($lifetime,)? P> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }

        #[cfg(feature = "defmt-1")]
        impl<P: $crate::platform::Platform> defmt::Format for $name<$($lifetime,)? P> {
            fn format(&self, f: defmt::Formatter<'_>) {
                defmt::write!(f, "{=str} {{ .. }}", stringify!($name));
            }
        }
    };
}
use opaque_debug;

mod aggregate;
mod context;
mod counters;
#[cfg(any(feature = "flash", feature = "link", feature = "recorder"))]
mod crc;
#[cfg(feature = "defmt-1")]
mod format;
mod id;
mod limits;
mod repair;

pub mod batch;
pub mod exporter;
#[cfg(feature = "flash")]
pub mod flash;
#[cfg(feature = "link")]
pub mod link;
pub mod otlp;
pub mod pipeline;
pub mod platform;
pub mod processor;
pub mod propagation;
pub mod record;
#[cfg(feature = "recorder")]
pub mod recorder;
pub mod retry;
pub mod ring;
pub mod sampler;
pub mod time;
pub mod transport;
pub mod wire;

pub use aggregate::{
    Aggregation, ExemplarFilter, Kind as InstrumentKind, MetricSettings, MetricUsage, Metrics, Preference,
    PreparedAttributes, View,
};
pub use context::{SpanContext, SpanId, TraceId};
pub use counters::{Counters, Loss, ParentOrigin};
pub use id::Seed;
pub use limits::{AttributeLimits, Limits};
pub use otlp::Signal;
pub use otlp::common::{Key, Scope, Value};
pub use otlp::logs::Severity;
pub use otlp::resource::Resource;
pub use otlp::trace::{SpanKind, StatusCode};
pub use pipeline::Pipeline;
pub use record::{
    BoundCounter, BoundGauge, BoundHistogram, BoundUpDownCounter, Counter, Current, Entered, Gauge,
    Histogram, InstrumentBuilder, Log, Logger, Measure, Meter, Observer, Scoped, Span, SpanBuilder, Tracer,
    UpDownCounter,
};
