//! A collector that answers at once, counts spans and keeps nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};

/// By it a child process learns where the collector is.
pub(crate) const ENDPOINT: &str = "SMOLTEL_BENCH_COLLECTOR";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";

static ARRIVED: AtomicU64 = AtomicU64::new(0);

/// Starts one and returns its address.
pub(crate) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
    let endpoint = format!("http://{}", listener.local_addr().expect("its address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(&stream));
        }
    });
    endpoint
}

/// This program again, with those arguments, as a sender to `endpoint`.
pub(crate) fn child(endpoint: &str, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new(std::env::current_exe().expect("this program"));
    let output = command.args(arguments).env(ENDPOINT, endpoint).output().expect("a child process");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// For children that are started elsewhere.
pub(crate) fn of_parent() -> String {
    std::env::var(ENDPOINT).expect("started by a process with a collector")
}

/// Spans that have arrived since the last call.
pub(crate) fn take_arrived() -> u64 {
    ARRIVED.swap(0, Ordering::AcqRel)
}

fn serve(stream: &TcpStream) {
    let mut reader = BufReader::with_capacity(64 << 10, stream);
    let mut body = Vec::new();
    while let Some(len) = head(&mut reader) {
        body.resize(len, 0);
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        ARRIVED.fetch_add(spans(&body), Ordering::AcqRel);
        if (&mut &*stream).write_all(ANSWER).is_err() {
            return;
        }
    }
}

/// Reads a request's head and returns its body's length; none at the end of the connection.
fn head(reader: &mut impl BufRead) -> Option<usize> {
    let (mut len, mut line) = (None, String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            return Some(len.expect("a content-length; nothing else is understood"));
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            len = value.trim().parse().ok();
        }
    }
}

/// How many spans a request holds: resource_spans (1), scope_spans (2), spans (2).
fn spans(request: &[u8]) -> u64 {
    fields(request, 1)
        .flat_map(|resource| fields(resource, 2))
        .map(|scope| fields(scope, 2).count() as u64)
        .sum()
}

/// The length-delimited fields of that number; no other wire types are expected at these levels.
fn fields(mut message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let tag = varint(&mut message)?;
        assert_eq!(tag & 7, 2, "not a request of traces, or not one of OTLP");
        let len = usize::try_from(varint(&mut message)?).ok()?;
        let (field, rest) = message.split_at_checked(len).expect("a whole message");
        message = rest;
        Some((tag >> 3, field))
    })
    .filter_map(move |(found, field)| (found == number).then_some(field))
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
