//! Senders: some connections, each with one request after the other. What is answered with another status than 200 is sent again.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::http::Connection;
use crate::payload::Template;

const CONNECTIONS: usize = 4;

/// What is to be sent.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// The spans of one request.
    pub(crate) together: usize,
    pub(crate) requests: u64,
}

impl Load {
    pub(crate) fn spans(self) -> u64 {
        self.requests * self.together as u64
    }

    /// Bytes of all requests.
    pub(crate) fn bytes(self) -> f64 {
        Template::new(self.together).len() as f64 * self.requests as f64
    }

    /// Sends everything; the numbers of the spans that were acknowledged are those of the requests below the answer, and those
    /// that an end of the relay cut off are not among them.
    pub(crate) fn send(self, to: SocketAddr) -> u64 {
        let (next, acknowledged) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..CONNECTIONS {
                scope.spawn(|| self.send_some(to, &next, &acknowledged));
            }
        });
        acknowledged.into_inner() * self.together as u64
    }

    /// One connection's part. A connection that breaks is the relay's end: what was under way is not acknowledged.
    fn send_some(self, to: SocketAddr, next: &AtomicU64, acknowledged: &AtomicU64) -> io::Result<()> {
        let mut connection = Connection::open(to)?;
        let mut template = Template::new(self.together);
        loop {
            let request = next.fetch_add(1, Ordering::Relaxed);
            if request >= self.requests {
                return Ok(());
            }
            let body = template.numbered(request * self.together as u64);
            while !(200..300).contains(&connection.post(body)?) {
                thread::sleep(Duration::from_millis(10));
            }
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Waits for something that another process does; whether it came.
pub(crate) fn until(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !holds() {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}
