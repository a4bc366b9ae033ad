//! How an application speaks to its endpoint, and what it makes of the answers.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use prost::Message;
use smoltel::transport::{Compression, Endpoint, Protocol};
use smoltel::{Aggregation, Builder, MetricSettings, Preference, Signal, Telemetry};
use smoltel_proto::types::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use smoltel_proto::types::collector::metrics::v1::ExportMetricsServiceRequest;
use smoltel_proto::types::metrics::v1::{AggregationTemporality, metric};
use smoltel_proto::types::rpc::Status;
use smoltel_tests::eventually;
use smoltel_tests::sink::{Reply, Sink};

/// Long enough for anything that ends by itself.
const AMPLE: Duration = Duration::from_secs(20);

fn builder(url: &str) -> Builder {
    Telemetry::builder("client").endpoint(url).on_message(|_| {})
}

/// A builder, and what its library will have to say.
fn heard(url: &str) -> (Builder, Arc<Mutex<Vec<String>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let ear = said.clone();
    (builder(url).on_message(move |text| ear.lock().unwrap().push(text.to_owned())), said)
}

#[test]
fn requests_say_what_they_are() {
    let sink = Sink::start();
    let telemetry = builder(&sink.url()).build().unwrap();
    telemetry.logger("l").info("hello");
    telemetry.shutdown(AMPLE);
    let request = &sink.received("/v1/logs")[0];
    assert_eq!(
        (request.method.as_str(), &*request.headers["content-type"]),
        ("POST", "application/x-protobuf")
    );
    let agent = format!("OTel-OTLP-Exporter-Rust/{}", env!("CARGO_PKG_VERSION"));
    assert!(request.headers["user-agent"].split(' ').any(|product| product == agent));
    assert_eq!(request.headers.get("content-encoding"), None, "it is not compressed");
    assert_eq!(request.headers.get("accept-encoding"), None, "and the answer must not be");
}

#[test]
fn zstandard_is_used_if_so_wished() {
    let sink = Sink::start();
    let telemetry = builder(&sink.url()).compression(Compression::Zstd).build().unwrap();
    telemetry.logger("l").info("hello");
    assert_eq!(telemetry.shutdown(AMPLE).exported, 1);
    let request = &sink.received("/v1/logs")[0];
    assert_eq!(request.headers["content-encoding"], "zstd");
    let plain = zstd::decode_all(&request.body[..]).unwrap();
    assert_eq!(ExportLogsServiceRequest::decode(&plain[..]).unwrap().resource_logs.len(), 1);
}

/// The caller may be a thread of a runtime's, and may drop everything there.
#[test]
fn inside_of_a_runtime_it_blocks_as_elsewhere() {
    let sink = Sink::start();
    let url = sink.url();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let elsewhere = {
            let url = url.clone();
            tokio::task::spawn_blocking(move || {
                let telemetry = builder(&url).build().unwrap();
                telemetry.logger("l").info("from another thread");
                telemetry.flush(AMPLE).exported
            })
        };
        let telemetry = builder(&url).build().unwrap();
        telemetry.logger("l").info("from a task");
        assert_eq!(telemetry.flush(AMPLE).exported, 1);
        assert_eq!(elsewhere.await.unwrap(), 1);
    });
    assert_eq!(sink.received("/v1/logs").len(), 2);
}

#[test]
fn json_is_spoken_both_ways() {
    let answers = [
        (200, r#"{"partialSuccess":{"rejectedLogRecords":"4","errorMessage":"four"}}"#, 6, "four"),
        (400, r#"{"code":3,"message":"the tenant is not known"}"#, 0, "the tenant is not known"),
    ];
    for (status, answer, exported, words) in answers {
        let sink = Sink::replying(move |request| {
            assert_eq!(request.headers["content-type"], "application/json");
            let json: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
            let records = &json["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
            assert_eq!(records.as_array().unwrap().len(), 10);
            assert_eq!(records[0]["body"]["stringValue"], "hello");
            Reply::Status(status, "content-type: application/json\r\n", answer.as_bytes().to_vec())
        });
        let (builder, said) = heard(&sink.url());
        let telemetry = builder.protocol(Protocol::HttpJson).compression(Compression::Gzip).build().unwrap();
        (0..10).for_each(|_| telemetry.logger("l").info("hello"));
        let report = telemetry.shutdown(AMPLE);
        assert_eq!((report.exported, report.dropped()), (exported, 10 - exported), "{report}");
        let said = said.lock().unwrap().join("\n");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn an_endpoint_of_one_signal_is_used_as_it_is() {
    let sink = Sink::start();
    for (url, path) in [(sink.url(), "/"), (format!("{}/own/logs/", sink.url()), "/own/logs/")] {
        let endpoint = Endpoint::at(url);
        let telemetry = builder("http://127.0.0.1:9").endpoint_for(Signal::Logs, endpoint).build().unwrap();
        telemetry.logger("l").info("hello");
        assert_eq!(telemetry.shutdown(AMPLE).exported, 1);
        assert_eq!(sink.received(path).len(), 1, "{path}");
    }
}

#[test]
fn an_endpoint_that_comes_later_gets_everything() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (builder, said) = heard(&format!("http://{address}"));
    let telemetry = builder.build().unwrap();
    (0..10).for_each(|_| telemetry.logger("l").info("patient"));
    telemetry.flush(Duration::from_millis(1));
    eventually("a first attempt has failed", || !said.lock().unwrap().is_empty());
    let sink = Sink::at(address, |_| Reply::ok());
    assert_eq!(telemetry.shutdown(AMPLE).exported, 10);
    assert_eq!(sink.received("/v1/logs").len(), 1);
}

#[test]
fn a_warning_is_passed_on_and_loses_nothing() {
    for warning in ["", "an attribute is deprecated"] {
        let partial = ExportLogsPartialSuccess { error_message: warning.into(), ..Default::default() };
        let body = ExportLogsServiceResponse { partial_success: Some(partial) }.encode_to_vec();
        let sink = Sink::replying(move |_| Reply::Status(200, "", body.clone()));
        let (builder, said) = heard(&sink.url());
        let telemetry = builder.build().unwrap();
        telemetry.logger("l").info("hello");
        let report = telemetry.shutdown(AMPLE);
        assert_eq!((report.exported, report.dropped()), (1, 0), "{report}");
        let said = said.lock().unwrap();
        assert_eq!(said.len(), usize::from(!warning.is_empty()), "{said:?}");
        assert!(said.iter().all(|text| text.contains(warning)), "{said:?}");
        assert_eq!(sink.received("/v1/logs").len(), 1, "it is not sent again");
    }
}

#[test]
fn what_a_refusal_says_is_passed_on() {
    // A code of gRPC that says otherwise than the status of HTTP decides nothing.
    for (status, code) in [(400, 14), (401, 0), (500, 8)] {
        let body = Status { code, message: "the tenant is not known".into(), details: Vec::new() };
        let (body, count) = (body.encode_to_vec(), Arc::new(Mutex::new(0)));
        let counted = count.clone();
        let sink = Sink::replying(move |_| {
            *counted.lock().unwrap() += 1;
            Reply::Status(status, "", body.clone())
        });
        let (builder, said) = heard(&sink.url());
        let telemetry = builder.build().unwrap();
        telemetry.logger("l").info("hello");
        assert_eq!(telemetry.shutdown(AMPLE).reasons, [("rejected", 1)]);
        let said = said.lock().unwrap().join("\n");
        assert!(said.contains("the tenant is not known") && said.contains(&status.to_string()), "{said}");
        assert_eq!(*count.lock().unwrap(), 1, "{status} is final");
    }
}

#[test]
fn redirects_are_not_followed() {
    let elsewhere = Sink::start();
    let location: &'static str = format!("location: {}/v1/logs\r\n", elsewhere.url()).leak();
    for status in [301, 307] {
        let sink = Sink::replying(move |_| Reply::Status(status, location, Vec::new()));
        let telemetry = builder(&sink.url()).build().unwrap();
        telemetry.logger("l").info("secret");
        assert_eq!(telemetry.shutdown(AMPLE).reasons, [("rejected", 1)]);
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn metrics_are_made_as_the_settings_say_and_sent_when_their_time_has_come() {
    let sink = Sink::start();
    let histograms = Aggregation::Exponential { max_size: 16 };
    let settings = MetricSettings { temporality: Preference::Delta, histograms, ..MetricSettings::DEFAULT };
    let builder = builder(&sink.url())
        .metrics(move |metrics| *metrics = settings)
        .metric_interval(Duration::from_millis(1));
    let telemetry = builder.build().unwrap();
    telemetry.meter("m").counter("c").add(1, &[]);
    telemetry.meter("m").histogram("h").record(1.0, &[]);
    eventually("both are sent without a flush", || telemetry.report().exported >= 2);
    let requests = sink.received("/v1/metrics");
    let requests = requests.iter().map(|r| ExportMetricsServiceRequest::decode(&r.body[..]).unwrap());
    let scopes = requests.flat_map(|r| r.resource_metrics).flat_map(|r| r.scope_metrics);
    let delta = AggregationTemporality::Delta as i32;
    for metric in scopes.flat_map(|scope| scope.metrics) {
        match metric.data.unwrap() {
            metric::Data::Sum(sum) => assert_eq!(sum.aggregation_temporality, delta),
            metric::Data::ExponentialHistogram(h) => assert_eq!(h.aggregation_temporality, delta),
            other => panic!("{other:?}"),
        }
    }
    telemetry.shutdown(AMPLE);
}

#[test]
fn a_flush_sends_every_signal_while_others_flush_too() {
    let running = Arc::new(Mutex::new(()));
    let alone = running.clone();
    let sink = Sink::replying(move |_| {
        drop(alone.try_lock().expect("one request at a time"));
        Reply::ok()
    });
    let telemetry = builder(&sink.url()).build().unwrap();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    telemetry.tracer("t").start("s").end();
                    telemetry.logger("l").info("hello");
                    telemetry.meter("m").counter("c").add(1, &[]);
                    telemetry.flush(AMPLE);
                }
            });
        }
    });
    for (path, signal) in Signal::ALL.map(|signal| (signal.path(), signal)) {
        assert!(!sink.received(path).is_empty(), "{signal:?}");
    }
    let report = telemetry.report();
    assert_eq!((report.exported, report.dropped()), (report.recorded, 0), "{report}");
    telemetry.shutdown(AMPLE);
}
