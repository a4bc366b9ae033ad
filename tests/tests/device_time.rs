//! A device that counts from its start learns the time from the server that it sends to.

use std::sync::atomic::{AtomicU64, Ordering};

use prost::Message;
use smoltel_core::platform::Device;
use smoltel_core::transport::Transport;
use smoltel_core::transport::http::Http;
use smoltel_core::{Pipeline, Severity, Signal};
use smoltel_proto::types::logs::v1::LogsData;
use smoltel_proto::types::metrics::v1::{MetricsData, metric::Data};
use smoltel_proto::types::trace::v1::TracesData;
use smoltel_tests::device;

const SECOND: u64 = 1_000_000_000;
/// `Tue, 14 Nov 2023 22:13:20 GMT`, when the device's uptime is 100 s.
const DATE: &str = "Date: Tue, 14 Nov 2023 22:13:20 GMT\r\n";
const UNIX: u64 = 1_700_000_000 * SECOND;
const UPTIME: u64 = 100 * SECOND;

/// A device's end of a connection, at an uptime that the test sets.
struct End {
    pipeline: &'static Pipeline,
    http: Http<'static>,
    now: u64,
}

impl End {
    /// One that has recorded at an uptime of 7 ns.
    fn new() -> Self {
        let pipeline = device::pipeline();
        pipeline.logger("main").log(Severity::Info).text("started").emit();
        let mut http = Http::new("gateway:4318", &[], 0, 1);
        http.flush();
        Self { pipeline, http, now: UPTIME }
    }

    /// What the device sends now, in pieces as a UART takes them.
    fn sent(&mut self) -> Vec<u8> {
        let (mut sent, mut piece) = (Vec::new(), [0; 24]);
        while let Some(n) = self.http.transmit(self.now, self.pipeline, &mut piece) {
            sent.extend_from_slice(&piece[..n]);
        }
        sent
    }

    /// The method of the request that it sends now.
    fn method(&mut self) -> String {
        String::from_utf8_lossy(&self.sent()).split(' ').next().unwrap_or_default().to_owned()
    }

    /// The time of the log record that it sends now.
    fn time_sent(&mut self) -> u64 {
        let sent = self.sent();
        assert!(sent.starts_with(b"POST /v1/logs "), "{}", String::from_utf8_lossy(&sent));
        let body = sent.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
        let log = &LogsData::decode(&sent[body..]).unwrap().resource_logs[0].scope_logs[0].log_records[0];
        assert_eq!(log.observed_time_unix_nano, log.time_unix_nano);
        log.time_unix_nano
    }

    fn receive(&mut self, status: &str, headers: &str) {
        let answer = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: 0\r\n\r\n");
        self.http.receive(self.now, self.pipeline, answer.as_bytes());
    }
}

/// The Unix time of the record, give or take a second.
fn is_true(time: u64) -> bool {
    time.abs_diff(UNIX - UPTIME) < SECOND
}

#[test]
fn records_of_before_the_time_was_known_arrive_with_it() {
    let mut end = End::new();
    assert_eq!(end.method(), "HEAD");
    end.receive("404 Not Found", DATE);
    assert!(is_true(end.time_sent()));
    end.receive("200 OK", "");
    assert!(end.sent().is_empty(), "all is answered");
    end.pipeline.logger("main").info("again");
    end.http.flush();
    assert!(is_true(end.time_sent()), "asked for once");
}

#[test]
fn a_server_that_does_not_tell_gets_the_records_as_they_are_and_later_ones_are_right() {
    let mut end = End::new();
    assert_eq!(end.method(), "HEAD");
    end.receive("405 Method Not Allowed", "");
    assert_eq!(end.time_sent(), 7);
    end.receive("200 OK", DATE);
    end.pipeline.logger("main").info("again");
    end.http.flush();
    assert!(is_true(end.time_sent()));
}

#[test]
fn a_connection_that_breaks_while_it_asks_does_not_cost_the_time() {
    let mut end = End::new();
    for _ in 0..3 {
        assert_eq!(end.method(), "HEAD");
        end.http.reset(end.now, end.pipeline);
    }
    assert_eq!(end.time_sent(), 7, "a server that hangs up on the question still gets the records");
    end.http.reset(end.now, end.pipeline);
    end.now += 2 * SECOND;
    assert_eq!(end.method(), "HEAD", "a second try of both");
}

#[test]
fn silence_is_waited_for_no_longer_than_an_answer() {
    let mut end = End::new();
    for _ in 0..3 {
        assert_eq!(end.method(), "HEAD");
        end.now = Transport::<Device>::poll_at(&end.http).unwrap();
    }
    assert_eq!(end.now, UPTIME + 30 * SECOND);
    assert_eq!(end.time_sent(), 7);
}

#[test]
fn a_request_that_is_sent_again_has_the_time_that_was_learned_meanwhile() {
    let mut end = End::new();
    end.method();
    end.receive("404 Not Found", "");
    assert_eq!(end.time_sent(), 7);
    end.receive("503 Busy", DATE);
    end.now += 2 * SECOND;
    assert!(is_true(end.time_sent()));
}

#[test]
fn a_device_that_knows_the_time_does_not_ask() {
    static CLOCK: AtomicU64 = AtomicU64::new(UNIX);
    let pipeline = device::on(Device::new(|| CLOCK.load(Ordering::Relaxed)));
    pipeline.logger("main").info("started");
    let mut end = End { pipeline, http: Http::new("gateway:4318", &[], 0, 1), now: UNIX };
    end.http.flush();
    assert_eq!(end.time_sent(), UNIX);
    end.receive("200 OK", "Date: Tue, 14 Nov 2023 23:13:20 GMT\r\n");
    assert_eq!(end.pipeline.time_offset(), None);
}

/// A device whose clock the test sets.
macro_rules! clocked {
    ($clock:ident) => {
        device::on(Device::new(|| $clock.load(Ordering::Relaxed)))
    };
}

#[test]
fn a_span_or_a_point_over_which_the_clock_jumps_back_does_not_end_before_it_starts() {
    static CLOCK: AtomicU64 = AtomicU64::new(UPTIME);
    let pipeline = clocked!(CLOCK);
    let counter = pipeline.meter("main").counter("turns").bind(&[]);
    counter.add(1);
    let (before, over) = (pipeline.tracer("main").start("before"), pipeline.tracer("main").start("over"));
    before.end();
    CLOCK.store(SECOND, Ordering::Relaxed);
    over.end();
    counter.add(1);
    pipeline.collect();
    pipeline.tracer("main").start("behind").end();
    let spans = device::request(pipeline, device::LOW, Signal::Traces);
    let spans = &TracesData::decode(&spans[..]).unwrap().resource_spans[0].scope_spans[0].spans;
    let times: Vec<_> =
        spans.iter().map(|span| (span.start_time_unix_nano, span.end_time_unix_nano)).collect();
    assert_eq!(times, [(UPTIME, UPTIME), (UPTIME, UPTIME), (SECOND, SECOND)]);
    let metrics = device::request(pipeline, device::LOW, Signal::Metrics);
    let metrics = &MetricsData::decode(&metrics[..]).unwrap().resource_metrics[0].scope_metrics[0].metrics;
    let Some(Data::Sum(sum)) = &metrics[0].data else { panic!("{metrics:?}") };
    let point = &sum.data_points[0];
    assert!(point.start_time_unix_nano <= point.time_unix_nano, "{point:?}");
    assert_eq!(pipeline.counters().lost_in_all(), 0);
}

#[test]
fn a_clock_that_jumps_back_holds_up_no_request() {
    let mut end = End::new();
    assert_eq!(end.method(), "HEAD");
    end.now = SECOND;
    assert!(end.sent().is_empty(), "the answer is waited for");
    end.receive("404 Not Found", DATE);
    end.time_sent();
    end.now = SECOND / 2;
    assert!(end.sent().is_empty());
    end.now += 10 * SECOND;
    // As long as any endpoint is waited for, by the clock as it is now.
    assert!(end.sent().is_empty());
    end.now += 2 * SECOND;
    assert!(end.sent().starts_with(b"POST "), "and it is sent again");
}
