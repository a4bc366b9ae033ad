//! A device's connection to an endpoint, byte by byte: what it sends, and what answers do to its records.

use prost::Message;
use smoltel_core::time::Bounds;
use smoltel_core::transport::{Transport, http::Http};
use smoltel_core::{Loss, Pipeline, Resource, Seed, Signal};
use smoltel_proto::types::collector::logs::v1::ExportLogsPartialSuccess;
use smoltel_proto::types::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use smoltel_proto::types::common::v1::any_value::Value;
use smoltel_proto::types::rpc::Status;

const SECOND: u64 = 1_000_000_000;
/// What is sent when nothing is.
const NOTHING: &[u8] = b"";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A device and its end of the connection.
struct Device {
    pipeline: &'static Pipeline,
    http: Http<'static>,
}

impl Device {
    fn new() -> Self {
        let pipeline: &'static Pipeline = Box::leak(Box::new(Pipeline::new(|| 7)));
        pipeline.init(vec![0; 8192].leak(), vec![[0; 256]; 4].leak(), Seed::Unique([3; 16]));
        pipeline.init_metrics(vec![0; 1024].leak());
        // Otherwise it asks for the time before anything else.
        pipeline.learn_time(Bounds::exactly(1_700_000_000 * SECOND, 7).unwrap());
        let resource = Box::leak(Box::new(Resource::<64>::new().with("service.name", "device").unwrap()));
        Self { pipeline, http: Http::new("gateway:4318", resource.as_bytes(), 5 * SECOND, 1) }
    }

    /// One with a log record that is to leave at once.
    fn with_a_log() -> Self {
        let mut device = Self::new();
        device.pipeline.logger("l").info("hello");
        device.http.flush();
        device
    }

    /// All that it sends at that time, in small pieces.
    fn sends(&mut self, now: u64) -> Vec<u8> {
        let (mut all, mut out) = (Vec::new(), [0; 61]);
        while let Some(n) = self.http.transmit(now, self.pipeline, &mut out) {
            all.extend_from_slice(&out[..n]);
        }
        all
    }

    fn gets(&mut self, now: u64, answer: &[u8]) {
        answer.chunks(17).for_each(|piece| self.http.receive(now, self.pipeline, piece));
    }

    fn poll_at(&self) -> u64 {
        Transport::<smoltel_core::platform::Device>::poll_at(&self.http).expect("it wants to be called")
    }

    /// Whether all that was recorded has left, with nothing more to send, and how many log records of it were refused.
    fn settled(&mut self) -> (bool, u64) {
        assert_eq!(self.sends(1000 * SECOND), NOTHING);
        let empty = |lane| self.pipeline.with_lane(lane, |ring| ring.is_empty()).unwrap();
        (
            empty(0) && empty(1) && self.http.is_idle(),
            self.pipeline.counters().lost(Signal::Logs, Loss::Rejected),
        )
    }
}

/// A request's head and body.
fn parts(request: &[u8]) -> (String, &[u8]) {
    let end = request.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head") + 4;
    (String::from_utf8(request[..end].to_vec()).unwrap(), &request[end..])
}

fn ok_with(body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

#[test]
fn requests_are_posts_of_protobuf_to_their_signals_path() {
    let mut device = Device::new();
    device.pipeline.tracer("t").start("s").end();
    device.pipeline.logger("l").info("hello");
    device.pipeline.meter("m").counter("c").add(1, &[]);
    device.pipeline.collect();
    device.http.flush();
    let mut paths = Vec::new();
    // One connection serves them all: nothing but an answer is needed for the next.
    for _ in Signal::ALL {
        let request = device.sends(0);
        let (head, body) = parts(&request);
        let (line, fields) = head.split_once("\r\n").unwrap();
        paths.push(line.to_owned());
        let version = env!("CARGO_PKG_VERSION");
        let expected = format!(
            "Host: gateway:4318\r\nUser-Agent: OTel-OTLP-Exporter-Rust/{version}\r\n\
             Content-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        assert_eq!(fields, expected, "and nothing of compression, nor of closing");
        device.gets(0, OK);
    }
    let expected = ["traces", "metrics", "logs"].map(|signal| format!("POST /v1/{signal} HTTP/1.1"));
    assert_eq!(paths, expected);
    assert_eq!(device.settled(), (true, 0));
}

#[test]
fn every_request_carries_the_resource() {
    let mut device = Device::with_a_log();
    for _ in 0..2 {
        let request = device.sends(0);
        let request = ExportLogsServiceRequest::decode(parts(&request).1).unwrap();
        let attribute = &request.resource_logs[0].resource.as_ref().unwrap().attributes[0];
        let value = attribute.value.as_ref().unwrap().value.as_ref();
        assert_eq!(
            (attribute.key.as_str(), value),
            ("service.name", Some(&Value::StringValue("device".into())))
        );
        device.gets(0, OK);
        device.pipeline.logger("l").info("again");
        device.http.flush();
    }
}

#[test]
fn nothing_recorded_is_nothing_sent() {
    let mut device = Device::new();
    device.http.flush();
    device.pipeline.collect();
    assert_eq!(device.sends(100 * SECOND), NOTHING);
    assert!(device.settled().0);
}

#[test]
fn a_partial_success_is_final_and_counted() {
    for message in ["", "no", &"so long that a device does not keep it. ".repeat(10)] {
        let mut device = Device::with_a_log();
        device.sends(0);
        let partial = ExportLogsPartialSuccess { rejected_log_records: 1, error_message: message.into() };
        let response = ExportLogsServiceResponse { partial_success: Some(partial) };
        device.gets(0, &ok_with(&response.encode_to_vec()));
        assert_eq!(device.settled(), (true, 1), "{message}");
    }
}

#[test]
fn an_answer_that_rejects_nothing_is_a_full_success() {
    // Nothing, an empty partial success, one with a warning, and fields of a later version.
    for body in [&b""[..], b"\x0A\x00", b"\x0A\x05\x12\x03hmm", b"\x7A\x01x\x0A\x03\x98\x06\x07"] {
        let mut device = Device::with_a_log();
        device.sends(0);
        device.gets(0, &ok_with(body));
        assert_eq!(device.settled(), (true, 0), "{body:?}");
        assert_eq!(device.pipeline.counters().lost_in_all(), 0);
    }
}

#[test]
fn a_refusal_is_counted_and_not_sent_again() {
    for status in [301, 400, 401, 403, 404, 408, 413, 500, 501] {
        let mut device = Device::with_a_log();
        device.sends(0);
        device.gets(0, format!("HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\nno").as_bytes());
        assert_eq!(device.settled(), (true, 1), "{status}");
    }
}

#[test]
fn what_an_answer_says_can_be_read() {
    let long = "the tenant is not known, ä".repeat(9);
    let status =
        |message: &str| Status { code: 16, message: message.into(), details: Vec::new() }.encode_to_vec();
    let partial = |message: &str| {
        let partial = ExportLogsPartialSuccess { rejected_log_records: 1, error_message: message.into() };
        ExportLogsServiceResponse { partial_success: Some(partial) }.encode_to_vec()
    };
    for (code, body, said) in [
        (400, status("no such tenant"), "no such tenant"),
        (503, status(&long), &long[..25]),
        (200, partial("too old"), "too old"),
        (200, partial(&long), &long[..25]),
        (200, Vec::new(), ""),
        (500, b"<html>".to_vec(), ""),
    ] {
        let mut device = Device::with_a_log();
        assert_eq!(device.http.last_answer(), (0, ""));
        device.sends(0);
        device.gets(0, format!("HTTP/1.1 {code} X\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes());
        device.gets(0, &body);
        let (status, words) = device.http.last_answer();
        assert!(status == code && words.starts_with(said), "{code} {words:?}");
        assert!(!words.is_empty() || said.is_empty(), "{code}");
    }
}

#[test]
fn a_busy_endpoint_gets_the_same_request_later() {
    for status in [429, 502, 503, 504] {
        let mut device = Device::with_a_log();
        let first = device.sends(0);
        let answer = format!("HTTP/1.1 {status} Busy\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n");
        device.gets(SECOND, answer.as_bytes());
        assert_eq!(device.sends(4 * SECOND - 1), NOTHING, "the wish counts from the answer on");
        assert_eq!(device.sends(4 * SECOND), first, "{status}");
        device.gets(4 * SECOND, OK);
        assert_eq!(device.settled(), (true, 0));
    }
}

#[test]
fn a_lost_connection_gets_the_same_request_again() {
    let mut device = Device::with_a_log();
    let first = device.sends(0);
    let mut now = 0;
    for full in [1, 2, 4, 8].map(|seconds| seconds * SECOND) {
        device.http.reset(now, device.pipeline);
        let next = device.poll_at();
        assert!((full / 2..full).contains(&(next - now)), "{} of {full}", next - now);
        assert_eq!(device.sends(next - 1), NOTHING);
        assert_eq!(device.sends(next), first);
        now = next;
    }
    device.gets(now, OK);
    assert_eq!(device.settled(), (true, 0));
}

#[test]
fn a_silent_endpoint_is_given_up_and_tried_again() {
    let mut device = Device::with_a_log();
    let first = device.sends(0);
    assert_eq!(device.poll_at(), 10 * SECOND);
    assert_eq!(device.sends(10 * SECOND - 1), NOTHING);
    assert_eq!(device.sends(10 * SECOND), NOTHING, "only given up");
    assert_eq!(device.sends(device.poll_at()), first);
}

#[test]
fn a_long_answer_needs_no_memory() {
    let mut device = Device::with_a_log();
    device.sends(0);
    device.gets(0, b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    (0..999).for_each(|_| device.gets(0, &[b'x'; 1000]));
    assert_eq!(device.poll_at(), 10 * SECOND, "it is not over yet");
    device.gets(0, &[b'x'; 1000]);
    assert_eq!(device.settled(), (true, 0));
}

#[test]
fn an_answer_over_the_bound_is_a_refusal() {
    let chunk = [&b"100000\r\n"[..], &[b'x'; 0x10_0000], b"\r\n"].concat();
    let chunked = [&b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..], &chunk.repeat(5)].concat();
    for answer in [&b"HTTP/1.1 200 OK\r\nContent-Length: 4194305\r\n\r\n"[..], &chunked] {
        let mut device = Device::with_a_log();
        device.sends(0);
        device.gets(0, answer);
        assert_eq!(device.settled(), (true, 1));
    }
}

#[test]
fn whoever_flushes_can_see_when_all_is_answered() {
    let mut device = Device::new();
    device.pipeline.logger("l").info("last words");
    assert_eq!(device.sends(0), NOTHING, "it waits for company");
    device.http.flush();
    assert_ne!(device.sends(0), NOTHING);
    assert!(!device.http.is_idle());
    device.gets(0, OK);
    assert!(device.settled().0);
}
