//! An OTLP/HTTP endpoint on loopback that keeps what it gets and answers as it is told.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// One request, as it came; a compressed body is inflated.
#[derive(Clone, Debug)]
pub struct Received {
    /// The request line's method.
    pub method: String,
    /// The request line's path.
    pub path: String,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

/// What to answer.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A status, further header lines (each with its line end), and a body.
    Status(u16, &'static str, Vec<u8>),
    /// Nothing, until the sink is dropped.
    Silence,
    /// The connection is closed without a word.
    Close,
    /// A good answer, a byte a second.
    Drip,
    /// That status, and a body of so many bytes.
    Flood(u16, u64),
}

impl Reply {
    /// Success with an empty answer.
    pub fn ok() -> Self {
        Self::Status(200, "", Vec::new())
    }
}

type Decide = dyn Fn(&Received) -> Reply + Send + Sync;

/// The endpoint. Dropping it closes the port and ends its threads.
pub struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    received: Mutex<Vec<Received>>,
    decide: Box<Decide>,
    connections: AtomicUsize,
    /// Bytes of bodies that were sent in floods.
    flooded: AtomicU64,
    ended: AtomicBool,
}

impl Sink {
    /// Listens on a free port and accepts everything.
    pub fn start() -> Self {
        Self::replying(|_| Reply::ok())
    }

    /// Listens on a free port and answers what `decide` says.
    pub fn replying(decide: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), decide)
    }

    /// Listens on a given address.
    pub fn at(address: SocketAddr, decide: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).expect("the port is free");
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            decide: Box::new(decide),
            connections: AtomicUsize::new(0),
            flooded: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        });
        let inner = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if inner.ended.load(Ordering::Acquire) {
                    return;
                }
                inner.connections.fetch_add(1, Ordering::Relaxed);
                let inner = inner.clone();
                thread::spawn(move || serve(stream, &inner));
            }
        });
        Self { address, shared }
    }

    /// The base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has arrived and was answered with success, in order, by path.
    pub fn received(&self, path: &str) -> Vec<Received> {
        self.shared.received.lock().unwrap().iter().filter(|r| r.path == path).cloned().collect()
    }

    /// Bytes that were sent in floods, and read or buffered on their way.
    pub fn flooded(&self) -> u64 {
        self.shared.flooded.load(Ordering::Relaxed)
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        // Wakes the listener, which then closes the port.
        let _ = TcpStream::connect(self.address);
        while TcpStream::connect(self.address).is_ok() {
            thread::yield_now();
        }
    }
}

fn serve(stream: TcpStream, shared: &Shared) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        match (shared.decide)(&request) {
            Reply::Status(status, headers, body) => {
                if status == 200 {
                    shared.received.lock().unwrap().push(request);
                }
                let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
                let answer = [head.as_bytes(), &body].concat();
                if shared.ended.load(Ordering::Acquire) || reader.get_mut().write_all(&answer).is_err() {
                    return;
                }
            }
            Reply::Silence => {
                while !shared.ended.load(Ordering::Acquire) {
                    thread::yield_now();
                }
                return;
            }
            Reply::Close => return,
            Reply::Drip => return drip(reader.get_mut(), shared),
            Reply::Flood(status, len) => return flood(reader.get_mut(), shared, status, len),
        }
    }
}

fn drip(stream: &mut TcpStream, shared: &Shared) {
    for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" {
        if stream.write_all(&[*byte]).is_err() || shared.ended.load(Ordering::Acquire) {
            return;
        }
        thread::park_timeout(Duration::from_secs(1));
    }
}

fn flood(stream: &mut TcpStream, shared: &Shared, status: u16, len: u64) {
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {len}\r\n\r\n");
    let mut left = len;
    let mut sent = stream.write_all(head.as_bytes());
    while left > 0 && sent.is_ok() {
        let piece = left.min(1 << 16);
        sent = stream.write_all(&vec![b'x'; piece as usize]);
        left -= piece;
        shared.flooded.fetch_add(piece, Ordering::Relaxed);
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&n| n > 0)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|n| n.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
        let mut inflated = Vec::new();
        flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut inflated).expect("valid gzip");
        body = inflated;
    }
    Some(Received { method, path, headers, body })
}
