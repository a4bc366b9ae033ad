//! What the worker measures of itself, if asked to: `otel.sdk.exporter.*` and `otel.sdk.metric_reader.*`, by the
//! [semantic conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/).
//!
//! Their points are points like others, and leave with them; an export never makes another one. An export is over
//! when its items are accepted, refused or lost: as long as they are tried, on disk or not, they are in flight.

use std::time::{Duration, Instant};

use smoltel_core::{BoundHistogram, Pipeline};

use crate::platform::Threads;
use crate::transport::{Answer, Outcome, Status, Transport};
use crate::{Counter, Histogram, Key, Meter, Scope, Signal, UpDownCounter, Value};

const TYPE: Key<'static> = Key::new("otel.component.type");
const NAME: Key<'static> = Key::new("otel.component.name");
const ADDRESS: Key<'static> = Key::new("server.address");
const PORT: Key<'static> = Key::new("server.port");
const ERROR: Key<'static> = Key::new("error.type");
const HTTP_STATUS: Key<'static> = Key::new("http.response.status_code");
const RPC_STATUS: Key<'static> = Key::new("rpc.status_code");

/// `error.type` of items that the other side refused out of a request that it took.
const REJECTED: &str = "rejected";
/// `error.type` of items that were lost on disk; the [`Report`](crate::Report) says why.
const SPOOL: &str = "spool";
/// `error.type` of a request that was refused before it got to the other side.
const OTHER: &str = "_OTHER";
/// A histogram of one bucket.
const ONE_BUCKET: &[f64] = &[];

/// What a failure is called, by the number that said so.
fn error_type(status: Option<Status>) -> String {
    match status {
        Some(Status::Http(code) | Status::Grpc(code)) => code.to_string(),
        None => OTHER.to_owned(),
    }
}

/// The meter of these metrics; those that the pipeline observes by itself are there already.
pub(crate) fn meter(pipeline: &std::sync::Arc<Pipeline<Threads>>) -> Meter {
    let scope = Scope::new("smoltel").version(env!("CARGO_PKG_VERSION"));
    let meter = Meter::new(pipeline.clone(), pipeline.declare((&scope).into()));
    meter.observe_pipeline();
    meter
}

/// How long collections take.
pub(crate) fn collection_duration(meter: &Meter) -> BoundHistogram<Threads> {
    let duration = meter.instrument("otel.sdk.metric_reader.collection.duration").unit("s");
    let reader = [(TYPE, "periodic_metric_reader".into()), (NAME, "periodic_metric_reader/0".into())];
    duration.bounds(ONE_BUCKET).histogram().bind(&reader)
}

/// The exports of one signal.
pub(crate) struct ExportMetrics {
    exporter: Exporter,
    exported: Counter,
    inflight: UpDownCounter,
    duration: Histogram,
    /// Items that were given to the exporter, and of which it is not known yet what became.
    in_flight: u64,
    /// What `inflight` was told of them.
    told: i64,
    /// When what is tried now was tried first.
    began: Option<Instant>,
}

/// The attributes that all metrics of an exporter have.
struct Exporter {
    kind: &'static str,
    name: String,
    server: Option<(String, u16)>,
}

impl ExportMetrics {
    /// Metrics of a signal's exports through `transport`, which was given `found` items before the start.
    pub(crate) fn new(meter: &Meter, signal: Signal, transport: &dyn Transport, found: u64) -> Self {
        let (items, unit) = match signal {
            Signal::Traces => ("span", "{span}"),
            Signal::Metrics => ("metric_data_point", "{data_point}"),
            Signal::Logs => ("log", "{log_record}"),
        };
        let of = |what: &str| meter.instrument(format!("otel.sdk.exporter.{items}.{what}")).unit(unit);
        let duration = meter.instrument("otel.sdk.exporter.operation.duration").unit("s");
        Self {
            exporter: Exporter::new(signal, transport),
            exported: of("exported").counter(),
            inflight: of("inflight").up_down_counter(),
            duration: duration.bounds(ONE_BUCKET).histogram(),
            in_flight: found,
            told: 0,
            began: None,
        }
    }

    /// The exporter was given items.
    pub(crate) fn given(&mut self, items: u64) {
        self.in_flight += items;
    }

    /// It tries to send, for the first time or again.
    pub(crate) fn tries(&mut self) {
        self.began.get_or_insert_with(Instant::now);
    }

    /// The last try of an export has ended that way.
    pub(crate) fn ended(&mut self, items: u64, outcome: &Outcome) {
        let took = self.began.take().map_or(Duration::ZERO, |began| began.elapsed());
        let (error, failed) = match outcome.answer {
            Answer::Accepted { rejected: 0 } => (None, 0),
            Answer::Accepted { rejected } => (Some(REJECTED.to_owned()), rejected.min(items)),
            _ => (Some(error_type(outcome.status)), items),
        };
        self.leave(items - failed, None);
        self.leave(failed, error.as_deref());
        self.duration.record(took.as_secs_f64(), &self.exporter.attributes(error.as_deref(), outcome.status));
    }

    /// Says what is in flight, of which so many items are there still: the others were lost on disk.
    pub(crate) fn observe(&mut self, there: u64) {
        self.leave(self.in_flight.saturating_sub(there), Some(SPOOL));
        let in_flight = i64::try_from(self.in_flight).unwrap_or(i64::MAX);
        self.inflight.add(in_flight - self.told, &self.exporter.attributes(None, None));
        self.told = in_flight;
    }

    fn leave(&mut self, items: u64, error: Option<&str>) {
        self.in_flight = self.in_flight.saturating_sub(items);
        if items > 0 {
            self.exported.add(items, &self.exporter.attributes(error, None));
        }
    }
}

impl Exporter {
    fn new(signal: Signal, transport: &dyn Transport) -> Self {
        let kind = transport.component_type(signal);
        let before = Signal::ALL.iter().take(signal as usize);
        let number = before.filter(|before| transport.component_type(**before) == kind).count();
        Self { kind, name: format!("{kind}/{number}"), server: transport.server(signal) }
    }

    fn attributes<'a>(&'a self, error: Option<&'a str>, status: Option<Status>) -> Vec<(Key<'a>, Value<'a>)> {
        let mut attributes = vec![(TYPE, self.kind.into()), (NAME, self.name.as_str().into())];
        if let Some((address, port)) = &self.server {
            attributes.extend([(ADDRESS, address.as_str().into()), (PORT, i64::from(*port).into())]);
        }
        attributes.extend(error.map(|error| (ERROR, error.into())));
        attributes.extend(status.map(|status| match status {
            Status::Http(code) => (HTTP_STATUS, i64::from(code).into()),
            Status::Grpc(code) => (RPC_STATUS, i64::from(code).into()),
        }));
        attributes
    }
}
