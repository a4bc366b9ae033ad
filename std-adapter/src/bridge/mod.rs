//! What other libraries record, as smoltel's records.
//!
//! | feature | what | from |
//! |---|---|---|
//! | `bridge-tracing` | [`TracingLayer`] | `tracing`'s spans and events |
//! | `bridge-log` | [`LogBridge`] | the `log` crate's records |
//! | `bridge-metrics` | [`MetricsRecorder`] | the `metrics` crate's counters, gauges and histograms |
//! | `bridge-opentelemetry-033` | [`opentelemetry_033`] | the `opentelemetry` SDK, as its exporters |
//! | `http-1` | [`http_1`] | trace context in header maps |
//!
//! None of them listens to the thread that sends: what an HTTP client logs there would be sent in turn.

#[cfg(feature = "http-1")]
pub mod http_1;
#[cfg(feature = "bridge-log")]
mod log;
#[cfg(feature = "bridge-metrics")]
mod metrics;
#[cfg(feature = "bridge-opentelemetry-033")]
pub mod opentelemetry_033;
#[cfg(any(feature = "bridge-log", feature = "bridge-tracing"))]
mod scopes;
#[cfg(any(feature = "bridge-log", feature = "bridge-tracing"))]
mod text;
#[cfg(feature = "bridge-tracing")]
mod tracing;

#[cfg(feature = "bridge-log")]
pub use log::LogBridge;
#[cfg(feature = "bridge-metrics")]
pub use metrics::MetricsRecorder;
#[cfg(feature = "bridge-tracing")]
pub use tracing::{Events, TracingLayer};
