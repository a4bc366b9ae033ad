//! Accepting connections: as many at once as allowed, from whom it is allowed, until the stop.

mod connection;
mod guard;
mod payload;
mod seats;

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use tokio::sync::watch;

use crate::config::Limits;
use crate::failure::Failure;
use crate::ledger::Ledger;
use crate::log;
pub(crate) use guard::Guard;
pub(crate) use payload::Payload;
use seats::Seats;
pub(crate) use seats::sender;

pub(crate) type Answer = Response<Payload>;

/// Answers requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Whether HTTP/2 is spoken, too.
    const HTTP2: bool;

    fn handle(&self, request: Request<Incoming>, peer: &Peer) -> impl Future<Output = Answer> + Send;
}

/// Who sent a request.
pub(crate) struct Peer {
    pub(crate) ip: IpAddr,
    /// What it has to show.
    pub(crate) guard: Arc<Guard>,
}

/// A socket that listens, and whom it lets in.
pub(crate) struct Listener {
    socket: TcpListener,
    /// The latest one holds for connections from then on.
    guard: watch::Receiver<Arc<Guard>>,
}

impl Listener {
    pub(crate) fn new(socket: TcpListener, guard: watch::Receiver<Arc<Guard>>) -> Self {
        Self { socket, guard }
    }
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
    listener: Listener,
    handler: Arc<H>,
    limits: Limits,
    ledger: Arc<Ledger>,
    stop: watch::Receiver<bool>,
) {
    let Listener { socket, guard } = listener;
    let socket = match tokio::net::TcpListener::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => return log::warning(format_args!("cannot accept connections: {error}")),
    };
    let seats = Seats::new(&limits, ledger);
    let mut stopped = stop.clone();
    tokio::select! {
        () = begun(&mut stopped) => {}
        () = accept(&socket, &guard, handler, &seats, &stop) => {}
    }
    drop(socket);
    seats.wait_until_empty().await;
}

async fn accept<H: Handler>(
    socket: &tokio::net::TcpListener,
    guard: &watch::Receiver<Arc<Guard>>,
    handler: Arc<H>,
    seats: &Arc<Seats>,
    stop: &watch::Receiver<bool>,
) {
    let mut trouble = log::Repeats::default();
    loop {
        match socket.accept().await {
            Ok((stream, from)) => {
                let ip = from.ip().to_canonical();
                // Whoever has too many already is hung up on.
                if let Some(seat) = seats.take(ip).await {
                    let peer = Peer { ip, guard: guard.borrow().clone() };
                    tokio::spawn(connection::serve(stream, handler.clone(), peer, seat, stop.clone()));
                }
            }
            Err(error) => {
                trouble.warning(format!("cannot accept connections: {error}"));
                // Out of descriptors, mostly: some will be closed.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Until the stop.
pub(crate) async fn begun(stop: &mut watch::Receiver<bool>) {
    _ = stop.wait_for(|stop| *stop).await;
}
