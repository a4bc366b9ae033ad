//! Where the relays send to: takes everything, and knows which spans came.

use std::collections::HashSet;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::http::Connection;
use crate::payload;

/// What came so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) spans: u64,
    pub(crate) different: u64,
}

/// A sink on a thread of this process, whose CPU time is not what is measured.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    ids: Arc<Mutex<(u64, HashSet<u64>)>>,
}

impl Sink {
    /// Starts to listen on the address; port 0 is any.
    pub(crate) fn start(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let ids = Arc::<Mutex<(u64, HashSet<u64>)>>::default();
        let shared = ids.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let ids = shared.clone();
                thread::spawn(move || serve(stream, &ids));
            }
        });
        Ok(Self { address, ids })
    }

    pub(crate) fn seen(&self) -> Seen {
        let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        Seen { spans: ids.0, different: ids.1.len() as u64 }
    }
}

fn serve(stream: TcpStream, ids: &Mutex<(u64, HashSet<u64>)>) -> io::Result<()> {
    let mut connection = Connection::new(stream)?;
    while connection.read()?.is_some() {
        let numbers = payload::numbers(&connection.body).ok_or(io::ErrorKind::InvalidData)?;
        let mut ids = ids.lock().unwrap_or_else(PoisonError::into_inner);
        ids.0 += numbers.len() as u64;
        ids.1.extend(numbers);
        drop(ids);
        connection.accept(b"")?;
    }
    Ok(())
}
