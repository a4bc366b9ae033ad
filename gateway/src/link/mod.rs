//! The device link: devices over TCP and serial lines. docs/LINK.md is the protocol, whose end is smoltel-core's.
//!
//! ```text
//!  TCP, serial ─▶ session ─▶ GatewayEnd ─▶ records ─▶ group: requests ─▶ spool
//!                    ▲                                                     │
//!                    └───────────── ACK when durable ◀─────────────────────┘
//! ```

mod clock;
mod defmt;
mod devices;
mod group;
mod serial;
mod session;
mod store;

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use smoltel_core::link::{Access, Key};
use smoltel_spool::Spool;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};

use crate::config::{Devices as Keys, Line};
use crate::ledger::Ledger;
use crate::log;
use crate::server::begun;
pub(crate) use defmt::{Decoders, PROGRAM as DEFMT_PROGRAM};
pub(crate) use devices::{Devices, State, shown};
use session::Session;

/// The most defmt streams that are read at once.
const STREAMS: u32 = 1024;

/// All that a session needs.
pub(crate) struct Links {
    pub(super) spool: Spool,
    pub(super) ledger: Arc<Ledger>,
    pub(super) devices: Arc<Devices>,
    pub(super) decoders: Decoders,
    /// Held by each session's defmt stream while it has frames in its hands.
    pub(super) streams: Arc<Semaphore>,
    keys: Mutex<HashMap<Vec<u8>, Key>>,
}

impl Links {
    pub(crate) fn new(
        spool: Spool,
        ledger: Arc<Ledger>,
        devices: Arc<Devices>,
        keys: &Keys,
        decoders: Decoders,
    ) -> Arc<Self> {
        let streams = Arc::new(Semaphore::new(STREAMS as usize));
        let keys = Mutex::new(keys.keys());
        Arc::new(Self { spool, ledger, devices, decoders, streams, keys })
    }

    /// Until what has come of defmt streams is in the spool.
    pub(crate) async fn rest(&self) {
        // Fails only if it were closed.
        _ = self.streams.acquire_many(STREAMS).await;
    }

    /// Sessions that begin from now on need these.
    pub(crate) fn set_keys(&self, keys: &Keys) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys.keys();
    }

    /// How a device of that id may connect, over a wire that others can or cannot reach.
    fn access(&self, id: &[u8], is_local: bool) -> Access {
        match self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
            Some(key) => Access::Sealed(key.clone()),
            None if is_local => Access::Plain,
            None => Access::Refused,
        }
    }

    /// Serves TCP until the stop.
    pub(crate) async fn listen(
        self: Arc<Self>,
        socket: TcpListener,
        connections: u32,
        mut stop: watch::Receiver<bool>,
    ) {
        let is_local = socket.local_addr().is_ok_and(|address| address.ip().is_loopback());
        let socket = match tokio::net::TcpListener::from_std(socket) {
            Ok(socket) => socket,
            Err(error) => return log::warning(format_args!("cannot accept devices: {error}")),
        };
        let seats = Arc::new(Semaphore::new(connections as usize));
        let mut trouble = log::Repeats::default();
        // Whoever comes when all seats are taken waits in the listener's backlog.
        while let Ok(seat) = seats.clone().acquire_owned().await {
            let accepted = tokio::select! {
                accepted = socket.accept() => accepted,
                () = begun(&mut stop) => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (links, stop) = (self.clone(), stop.clone());
                    tokio::spawn(async move {
                        links.connection(stream, is_local, stop).await;
                        drop(seat);
                    });
                }
                Err(error) => {
                    trouble.warning(format!("cannot accept devices: {error}"));
                    // Out of descriptors, mostly: some will be closed.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, is_local: bool, stop: watch::Receiver<bool>) {
        // An ACK is a frame of its own.
        _ = stream.set_nodelay(true);
        // What goes wrong with a connection is the device's to see.
        _ = Session::new(self, is_local, session::IDLE).run(stream, stop).await;
    }

    /// Serves a serial line until the stop, over any unplugging.
    pub(crate) async fn serial(self: Arc<Self>, line: Line, mut stop: watch::Receiver<bool>) {
        const AGAIN: Duration = Duration::from_secs(2);
        let mut trouble = log::Repeats::default();
        while !*stop.borrow() {
            let ended = match serial::open(&line) {
                Ok(port) => Session::new(self.clone(), true, Duration::MAX).run(port, stop.clone()).await,
                Err(error) => Err(error),
            };
            if let Err(error) = ended {
                trouble.warning(format!("serial line {line}: {error}; trying again"));
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                () = begun(&mut stop) => {}
            }
        }
    }
}
