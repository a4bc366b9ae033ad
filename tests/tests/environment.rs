//! Where a program's telemetry goes by its environment alone.

use std::process::Output;
use std::time::Duration;

use smoltel::Telemetry;
use smoltel_tests::grpc::{GrpcReply, GrpcSink};
use smoltel_tests::in_a_process;
use smoltel_tests::proxy::proxy;
use smoltel_tests::sink::Sink;

/// The program: one log record, with nothing said in code.
#[test]
#[ignore = "the other tests run it with variables of the environment"]
fn program() {
    let telemetry = Telemetry::builder("program").build().unwrap();
    telemetry.logger("l").info("hello");
    println!("{}", telemetry.shutdown(Duration::from_secs(2)));
}

fn run(variables: &[(&str, &str)]) -> Output {
    in_a_process("program", variables)
}

fn exports(variables: &[(&str, &str)]) -> bool {
    let output = run(variables);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 recorded"), "{output:?}");
    assert!(!format!("{output:?}").contains("hush"), "{output:?}");
    text.contains(" 1 exported")
}

#[test]
fn the_protocol_and_the_endpoint_are_read() {
    let grpc = GrpcSink::replying(|_| GrpcReply::Ok(Vec::new()));
    let address = grpc.address().to_string();
    assert!(exports(&[
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &address),
        ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
    ]));
    assert!(grpc.calls()[0].compressed);
}

#[test]
fn standard_output_gets_the_record() {
    let output = run(&[("OTEL_LOGS_EXPORTER", "otlp/stdout")]);
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.contains("resourceLogs")).expect("a line of JSON");
    let start = line.find('{').unwrap();
    let json: serde_json::Value = serde_json::from_str(&line[start..]).unwrap();
    assert_eq!(json["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["body"]["stringValue"], "hello");
}

#[test]
fn a_second_endpoint_is_used_when_the_first_is_not_there() {
    let sink = Sink::start();
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(exports(&[("SMOLTEL_ENDPOINTS", &format!("failover http://{dead} {}", sink.url()))]));
    assert_eq!(sink.received("/v1/logs").len(), 1);
}

#[test]
fn a_proxy_is_used_unless_the_host_is_excepted() {
    let sink = Sink::start();
    let (address, told) = proxy(sink.address());
    let url = format!("http://me:hush@{address}");
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.invalid:4318");
    assert!(exports(&[endpoint, ("http_proxy", &url)]));
    assert!(exports(&[endpoint, ("ALL_PROXY", &url), ("NO_PROXY", "elsewhere.invalid")]));
    assert_eq!(told.lock().unwrap().len(), 2);
    assert!(!exports(&[endpoint, ("HTTP_PROXY", &url), ("NO_PROXY", ".invalid")]));
    assert!(!exports(&[endpoint, ("HTTPS_PROXY", &url)]), "that is for https");
    assert!(exports(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &sink.url()), ("HTTP_PROXY", &url)]), "it is here");
    assert_eq!((told.lock().unwrap().len(), sink.received("/v1/logs").len()), (2, 3));
}
