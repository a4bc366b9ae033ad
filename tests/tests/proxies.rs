//! Through a proxy: it is asked to connect, with credentials that nobody else sees.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use smoltel::Signal;
use smoltel::transport::{Answer, Encoding, Endpoint, Otlp, Outcome, Protocol, Proxy, Request, Transport};
use smoltel_tests::grpc::{GrpcReply, GrpcSink};
use smoltel_tests::proxy::proxy;
use smoltel_tests::sink::Sink;

fn send(protocol: Protocol, proxy: SocketAddr, credentials: &str) -> Outcome {
    let url = Proxy::Url(format!("http://{credentials}{proxy}"));
    let endpoints = Signal::ALL.map(|signal| {
        let base = "http://collector.invalid:4317";
        Endpoint { proxy: url.clone(), ..Endpoint::by(protocol, base, signal) }
    });
    let mut otlp = Otlp::new(endpoints).unwrap();
    assert!(!format!("{otlp:?}").contains("hush"));
    let request = Request { signal: Signal::Logs, body: b"\x0A\x00", encoding: Encoding::Identity, items: 1 };
    otlp.send(&request, Instant::now() + Duration::from_secs(10))
}

#[test]
fn a_proxy_is_asked_to_connect_and_looks_the_name_up_itself() {
    let (http, grpc) = (Sink::start(), GrpcSink::replying(|_| GrpcReply::Ok(Vec::new())));
    for (protocol, to) in [(Protocol::HttpProtobuf, http.address()), (Protocol::Grpc, grpc.address())] {
        let (proxy, told) = proxy(to);
        let outcome = send(protocol, proxy, "me:hush@");
        assert_eq!(outcome.answer, Answer::Accepted { rejected: 0 }, "{protocol:?}: {}", outcome.message);
        let told = told.lock().unwrap();
        assert!(told[0].starts_with("CONNECT collector.invalid:4317 HTTP/1.1"), "{told:?}");
    }
    assert_eq!((http.received("/v1/logs").len(), grpc.calls().len()), (1, 1));
}

#[test]
fn a_proxy_that_refuses_is_tried_again_and_no_secret_is_told() {
    let sink = Sink::start();
    for protocol in [Protocol::HttpProtobuf, Protocol::Grpc] {
        for credentials in ["", "me:wrong-hush@"] {
            let (proxy, _) = proxy(sink.address());
            let outcome = send(protocol, proxy, credentials);
            assert_eq!(outcome.answer, Answer::NONE, "{protocol:?}: {}", outcome.message);
            assert!(!outcome.message.contains("hush"), "{}", outcome.message);
        }
    }
    assert_eq!(sink.connections(), 0);
}
