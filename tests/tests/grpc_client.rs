//! How an application speaks OTLP/gRPC, and what it makes of the answers.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use prost::Message;
use smoltel::transport::{Answer, Compression, Encoding, Endpoint, Otlp, Protocol, Request, Transport};
use smoltel::{Builder, Report, Signal, Telemetry};
use smoltel_proto::types::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use smoltel_proto::types::{protobuf::Any, rpc::Status};
use smoltel_tests::grpc::{Call, GrpcReply, GrpcSink};

/// Long enough for anything that ends by itself.
const AMPLE: Duration = Duration::from_secs(20);

fn builder(url: &str) -> Builder {
    Telemetry::builder("client").endpoint(url).protocol(Protocol::Grpc).on_message(|_| {})
}

fn ok() -> GrpcReply {
    GrpcReply::Ok(Vec::new())
}

/// Ten log records through a server that answers so.
fn ten_logs(reply: impl Fn(usize) -> GrpcReply + Send + Sync + 'static) -> (Report, GrpcSink) {
    let count = AtomicUsize::new(0);
    let sink = GrpcSink::replying(move |_| reply(count.fetch_add(1, Ordering::Relaxed)));
    let telemetry = builder(&sink.url()).build().unwrap();
    (0..10).for_each(|_| telemetry.logger("l").info("hello"));
    (telemetry.shutdown(AMPLE), sink)
}

#[test]
fn every_signal_goes_to_its_method_over_one_connection() {
    let sink = GrpcSink::replying(|_| ok());
    let telemetry = builder(&sink.url()).header("X-Tenant", "a").build().unwrap();
    for _ in 0..5 {
        telemetry.tracer("t").start("s").end();
        telemetry.logger("l").info("hello");
        telemetry.meter("m").counter("c").add(1, &[]);
        telemetry.flush(AMPLE);
    }
    let report = telemetry.shutdown(AMPLE);
    assert_eq!((report.exported, report.dropped()), (report.recorded, 0), "{report}");
    let calls = sink.calls();
    for service in ["trace.v1.Trace", "metrics.v1.Metrics", "logs.v1.Logs"] {
        let path = format!("/opentelemetry.proto.collector.{service}Service/Export");
        assert!(calls.iter().filter(|call| call.path == path).count() >= 5, "{path}");
    }
    assert_eq!(sink.connections(), 1);
    let headers = &calls[0].headers;
    assert_eq!(
        (&*headers["content-type"], &*headers["te"], &*headers["x-tenant"]),
        ("application/grpc", "trailers", "a")
    );
    let agent = format!("OTel-OTLP-Exporter-Rust/{}", env!("CARGO_PKG_VERSION"));
    assert!(headers["user-agent"].starts_with(&agent) && headers["grpc-timeout"].ends_with('m'));
    assert_eq!(headers[":authority"], sink.address().to_string());
    assert!(!calls[0].compressed && !headers.contains_key("grpc-encoding"));
}

#[test]
fn messages_are_compressed_if_so_wished() {
    let sink = GrpcSink::replying(|_| ok());
    let telemetry = builder(&sink.url()).compression(Compression::Gzip).build().unwrap();
    telemetry.logger("l").info("hello");
    assert_eq!(telemetry.shutdown(AMPLE).exported, 1);
    let call = &sink.calls()[0];
    assert!(call.compressed && call.headers["grpc-encoding"] == "gzip");
    assert_eq!(ExportLogsServiceRequest::decode(&call.message[..]).unwrap().resource_logs.len(), 1);
}

#[test]
fn codes_are_retried_by_otlps_table() {
    const RESOURCE_EXHAUSTED: u16 = 8;
    for code in (1..=16).filter(|code| *code != RESOURCE_EXHAUSTED) {
        let retried = [1, 4, 10, 11, 14, 15].contains(&code);
        let (report, sink) =
            ten_logs(move |n| if n == 0 { GrpcReply::Status(code, "no", None) } else { ok() });
        let expected = if retried { (10, 0, 2) } else { (0, 10, 1) };
        assert_eq!((report.exported, report.dropped(), sink.calls().len()), expected, "{code}");
    }
}

#[test]
fn an_exhausted_resource_is_retried_only_when_it_says_when() {
    let type_url = "type.googleapis.com/google.rpc.RetryInfo".into();
    let info = Any { type_url, value: vec![0x0A, 0x02, 0x10, 0x01] };
    let status = Status { code: 8, message: String::new(), details: vec![info] };
    let details = STANDARD_NO_PAD.encode(status.encode_to_vec());
    let busy = move |n| if n == 0 { GrpcReply::Status(8, "busy", Some(details.clone())) } else { ok() };
    let (report, sink) = ten_logs(busy);
    assert_eq!((report.exported, sink.calls().len()), (10, 2), "{report}");
}

#[test]
fn an_exhausted_resource_that_says_nothing_else_gets_smaller_parts_and_nothing_twice() {
    let take =
        |call: &Call| if call.message.len() > 1_000 { GrpcReply::Status(8, "too long", None) } else { ok() };
    let sink = GrpcSink::replying(take);
    let telemetry = builder(&sink.url()).build().unwrap();
    (0..100).for_each(|_| telemetry.logger("l").info("hello"));
    telemetry.logger("l").info(&"x".repeat(2_000));
    let report = telemetry.shutdown(AMPLE);
    assert_eq!((report.exported, &report.reasons[..]), (100, &[("rejected", 1)][..]), "{report}");
    let calls = sink.calls();
    let different: std::collections::HashSet<_> = calls.iter().map(|call| &call.message).collect();
    assert_eq!(different.len(), calls.len(), "each is sent once");
}

#[test]
fn rejected_items_are_counted_and_not_sent_again() {
    let partial = ExportLogsPartialSuccess { rejected_log_records: 4, error_message: "four".into() };
    let message = ExportLogsServiceResponse { partial_success: Some(partial) }.encode_to_vec();
    let (report, sink) = ten_logs(move |_| GrpcReply::Ok(message.clone()));
    assert_eq!((report.exported, &report.reasons[..]), (6, &[("rejected", 4)][..]));
    assert_eq!(sink.calls().len(), 1);
}

#[test]
fn an_answer_without_an_end_is_cut_off_and_final() {
    let (report, sink) = ten_logs(|_| GrpcReply::Endless);
    assert_eq!((&report.reasons[..], report.in_doubt), (&[("rejected", 10)][..], 0), "{report}");
    assert_eq!(sink.calls().len(), 1);
}

#[test]
fn what_stands_before_the_server_may_answer_too() {
    let (report, _) = ten_logs(|n| if n == 0 { GrpcReply::Http(503) } else { ok() });
    assert_eq!(report.exported, 10, "{report}");
    let (report, sink) = ten_logs(|_| GrpcReply::Http(404));
    assert_eq!((&report.reasons[..], sink.calls().len()), (&[("rejected", 10)][..], 1));
}

#[test]
fn a_connection_that_was_closed_meanwhile_costs_nothing() {
    let sink = GrpcSink::replying(|_| ok());
    let said = Arc::new(Mutex::new(Vec::new()));
    let ear = said.clone();
    let builder = builder(&sink.url()).on_message(move |text| ear.lock().unwrap().push(text.to_owned()));
    let telemetry = builder.build().unwrap();
    for round in 1..=5 {
        telemetry.logger("l").info("hello");
        let report = telemetry.flush(AMPLE);
        assert_eq!((report.exported, sink.connections()), (round, round as usize), "{report}");
        sink.hang_up();
    }
    assert_eq!(sink.calls().len(), 5, "nothing is sent twice");
    telemetry.shutdown(AMPLE);
    assert!(said.lock().unwrap().is_empty(), "no attempt has failed: {said:?}");
}

#[test]
fn a_server_that_never_answers_holds_nobody_and_leaves_doubt() {
    let sink = GrpcSink::replying(|_| GrpcReply::Silence);
    let telemetry = builder(&sink.url()).build().unwrap();
    (0..10).for_each(|_| telemetry.logger("l").info("hello"));
    let before = Instant::now();
    let report = telemetry.shutdown(Duration::from_millis(300));
    assert!(before.elapsed() < Duration::from_secs(9), "the endpoint's own timeout is 10 s");
    assert_eq!((report.in_doubt, report.dropped(), report.exported), (10, 0, 0), "{report}");
}

#[test]
fn a_request_over_the_bound_is_not_sent() {
    let sink = GrpcSink::replying(|_| ok());
    let endpoint = Endpoint { max_request: 20, ..Endpoint::by(Protocol::Grpc, &sink.url(), Signal::Logs) };
    let telemetry = builder(&sink.url()).endpoint_for(Signal::Logs, endpoint).build().unwrap();
    telemetry.logger("l").info("hello");
    assert_eq!(telemetry.shutdown(AMPLE).reasons, [("rejected", 1)]);
    assert_eq!(sink.calls().len(), 0);
}

/// The caller may be inside of a runtime, on any of its threads; so may be who drops a transport.
#[test]
fn inside_of_a_runtime_it_blocks_as_elsewhere() {
    let sink = GrpcSink::replying(|_| ok());
    let url = sink.url();
    let work = async move {
        let telemetry = builder(&url).build().unwrap();
        telemetry.logger("l").info("hello");
        let report = telemetry.flush(AMPLE);
        assert_eq!(report.exported, 1, "{report}");
        telemetry.shutdown(AMPLE);

        let mut otlp =
            Otlp::new(Signal::ALL.map(|signal| Endpoint::by(Protocol::Grpc, &url, signal))).unwrap();
        let request = Request { signal: Signal::Logs, body: b"", encoding: Encoding::Identity, items: 0 };
        for _ in 0..2 {
            let outcome = otlp.send(&request, Instant::now() + AMPLE);
            assert_eq!(outcome.answer, Answer::Accepted { rejected: 0 }, "{}", outcome.message);
        }
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        work.await;
        drop(Telemetry::builder("dropped").protocol(Protocol::Grpc).on_message(|_| {}).build().unwrap());
    });
    assert_eq!(sink.connections(), 2, "one for each transport");
}
