//! A service built on smoltel carries trace context as W3C's test suite for services wants it carried.

#[path = "../examples/w3c_service/service.rs"]
mod service;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use prost::Message;
use smoltel::{SpanContext, Telemetry};
use smoltel_proto::types::collector::trace::v1::ExportTraceServiceRequest;
use smoltel_tests::sink::{Received, Sink};

const TRACE: &str = "12345678901234567890123456789012";
const PARENT: &str = "00-12345678901234567890123456789012-1234567890123456-01";

/// The service, and the endpoint that it calls back; its own spans go there too.
struct Harness {
    /// Dropped before the sink, so that it has somewhere to send to.
    telemetry: Telemetry,
    service: SocketAddr,
    sink: Sink,
}

impl Harness {
    fn start() -> Self {
        let sink = Sink::start();
        let telemetry = Telemetry::builder("w3c-service").endpoint(sink.url()).build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let service = listener.local_addr().unwrap();
        let tracer = telemetry.tracer("w3c-service");
        std::thread::spawn(move || service::serve(&listener, &tracer));
        Self { telemetry, service, sink }
    }

    /// Sends a request with these header lines that asks for `calls` callbacks, and returns those.
    fn request(&self, lines: &[&str], calls: usize) -> Vec<Received> {
        let before = self.sink.received("/callback").len();
        let call = serde_json::json!({"url": format!("{}/callback", self.sink.url()), "arguments": [1, "x"]});
        let body = serde_json::Value::from(vec![call; calls]).to_string();
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let mut stream = TcpStream::connect(self.service).unwrap();
        write!(stream, "POST / HTTP/1.1\r\nhost: x\r\n{lines}content-length: {}\r\n\r\n{body}", body.len())
            .unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let received = self.sink.received("/callback").split_off(before);
        assert_eq!(received.len(), calls);
        assert!(received.iter().all(|call| call.body == br#"[1,"x"]"#));
        received
    }

    /// What one callback says: its parent, which has to be valid, and its `tracestate`, which may be missing.
    fn context(&self, lines: &[&str]) -> (SpanContext, Option<String>) {
        let [call] = &self.request(lines, 1)[..] else { panic!("one call") };
        (parent(call), call.headers.get("tracestate").cloned())
    }

    fn trace(&self, traceparent: &str) -> String {
        self.context(&[&format!("traceparent: {traceparent}")]).0.trace_id.to_string()
    }

    fn state(&self, lines: &[&str]) -> String {
        let traceparent = format!("traceparent: {PARENT}");
        let lines: Vec<&str> = std::iter::once(traceparent.as_str()).chain(lines.iter().copied()).collect();
        let (parent, state) = self.context(&lines);
        assert_eq!(parent.trace_id.to_string(), TRACE, "a trace state never costs the trace");
        state.unwrap_or_default()
    }
}

fn parent(call: &Received) -> SpanContext {
    SpanContext::from_traceparent(call.headers["traceparent"].as_bytes()).unwrap()
}

#[test]
fn a_trace_goes_on_with_its_flags_under_a_new_span() {
    let harness = Harness::start();
    for flags in ["00", "01", "02", "03"] {
        let given = format!("{}{flags}", &PARENT[..53]);
        let (parent, state) = harness.context(&[&format!("traceparent: {given}")]);
        assert_eq!(parent.trace_id.to_string(), TRACE);
        assert_ne!(parent.span_id.to_string(), "1234567890123456");
        assert!(parent.traceparent().as_str().ends_with(flags), "{flags} {parent:?}");
        assert_eq!(state, None);
    }
}

#[test]
fn header_names_have_no_case_and_values_may_have_space_around() {
    let harness = Harness::start();
    for line in ["TraceParent: ", "TrAcEpArEnT:", "TRACEPARENT:\t \t"] {
        let (parent, _) = harness.context(&[&format!("{line}{PARENT} \t")]);
        assert_eq!(parent.trace_id.to_string(), TRACE, "{line}");
    }
    for name in ["TraceState", "TrAcEsTaTe", "TRACESTATE"] {
        assert_eq!(harness.state(&[&format!("{name}: foo=1")]), "foo=1");
    }
    for name in ["trace-parent", "trace.parent"] {
        assert_ne!(harness.context(&[&format!("{name}: {PARENT}")]).0.trace_id.to_string(), TRACE);
    }
}

#[test]
fn a_malformed_parent_starts_a_new_trace_without_a_state() {
    let harness = Harness::start();
    let ids = &PARENT[3..52];
    for wrong in [
        format!("00-{ids}-01."),
        format!("00-{ids}-01-what-the-future-will-be-like"),
        format!("cc-{ids}-01.what-the-future-will-be-like"),
        format!("ff-{ids}-01"),
        format!(".0-{ids}-01"),
        format!("0-{ids}-01"),
        format!("000-{ids}-01"),
        format!("00-{ids}-.0"),
        format!("00-{ids}-001"),
        format!("00-{ids}-1"),
        format!("00-{}-1234567890123456-01", "0".repeat(32)),
        format!("00-{TRACE}-{}-01", "0".repeat(16)),
        format!("00-{}A-1234567890123456-01", &TRACE[1..]),
        format!("00-{TRACE}3-1234567890123456-01"),
        format!("00-{TRACE}-123456789012345-01"),
        "".into(),
    ] {
        let (parent, state) = harness.context(&[&format!("traceparent: {wrong}"), "tracestate: foo=1"]);
        assert_ne!(parent.trace_id.to_string(), TRACE, "{wrong}");
        assert_eq!(state, None, "{wrong}");
    }
    let (_, state) = harness.context(&["tracestate: foo=1"]);
    assert_eq!(state, None, "a state alone is nobody's");
}

#[test]
fn two_parents_start_a_new_trace() {
    let harness = Harness::start();
    let other = PARENT.replace("12345678901234567890123456789012", "12345678901234567890123456789011");
    let lines = [format!("traceparent: {other}"), format!("traceparent: {PARENT}")];
    let (parent, _) = harness.context(&[&lines[0], &lines[1]]);
    assert!(!parent.trace_id.to_string().starts_with(&TRACE[..31]));
}

#[test]
fn a_later_version_is_carried_on_as_version_00() {
    let harness = Harness::start();
    let ids = &PARENT[3..52];
    assert_eq!(harness.trace(&format!("cc-{ids}-01")), TRACE);
    assert_eq!(harness.trace(&format!("cc-{ids}-01-what-the-future-will-be-like")), TRACE);
}

#[test]
fn a_state_is_inherited_in_its_order_from_all_its_lines() {
    let harness = Harness::start();
    assert_eq!(harness.state(&["tracestate: foo=1,bar=2"]), "foo=1,bar=2");
    assert_eq!(harness.state(&["tracestate: \t foo=1 \t , \t bar=2, \t baz=3 \t"]), "foo=1,bar=2,baz=3");
    let lines =
        ["tracestate: foo=1,bar=2", "tracestate: rojo=1,congo=2", "tracestate: ", "tracestate: baz=3"];
    assert_eq!(harness.state(&lines), "foo=1,bar=2,rojo=1,congo=2,baz=3");
    assert_eq!(harness.state(&["tracestate: "]), "");
    assert_eq!(
        harness.state(&["tracestate: foo=1", "tracestate: foo=2"]),
        "foo=1",
        "the newest is the first"
    );
}

#[test]
fn an_invalid_state_is_discarded_as_a_whole() {
    let harness = Harness::start();
    let member = |n| format!("bar{n:02}={n:02}");
    let most = (1..=32).map(member).collect::<Vec<_>>().join(",");
    assert_eq!(harness.state(&[&format!("tracestate: {most}")]), most);
    assert_eq!(harness.state(&[&format!("tracestate: {most}"), "tracestate: bar33=33"]), "");
    let long = "z".repeat(257);
    for wrong in
        ["foo =1", "FOO=1", "foo.bar=1", "@foo=1,bar=2", "foo=1,bar", "foo=", &format!("foo=1,{long}=1")]
    {
        assert_eq!(harness.state(&[&format!("tracestate: {wrong}")]), "", "{wrong}");
    }
}

#[test]
fn every_call_has_a_span_of_its_own() {
    let harness = Harness::start();
    let line = format!("traceparent: {PARENT}");
    for lines in [&[line.as_str()][..], &["traceparent: 00-0-0-00"], &[]] {
        let calls = harness.request(lines, 3);
        let parents: Vec<_> = calls.iter().map(parent).collect();
        let [a, b, c] = parents[..] else { panic!("three calls") };
        assert!(a.span_id != b.span_id && b.span_id != c.span_id && a.span_id != c.span_id);
        assert!(a.trace_id == b.trace_id && b.trace_id == c.trace_id, "they belong to one request");
    }
}

#[test]
fn the_spans_are_exported_with_the_state_that_they_carried() {
    let harness = Harness::start();
    harness.state(&["tracestate: foo=1, bar=2"]);
    let Harness { telemetry, sink, .. } = harness;
    assert_eq!(telemetry.shutdown(Duration::from_secs(10)).exported, 2);
    let received = sink.received("/v1/traces");
    let requests =
        received.iter().map(|request| ExportTraceServiceRequest::decode(&request.body[..]).unwrap());
    let spans: Vec<_> = requests
        .flat_map(|request| request.resource_spans)
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .collect();
    let [client, server] = &spans[..] else { panic!("two spans: {spans:?}") };
    assert_eq!((client.kind, server.kind), (3, 2));
    assert_eq!(client.parent_span_id, server.span_id);
    assert_eq!(server.parent_span_id, [0x12, 0x34, 0x56, 0x78, 0x90, 0x12, 0x34, 0x56]);
    assert!(spans.iter().all(|span| span.trace_state == "foo=1,bar=2"), "{spans:?}");
    assert_eq!((server.flags, client.flags), (0x301, 0x101), "the server's parent is remote");
}
