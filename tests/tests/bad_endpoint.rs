//! Endpoints that do what they must not: the program goes on, within its time, and every record is counted.

use std::io::Write;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use smoltel::transport::pool::{State, Strategy};
use smoltel::transport::{Answer, Encoding, Endpoint, Otlp, Outcome, Request, Transport};
use smoltel::{Builder, Report, Signal, Telemetry};
use smoltel_tests::sink::{Reply, Sink};

/// Long enough for anything that ends by itself.
const AMPLE: Duration = Duration::from_secs(20);
/// Much shorter than what a bad endpoint would take.
const SHORT: Duration = Duration::from_millis(300);

fn builder(url: &str) -> Builder {
    Telemetry::builder("bad").endpoint(url).on_message(|_| {})
}

/// Ten records to an endpoint that does so, and a second to shut down.
fn ten_logs(reply: fn() -> Reply) -> (Report, Sink) {
    let sink = Sink::replying(move |_| reply());
    let telemetry = builder(&sink.url()).timeout(SHORT).build().unwrap();
    (0..10).for_each(|_| telemetry.logger("l").info("hello"));
    let before = Instant::now();
    let report = telemetry.shutdown(Duration::from_secs(1));
    assert!(before.elapsed() < AMPLE, "the deadline is a second");
    assert_eq!(report.recorded, report.exported + report.in_doubt + report.dropped(), "{report}");
    (report, sink)
}

fn counts(report: &Report) -> (u64, u64, u64) {
    (report.exported, report.in_doubt, report.dropped())
}

#[test]
fn one_that_does_not_answer_or_hangs_up_leaves_doubt() {
    for reply in [|| Reply::Silence, || Reply::Drip, || Reply::Close] {
        assert_eq!(counts(&ten_logs(reply).0), (0, 10, 0), "{:?}", reply());
    }
}

#[test]
fn one_that_is_not_there_leaves_none() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let telemetry = builder(&format!("http://{address}")).build().unwrap();
    (0..10).for_each(|_| telemetry.logger("l").info("hello"));
    assert_eq!(telemetry.shutdown(Duration::from_secs(1)).reasons, [("expired", 10)]);
}

#[test]
fn of_an_answer_of_100_mib_only_the_beginning_is_read() {
    let (report, sink) = ten_logs(|| Reply::Flood(200, 100 << 20));
    assert_eq!(counts(&report), (10, 0, 0), "it was taken, whatever else is said");
    let (report, refusing) = ten_logs(|| Reply::Flood(400, 100 << 20));
    assert_eq!((counts(&report), &report.reasons[..]), ((0, 0, 10), &[("rejected", 10)][..]));
    for sink in [sink, refusing] {
        assert!(sink.flooded() < 32 << 20, "{} bytes were taken off its hands", sink.flooded());
    }
}

#[test]
fn what_comes_compressed_is_not_inflated() {
    fn bomb() -> Vec<u8> {
        static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
        let make = || {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(&vec![0; 1 << 20]).unwrap();
            // Members one behind the other are one stream: a gibibyte.
            gzip.finish().unwrap().repeat(1 << 10)
        };
        BOMB.get_or_init(make).clone()
    }
    bomb();
    let (report, sink) = ten_logs(|| Reply::Status(200, "content-encoding: gzip\r\n", bomb()));
    assert_eq!(counts(&report), (10, 0, 0));
    assert_eq!(sink.received("/v1/logs").len(), 1);
    let (report, _) = ten_logs(|| Reply::Status(400, "content-encoding: gzip\r\n", bomb()));
    assert_eq!(report.reasons, [("rejected", 10)]);
}

#[test]
fn the_next_endpoint_takes_over_and_the_first_gets_its_work_back() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let second = Sink::start();
    let urls = [format!("http://{address}"), second.url()];
    let telemetry = builder("http://127.0.0.1:9").endpoints(Strategy::Failover, urls).build().unwrap();
    for round in 1..=4 {
        telemetry.logger("l").info("hello");
        assert_eq!(telemetry.flush(AMPLE).exported, round, "nobody waits for the first");
    }
    let status = telemetry.endpoints();
    assert_eq!((status[0].state, status[1].state), (State::Open, State::Closed), "{status:?}");
    assert!(status[0].last_error.contains("refused"), "{status:?}");
    assert_eq!(second.received("/v1/logs").len(), 4);

    let first = Sink::at(address, |_| Reply::ok());
    smoltel_tests::eventually("the first is back", || {
        telemetry.logger("l").info("hello");
        telemetry.flush(AMPLE);
        telemetry.endpoints()[0].state == State::Closed
    });
    let there = first.received("/v1/logs");
    assert!(there[0].body.is_empty() && !there[1].body.is_empty(), "a probe comes first");
    let report = telemetry.shutdown(AMPLE);
    assert_eq!((report.exported, report.dropped()), (report.recorded, 0), "{report}");
    let arrived = first.received("/v1/logs").iter().filter(|r| !r.body.is_empty()).count();
    assert_eq!(arrived + second.received("/v1/logs").len(), report.recorded as usize, "each once");
}

/// A transport by itself: its one attempt ends in time, and says whether the other side may have the request.
fn attempt(url: &str, wait: Duration) -> Outcome {
    let mut otlp = Otlp::new(Signal::ALL.map(|signal| Endpoint::under(url, signal))).unwrap();
    let request = Request { signal: Signal::Logs, body: b"\x0A\x00", encoding: Encoding::Identity, items: 1 };
    otlp.send(&request, Instant::now() + wait)
}

#[test]
fn an_attempt_ends_at_its_deadline() {
    for reply in [|| Reply::Silence, || Reply::Drip] {
        let sink = Sink::replying(move |_| reply());
        let before = Instant::now();
        let outcome = attempt(&sink.url(), SHORT);
        assert!(before.elapsed() < Endpoint::TIMEOUT, "the endpoint's own timeout is longer");
        assert_eq!((outcome.answer, outcome.in_doubt), (Answer::NONE, true), "{}", outcome.message);
    }
}
