//! Senders that mean harm: what they cost stays within a bound, and others are served meanwhile.
//!
//! `PROVE=1` is for `cargo xtask prove`: it sends more, and prints what was seen.

mod support;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;

use flate2::{Compression, write::GzEncoder};
use support::grpc::{LOGS, call, framed};
use support::*;

/// The most memory in any of these, with the default limits: 32 MiB of requests that are in flight, and what connections
/// hold at most. The program itself is in it.
const BOUND: u64 = 64 << 20;

fn proving() -> bool {
    std::env::var_os("PROVE").is_some()
}

struct Victim {
    gateway: Gateway,
    _dir: tempfile::TempDir,
}

impl Victim {
    fn new(config: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.toml");
        fs::write(&path, config).unwrap();
        let gateway = Gateway::start(&dir.path().join("data"), &["--config", path.to_str().unwrap()]);
        Self { gateway, _dir: dir }
    }

    fn http(&self) -> SocketAddr {
        self.gateway.http
    }

    /// Somebody honest is answered, on both ports.
    fn serves(&self) {
        assert_eq!(post(self.http(), "/v1/logs", PROTOBUF, &log("honest")).status, 200);
        assert_eq!(call(self.gateway.grpc.unwrap(), LOGS, &[], &framed(0, &log("honest"))).code(), 0);
    }

    /// All that it has ever held was within the bound.
    fn was_bounded(self, what: &str) {
        self.serves();
        let status = fs::read_to_string(format!("/proc/{}/status", self.gateway.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak = peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10;
        assert!(peak < BOUND, "{what}: {} MiB", peak >> 20);
        if proving() {
            println!("proved: {what}: {:.1} MiB at most", peak as f64 / f64::from(1 << 20));
        }
    }

    fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.gateway.id())).unwrap().count()
    }
}

/// Connections that have said `begin`, as many as this machine lets us have.
fn connections(to: SocketAddr, most: usize, begin: &[u8]) -> Vec<TcpStream> {
    let mut all = Vec::new();
    while all.len() < most {
        let Ok(mut stream) = TcpStream::connect(to) else { break };
        // It may have been closed for another one already.
        _ = stream.write_all(begin);
        all.push(stream);
    }
    all
}

#[test]
fn heads_that_never_end_hold_nobody_up() {
    let victim = Victim::new("");
    let held = connections(victim.http(), 600, b"POST /v1/logs HTTP/1.1\r\nHost: ");
    let more = connections(victim.gateway.grpc.unwrap(), 600, b"PRI * HTTP/2.0\r\n");
    victim.serves();
    drop((held, more));
    victim.was_bounded("1,200 heads that never end");
}

#[test]
fn bodies_that_never_come_take_no_memory() {
    let victim = Victim::new("");
    let head =
        format!("POST /v1/logs HTTP/1.1\r\nHost: x\r\n{PROTOBUF}Content-Length: {}\r\n\r\n\n", 16 << 20);
    let held = connections(victim.http(), 200, head.as_bytes());
    until("they have all begun", || victim.gateway.metric("smoltel_gateway_receiving_bytes") > 0);
    victim.serves();
    drop(held);
    victim.was_bounded("200 bodies announced as 16 MiB, of which one byte comes");
}

#[test]
fn a_compressed_body_inflates_to_its_limit_and_no_further() {
    let victim = Victim::new("");
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 8 << 20]).unwrap();
    // A thousandth is all that gzip can do, so 64 KiB inflate to 64 MiB; many of them in a row are 4 GiB.
    let bomb = encoder.finish().unwrap().repeat(512);
    assert!(bomb.len() < 64 * 66_000, "{}", bomb.len());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let headers = format!("{PROTOBUF}Content-Encoding: gzip\r\n");
                // All together they may also take more than the budget has; and who is still sending when the answer
                // comes may not get to read it.
                if let Some(answer) = try_post(victim.http(), "/v1/logs", &headers, &bomb) {
                    assert!(matches!(answer.status, 413 | 503), "{answer:?}");
                }
            });
            scope.spawn(|| {
                let body = framed(1, &bomb);
                let reply = call(victim.gateway.grpc.unwrap(), LOGS, &[("grpc-encoding", "gzip")], &body);
                assert!(matches!(reply.code(), 8 | 14), "{reply:?}");
            });
        }
    });
    victim.was_bounded("4 gzips at once, of 4 MiB that inflate to 4 GiB");
}

#[test]
fn thousands_of_idle_connections_are_held_or_closed() {
    for (config, what) in [("", "256 kept"), ("[limits]\nconnections = 10000\n", "all kept")] {
        let victim = Victim::new(config);
        let held = connections(victim.http(), if proving() { 10_000 } else { 2_000 }, b"");
        assert!(held.len() > 500, "this machine allows only {} descriptors", held.len());
        victim.serves();
        victim.was_bounded(&format!("{} idle connections, {what}", held.len()));
    }
}

#[test]
fn half_closed_sockets_leave_nothing_behind() {
    let victim = Victim::new("");
    let before = victim.descriptors();
    let begins: [&[u8]; 4] = [b"", b"PR", b"POST /v1/logs HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"];
    let mut held = Vec::new();
    for begin in begins {
        for stream in connections(victim.http(), 50, begin) {
            _ = stream.shutdown(Shutdown::Write);
            held.push(stream);
        }
    }
    // They are closed although the other half stays open.
    // But for a few that the gateway opens for itself, once.
    until("all are closed", || victim.descriptors() <= before + 10);
    victim.was_bounded("200 half-closed sockets");
}

#[test]
fn what_is_nested_too_deep_is_refused() {
    const DEPTH: usize = 10_000;
    let victim = Victim::new("");
    let mut wire = Vec::new();
    // AnyValue { array_value { values { … } } }, from the inside out.
    for tag in [0x2A, 0x0A].into_iter().cycle().take(2 * DEPTH) {
        let mut length = wire.len();
        let mut head = vec![tag];
        while length >= 0x80 {
            head.push(length as u8 | 0x80);
            length >>= 7;
        }
        head.push(length as u8);
        wire.splice(0..0, head);
    }
    // A log record's body, its scope, its resource.
    for tag in [0x2A, 0x12, 0x12, 0x0A] {
        let mut head = vec![tag];
        let mut length = wire.len();
        while length >= 0x80 {
            head.push(length as u8 | 0x80);
            length >>= 7;
        }
        head.push(length as u8);
        wire.splice(0..0, head);
    }
    assert_eq!(post(victim.http(), "/v1/logs", PROTOBUF, &wire).status, 400);
    assert_eq!(call(victim.gateway.grpc.unwrap(), LOGS, &[], &framed(0, &wire)).code(), 3);
    let arrays = "{\"arrayValue\":{\"values\":[".repeat(DEPTH) + &"]}}".repeat(DEPTH);
    let known =
        format!("{{\"resourceLogs\":[{{\"scopeLogs\":[{{\"logRecords\":[{{\"body\":{arrays}}}]}}]}}]}}");
    assert_eq!(post(victim.http(), "/v1/logs", JSON, known.as_bytes()).status, 400);
    // What nobody knows is ignored, at any depth.
    let unknown = format!("{{\"x\":{}{}}}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    assert_eq!(post(victim.http(), "/v1/logs", JSON, unknown.as_bytes()).status, 200);
    victim.was_bounded("values nested 10,000 deep");
}

#[test]
fn very_many_tiny_requests_leave_nothing_behind() {
    let each = if proving() { 250_000 } else { 5_000 };
    let victim = Victim::new("");
    let one = format!("POST /v1/logs HTTP/1.1\r\nHost: x\r\n{PROTOBUF}Content-Length: 0\r\n\r\n");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut stream = TcpStream::connect(victim.http()).unwrap();
                let mut reader = stream.try_clone().unwrap();
                let (mut answers, mut buffer, mut last) = (0, [0; 16 << 10], Vec::new());
                // Pipelined: many heads in one piece.
                for _ in 0..each / 50 {
                    stream.write_all(one.repeat(50).as_bytes()).unwrap();
                    let wanted = answers + 50;
                    while answers < wanted {
                        let n = reader.read(&mut buffer).unwrap();
                        assert!(n > 0, "it hung up");
                        last.extend_from_slice(&buffer[..n]);
                        let found = last.windows(12).filter(|at| *at == b"HTTP/1.1 200").count();
                        answers += found;
                        // What may be the beginning of the next.
                        last.drain(..last.len() - last.len().min(11));
                    }
                }
                assert_eq!(answers, each);
            });
        }
    });
    victim.was_bounded(&format!("{} requests of no byte", 4 * each));
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
/// POST, http, /, of nobody: from HPACK's static table.
const HEAD: &[u8] = &[0x83, 0x86, 0x84];

/// Says these again and again, reading nothing, until it is hung up on or has said them often enough; whether it was.
fn flood(to: SocketAddr, times: u32, mut frames: impl FnMut(u32) -> Vec<u8>) -> bool {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_write_timeout(Some(std::time::Duration::from_secs(2))).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).unwrap();
    for number in 0..times {
        match stream.write_all(&frames(number)) {
            Ok(()) => {}
            // It reads no more: what it would have to say to us waits in the socket, not in its memory.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return true,
            Err(_) => return true,
        }
    }
    false
}

#[test]
fn floods_of_http2_frames_end_the_connection_or_are_read_slowly() {
    let victim = Victim::new("");
    let to = victim.gateway.grpc.unwrap();
    let rapid = flood(to, 100_000, |number| {
        let stream = 2 * number + 1;
        [frame(HEADERS, END_HEADERS, stream, HEAD), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())]
            .concat()
    });
    assert!(rapid, "requests that are taken back at once");
    let endless = flood(to, 100_000, |number| match number {
        0 => frame(HEADERS, 0, 1, HEAD),
        // A literal with a name and a value of 60 bytes each.
        _ => frame(CONTINUATION, 0, 1, &[&[0x00, 60][..], &[b'a'; 60], &[60], &[b'b'; 60]].concat()),
    });
    assert!(endless, "a head that never ends");
    // These have to be answered; who does not read the answers is not read.
    assert!(flood(to, 3_000_000, |_| frame(SETTINGS, 0, 0, &[]).repeat(16)), "settings");
    assert!(flood(to, 3_000_000, |_| frame(PING, 0, 0, &[0; 8]).repeat(16)), "pings");
    victim.was_bounded("floods of resets, continuations, settings and pings");
}
