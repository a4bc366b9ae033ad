//! What programs record by other libraries arrives as if smoltel had recorded it.

mod log;
mod metrics;
mod opentelemetry;
mod panics;
mod receiver;
mod tracing;
