use std::io::{self, Write};
use std::time::Duration;

use flate2::write::MultiGzDecoder;
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Incoming};

use super::answer::Refusal;
use super::budget::Permit;

/// How long a whole body may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// What is read of a body whose answer is known already, so that the sender gets to read it: a connection closed over
/// unread bytes is reset.
const DISCARDED: usize = 64 << 20;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads a body, inflated if it is compressed. It never holds more than `limit` bytes, nor than the permit gets.
pub(super) async fn read(
    body: &mut Incoming,
    compressed: bool,
    limit: usize,
    permit: &mut Permit,
) -> Result<Vec<u8>, Refusal> {
    // Compressed or not, a body that is announced as longer is not worth a byte of memory.
    if body.size_hint().lower() > limit as u64 {
        return Err(Refusal::too_large(limit));
    }
    // What is announced is believed up to a point: a sender gets memory for what it has sent.
    let first = (body.size_hint().lower() as usize).clamp(4 << 10, 64 << 10);
    let sink = Sink { bytes: Vec::new(), first, limit, permit, refusal: None };
    let reading = async { if compressed { inflate(body, sink).await } else { copy(body, sink).await } };
    tokio::time::timeout(TIMEOUT, reading).await.unwrap_or_else(|_| Err(Refusal::too_slow()))
}

/// Reads on without keeping anything, within bounds.
pub(super) async fn discard(body: &mut Incoming) {
    let reading = async {
        let mut left = DISCARDED;
        while let Ok(Some(data)) = next(body).await {
            let Some(rest) = left.checked_sub(data.len()) else { return };
            left = rest;
        }
    };
    _ = tokio::time::timeout(DISCARD_TIMEOUT, reading).await;
}

async fn copy(body: &mut Incoming, mut sink: Sink<'_>) -> Result<Vec<u8>, Refusal> {
    while let Some(data) = next(body).await? {
        sink.take(&data)?;
    }
    Ok(sink.bytes)
}

async fn inflate(body: &mut Incoming, sink: Sink<'_>) -> Result<Vec<u8>, Refusal> {
    let mut decoder = MultiGzDecoder::new(sink);
    while let Some(data) = next(body).await? {
        if let Err(error) = decoder.write_all(&data) {
            let refusal = decoder.get_mut().refusal.take();
            return Err(refusal.unwrap_or_else(|| Refusal::not_gzip(&error)));
        }
    }
    if let Err(error) = decoder.try_finish() {
        let refusal = decoder.get_mut().refusal.take();
        return Err(refusal.unwrap_or_else(|| Refusal::not_gzip(&error)));
    }
    Ok(std::mem::take(&mut decoder.get_mut().bytes))
}

/// The next piece of data; trailers are skipped.
async fn next(body: &mut Incoming) -> Result<Option<Bytes>, Refusal> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::broken(&error))?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}

/// Collects bytes within the limit and the permit.
struct Sink<'a> {
    bytes: Vec<u8>,
    /// How much room it makes at first.
    first: usize,
    limit: usize,
    permit: &'a mut Permit,
    /// Why it took no more.
    refusal: Option<Refusal>,
}

impl Sink<'_> {
    fn take(&mut self, data: &[u8]) -> Result<(), Refusal> {
        let len = self.bytes.len() + data.len();
        if len > self.limit {
            return Err(Refusal::too_large(self.limit));
        }
        if len > self.bytes.capacity() {
            let room = len.max(self.bytes.capacity() * 2).max(self.first).min(self.limit);
            if !self.permit.grow(room - self.bytes.capacity()) {
                return Err(Refusal::busy());
            }
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self.take(data) {
            Ok(()) => Ok(data.len()),
            Err(refusal) => {
                self.refusal = Some(refusal);
                Err(io::ErrorKind::OutOfMemory.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
