//! What users hold: a [`Tracer`] makes [`Span`]s, a [`Logger`] makes [`Log`] records, a [`Meter`] makes
//! instruments. They write OTLP straight into slots; nothing is kept in another form.

mod counter;
mod current;
mod log;
mod logger;
mod meter;
mod open;
mod scoped;
mod span;
mod tracer;

pub use counter::{BoundCounter, Counter};
pub use current::{Current, Entered};
pub use log::Log;
pub use logger::Logger;
pub use meter::Meter;
pub use scoped::Scoped;
pub use span::Span;
pub use tracer::{SpanBuilder, Tracer};
