//! What an application's telemetry says of itself, if asked to.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use prost::Message;
use smoltel::transport::{Answer, Otlp, Outcome, Request, Transport};
use smoltel::{Builder, Signal, Telemetry};
use smoltel_proto::types::collector::metrics::v1::ExportMetricsServiceRequest;
use smoltel_proto::types::common::v1::{KeyValue, any_value::Value};
use smoltel_proto::types::metrics::v1::{Metric, metric::Data, number_data_point};
use smoltel_tests::sink::{Received, Reply, Sink};

/// Long enough for anything that ends by itself.
const AMPLE: Duration = Duration::from_secs(20);
/// A partial success that rejects two items.
const TWO_REJECTED: &[u8] = b"\x0A\x02\x08\x02";

fn builder(sink: &Sink) -> Builder {
    Telemetry::builder("own").endpoint(sink.url()).on_message(|_| {}).own_metrics()
}

/// An endpoint that takes metrics, and answers to logs with a status that can be changed.
fn logs_get(status: u16, body: &'static [u8]) -> (Sink, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(status));
    let answered = status.clone();
    let reply = move |request: &Received| match request.path.as_str() {
        "/v1/logs" => Reply::Status(answered.load(Ordering::Relaxed), "retry-after: 0\r\n", body.to_vec()),
        _ => Reply::ok(),
    };
    (Sink::replying(reply), status)
}

fn log(telemetry: &Telemetry, records: usize) {
    (0..records).for_each(|_| telemetry.logger("l").info("x"));
}

/// What arrived last of metrics.
struct Seen(Vec<Metric>);

impl Seen {
    /// Collects, sends and looks. An export of metrics is told of by the next.
    fn of(telemetry: &Telemetry, sink: &Sink) -> Self {
        Self::within(AMPLE, telemetry, sink)
    }

    fn within(timeout: Duration, telemetry: &Telemetry, sink: &Sink) -> Self {
        telemetry.flush(timeout);
        let received = sink.received("/v1/metrics");
        Self::decode(&received.last().expect("metrics have arrived").body)
    }

    fn decode(body: &[u8]) -> Self {
        let request = ExportMetricsServiceRequest::decode(body).unwrap();
        let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        let own = scopes.filter(|scope| scope.scope.as_ref().is_some_and(|scope| scope.name == "smoltel"));
        Self(own.flat_map(|scope| scope.metrics).collect())
    }

    /// The points of a name: attributes that are not of the component, and a sum or a count.
    fn points(&self, name: &str) -> Vec<(String, i64)> {
        let named = self.0.iter().filter(|metric| metric.name == format!("otel.sdk.{name}"));
        let mut points: Vec<_> =
            named.flat_map(points).map(|(keys, value)| (text(keys, false), value)).collect();
        points.sort();
        points
    }

    /// The points of an exporter of logs.
    fn logs(&self, name: &str) -> Vec<(String, i64)> {
        let named = self.0.iter().filter(|metric| metric.name == format!("otel.sdk.exporter.{name}"));
        let of_logs = |(keys, _): &(&[KeyValue], i64)| text(keys, true).contains("otlp_http_log_exporter/0");
        let mut points: Vec<_> =
            named.flat_map(points).filter(of_logs).map(|(keys, value)| (text(keys, false), value)).collect();
        points.sort();
        points
    }
}

fn points(metric: &Metric) -> Vec<(&[KeyValue], i64)> {
    let sum = |value| match value {
        Some(number_data_point::Value::AsInt(value)) => value,
        other => panic!("{other:?}"),
    };
    match metric.data.as_ref().unwrap() {
        Data::Sum(data) => data.data_points.iter().map(|p| (&p.attributes[..], sum(p.value))).collect(),
        Data::Histogram(data) => {
            data.data_points.iter().map(|p| (&p.attributes[..], p.count as i64)).collect()
        }
        other => panic!("{other:?}"),
    }
}

/// Attributes as `key=value`, in the order of their keys; those of the component only if wanted.
fn text(attributes: &[KeyValue], component: bool) -> String {
    let value = |pair: &KeyValue| match pair.value.as_ref().unwrap().value.as_ref().unwrap() {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    let of_component = |key: &str| key.starts_with("otel.component.") || key.starts_with("server.");
    let wanted = attributes.iter().filter(|pair| component || !of_component(&pair.key));
    let mut pairs: Vec<_> = wanted.map(|pair| format!("{}={}", pair.key, value(pair))).collect();
    pairs.sort();
    pairs.join(",")
}

fn at<const N: usize>(points: [(&str, i64); N]) -> Vec<(String, i64)> {
    points.map(|(attributes, value)| (attributes.to_owned(), value)).to_vec()
}

#[test]
fn all_metrics_are_there_as_the_conventions_name_them() {
    let sink = Sink::start();
    let telemetry = builder(&sink).build().unwrap();
    telemetry.tracer("t").start("s").end();
    log(&telemetry, 1);
    telemetry.flush(AMPLE);
    let seen = Seen::of(&telemetry, &sink);
    let mut found: Vec<_> = seen
        .0
        .iter()
        .map(|metric| {
            let kind = match metric.data.as_ref().unwrap() {
                Data::Sum(sum) if sum.is_monotonic => "counter",
                Data::Sum(_) => "up-down counter",
                Data::Histogram(data) => {
                    assert!(data.data_points.iter().all(|point| point.bucket_counts.len() == 1));
                    "histogram"
                }
                other => panic!("{other:?}"),
            };
            (metric.name.as_str(), metric.unit.as_str(), kind)
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    let expected = [
        ("otel.sdk.exporter.log.exported", "{log_record}", "counter"),
        ("otel.sdk.exporter.log.inflight", "{log_record}", "up-down counter"),
        ("otel.sdk.exporter.metric_data_point.exported", "{data_point}", "counter"),
        ("otel.sdk.exporter.metric_data_point.inflight", "{data_point}", "up-down counter"),
        ("otel.sdk.exporter.operation.duration", "s", "histogram"),
        ("otel.sdk.exporter.span.exported", "{span}", "counter"),
        ("otel.sdk.exporter.span.inflight", "{span}", "up-down counter"),
        ("otel.sdk.log.created", "{log_record}", "counter"),
        ("otel.sdk.metric_reader.collection.duration", "s", "histogram"),
        ("otel.sdk.processor.log.processed", "{log_record}", "counter"),
        ("otel.sdk.processor.log.queue.size", "{log_record}", "up-down counter"),
        ("otel.sdk.processor.span.processed", "{span}", "counter"),
        ("otel.sdk.processor.span.queue.size", "{span}", "up-down counter"),
        ("otel.sdk.span.live", "{span}", "up-down counter"),
        ("otel.sdk.span.started", "{span}", "counter"),
    ];
    assert_eq!(found, expected);
    assert_eq!(seen.points("processor.log.processed"), at([("", 1)]));
    assert_eq!(seen.points("processor.log.queue.size"), at([("", 0)]));
    assert_eq!(seen.points("metric_reader.collection.duration"), at([("", 1)]));
}

#[test]
fn an_exporter_is_named_with_its_server() {
    let sink = Sink::start();
    let telemetry = builder(&sink).build().unwrap();
    telemetry.tracer("t").start("s").end();
    telemetry.flush(AMPLE);
    let seen = Seen::of(&telemetry, &sink);
    let exported = seen.0.iter().find(|metric| metric.name == "otel.sdk.exporter.span.exported").unwrap();
    let expected = format!(
        "otel.component.name=otlp_http_span_exporter/0,otel.component.type=otlp_http_span_exporter,\
         server.address=127.0.0.1,server.port={}",
        sink.address().port()
    );
    let found: Vec<_> = points(exported).into_iter().map(|(keys, value)| (text(keys, true), value)).collect();
    assert_eq!(found, [(expected, 1)]);
}

#[test]
fn rejected_items_have_failed_and_the_others_have_not() {
    let (sink, _) = logs_get(200, TWO_REJECTED);
    let telemetry = builder(&sink).build().unwrap();
    log(&telemetry, 5);
    telemetry.flush(AMPLE);
    let seen = Seen::of(&telemetry, &sink);
    assert_eq!(seen.logs("log.exported"), at([("", 3), ("error.type=rejected", 2)]));
    assert_eq!(seen.logs("log.inflight"), at([("", 0)]));
    let ended = at([("error.type=rejected,http.response.status_code=200", 1)]);
    assert_eq!(seen.logs("operation.duration"), ended);
}

#[test]
fn a_refusal_has_its_status() {
    let (sink, _) = logs_get(400, b"");
    let telemetry = builder(&sink).build().unwrap();
    log(&telemetry, 5);
    telemetry.flush(AMPLE);
    let seen = Seen::of(&telemetry, &sink);
    assert_eq!(seen.logs("log.exported"), at([("error.type=400", 5)]));
    assert_eq!(seen.logs("operation.duration"), at([("error.type=400,http.response.status_code=400", 1)]));
    assert_eq!(seen.points("processor.log.processed"), at([("", 5)]), "it was processed nonetheless");
}

#[test]
fn an_export_ends_with_its_last_attempt_however_many_there_were() {
    let (sink, status) = logs_get(503, b"");
    let telemetry = builder(&sink).build().unwrap();
    log(&telemetry, 5);
    // Shorter than a backoff, so that a flush tries once.
    let flushed = || Seen::within(Duration::from_millis(400), &telemetry, &sink);
    smoltel_tests::eventually("they are in flight", || flushed().logs("log.inflight") == at([("", 5)]));
    let first = Instant::now();
    for _ in 0..3 {
        let seen = flushed();
        assert_eq!((seen.logs("log.exported"), seen.logs("operation.duration")), (vec![], vec![]));
    }
    let tried = first.elapsed();
    status.store(200, Ordering::Relaxed);
    telemetry.flush(AMPLE);
    let seen = Seen::of(&telemetry, &sink);
    assert_eq!((seen.logs("log.exported"), seen.logs("log.inflight")), (at([("", 5)]), at([("", 0)])));
    assert_eq!(seen.logs("operation.duration"), at([("http.response.status_code=200", 1)]));
    let duration =
        seen.0.iter().find(|metric| metric.name == "otel.sdk.exporter.operation.duration").unwrap();
    let Some(Data::Histogram(data)) = &duration.data else { panic!("a histogram") };
    let of_logs = |keys: &[KeyValue]| text(keys, true).contains("_log_");
    let point = data.data_points.iter().find(|point| of_logs(&point.attributes)).unwrap();
    assert!(point.sum.unwrap() >= tried.as_secs_f64(), "{:?} s, of them {tried:?} in vain", point.sum);
}

#[test]
fn what_waits_on_disk_is_in_flight_over_restarts() {
    let (sink, status) = logs_get(503, b"");
    let dir = tempfile::tempdir().unwrap();
    let spooled = || builder(&sink).spool_of(dir.path(), 4 << 20).build().unwrap();
    let telemetry = spooled();
    log(&telemetry, 5);
    assert_eq!(telemetry.flush(AMPLE).spooled, 5);
    log(&telemetry, 2);
    assert_eq!(telemetry.flush(AMPLE).spooled, 7);
    assert_eq!(Seen::of(&telemetry, &sink).logs("log.inflight"), at([("", 7)]));
    telemetry.shutdown(AMPLE);

    let telemetry = spooled();
    let seen = Seen::of(&telemetry, &sink);
    assert_eq!((seen.logs("log.inflight"), seen.logs("log.exported")), (at([("", 7)]), vec![]));
    assert_eq!(seen.points("processor.log.processed"), at([("", 0)]), "that was in the run before");
    status.store(200, Ordering::Relaxed);
    smoltel_tests::eventually("the spool is empty", || telemetry.flush(AMPLE).spooled == 0);
    let seen = Seen::of(&telemetry, &sink);
    assert_eq!((seen.logs("log.inflight"), seen.logs("log.exported")), (at([("", 0)]), at([("", 7)])));
}

#[test]
fn what_the_disk_lost_has_failed() {
    let (sink, status) = logs_get(503, b"");
    let dir = tempfile::tempdir().unwrap();
    let telemetry = builder(&sink).spool_of(dir.path(), 4 << 20).build().unwrap();
    telemetry.logger("l").info("the only words");
    assert_eq!(telemetry.flush(AMPLE).spooled, 1);
    let file = OpenOptions::new().read(true).write(true).open(dir.path().join("spool.dat")).unwrap();
    let mut bytes = vec![0; 1 << 20];
    file.read_at(&mut bytes, 0).unwrap();
    let place = bytes.windows(9).position(|words| words == b"only word").expect("it is on the disk");
    file.write_all_at(b"e", place as u64).unwrap();
    status.store(200, Ordering::Relaxed);
    smoltel_tests::eventually("the damage is found", || telemetry.flush(AMPLE).spooled == 0);
    let seen = Seen::of(&telemetry, &sink);
    assert_eq!(seen.logs("log.exported"), at([("error.type=spool", 1)]));
    assert_eq!(seen.logs("log.inflight"), at([("", 0)]));
}

#[test]
fn an_export_makes_no_other() {
    let sink = Sink::start();
    let telemetry = builder(&sink).build().unwrap();
    for flushes in 1..=3 {
        Seen::of(&telemetry, &sink);
        assert_eq!(sink.received("/v1/metrics").len(), flushes);
    }
    let points = telemetry.report().recorded;
    let seen = Seen::of(&telemetry, &sink);
    let name = "exporter.metric_data_point.exported";
    assert_eq!(seen.points(name), at([("", points as i64)]));
}

/// Takes metrics, and refuses all else without asking anybody.
struct Own(Otlp);

impl Transport for Own {
    fn send(&mut self, request: &Request<'_>, deadline: Instant) -> Outcome {
        match request.signal {
            Signal::Metrics => self.0.send(request, deadline),
            _ => Outcome::new(Answer::BadData, "no"),
        }
    }

    fn destination(&self, _: Signal) -> String {
        String::new()
    }
}

#[test]
fn a_transport_of_ones_own_is_named_by_its_type_and_each_exporter_is_another() {
    let sink = Sink::start();
    let telemetry = builder(&sink).transport(Own(Otlp::under(&sink.url()).unwrap())).build().unwrap();
    telemetry.tracer("t").start("s").end();
    log(&telemetry, 1);
    telemetry.flush(AMPLE);
    let seen = Seen::of(&telemetry, &sink);
    let duration = seen.0.iter().filter(|metric| metric.name == "otel.sdk.exporter.operation.duration");
    let mut found: Vec<_> = duration.flat_map(points).map(|(keys, _)| text(keys, true)).collect();
    found.sort();
    let component = |number, error| {
        let name = std::any::type_name::<Own>();
        format!("{error}otel.component.name={name}/{number},otel.component.type={name}")
    };
    let (refused, accepted) = ("error.type=_OTHER,", "http.response.status_code=200,");
    assert_eq!(found, [component(0, refused), component(2, refused), component(1, accepted)]);
}
