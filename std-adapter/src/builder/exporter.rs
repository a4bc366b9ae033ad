//! Where telemetry goes, and how.

use std::time::Duration;

use super::Builder;
use crate::Signal;
#[cfg(feature = "file")]
use crate::config::Output;
use crate::transport::pool::Strategy;
use crate::transport::{Compression, Endpoint, Protocol, Transport};

impl Builder {
    /// The base URL of the endpoint; for HTTP `/v1/traces` and so on are added. Environment:
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`; default: `http://localhost:4318`, or 4317 for gRPC.
    pub fn endpoint(mut self, base: impl Into<String>) -> Self {
        self.exporter.endpoint = Some(base.into());
        self
    }

    /// Several endpoints by their base URLs, in the order of preference, instead of one. Environment: `SMOLTEL_ENDPOINTS`,
    /// the strategy's name and the URLs with spaces between them.
    ///
    /// ```
    /// use smoltel::transport::pool::Strategy;
    /// # use std::time::Duration;
    /// let urls = ["http://127.0.0.1:9", "http://127.0.0.1:10"];
    /// let telemetry = smoltel::Telemetry::builder("thermostat").endpoints(Strategy::Failover, urls).build()?;
    /// assert_eq!(telemetry.endpoints()[0].name, "http://127.0.0.1:9");
    /// # telemetry.shutdown(Duration::ZERO);
    /// # Ok::<(), smoltel::ConfigError>(())
    /// ```
    pub fn endpoints(
        mut self,
        strategy: Strategy,
        bases: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        self.exporter.pool = Some((strategy, bases.into_iter().map(Into::into).collect()));
        self
    }

    /// How requests are put on the wire. Environment: `OTEL_EXPORTER_OTLP_PROTOCOL`; default: `http/protobuf`.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.exporter.protocol = Some(protocol);
        self
    }

    /// The whole endpoint of one signal. Environment: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` and its like.
    pub fn endpoint_for(mut self, signal: Signal, endpoint: Endpoint) -> Self {
        self.exporter.endpoints[signal as usize] = Some(endpoint);
        self
    }

    /// Sends one more header with every request. Environment: `OTEL_EXPORTER_OTLP_HEADERS`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.exporter.headers.push((name.into(), value.into()));
        self
    }

    /// Whether requests are compressed. Environment: `OTEL_EXPORTER_OTLP_COMPRESSION`; default: they are
    /// not.
    pub fn compression(mut self, compression: Compression) -> Self {
        self.exporter.compression = Some(compression);
        self
    }

    /// The most that one attempt may take. Environment: `OTEL_EXPORTER_OTLP_TIMEOUT`; default: 10 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.exporter.timeout = Some(timeout);
        self
    }

    /// Trusts what the operating system trusts, instead of Mozilla's certificates.
    #[cfg(feature = "native-roots")]
    pub fn system_roots(mut self) -> Self {
        self.exporter.system_roots = true;
        self
    }

    /// Writes OTLP JSON Lines on standard output, instead of sending. Environment: `OTEL_TRACES_EXPORTER=otlp/stdout` and
    /// its like, for each signal.
    #[cfg(feature = "file")]
    pub fn stdout(mut self) -> Self {
        self.exporter.output = Some(Output::Stdout);
        self
    }

    /// Writes OTLP JSON Lines into `traces.jsonl`, `metrics.jsonl` and `logs.jsonl` of a directory, instead of sending.
    /// Environment: `OTEL_TRACES_EXPORTER=otlp/file:DIRECTORY` and its like, for each signal.
    /// [`Files`](crate::transport::file::Files) has their bounds.
    #[cfg(feature = "file")]
    pub fn files(mut self, dir: impl Into<std::path::PathBuf>) -> Self {
        self.exporter.output = Some(Output::Files(dir.into()));
        self
    }

    /// Sends through a transport of one's own; endpoints and headers are then not used.
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.exporter.transport = Some(Box::new(transport));
        self
    }
}
