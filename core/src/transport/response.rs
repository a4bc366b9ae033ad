use crate::otlp::collector::Response as Export;
use crate::retry::Answer;
use crate::wire::{Payload, Reader, varint};

/// Reads one HTTP/1.1 response from bytes in any pieces, keeping only what matters: the status, how long
/// to wait, and the beginning of the body.
#[derive(Debug, Default)]
pub(super) struct Response {
    state: State,
    line: heapless::Vec<u8, 64>,
    status: u16,
    length: usize,
    chunked: bool,
    retry_after: Option<u64>,
    body: heapless::Vec<u8, 64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Status,
    Headers,
    Body,
    ChunkSize,
    Chunk,
    ChunkEnd,
    Trailers,
    Done,
    Broken,
}

impl Response {
    /// Takes bytes; the answer when it is complete. Bytes behind it are ignored: one request at a time
    /// is in flight.
    pub(super) fn receive(&mut self, mut bytes: &[u8]) -> Option<Answer> {
        while !bytes.is_empty() && !matches!(self.state, State::Done | State::Broken) {
            bytes = match self.state {
                State::Body | State::Chunk => self.take_body(bytes),
                _ => self.take_line(bytes),
            };
        }
        match self.state {
            State::Done => Some(self.answer()),
            State::Broken => Some(Answer::NONE),
            _ => None,
        }
    }

    fn answer(&self) -> Answer {
        match Answer::from_http(self.status, self.retry_after) {
            // A body that cannot be read does not undo the status.
            Answer::Accepted { .. } => Answer::Accepted {
                rejected: Export::decode(&self.body)
                    .map_or_else(|_| rejected(&self.body), |body| body.rejected),
            },
            other => other,
        }
    }

    fn take_body<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (now, rest) = bytes.split_at(self.length.min(bytes.len()));
        self.length -= now.len();
        let kept = now.len().min(self.body.capacity() - self.body.len());
        // Fits: it was cut to what fits.
        let _ = self.body.extend_from_slice(&now[..kept]);
        if self.length == 0 {
            self.state = if self.chunked { State::ChunkEnd } else { State::Done };
        }
        rest
    }

    /// Lines longer than what matters are cut, not refused.
    fn take_line<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some((&byte, rest)) = bytes.split_first() else { return bytes };
        if byte != b'\n' {
            let _ = self.line.push(byte);
            return rest;
        }
        let line = core::mem::take(&mut self.line);
        let text = core::str::from_utf8(&line).unwrap_or_default().trim_end_matches('\r');
        self.state = self.read_line(text).unwrap_or(State::Broken);
        rest
    }

    fn read_line(&mut self, line: &str) -> Option<State> {
        match self.state {
            State::Status => {
                self.status = line.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
                Some(State::Headers)
            }
            State::Headers if line.is_empty() => Some(self.after_headers()),
            State::Headers => self.read_header(line),
            State::ChunkSize => {
                let digits = line.split(';').next().unwrap_or_default().trim_ascii();
                self.length = usize::from_str_radix(digits, 16).ok()?;
                Some(if self.length == 0 { State::Trailers } else { State::Chunk })
            }
            State::ChunkEnd => line.is_empty().then_some(State::ChunkSize),
            State::Trailers => Some(if line.is_empty() { State::Done } else { State::Trailers }),
            other => Some(other),
        }
    }

    fn read_header(&mut self, line: &str) -> Option<State> {
        let (name, value) = line.split_once(':')?;
        let value = value.trim_ascii();
        if name.eq_ignore_ascii_case("content-length") {
            self.length = value.parse().ok()?;
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            self.chunked = value.eq_ignore_ascii_case("chunked");
        } else if name.eq_ignore_ascii_case("retry-after") {
            // The date form needs a calendar; without one the own backoff serves.
            self.retry_after = value.parse::<u32>().ok().map(|seconds| u64::from(seconds) * 1_000_000_000);
        }
        Some(State::Headers)
    }

    fn after_headers(&mut self) -> State {
        match (self.status, self.chunked, self.length) {
            // An interim response: the one that counts comes behind it.
            (100..=199, _, _) => {
                *self = Self::default();
                State::Status
            }
            (_, true, _) => State::ChunkSize,
            (_, false, 0) => State::Done,
            _ => State::Body,
        }
    }
}

/// What the beginning of an export response says was rejected: the count stands before the words that were cut.
fn rejected(cut: &[u8]) -> u64 {
    const PARTIAL_SUCCESS: u8 = 0x0A;
    const REJECTED: u32 = 1;
    let partial = cut.strip_prefix(&[PARTIAL_SUCCESS]).and_then(|rest| rest.get(varint::decode(rest)?.1..));
    let mut fields = Reader::new(partial.unwrap_or_default()).map_while(Result::ok);
    let count = fields.find_map(|field| match field {
        (REJECTED, Payload::Varint(count)) => i64::try_from(count).ok(),
        _ => None,
    });
    count.unwrap_or(0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer to a response that arrives in pieces of each size.
    fn answer(response: &[u8]) -> Option<Answer> {
        let whole = Response::default().receive(response);
        for size in 1..8 {
            let mut pieces = Response::default();
            let last = response.chunks(size).filter_map(|piece| pieces.receive(piece)).last();
            assert_eq!(last, whole, "in pieces of {size}");
        }
        whole
    }

    #[test]
    fn the_status_and_the_rejected_items_are_read() {
        let ok = Some(Answer::Accepted { rejected: 0 });
        assert_eq!(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), ok);
        assert_eq!(answer(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n"), ok);
        let partial = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\x0A\x02\x08\x05";
        assert_eq!(answer(partial), Some(Answer::Accepted { rejected: 5 }));
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n\x0A\x02\x08\r\n1\r\n\x07\r\n0\r\n\r\n";
        assert_eq!(answer(chunked), Some(Answer::Accepted { rejected: 7 }));
    }

    #[test]
    fn the_wish_to_wait_is_read() {
        let busy = b"HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\nno";
        assert_eq!(answer(busy), Some(Answer::Retry { after: Some(3_000_000_000) }));
    }

    #[test]
    fn rubbish_is_no_answer() {
        for rubbish in
            [&b"SSH-2.0-OpenSSH\r\n"[..], b"HTTP/1.1 2x0 OK\r\n", b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"]
        {
            assert_eq!(answer(rubbish), Some(Answer::NONE));
        }
        assert_eq!(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"), None);
    }
}
