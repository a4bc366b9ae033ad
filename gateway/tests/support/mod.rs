//! The real binary, an upstream that does as it is told, and plain HTTP between them.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod grpc;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use smoltel_proto::{from_json, table, to_json};

/// How long anything may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for something that somebody else does.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// The gateway: the one that was built with the tests, or the one that `SMOLTEL_GATEWAY` names.
pub fn binary() -> Command {
    let built = env!("CARGO_BIN_EXE_smoltel-gateway").into();
    let mut command = Command::new(std::env::var_os("SMOLTEL_GATEWAY").unwrap_or(built));
    command.env_remove("OTEL_EXPORTER_OTLP_ENDPOINT").env_remove("STATE_DIRECTORY");
    command.env_remove("NOTIFY_SOCKET");
    command
}

/// Runs a command to its end.
pub fn output(args: &[&str]) -> Output {
    binary().args(args).output().unwrap()
}

/// A gateway that runs; killed when dropped.
pub struct Gateway {
    child: Child,
    pub http: SocketAddr,
    pub grpc: Option<SocketAddr>,
    pub link: Option<SocketAddr>,
    pub admin: SocketAddr,
    log: Arc<Mutex<String>>,
}

impl Gateway {
    pub fn start(dir: &Path, args: &[&str]) -> Self {
        Self::start_as(binary(), dir, args)
    }

    pub fn start_as(mut command: Command, dir: &Path, args: &[&str]) -> Self {
        command.args(["--admin", "127.0.0.1:0", "--data-dir"]).arg(dir).args(args);
        for listener in ["--http", "--grpc", "--link"].into_iter().filter(|listener| !args.contains(listener))
        {
            command.args([listener, "127.0.0.1:0"]);
        }
        let mut child = command.stderr(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (mut http, mut grpc, mut link, mut admin) = (None, None, None, None);
        let mut begin = String::new();
        while let Some(Ok(line)) = lines.next() {
            let address =
                |what: &str| line.split_once(what)?.1.split_once("://")?.1.parse::<SocketAddr>().ok();
            http = http.or(address("OTLP/HTTP on"));
            grpc = grpc.or(address("OTLP/gRPC on"));
            link = link.or(address("devices on"));
            admin = admin.or(address("the admin page on"));
            let started = line.contains("data in");
            begin += &(line + "\n");
            if started {
                break;
            }
        }
        let log = Arc::new(Mutex::new(begin));
        let more = log.clone();
        thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| *more.lock().unwrap() += &(line + "\n"));
        });
        let text = log.lock().unwrap().clone();
        Self { http: http.expect(&text), grpc, link, admin: admin.expect(&text), child, log }
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by name and returns the exit status.
    pub fn signal(&self, name: &str) {
        let kill = Command::new("kill").args([format!("-{name}"), self.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }

    /// SIGTERM; the exit status.
    pub fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().unwrap().code()
    }

    /// A sample of the first destination there is.
    pub fn sent(&self, name: &str, signal: &str) -> u64 {
        let id = self.status()["destinations"][0]["id"].as_str().unwrap().to_owned();
        self.metric(&format!("smoltel_gateway_{name}{{destination=\"{id}\",signal=\"{signal}\"}}"))
    }

    pub fn status(&self) -> Value {
        let answer = get(self.admin, "/api/status");
        serde_json::from_slice(&answer.body).unwrap()
    }

    pub fn metric(&self, line: &str) -> u64 {
        let page = String::from_utf8(get(self.admin, "/metrics").body).unwrap();
        let found = page.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or_else(|| panic!("{line} is not in {page}"))
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// The `google.rpc.Status` that it has to be, whatever its encoding.
    pub fn rpc_status(&self) -> Value {
        let json = match self.header("content-type") {
            Some("application/json") => self.body.clone(),
            Some("application/x-protobuf") => {
                let mut json = Vec::new();
                to_json(&table::STATUS, &self.body, &mut json).unwrap();
                json
            }
            other => panic!("{other:?}"),
        };
        let status: Value = serde_json::from_slice(&json).unwrap();
        assert!(!status["message"].as_str().unwrap().is_empty());
        status
    }
}

pub fn get(to: SocketAddr, path: &str) -> Answer {
    request(to, &format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), b"").unwrap()
}

pub const PROTOBUF: &str = "Content-Type: application/x-protobuf\r\n";
pub const JSON: &str = "Content-Type: application/json\r\n";

/// Posts; `headers` are whole lines.
pub fn post(to: SocketAddr, path: &str, headers: &str, body: &[u8]) -> Answer {
    try_post(to, path, headers, body).unwrap()
}

pub fn try_post(to: SocketAddr, path: &str, headers: &str, body: &[u8]) -> Option<Answer> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    request(to, &head, body)
}

/// One request; `None` when the connection fails.
pub fn request(to: SocketAddr, head: &str, body: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(to).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.into(), v.into())).collect();
    Some(Answer { status, headers, body: bytes[end + 4..].to_vec() })
}

/// A request with one log record whose body is `text`, in JSON.
pub fn log_json(text: &str) -> Vec<u8> {
    json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": text}}]}]}]})
        .to_string()
        .into_bytes()
}

/// The same in binary.
pub fn log(text: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    from_json(&table::EXPORT_LOGS_SERVICE_REQUEST, &log_json(text), &mut wire).unwrap();
    wire
}

/// The texts of all log records in a request.
pub fn texts(wire: &[u8]) -> Vec<String> {
    let mut json = Vec::new();
    to_json(&table::EXPORT_LOGS_SERVICE_REQUEST, wire, &mut json).unwrap();
    texts_of_json(&json)
}

pub fn texts_of_json(json: &[u8]) -> Vec<String> {
    let request: Value = serde_json::from_slice(json).unwrap();
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let resources = list(&request, "resourceLogs").into_iter();
    let scopes = resources.flat_map(|resource| list(&resource, "scopeLogs"));
    let records = scopes.flat_map(|scope| list(&scope, "logRecords"));
    records.map(|record| record["body"]["stringValue"].as_str().unwrap_or_default().to_owned()).collect()
}

/// What an upstream was sent.
#[derive(Clone, Debug)]
pub struct Seen {
    pub head: String,
    pub body: Vec<u8>,
    pub status: u16,
}

type Rule = Box<dyn FnMut(&str, &[u8]) -> u16 + Send>;
type State = (Mutex<(Rule, Vec<Seen>)>, Condvar);

/// A rule's word for no answer at all.
pub const SILENCE: u16 = 1;
/// A rule's word for a success that rejects one item.
pub const ONE_REJECTED: u16 = 2;

/// An HTTP server whose answers a test decides: `rule` gives the status for a path and a body, 0 to hang up.
pub struct Upstream {
    pub address: SocketAddr,
    state: Arc<State>,
}

impl Upstream {
    pub fn new(rule: impl FnMut(&str, &[u8]) -> u16 + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let rule: Rule = Box::new(rule);
        let upstream = Self { address, state: Arc::new((Mutex::new((rule, Vec::new())), Condvar::new())) };
        let state = upstream.state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = state.clone();
                thread::spawn(move || while serve(&stream, &state).is_some() {});
            }
        });
        upstream
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn now(&self, rule: impl FnMut(&str, &[u8]) -> u16 + Send + 'static) {
        self.state.0.lock().unwrap().0 = Box::new(rule);
    }

    /// Waits until what was sent fulfils a condition.
    pub fn until(&self, what: &str, mut holds: impl FnMut(&[Seen]) -> bool) {
        let guard = self.state.0.lock().unwrap();
        let (_guard, timeout) =
            self.state.1.wait_timeout_while(guard, PATIENCE, |(_, seen)| !holds(seen)).unwrap();
        assert!(!timeout.timed_out(), "never: {what}");
    }

    /// What it was sent so far is not kept any longer.
    pub fn forget(&self) {
        self.state.0.lock().unwrap().1.clear();
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.state.0.lock().unwrap().1.clone()
    }
}

/// The texts of all log records that an upstream accepted.
pub fn accepted(seen: &[Seen]) -> Vec<String> {
    seen.iter().filter(|seen| seen.status == 200).flat_map(|seen| texts(&seen.body)).collect()
}

fn serve(mut stream: &TcpStream, state: &State) -> Option<()> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let header =
        |name: &str| head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix(name).map(str::to_owned));
    let length = header("content-length:")?.trim().parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let path = head.split(' ').nth(1)?.to_owned();
    let status = {
        let mut state_now = state.0.lock().unwrap();
        let status = (state_now.0)(&path, &body);
        state_now.1.push(Seen { head, body, status });
        status
    };
    state.1.notify_all();
    let answer: &[u8] = match status {
        0 => return None,
        SILENCE => loop {
            thread::park();
        },
        ONE_REJECTED => b"HTTP/1.1 200 X\r\nContent-Length: 4\r\n\r\n\x0A\x02\x08\x01",
        status => &format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").into_bytes(),
    };
    stream.write_all(answer).ok()
}
