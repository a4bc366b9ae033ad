//! Accepting connections: as many at once as allowed, until the stop.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::failure::Failure;
use crate::log;

pub(crate) type Answer = Response<Full<Bytes>>;

/// How long a connection may take for the head of a request, or be idle: more than the minute between two exports of
/// metrics.
const HEAD_TIMEOUT: Duration = Duration::from_secs(90);
/// The most that a connection buffers; a longer head is refused.
const BUFFER: usize = 64 * 1024;

/// Answers requests.
pub(crate) trait Handler: Send + Sync + 'static {
    fn handle(&self, request: Request<Incoming>) -> impl Future<Output = Answer> + Send;
}

/// Binds, before anything else is started. `what` is for people.
pub(crate) fn bind(address: SocketAddr, what: &str, flag: &str) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|error| {
        let mend = match error.kind() {
            io::ErrorKind::AddrInUse => "stop the program that has it, or choose another",
            _ => "choose another",
        };
        Failure::other(format!("cannot listen on {address} for {what}: {error}; {mend} with {flag}"))
    })
}

/// Serves until `stop` turns true, then until the requests under way are answered.
pub(crate) async fn serve<H: Handler>(
    listener: TcpListener,
    handler: Arc<H>,
    connections: u32,
    stop: watch::Receiver<bool>,
) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return log::line(format_args!("cannot accept connections: {error}")),
    };
    let slots = Arc::new(Semaphore::new(connections as usize));
    let mut stopped = stop.clone();
    tokio::select! {
        () = begun(&mut stopped) => {}
        () = accept(&listener, handler, &slots, &stop) => {}
    }
    drop(listener);
    // All slots are free when every connection has ended.
    _ = slots.acquire_many(connections).await;
}

async fn accept<H: Handler>(
    listener: &tokio::net::TcpListener,
    handler: Arc<H>,
    slots: &Arc<Semaphore>,
    stop: &watch::Receiver<bool>,
) {
    let mut trouble = log::Repeats::default();
    // Whoever comes when all slots are taken waits in the listener's backlog.
    while let Ok(slot) = slots.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, handler.clone(), slot, stop.clone()));
            }
            Err(error) => {
                trouble.line(format!("cannot accept connections: {error}"));
                // Out of descriptors, mostly: some will be closed.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection<H: Handler>(
    stream: TcpStream,
    handler: Arc<H>,
    slot: OwnedSemaphorePermit,
    mut stop: watch::Receiver<bool>,
) {
    _ = stream.set_nodelay(true);
    let service = service_fn(|request| async { Ok::<_, Infallible>(handler.handle(request).await) });
    let mut builder = http1::Builder::new();
    // A sender that has said all it has to say still waits for its answer.
    builder.half_close(true);
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(BUFFER);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // What goes wrong with a connection is the peer's to see.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = begun(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            _ = connection.await;
        }
    }
    drop(slot);
}

/// Until the stop.
async fn begun(stop: &mut watch::Receiver<bool>) {
    _ = stop.wait_for(|stop| *stop).await;
}
