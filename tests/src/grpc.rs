//! An OTLP/gRPC server on loopback that keeps what it gets and answers as it is told.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::Read;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;

use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// One call, as it came; a compressed message is inflated.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method's path.
    pub path: String,
    /// The metadata.
    pub headers: HashMap<String, String>,
    /// The message.
    pub message: Vec<u8>,
    /// Whether it came compressed.
    pub compressed: bool,
}

/// What to answer.
#[derive(Clone, Debug)]
pub enum GrpcReply {
    /// Success, with that message.
    Ok(Vec<u8>),
    /// A status without a message: its code, its text, and its details in base64.
    Status(u16, &'static str, Option<String>),
    /// Something else than gRPC: a status of HTTP.
    Http(u16),
    /// Nothing, for ever.
    Silence,
    /// A message without an end.
    Endless,
}

type Decide = dyn Fn(&Call) -> GrpcReply + Send + Sync;

/// The server. Dropping it ends it.
pub struct GrpcSink {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Counts how often all connections were closed; closing the channel ends the server.
    hang_ups: watch::Sender<usize>,
}

struct Shared {
    calls: Mutex<Vec<Call>>,
    decide: Box<Decide>,
    connections: AtomicUsize,
    open: AtomicUsize,
}

impl GrpcSink {
    /// Listens on a free port and answers what `decide` says.
    pub fn replying(decide: impl Fn(&Call) -> GrpcReply + Send + Sync + 'static) -> Self {
        Self::start(None, decide)
    }

    /// The same behind TLS.
    pub fn start(
        tls: Option<Arc<rustls::ServerConfig>>,
        decide: impl Fn(&Call) -> GrpcReply + Send + Sync + 'static,
    ) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            calls: Mutex::default(),
            decide: Box::new(decide),
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
        });
        let (hang_ups, hung_up) = watch::channel(0);
        let inner = shared.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(listen(listener, tls.map(TlsAcceptor::from), inner, hung_up));
        });
        Self { address, shared, hang_ups }
    }

    /// The base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All calls so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Closes every connection, without a word.
    pub fn hang_up(&self) {
        self.hang_ups.send_modify(|count| *count += 1);
        crate::eventually("all are closed", || self.shared.open.load(Ordering::Acquire) == 0);
    }
}

async fn listen(
    listener: std::net::TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    mut hung_up: watch::Receiver<usize>,
) {
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted.unwrap().0,
            changed = hung_up.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        shared.connections.fetch_add(1, Ordering::Relaxed);
        let (tls, shared, hung_up) = (tls.clone(), shared.clone(), hung_up.clone());
        tokio::spawn(async move {
            match tls {
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, shared, hung_up).await;
                    }
                }
                None => serve(stream, shared, hung_up).await,
            }
        });
    }
}

async fn serve<S>(stream: S, shared: Arc<Shared>, mut hung_up: watch::Receiver<usize>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    shared.open.fetch_add(1, Ordering::Relaxed);
    let answering = shared.clone();
    let service = service_fn(move |request| {
        let shared = answering.clone();
        async move { Ok::<_, Infallible>(answer(request, &shared).await) }
    });
    let connection =
        http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = connection => {}
        _ = hung_up.changed() => {}
    }
    // The connection is gone with the end of that.
    shared.open.fetch_sub(1, Ordering::Release);
}

async fn answer(request: Request<Incoming>, shared: &Shared) -> Response<Frames> {
    let path = request.uri().path().to_owned();
    let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let mut headers: HashMap<_, _> =
        request.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    headers.insert(
        ":authority".to_owned(),
        request.uri().authority().map(|a| a.to_string()).unwrap_or_default(),
    );
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    assert!(body.len() >= 5, "a message has a prefix");
    let (prefix, message) = body.split_at(5);
    assert_eq!(u32::from_be_bytes(prefix[1..].try_into().unwrap()) as usize, message.len());
    let compressed = prefix[0] == 1;
    let message = if compressed { inflate(message) } else { message.to_vec() };
    let call = Call { path, headers, message, compressed };
    let reply = (shared.decide)(&call);
    shared.calls.lock().unwrap().push(call);
    if matches!(reply, GrpcReply::Silence) {
        std::future::pending::<()>().await;
    }
    respond(reply)
}

fn respond(reply: GrpcReply) -> Response<Frames> {
    let mut response = Response::builder().header("content-type", "application/grpc");
    let (mut frames, mut endless) = (Vec::new(), false);
    match reply {
        GrpcReply::Ok(message) => {
            let prefix = [&[0][..], &(message.len() as u32).to_be_bytes()].concat();
            frames.push(Frame::trailers(HeaderMap::from_iter([(
                "grpc-status".parse().unwrap(),
                "0".parse().unwrap(),
            )])));
            frames.push(Frame::data([prefix, message].concat().into()));
        }
        GrpcReply::Status(code, message, details) => {
            response = response.header("grpc-status", code).header("grpc-message", message);
            if let Some(details) = details {
                response = response.header("grpc-status-details-bin", details);
            }
        }
        GrpcReply::Http(status) => response = response.status(status),
        GrpcReply::Endless => endless = true,
        GrpcReply::Silence => {}
    }
    response.body(Frames { frames, endless }).unwrap()
}

/// An answer's frames, last first.
struct Frames {
    frames: Vec<Frame<Bytes>>,
    endless: bool,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.endless {
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 16_384])))));
        }
        Poll::Ready(self.frames.pop().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        !self.endless && self.frames.is_empty()
    }
}

fn inflate(bytes: &[u8]) -> Vec<u8> {
    let mut inflated = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut inflated).expect("valid gzip");
    inflated
}
