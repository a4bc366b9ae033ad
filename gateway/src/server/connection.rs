use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, sleep_until, timeout};

use super::seats::{Seat, State};
use super::{Handler, Peer, begun};

/// How long a connection may take for the head of a request, or be idle: more than the minute between two exports of
/// metrics.
const IDLE: Duration = Duration::from_secs(90);
/// How long it may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// What an idle connection gets to end by itself: whoever has its seat next waits as long, behind one whose head never ends, too.
const FAREWELL: Duration = Duration::from_millis(20);
/// The most that a connection of HTTP/1 buffers; a longer head is refused.
const BUFFER: usize = 64 * 1024;
/// Requests of one HTTP/2 connection at once. With `HEAD`, it bounds what heads take.
const STREAMS: u32 = 16;
/// The longest head in HTTP/2.
const HEAD: u32 = 8 * 1024;
/// What one HTTP/2 connection may have sent that is not read yet, over all its requests.
const WINDOW: u32 = 64 * 1024;
/// Requests that were taken back before they were looked at; more end the connection.
const TAKEN_BACK: usize = 32;
/// An HTTP/2 peer that does not answer a ping is gone.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves one connection to its end.
pub(super) async fn serve<H: Handler>(
    stream: TcpStream,
    handler: Arc<H>,
    peer: Peer,
    seat: Seat,
    stop: watch::Receiver<bool>,
) {
    _ = stream.set_nodelay(true);
    let state = seat.state().clone();
    // What goes wrong with a connection is the peer's to see.
    match peer.guard.tls() {
        None => {
            let Some(http2) = speaks_http2::<H>(&stream, &state).await else { return };
            // In a box of its own: a connection that says nothing takes no room for what it might say.
            Box::pin(speak(TokioIo::new(stream), http2, handler, peer, state, stop)).await;
        }
        Some(tls) => {
            let handshake = tokio::select! {
                handshake = timeout(HANDSHAKE, tls.accept(stream)) => handshake,
                () = state.dismissed() => return,
            };
            let Ok(Ok(stream)) = handshake else { return };
            let http2 = H::HTTP2 && stream.get_ref().1.alpn_protocol() == Some(b"h2");
            Box::pin(speak(TokioIo::new(stream), http2, handler, peer, state, stop)).await;
        }
    }
    drop(seat);
}

/// Whether the peer begins as HTTP/2 does; nothing if it does not begin.
async fn speaks_http2<H: Handler>(stream: &TcpStream, state: &State) -> Option<bool> {
    const PREFACE: &[u8] = b"PRI";
    let beginning = async {
        let mut begin = [0; PREFACE.len()];
        // A peek does not wait for more than one byte, nor see the end behind it: a few are enough for the rest.
        for _ in 0..100 {
            match stream.peek(&mut begin).await {
                Ok(0) | Err(_) => return None,
                Ok(n) if n < PREFACE.len() && PREFACE.starts_with(&begin[..n]) => {
                    sleep(Duration::from_millis(50)).await;
                }
                Ok(_) => return Some(begin == PREFACE),
            }
        }
        None
    };
    if !H::HTTP2 {
        return Some(false);
    }
    tokio::select! {
        http2 = timeout(IDLE, beginning) => http2.ok().flatten(),
        () = state.dismissed() => None,
    }
}

/// Speaks HTTP until one side has enough.
async fn speak<H: Handler>(
    io: impl Read + Write + Unpin + Send + 'static,
    http2: bool,
    handler: Arc<H>,
    peer: Peer,
    state: Arc<State>,
    stop: watch::Receiver<bool>,
) {
    let (peer, busy) = (Arc::new(peer), state.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let (handler, peer, busy) = (handler.clone(), peer.clone(), busy.begin());
        async move {
            let answer = handler.handle(request, &peer).await;
            drop(busy);
            Ok::<_, Infallible>(answer)
        }
    });
    if http2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).keep_alive_interval(PING_EVERY).keep_alive_timeout(PING_TIMEOUT);
        builder.max_concurrent_streams(STREAMS).max_header_list_size(HEAD);
        builder.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
        builder.max_pending_accept_reset_streams(TAKEN_BACK).max_local_error_reset_streams(TAKEN_BACK);
        let connection = pin!(builder.serve_connection(io, service));
        end(connection, http2::Connection::graceful_shutdown, &state, stop).await;
    } else {
        let mut builder = http1::Builder::new();
        // A sender that has said all it has to say still waits for its answer.
        builder.half_close(true);
        builder.timer(TokioTimer::new()).header_read_timeout(IDLE).max_buf_size(BUFFER);
        let connection = pin!(builder.serve_connection(io, service));
        end(connection, http1::Connection::graceful_shutdown, &state, stop).await;
    }
}

/// Until it ends, and makes it end: at the stop, when it is idle for long, or when somebody else needs its seat.
async fn end<C: Future>(
    mut connection: Pin<&mut C>,
    shutdown: impl Fn(Pin<&mut C>),
    state: &State,
    mut stop: watch::Receiver<bool>,
) {
    tokio::select! {
        _ = connection.as_mut() => {}
        () = begun(&mut stop) => {
            shutdown(connection.as_mut());
            connection.await;
        }
        () = idle(state) => {
            shutdown(connection.as_mut());
            _ = timeout(FAREWELL, connection).await;
        }
    }
}

/// Until it has been idle for too long, or is and has to leave.
async fn idle(state: &State) {
    let long = async {
        loop {
            match state.idle_since() {
                Some(since) if since.elapsed() >= IDLE => return,
                Some(since) => sleep_until((since + IDLE).into()).await,
                None => sleep(IDLE).await,
            }
        }
    };
    let dismissed = async {
        loop {
            state.dismissed().await;
            // A request may have come meanwhile; then another one is asked.
            if state.idle_since().is_some() {
                return;
            }
        }
    };
    tokio::select! {
        () = long => {}
        () = dismissed => {}
    }
}
