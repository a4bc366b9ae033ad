//! What a program sets of spans, log records and batches is what its endpoint sees.

use std::time::{Duration, Instant};

use prost::Message;
use smoltel::processor::Deny;
use smoltel::sampler::AlwaysOff;
use smoltel::{BatchSettings, Builder, InstrumentKind, Severity, Telemetry, View};
use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;
use smoltel_proto::types::collector::metrics::v1::ExportMetricsServiceRequest;
use smoltel_proto::types::collector::trace::v1::ExportTraceServiceRequest;
use smoltel_proto::types::logs::v1::LogRecord;
use smoltel_proto::types::metrics::v1::metric;
use smoltel_proto::types::trace::v1::Span;
use smoltel_tests::sink::{Reply, Sink};

const LONG: Duration = Duration::from_secs(3600);

fn builder(sink: &Sink) -> Builder {
    Telemetry::builder("settings").endpoint(sink.url()).on_message(|_| {})
}

/// The spans of each request.
fn spans(sink: &Sink) -> Vec<Vec<Span>> {
    let decode = |body: &[u8]| ExportTraceServiceRequest::decode(body).unwrap();
    let spans = |request: ExportTraceServiceRequest| {
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    };
    sink.received("/v1/traces").iter().map(|request| spans(decode(&request.body))).collect()
}

/// The log records of each request.
fn logs(sink: &Sink) -> Vec<Vec<LogRecord>> {
    let decode = |body: &[u8]| ExportLogsServiceRequest::decode(body).unwrap();
    let logs = |request: ExportLogsServiceRequest| {
        let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
        scopes.flat_map(|scope| scope.log_records).collect()
    };
    sink.received("/v1/logs").iter().map(|request| logs(decode(&request.body))).collect()
}

/// Waits for what the worker does on its own.
fn until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "it never came");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

#[test]
fn a_sampler_decides_about_spans_and_about_nothing_else() {
    let sink = Sink::start();
    let telemetry = builder(&sink).traces(|traces| _ = traces.sampler(AlwaysOff)).build().unwrap();
    let span = telemetry.tracer("t").start("unseen");
    assert!(!span.context().is_sampled());
    span.end();
    telemetry.logger("t").info("seen");
    let report = telemetry.shutdown(Duration::from_secs(10));
    assert_eq!((spans(&sink).len(), logs(&sink).len(), report.dropped()), (0, 1, 0), "{report}");
}

#[test]
fn limits_are_each_models_own() {
    let sink = Sink::start();
    let telemetry = builder(&sink)
        .traces(|traces| (traces.attributes.count, traces.events) = (2, 1))
        .logs(|logs| logs.attributes.value_len = 3)
        .build()
        .unwrap();
    let mut span = telemetry.tracer("t").start("s");
    span.set("a", "long").set("b", 2).set("c", 3).event("one", &[]).event("two", &[]);
    span.end();
    telemetry.logger("t").log(Severity::Info).set("a", "long").set("b", 2).set("c", 3).emit();
    telemetry.shutdown(Duration::from_secs(10));
    let (spans, logs) = (spans(&sink).concat(), logs(&sink).concat());
    let [span] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!((span.attributes.len(), span.dropped_attributes_count), (2, 1));
    assert_eq!((span.events.len(), span.dropped_events_count), (1, 1));
    assert_eq!(logs[0].attributes.len(), 3);
    let text = format!("{:?}", logs[0].attributes[0].value);
    assert!(text.contains("\"lon\""), "{text}");
}

#[test]
fn requests_have_no_more_items_than_allowed_and_keep_their_order() {
    let sink = Sink::start();
    let telemetry = builder(&sink)
        .traces(|traces| (traces.batch.delay, traces.batch.max_items) = (LONG, 3))
        .build()
        .unwrap();
    let tracer = telemetry.tracer("t");
    (0..8).for_each(|number| tracer.start(&number.to_string()).end());
    let report = telemetry.shutdown(Duration::from_secs(10));
    assert_eq!((report.exported, report.dropped()), (8, 0), "{report}");
    let requests = spans(&sink);
    assert_eq!(requests.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 2]);
    let names: Vec<String> = requests.concat().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["0", "1", "2", "3", "4", "5", "6", "7"]);
}

#[test]
fn an_error_leaves_at_once_with_all_that_waits() {
    let sink = Sink::start();
    let telemetry = builder(&sink)
        .traces(|traces| traces.batch.delay = LONG)
        .logs(|logs| logs.batch.delay = LONG)
        .build()
        .unwrap();
    telemetry.logger("t").info("before");
    telemetry.logger("t").error("now");
    until(|| logs(&sink).concat().len() == 2);
    let mut span = telemetry.tracer("t").start("s");
    span.fail("broken");
    span.end();
    until(|| spans(&sink).concat().len() == 1);
    telemetry.shutdown(Duration::from_secs(10));
}

#[test]
fn where_nothing_is_urgent_an_error_waits_like_everything() {
    let sink = Sink::start();
    let telemetry = builder(&sink)
        .logs(|logs| (logs.batch.delay, logs.batch.urgent) = (LONG, false))
        .traces(|traces| traces.batch.delay = LONG)
        .build()
        .unwrap();
    telemetry.logger("t").error("waits");
    // A failed span after it has left: the log record had its chance.
    let mut span = telemetry.tracer("t").start("s");
    span.fail("broken");
    span.end();
    until(|| spans(&sink).concat().len() == 1);
    assert!(logs(&sink).is_empty());
    telemetry.shutdown(Duration::from_secs(10));
    assert_eq!(logs(&sink).concat().len(), 1);
}

#[test]
fn in_real_time_records_leave_by_themselves() {
    let sink = Sink::start();
    let telemetry = builder(&sink).real_time().build().unwrap();
    telemetry.logger("t").info("soon");
    telemetry.tracer("t").start("soon").end();
    until(|| logs(&sink).len() == 1 && spans(&sink).len() == 1);
    telemetry.shutdown(Duration::from_secs(10));
}

#[test]
fn a_processor_sees_every_record_before_it_leaves() {
    static SECRETS: Deny<'_> = Deny::new(&["password"]);
    let sink = Sink::start();
    let telemetry = builder(&sink).processor(SECRETS).build().unwrap();
    let mut span = telemetry.tracer("t").start("s");
    span.set("user", "ada").set("password", "swordfish");
    span.end();
    telemetry.logger("t").log(Severity::Info).set("password", "swordfish").emit();
    telemetry.shutdown(Duration::from_secs(10));
    let bodies = [sink.received("/v1/traces"), sink.received("/v1/logs")].concat();
    assert_eq!(bodies.len(), 2);
    for request in bodies {
        assert!(!String::from_utf8_lossy(&request.body).contains("swordfish"));
    }
    assert_eq!(spans(&sink)[0][0].attributes.len(), 1);
}

#[test]
fn views_change_what_arrives_of_instruments_of_others() {
    let sink = Sink::start();
    let telemetry = builder(&sink)
        .view(View::of("*.duration").where_kind(InstrumentKind::Histogram).bounds(&[1.0]).keep(&["route"]))
        .view(View::of("request.duration").name("requests").sum().keep(&[]))
        .view(View::of("*").where_meter("noisy").drop())
        .build()
        .unwrap();
    let histogram = telemetry.meter("library").histogram("request.duration");
    let span = telemetry.tracer("t").start("a current one");
    let _entered = span.enter();
    histogram.record(0.5, &[("route".into(), "/a".into()), ("user".into(), 1.into())]);
    histogram.record(2.0, &[("route".into(), "/a".into()), ("user".into(), 2.into())]);
    telemetry.meter("noisy").counter("c").add(1, &[]);
    let report = telemetry.shutdown(Duration::from_secs(10));
    assert_eq!(report.dropped(), 0, "{report}");
    let request = ExportMetricsServiceRequest::decode(&sink.received("/v1/metrics")[0].body[..]).unwrap();
    let scopes: Vec<_> =
        request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics).collect();
    assert_eq!((scopes.len(), scopes[0].metrics.len()), (1, 2));
    let [duration, requests] = &scopes[0].metrics[..] else { panic!("{scopes:?}") };
    let Some(metric::Data::Histogram(histogram)) = &duration.data else { panic!("{duration:?}") };
    let point = &histogram.data_points[0];
    assert_eq!((&point.bucket_counts[..], &*point.attributes[0].key), (&[1, 1][..], "route"));
    assert_eq!(point.exemplars[0].filtered_attributes[0].key, "user");
    let Some(metric::Data::Sum(sum)) = &requests.data else { panic!("{requests:?}") };
    assert_eq!((&*requests.name, sum.data_points[0].attributes.len()), ("requests", 0));
    assert_eq!(sum.data_points[0].exemplars.len(), 2);
}

#[test]
fn a_view_that_would_give_many_instruments_one_name_is_refused() {
    let error = Telemetry::builder("settings").view(View::of("http.*").name("http")).build().unwrap_err();
    assert!(error.to_string().contains("http.*"), "{error}");
}

#[test]
fn simple_batches_leave_at_once_each_by_itself() {
    let sink = Sink::start();
    let simple = BatchSettings::simple();
    let telemetry = builder(&sink)
        .traces(move |traces| traces.batch = simple)
        .logs(move |logs| logs.batch = simple)
        .build()
        .unwrap();
    for _ in 0..3 {
        telemetry.tracer("t").start("s").end();
        telemetry.logger("t").info("hello");
    }
    // Nobody flushes.
    until(|| spans(&sink).len() + logs(&sink).len() == 6);
    assert!(
        spans(&sink).iter().all(|spans| spans.len() == 1) && logs(&sink).iter().all(|logs| logs.len() == 1)
    );
    telemetry.shutdown(LONG);
}

#[test]
fn an_export_of_metrics_ends_at_its_timeout() {
    let sink = Sink::replying(|_| Reply::Silence);
    let telemetry = builder(&sink)
        .timeout(LONG)
        .metric_timeout(Duration::from_millis(100))
        .metric_interval(Duration::from_millis(1))
        .build()
        .unwrap();
    telemetry.meter("m").counter("c").add(1, &[]);
    // The endpoint's own timeout is an hour.
    until(|| sink.connections() > 1);
    telemetry.shutdown(Duration::ZERO);
}
