use std::io::{self, Write};
use std::time::Duration;

use flate2::write::MultiGzDecoder;
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Incoming};

use super::answer::Refusal;
use super::budget::Permit;
use super::grpc;

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
    let announced = body.size_hint().lower();
    let source = Source { body, ahead: Bytes::new(), left: None };
    within_time(source.read(announced, compressed, limit, permit)).await
}

/// Reads a body that is one message of gRPC: whether it is compressed, its length in four bytes, the message.
pub(super) async fn read_message(
    body: &mut Incoming,
    coding: grpc::Coding,
    limit: usize,
    permit: &mut Permit,
) -> Result<Vec<u8>, Refusal> {
    let reading = async {
        let mut source = Source { body, ahead: Bytes::new(), left: None };
        let [flag, length @ ..] = source.prefix().await?;
        let length = u32::from_be_bytes(length);
        source.left = Some(length as usize);
        source.read(length.into(), coding.compressed(flag)?, limit, permit).await
    };
    within_time(reading).await
}

async fn within_time(reading: impl Future<Output = Result<Vec<u8>, Refusal>>) -> Result<Vec<u8>, Refusal> {
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

/// A body, piece by piece; of gRPC, its one message.
struct Source<'a> {
    body: &'a mut Incoming,
    /// What came with the message's prefix.
    ahead: Bytes,
    /// How much of the message is still to come, if the body is one.
    left: Option<usize>,
}

impl Source<'_> {
    async fn read(
        mut self,
        announced: u64,
        compressed: bool,
        limit: usize,
        permit: &mut Permit,
    ) -> Result<Vec<u8>, Refusal> {
        // Compressed or not, a body that is announced as longer is not worth a byte of memory.
        if announced > limit as u64 {
            return Err(Refusal::too_large(limit));
        }
        // What is announced is believed up to a point: a sender gets memory for what it has sent.
        let first = (announced as usize).clamp(4 << 10, 64 << 10);
        let sink = Sink { bytes: Vec::new(), first, limit, permit, refusal: None };
        if compressed { self.inflate(sink).await } else { self.copy(sink).await }
    }

    async fn copy(&mut self, mut sink: Sink<'_>) -> Result<Vec<u8>, Refusal> {
        while let Some(data) = self.next().await? {
            sink.take(&data)?;
        }
        Ok(sink.bytes)
    }

    async fn inflate(&mut self, sink: Sink<'_>) -> Result<Vec<u8>, Refusal> {
        let mut decoder = MultiGzDecoder::new(sink);
        while let Some(data) = self.next().await? {
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

    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        let data = match std::mem::take(&mut self.ahead) {
            data if !data.is_empty() => Some(data),
            _ => next(self.body).await?,
        };
        match (&mut self.left, &data) {
            (None, _) | (Some(0), None) => {}
            (Some(_), None) => return Err(Refusal::cut_short()),
            // A call of these has one message.
            (Some(left), Some(data)) => {
                *left = left.checked_sub(data.len()).ok_or_else(Refusal::not_one_message)?;
            }
        }
        Ok(data)
    }

    /// The five bytes before a message.
    async fn prefix(&mut self) -> Result<[u8; 5], Refusal> {
        let (mut prefix, mut filled) = ([0; 5], 0);
        while filled < prefix.len() {
            let mut data = next(self.body).await?.ok_or_else(Refusal::not_one_message)?;
            let part = data.split_to(data.len().min(prefix.len() - filled));
            prefix[filled..][..part.len()].copy_from_slice(&part);
            filled += part.len();
            self.ahead = data;
        }
        Ok(prefix)
    }
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
