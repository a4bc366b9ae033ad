//! What users hold: a [`Tracer`] makes [`Span`]s, a [`Logger`] makes [`Log`] records, a [`Meter`] makes
//! instruments. They write OTLP straight into slots; nothing is kept in another form.

#[cfg(feature = "recorder")]
mod aborted;
mod counter;
mod current;
mod gauge;
mod histogram;
mod instrument;
mod instrument_builder;
mod log;
mod logger;
mod meter;
mod observer;
mod open;
mod scoped;
mod self_observability;
mod span;
mod tracer;
mod up_down_counter;

#[cfg(feature = "recorder")]
pub(crate) use aborted::{fatal, span as aborted_span};
pub use counter::{BoundCounter, Counter};
pub use current::{Current, Entered};
pub use gauge::{BoundGauge, Gauge};
pub use histogram::{BoundHistogram, Histogram};
pub use instrument::Measure;
pub use instrument_builder::InstrumentBuilder;
pub use log::Log;
pub use logger::Logger;
pub use meter::Meter;
pub use observer::Observer;
pub use scoped::Scoped;
pub use span::Span;
pub use tracer::{SpanBuilder, Tracer};
pub use up_down_counter::{BoundUpDownCounter, UpDownCounter};
