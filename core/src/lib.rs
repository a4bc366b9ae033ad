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
//!
//! Everything that goes on over time takes `now` and says when it next wants to run, so it can be
//! driven from a main loop, an interrupt or a task. [`Pipeline`] has an example to start from.

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

#[cfg(test)]
extern crate std;

/// `Debug` for a type over a platform: its name, since memory and locks show nothing that helps.
macro_rules! opaque_debug {
    ($name:ident<$($lifetime:lifetime,)? P>) => {
        impl<P: $crate::platform::Platform> core::fmt::Debug for $name<$($lifetime,)? P> {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}
use opaque_debug;

mod aggregate;
mod context;
mod counters;
mod id;
mod limits;
mod repair;

pub mod batch;
pub mod exporter;
pub mod otlp;
pub mod pipeline;
pub mod platform;
pub mod processor;
pub mod propagation;
pub mod record;
pub mod retry;
pub mod ring;
pub mod sampler;
pub mod time;
pub mod transport;
pub mod wire;

pub use aggregate::{Aggregation, ExemplarFilter, MetricSettings, MetricUsage, Metrics, Preference};
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
