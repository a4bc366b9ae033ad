//! A plain threaded HTTP server: a span for each request that goes on with its caller's trace, spans within it, metrics,
//! and an end that loses nothing.
//!
//! ```console
//! $ cargo run -p smoltel --example server -- http://127.0.0.1:4318
//! listening on http://127.0.0.1:40123
//! $ curl -H 'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' http://127.0.0.1:40123/orders/7
//! ```
//!
//! It ends when its standard input does: ^D on a terminal.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use smoltel::propagation::{Context, Propagator, TraceContext};
use smoltel::{Counter, Histogram, Logger, Span, SpanKind, Telemetry, Tracer, context};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = Telemetry::builder("orders");
    if let Some(endpoint) = std::env::args().nth(1) {
        builder = builder.endpoint(endpoint);
    }
    let telemetry = builder.build()?;
    telemetry.install_panic_hook(Duration::from_secs(2));
    let service = Service::new(&telemetry);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    println!("listening on http://{address}");

    let ending = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for stream in listener.incoming().map_while(Result::ok) {
                if ending.load(Ordering::Acquire) {
                    return;
                }
                scope.spawn(|| service.serve(stream));
            }
        });
        // Nobody is turned away in the middle: the scope ends when every request is answered.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        ending.store(true, Ordering::Release);
        wake(address);
    });

    let report = telemetry.shutdown(Duration::from_secs(5));
    println!("{report}");
    if report.dropped() + report.in_doubt > 0 { Err("not everything has arrived".into()) } else { Ok(()) }
}

/// The listener looks whether the end has come when somebody calls.
fn wake(address: SocketAddr) {
    let _ = TcpStream::connect(address);
}

struct Service {
    tracer: Tracer,
    logger: Logger,
    answered: Counter,
    duration: Histogram,
}

impl Service {
    fn new(telemetry: &Telemetry) -> Self {
        let meter = telemetry.meter("orders");
        let duration = meter.instrument("http.server.request.duration").unit("s");
        Self {
            tracer: telemetry.tracer("orders"),
            logger: telemetry.logger("orders"),
            answered: meter.counter_in("orders.answered", "{order}"),
            duration: duration.bounds(&[0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0]).histogram(),
        }
    }

    fn serve(&self, stream: TcpStream) {
        let Ok(request) = Request::read(&stream) else { return };
        let start = Instant::now();
        // The caller's span is current while this one starts, and so its parent.
        let caller = request.caller();
        let mut span = self.tracer.span("GET /orders/{id}").kind(SpanKind::Server).start();
        let _current = span.enter();
        drop(caller);
        span.set("http.request.method", request.method.as_str()).set("url.path", request.path.as_str());
        let status = self.answer(&request, stream);
        span.set("http.response.status_code", i64::from(status));
        if status >= 500 {
            span.fail("the order could not be loaded");
        }
        let attributes = [("http.response.status_code".into(), i64::from(status).into())];
        self.duration.record(start.elapsed().as_secs_f64(), &attributes);
    }

    fn answer(&self, request: &Request, mut stream: TcpStream) -> u16 {
        let (status, body) = match request.path.strip_prefix("/orders/").map(|id| self.load(id)) {
            Some(Ok(order)) => (200, order),
            Some(Err(error)) => (500, error),
            None => (404, "there are only /orders/{id}".to_owned()),
        };
        let head =
            format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        // A caller who has gone is none of the service's errors.
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
        status
    }

    /// A part of the work with a span of its own: a child of the request's, which is current.
    fn load(&self, id: &str) -> Result<String, String> {
        let mut span: Span = self.tracer.span("load order").kind(SpanKind::Client).start();
        span.set("order.id", id);
        match id.parse::<u32>() {
            Ok(id) => {
                self.answered.add(1, &[]);
                self.logger.info("order loaded");
                Ok(format!("order {id}\n"))
            }
            Err(error) => {
                span.fail(&error);
                self.logger.error("order cannot be loaded");
                Err(format!("{error}\n"))
            }
        }
    }
}

struct Request {
    method: String,
    path: String,
    /// Names in lower case.
    headers: HashMap<String, String>,
}

impl Request {
    fn read(stream: &TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        // More than that of a request's head is read by nobody here.
        let mut lines = BufReader::new(stream).take(16 << 10).lines();
        let first = lines.next().transpose()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut words = first.split(' ').map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut headers = HashMap::new();
        for line in lines {
            let line = line?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        Ok(Self { method, path, headers })
    }

    /// Makes the caller's span the current one; without one that is valid, none is.
    fn caller(&self) -> context::Entered {
        let mut caller = Context::default();
        TraceContext.extract(&mut caller, &|name| self.headers.get(name).map(String::as_bytes));
        context::attach_with(caller.span, caller.trace_state)
    }
}
