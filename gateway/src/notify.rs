//! Tells systemd how it goes, if it asks: sd_notify(3), which is a datagram with a word in it.

use std::env;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

pub(crate) const READY: &str = "READY=1";
pub(crate) const STOPPING: &str = "STOPPING=1";

/// Says it. Whoever does not listen is not told.
pub(crate) fn say(word: &str) {
    let Some(path) = env::var_os("NOTIFY_SOCKET") else { return };
    let address = match path.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(&path),
    };
    if let (Ok(address), Ok(socket)) = (address, UnixDatagram::unbound()) {
        _ = socket.set_nonblocking(true);
        _ = socket.send_to_addr(word.as_bytes(), &address);
    }
}

/// Tells the watchdog, twice in each of its intervals, that this runtime still runs; for ever.
pub(crate) async fn alive() {
    let interval = env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok());
    let Some(interval) = interval.filter(|micros: &u64| *micros > 0) else { return };
    let mut ticks = tokio::time::interval(Duration::from_micros(interval / 2).max(Duration::from_millis(1)));
    loop {
        ticks.tick().await;
        say("WATCHDOG=1");
    }
}
