//! The floor: a relay that looks at nothing. In memory it reads, posts on and answers; durable, it appends to a file and syncs
//! before that. It keeps no place and sends nothing again, so no relay with a promise can be as cheap at the same syncs.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::http::Connection;

/// Relays until it is killed.
pub(crate) fn run(listen: SocketAddr, to: SocketAddr, log: Option<&Path>) -> io::Result<()> {
    let open = |path| OpenOptions::new().create(true).append(true).open(path);
    let log = Arc::new(log.map(open).transpose()?.map(Mutex::new));
    for stream in TcpListener::bind(listen)?.incoming().flatten() {
        let log = log.clone();
        thread::spawn(move || serve(stream, to, log.as_ref().as_ref()));
    }
    Ok(())
}

fn serve(stream: TcpStream, to: SocketAddr, log: Option<&Mutex<File>>) -> io::Result<()> {
    let mut sender = Connection::new(stream)?;
    let mut upstream = Connection::open(to)?;
    while sender.read()?.is_some() {
        if let Some(log) = log {
            let mut file = log.lock().unwrap_or_else(PoisonError::into_inner);
            file.write_all(&sender.body)?;
            file.sync_data()?;
        }
        upstream.post(&sender.body)?;
        sender.accept(b"")?;
    }
    Ok(())
}
