//! OpenTelemetry for plain threaded programs: a blocking API, one background thread, no async runtime.
//!
//! ```
//! use smoltel::Telemetry;
//! use std::time::Duration;
//!
//! # let dir = tempfile::tempdir()?;
//! # let spool = dir.path();
//! let telemetry = Telemetry::builder("thermostat")
//!     .endpoint("http://127.0.0.1:4318")
//!     .spool(spool) // optional: survive outages and restarts
//!     .build()?;
//!
//! let tracer = telemetry.tracer("control-loop");
//! let mut span = tracer.start("adjust");
//! span.set("target.celsius", 21.5);
//! span.end();
//! telemetry.logger("control-loop").info("valve opened");
//! telemetry.meter("control-loop").counter("valve.moves").add(1, &[]);
//!
//! let report = telemetry.shutdown(Duration::from_secs(5));
//! assert_eq!(report.dropped(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Keep the [`Telemetry`] until the end, and hand out tracers, loggers and meters, which are cheap to clone. Only
//! [`flush`](Telemetry::flush), [`shutdown`](Telemetry::shutdown), [`send`](Telemetry::send) and dropping it wait for anybody. All settings are methods of its
//! [`Builder`], and the usual `OTEL_*` variables; where they meet, code wins.
//!
//! | for | see |
//! |---|---|
//! | spans within spans, on this thread or another | [`Span::enter`](smoltel_core::Span::enter), [`context`] |
//! | spans that go on with a caller's trace, and the other way round | [`propagation`] |
//! | instruments with units, buckets, callbacks | [`Meter::instrument`](smoltel_core::Meter::instrument) |
//! | where it goes: HTTP, gRPC, files, several endpoints; TLS | [`transport`], [`Builder::endpoint`] |
//! | what is recorded at all, and what it may hold | [`sampler`], [`processor`], [`Builder::traces`], [`Builder::logs`], [`View`] |
//! | what becomes of it | [`Report`], [`Loss`], [`Builder::on_export`] |
//! | programs that use `tracing`, `log`, `metrics` or the `opentelemetry` SDK | the features `bridge-…` |
//!
//! A record is encoded as OTLP once, while it is made, by [`smoltel_core`]; from then on only bytes move:
//!
//! ```text
//!  any thread               │ one lock  │ worker thread
//!  span, log ─▶ slot ───────┼▶ lane ────┼▶ request ──▶ transport ──▶ endpoint
//!  counter ─▶ points ───────┼───────────┼▶    │ no answer  ▲
//!                           │           │     └─▶ spool ───┘ when it is back
//! ```
//!
//! Nothing is lost that is not counted: [`Report`] says what was exported, spooled and dropped, and why.

#![deny(unsafe_code)] // but in `clock` and `mutex`

#[cfg(any(
    feature = "bridge-log",
    feature = "bridge-metrics",
    feature = "bridge-opentelemetry-033",
    feature = "bridge-tracing",
    feature = "http-1"
))]
pub mod bridge;
mod builder;
mod clock;
mod command;
mod config;
pub mod context;
mod diagnostics;
mod error;
#[cfg(unix)]
mod evidence;
mod mutex;
mod observe;
#[cfg(feature = "spool")]
mod outbox;
mod own_metrics;
mod panic_hook;
mod platform;
mod prometheus;
mod report;
mod resource;
mod scope;
mod send;
mod settings;
mod silence;
pub mod split;
mod stream;
mod telemetry;
mod too_large;
pub mod transport;
mod worker;

pub use builder::Builder;
pub use error::ConfigError;
pub use observe::ExportEvent;
pub use platform::{Callback, Threads};
pub use report::Report;
pub use resource::Detector;
pub use send::{Sent, Unsent};
pub use settings::{BatchSettings, ChosenProcessor, ChosenSampler, LogSettings, Propagators, TraceSettings};
pub use smoltel_core::{
    Aggregation, AttributeLimits, ExemplarFilter, InstrumentKind, Key, Loss, MetricSettings, Preference,
    PreparedAttributes, Scope, Severity, Signal, SpanContext, SpanId, SpanKind, StatusCode, TraceId, Value,
    View, otlp::resource::EntityRef, processor, propagation, sampler,
};
pub use telemetry::Telemetry;

/// Where a scope's tracers, loggers and meters come from. [`Telemetry::scope`] gives one.
pub type Scoped = smoltel_core::Scoped<Threads>;
/// Makes spans. [`Telemetry::tracer`] gives one.
pub type Tracer = smoltel_core::Tracer<Threads>;
/// A span to be described before it starts. [`Tracer::span`](smoltel_core::Tracer::span) gives one.
pub type SpanBuilder<'a> = smoltel_core::SpanBuilder<'a, Threads>;
/// An operation with a beginning and an end.
pub type Span = smoltel_core::Span<Threads>;
/// Makes log records. [`Telemetry::logger`] gives one.
pub type Logger = smoltel_core::Logger<Threads>;
/// A log record while it is written.
pub type Log = smoltel_core::Log<Threads>;
/// Makes instruments. [`Telemetry::meter`] gives one.
pub type Meter = smoltel_core::Meter<Threads>;
/// Counts what only grows.
pub type Counter<N = u64> = smoltel_core::Counter<Threads, N>;
/// A counter with its attributes.
pub type BoundCounter<N = u64> = smoltel_core::BoundCounter<Threads, N>;
/// An instrument to be described before it is made. [`Meter::instrument`](smoltel_core::Meter::instrument)
/// gives one.
pub type InstrumentBuilder = smoltel_core::InstrumentBuilder<Threads>;
/// Counts what grows and shrinks.
pub type UpDownCounter<N = i64> = smoltel_core::UpDownCounter<Threads, N>;
/// Keeps the last value.
pub type Gauge<N = f64> = smoltel_core::Gauge<Threads, N>;
/// Counts how values are distributed.
pub type Histogram = smoltel_core::Histogram<Threads>;
/// Takes what an observable instrument's callback observes.
pub type Observer<'a> = smoltel_core::Observer<'a, Threads>;

/// Sixteen random bytes.
fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // A system without randomness: the time and an address still tell processes apart.
        let place = std::ptr::from_ref(&bytes).addr() as u64;
        bytes[..8].copy_from_slice(&clock::unix_now().to_le_bytes());
        bytes[8..].copy_from_slice(&(place ^ u64::from(std::process::id())).to_le_bytes());
    }
    bytes
}
