//! Through a proxy: it is asked to connect, with credentials that nobody else sees.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use smoltel::Signal;
use smoltel::transport::{Answer, Encoding, Endpoint, Otlp, Outcome, Protocol, Proxy, Request, Transport};
use smoltel_tests::grpc::{GrpcReply, GrpcSink};
use smoltel_tests::sink::Sink;

/// Connects everybody who knows the password to one address; what it was told is kept.
fn proxy(to: SocketAddr) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let ear = told.clone();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let ear = ear.clone();
            thread::spawn(move || serve(stream, to, &ear));
        }
    });
    (address, told)
}

fn serve(stream: TcpStream, to: SocketAddr, told: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim_end().is_empty() {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    // me:hush
    let knows = head.iter().any(|line| line.eq_ignore_ascii_case("proxy-authorization: basic bWU6aHVzaA=="));
    told.lock().unwrap().push(head[0].clone());
    let mut client = reader.into_inner();
    if !knows {
        _ = client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
        return;
    }
    let mut server = TcpStream::connect(to).unwrap();
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
    let (mut from, mut back) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || std::io::copy(&mut from, &mut back));
    _ = std::io::copy(&mut server, &mut client);
}

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
