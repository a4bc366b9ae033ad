//! Exporters for the `opentelemetry` SDK, 0.33: what a program has instrumented already gets a blocking exporter and the
//! spool by changing the line that makes its exporter.
//!
//! The SDK's data becomes OTLP's bytes, with every field, and goes out as smoltel's own does: by the transport, the retries
//! and the spool of [`Telemetry`]. The resource is the SDK's. `Ok` from an export means that the endpoint has the data, or
//! that it is safe on disk.
//!
//! ```
//! use opentelemetry::trace::{Tracer, TracerProvider};
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//! use smoltel::Telemetry;
//! use smoltel::bridge::opentelemetry_033::SpanExporter;
//!
//! let telemetry = Telemetry::builder("thermostat").endpoint("http://127.0.0.1:9").on_message(|_| {}).build()?;
//! let provider = SdkTracerProvider::builder()
//!     .with_batch_exporter(SpanExporter::new(&telemetry)) // was: SpanExporter::builder().with_http().build()?
//!     .build();
//! provider.tracer("control-loop").in_span("adjust", |_| ());
//! # drop(telemetry.shutdown(std::time::Duration::ZERO));
//! let _ = provider.shutdown(); // what is left goes to smoltel
//! # Ok::<(), smoltel::ConfigError>(())
//! ```
//!
//! Shut the SDK's provider down first, then [`Telemetry`]. The SDK's batch processors run an exporter on a thread of their
//! own, which waits while smoltel sends; they need no runtime.

mod logs;
mod metrics;
mod request;
mod traces;
mod values;

use std::fmt;
use std::future::{Future, ready};
use std::time::Duration;

use bumpalo::Bump;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::LogBatch;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::SpanData;

use self::request::Request;
use self::values::Values;
use crate::send::ReadySender;
use crate::transport::{self, Encoding};
use crate::{Signal, Telemetry, Unsent};

/// Exports the SDK's spans: for `with_batch_exporter` or `with_simple_exporter` of a tracer provider.
pub struct SpanExporter(Exporter);

/// Exports the SDK's log records: for `with_batch_exporter` or `with_simple_exporter` of a logger provider.
pub struct LogExporter(Exporter);

/// Exports the SDK's metrics: for `with_periodic_exporter` of a meter provider.
pub struct MetricExporter {
    exporter: Exporter,
    temporality: Temporality,
}

impl SpanExporter {
    /// An exporter that sends as `telemetry` does.
    pub fn new(telemetry: &Telemetry) -> Self {
        Self(Exporter::new(telemetry, Signal::Traces))
    }

    /// The most that an export waits for the endpoint or the spool; 10 s without it.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = timeout;
        self
    }
}

impl LogExporter {
    /// An exporter that sends as `telemetry` does.
    pub fn new(telemetry: &Telemetry) -> Self {
        Self(Exporter::new(telemetry, Signal::Logs))
    }

    /// The most that an export waits for the endpoint or the spool; 10 s without it.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout = timeout;
        self
    }
}

impl MetricExporter {
    /// An exporter that sends as `telemetry` does, with cumulative sums.
    pub fn new(telemetry: &Telemetry) -> Self {
        let exporter = Exporter::new(telemetry, Signal::Metrics);
        Self { exporter, temporality: Temporality::Cumulative }
    }

    /// Says what the SDK's sums and histograms cover.
    #[must_use]
    pub fn with_temporality(self, temporality: Temporality) -> Self {
        Self { temporality, ..self }
    }

    /// The most that an export waits for the endpoint or the spool; 10 s without it.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.exporter.timeout = timeout;
        self
    }
}

impl opentelemetry_sdk::trace::SpanExporter for SpanExporter {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        let arena = Bump::new();
        let values = Values(&arena);
        let mut request = Request::new(values);
        batch.iter().for_each(|span| traces::add(&mut request, span, values));
        ready(self.0.send(&request.finish(&self.0.resource), batch.len()))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

impl opentelemetry_sdk::logs::LogExporter for LogExporter {
    fn export(&self, batch: LogBatch<'_>) -> impl Future<Output = OTelSdkResult> + Send {
        let arena = Bump::new();
        let values = Values(&arena);
        let mut request = Request::new(values);
        batch.iter().for_each(|(log, scope)| logs::add(&mut request, log, scope, values));
        ready(self.0.send(&request.finish(&self.0.resource), batch.iter().count()))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

impl PushMetricExporter for MetricExporter {
    fn export(&self, metrics: &ResourceMetrics) -> impl Future<Output = OTelSdkResult> + Send {
        let arena = Bump::new();
        let values = Values(&arena);
        let mut request = Request::new(values);
        let mut points = 0;
        for scope in metrics.scope_metrics() {
            for metric in scope.metrics() {
                points += metrics::add(&mut request, metric, scope.scope(), values);
            }
        }
        let resource = request::encoded(metrics.resource(), values);
        ready(self.exporter.send(&request.finish(&resource), points))
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        self.temporality
    }
}

/// What all three have in common.
struct Exporter {
    signal: Signal,
    sender: ReadySender,
    timeout: Duration,
    /// As requests begin with it.
    resource: Vec<u8>,
}

/// What OTLP's exporters wait for by default.
const TIMEOUT: Duration = Duration::from_secs(10);

impl Exporter {
    fn new(telemetry: &Telemetry, signal: Signal) -> Self {
        Self { signal, sender: telemetry.ready_sender(), timeout: TIMEOUT, resource: Vec::new() }
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = request::encoded(resource, Values(&Bump::new()));
    }

    fn send(&self, body: &[u8], items: usize) -> OTelSdkResult {
        let (signal, items) = (self.signal, items as u64);
        let request = transport::Request { signal, body, encoding: Encoding::Identity, items };
        self.sender.send(&request, self.timeout).map(|_| ()).map_err(|unsent| match unsent {
            Unsent::Late => OTelSdkError::Timeout(self.timeout),
            Unsent::Ended => OTelSdkError::AlreadyShutdown,
            Unsent::Refused | Unsent::Compressed => OTelSdkError::InternalFailure(unsent.to_string()),
        })
    }
}

impl fmt::Debug for SpanExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanExporter").finish_non_exhaustive()
    }
}

impl fmt::Debug for LogExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogExporter").finish_non_exhaustive()
    }
}

impl fmt::Debug for MetricExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricExporter").finish_non_exhaustive()
    }
}
