use super::date;
use crate::otlp::collector::Response as Export;
use crate::retry::Answer;
use crate::wire::{LEN, Payload, Reader, tag, varint};

/// Reads one HTTP/1.1 response from bytes in any pieces, keeping only what matters: the status, the
/// server's time, how long to wait, and the beginning of the body.
#[derive(Debug, Default)]
pub(super) struct Response {
    state: State,
    line: heapless::Vec<u8, 64>,
    status: u16,
    length: usize,
    /// Bytes of the body that have come or were announced.
    announced: usize,
    chunked: bool,
    retry_after: Option<RetryAfter>,
    date: Option<u64>,
    /// The request was a `HEAD`: no body comes, whatever the headers say of one.
    to_head: bool,
    body: heapless::Vec<u8, 64>,
}

/// When to come back, in seconds.
#[derive(Clone, Copy, Debug)]
enum RetryAfter {
    Delay(u32),
    Date(u64),
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
    /// The body is longer than [`Response::MAX_BODY`].
    TooLong,
    Broken,
}

impl Response {
    /// A longer body is no answer of OTLP, whatever the status says: a portal's page, perhaps.
    const MAX_BODY: usize = 4 << 20;

    /// The response to a `HEAD` request.
    pub(super) fn to_head() -> Self {
        Self { to_head: true, ..Self::default() }
    }

    /// The Unix time, in seconds, that the server wrote into the response.
    pub(super) fn date(&self) -> Option<u64> {
        self.date
    }

    /// The status, zero before it has come, and the beginning of what the body says for people: why the request was
    /// refused, or what to think of although it was not.
    pub(super) fn words(&self) -> (u16, &str) {
        let message = match self.status {
            200..=299 => beginning(beginning(&self.body, PARTIAL_SUCCESS), MESSAGE),
            _ => beginning(&self.body, MESSAGE),
        };
        let text = core::str::from_utf8(message);
        let whole = text.or_else(|error| core::str::from_utf8(&message[..error.valid_up_to()]));
        (self.status, whole.unwrap_or_default())
    }

    /// Takes bytes; the answer when it is complete. Bytes behind it are ignored: one request at a time
    /// is in flight.
    pub(super) fn receive(&mut self, mut bytes: &[u8]) -> Option<Answer> {
        while !bytes.is_empty() && !matches!(self.state, State::Done | State::TooLong | State::Broken) {
            bytes = match self.state {
                State::Body | State::Chunk => self.take_body(bytes),
                _ => self.take_line(bytes),
            };
        }
        match self.state {
            State::Done => Some(self.answer()),
            State::TooLong => Some(Answer::BadDestination),
            State::Broken => Some(Answer::NONE),
            _ => None,
        }
    }

    fn answer(&self) -> Answer {
        match Answer::from_http(self.status, self.wait()) {
            // A body that cannot be read does not undo the status.
            Answer::Accepted { .. } => Answer::Accepted {
                rejected: Export::decode(&self.body)
                    .map_or_else(|_| rejected(&self.body), |body| body.rejected),
            },
            other => other,
        }
    }

    /// The server's wish, in nanoseconds. A date is held against the server's own clock; one that has
    /// passed wishes nothing.
    fn wait(&self) -> Option<u64> {
        let seconds = match self.retry_after? {
            RetryAfter::Delay(seconds) => seconds.into(),
            RetryAfter::Date(date) => date.checked_sub(self.date?).filter(|wait| *wait > 0)?,
        };
        seconds.checked_mul(1_000_000_000)
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
                Some(if self.length == 0 { State::Trailers } else { self.within_bounds(State::Chunk) })
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
            let delay = value.parse().ok().map(RetryAfter::Delay);
            self.retry_after = delay.or_else(|| date::unix_seconds(value).map(RetryAfter::Date));
        } else if name.eq_ignore_ascii_case("date") {
            self.date = date::unix_seconds(value);
        }
        Some(State::Headers)
    }

    fn after_headers(&mut self) -> State {
        match (self.status, self.chunked, self.length) {
            // An interim response: the one that counts comes behind it.
            (100..=199, _, _) => {
                *self = Self { to_head: self.to_head, ..Self::default() };
                State::Status
            }
            _ if self.to_head => State::Done,
            (_, true, _) => State::ChunkSize,
            (_, false, 0) => State::Done,
            _ => self.within_bounds(State::Body),
        }
    }

    /// `next`, if what comes there leaves the body within its bound.
    fn within_bounds(&mut self, next: State) -> State {
        self.announced = self.announced.saturating_add(self.length);
        if self.announced > Self::MAX_BODY { State::TooLong } else { next }
    }
}

/// What the beginning of an export response says was rejected: the count stands before the words that were cut.
fn rejected(cut: &[u8]) -> u64 {
    const REJECTED: u32 = 1;
    let mut fields = Reader::new(beginning(cut, PARTIAL_SUCCESS)).map_while(Result::ok);
    let count = fields.find_map(|field| match field {
        (REJECTED, Payload::Varint(count)) => i64::try_from(count).ok(),
        _ => None,
    });
    count.unwrap_or(0) as u64
}

/// `Export…ServiceResponse.partial_success`.
const PARTIAL_SUCCESS: u32 = 1;
/// The words in a `PartialSuccess`, and in a `google.rpc.Status`.
const MESSAGE: u32 = 2;

/// What there is of a field of bytes in a message whose end may have been cut; nothing when it is not there.
fn beginning(cut: &[u8], number: u32) -> &[u8] {
    let mut fields = Reader::new(cut);
    let mut rest = cut;
    while let Some(Ok((found, payload))) = fields.next() {
        match payload {
            Payload::Len(bytes) if found == number => return bytes,
            _ => rest = fields.rest(),
        }
    }
    // What stopped the reader is a field that goes on behind the cut.
    let field = varint::decode(rest).filter(|(key, _)| *key == u64::from(tag(number, LEN)));
    let bytes = field.and_then(|(_, n)| rest.get(n..)).and_then(|rest| rest.get(varint::decode(rest)?.1..));
    bytes.unwrap_or_default()
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
    fn a_date_to_wait_for_is_held_against_the_servers_clock() {
        let answer =
            |headers: &str| answer(std::format!("HTTP/1.1 503 Busy\r\n{headers}\r\n\r\n").as_bytes());
        let (now, then) =
            ("Date: Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After: Sun, 06 Nov 1994 08:50:07 GMT");
        let wait = Some(Answer::Retry { after: Some(30_000_000_000) });
        assert_eq!(answer(&std::format!("{then}\r\n{now}")), wait);
        assert_eq!(answer(&std::format!("{now}\r\n{then}")), wait);
        for none in
            [then, "Retry-After: soon", "Retry-After: -1", &std::format!("{now}\r\nRetry-After{}", &now[4..])]
        {
            assert_eq!(answer(none), Some(Answer::NONE), "{none}");
        }
    }

    #[test]
    fn an_answer_to_head_has_a_date_and_no_body() {
        let mut response = Response::to_head();
        assert_eq!(response.receive(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\n"), None);
        let rest = b"date: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 9\r\n\r\n";
        assert_eq!(response.receive(rest), Some(Answer::BadDestination));
        assert_eq!(response.date(), Some(784_111_777));
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
