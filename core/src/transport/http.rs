//! OTLP/HTTP with binary bodies over one HTTP/1.1 connection.
//!
//! A device that counts from its start learns the [`time`](crate::time) from the `Date` of every answer.
//! Before its first records it asks, by a `HEAD` request that costs one round trip, so that they too
//! arrive with their true times. When the answer does not tell, or three times none comes, the records go
//! out with uptime, which backends date to 1970. If they find no answer either, the time is asked for
//! again before they are sent again.

use core::fmt::{self, Write};

use super::Transport;
use super::response::Response;
use crate::batch::{Batch, Cursor, Lane};
use crate::counters::Loss;
use crate::exporter::{Exporter, Verdict};
use crate::otlp::Signal;
use crate::pipeline::Pipeline;
use crate::platform::{Platform, Priority};
use crate::retry::Answer;
use crate::time::{Bounds, is_uptime};

/// Sends a pipeline's records to one endpoint, a lane's window at a time: one request for each signal
/// in it. The window leaves its ring when all of them have been answered.
///
/// ```
/// use smoltel_core::transport::{Transport, http::Http};
/// use smoltel_core::{Pipeline, Resource, Seed};
///
/// # fn cell<T>(value: T) -> &'static mut T { Box::leak(Box::new(value)) }
/// static TELEMETRY: Pipeline = Pipeline::new(|| 0);
/// let (ring, slots) = (cell([0; 1024]), cell([[0; 256]; 2]));
/// TELEMETRY.init(ring, slots, Seed::Unique([7; 16]));
/// let resource = Resource::<64>::new().with("service.name", "thermostat")?;
/// let mut http = Http::new("gateway.local:4318", resource.as_bytes(), 5_000_000_000, 1);
///
/// TELEMETRY.logger("main").info("ready");
/// http.flush();
/// let mut out = [0; 128]; // what one DMA transfer takes, say
/// http.transmit(0, &TELEMETRY, &mut out);
/// assert!(out.starts_with(b"HEAD / HTTP/1.1\r\n"));
/// http.receive(9, &TELEMETRY, b"HTTP/1.1 404 Not Found\r\nDate: Sun, 09 Nov 2025 08:49:37 GMT\r\n\r\n");
/// http.transmit(10, &TELEMETRY, &mut out);
/// assert!(out.starts_with(b"POST /v1/logs HTTP/1.1\r\n"));
/// # Ok::<(), smoltel_core::wire::Full>(())
/// ```
#[derive(Debug)]
pub struct Http<'a> {
    host: &'a str,
    resource: &'a [u8],
    exporter: Exporter,
    window: Option<Window>,
    response: Response,
    /// How often the server may still be asked for the time.
    asks: u8,
}

/// A run of records from one lane's head, and the request for one of its signals.
#[derive(Debug)]
struct Window {
    lane: usize,
    end: usize,
    /// Signals before this one have been answered.
    signal: usize,
    /// Whether this signal's request was begun before.
    again: bool,
    request: Option<Request>,
}

#[derive(Debug)]
struct Request {
    /// None to ask for the time.
    records: Option<(Batch, Cursor)>,
    head_sent: usize,
    /// When all of it was out.
    sent: Option<u64>,
}

/// An endpoint that has not answered for this long will not.
const ANSWER_TIMEOUT: u64 = 10_000_000_000;
/// How often the time is asked for without an answer.
const ASKS: u8 = 3;
/// The most bytes of one request.
const MAX_REQUEST: usize = 64 * 1024;

impl<'a> Http<'a> {
    /// An exporter to `host` (as in the `Host` header, with the port). `resource` is the `Resource`
    /// message of all its records; `delay` is how long records wait for company, in nanoseconds; `seed`
    /// spreads the retries of many devices.
    pub fn new(host: &'a str, resource: &'a [u8], delay: u64, seed: u64) -> Self {
        let exporter = Exporter::new(delay, seed);
        Self { host, resource, exporter, window: None, response: Response::default(), asks: ASKS }
    }

    /// Sends what waits without delay.
    pub fn flush(&mut self) {
        self.exporter.flush();
    }

    /// The status of the last answer, zero while there is none, and the first words that it has for people (60 bytes
    /// or so): why records were refused, or a warning. For a log or a display; nothing is decided by it.
    pub fn last_answer(&self) -> (u16, &str) {
        self.response.words()
    }

    /// Whether nothing is on its way: with an empty ring, everything has been answered.
    pub fn is_idle(&self) -> bool {
        self.window.is_none()
    }

    fn open_window<P: Platform>(&mut self, now: u64, pipeline: &Pipeline<P>) -> Option<()> {
        let lane_of = |priority| P::lane(Signal::Traces, priority);
        for number in [lane_of(Priority::Keep), lane_of(Priority::Low)] {
            let (waiting, capacity) = pipeline.with_lane(number, |ring| (ring.len(), ring.capacity()))?;
            if waiting > 0 && self.exporter.poll(now, waiting, capacity) {
                // What is looked at below must not be pushed out meanwhile.
                let waiting = pipeline.with_lane(number, |ring| {
                    ring.pin(ring.len());
                    ring.len()
                })?;
                let lane = Lane { pipeline, number };
                let plan =
                    |signal| Batch::plan(&lane, signal, self.resource.len(), (0, waiting), MAX_REQUEST);
                let end = Signal::ALL.into_iter().filter_map(plan).map(|batch| batch.end()).min();
                let end = end.unwrap_or(waiting);
                pipeline.with_lane(number, |ring| ring.pin(end));
                self.window = Some(Window { lane: number, end, signal: 0, again: false, request: None });
                return Some(());
            }
        }
        None
    }

    /// The request of the window's next signal; closes the window when there is none. The time is asked
    /// for first.
    fn next_request<P: Platform>(&mut self, now: u64, pipeline: &Pipeline<P>) -> Option<()> {
        let window = self.window.as_mut()?;
        let offset = pipeline.time_offset();
        if self.asks > 0 && offset.is_none() && is_uptime(now) {
            window.request = Some(Request::new(None));
            self.response = Response::to_head();
            return Some(());
        }
        while let Some(&signal) = Signal::ALL.get(window.signal) {
            let lane = Lane { pipeline, number: window.lane };
            if let Some(batch) = Batch::plan(&lane, signal, self.resource.len(), (0, window.end), MAX_REQUEST)
            {
                if !core::mem::replace(&mut window.again, true) {
                    pipeline.add_processed(signal, batch.items().into());
                }
                let cursor = Cursor::new(&batch, offset);
                window.request = Some(Request::new(Some((batch, cursor))));
                self.response = Response::default();
                self.exporter.sent();
                return Some(());
            }
            window.signal += 1;
        }
        pipeline.with_lane(window.lane, |ring| ring.release(window.end));
        self.window = None;
        None
    }

    fn answered<P: Platform>(&mut self, now: u64, pipeline: &Pipeline<P>, answer: Answer) {
        let Some(window) = &mut self.window else { return };
        let Some(request) = window.request.take() else { return };
        let Some((batch, _)) = request.records else {
            self.asks = if answer == Answer::NONE { self.asks.saturating_sub(1) } else { 0 };
            return;
        };
        if answer == Answer::NONE {
            self.asks = ASKS;
        }
        let (signal, items) = (batch.signal(), batch.items().into());
        match self.exporter.answered(now, answer) {
            Verdict::Release { rejected } => {
                let rejected = rejected.min(items);
                pipeline.add_lost(signal, Loss::Rejected, rejected);
                pipeline.add_exported(signal, items - rejected);
            }
            Verdict::Drop(reason) => pipeline.add_lost(signal, reason, items),
            // Signals of the window that went before are not sent again: it stays, pinned.
            Verdict::Keep => return,
        }
        (window.signal, window.again) = (window.signal + 1, false);
        self.exporter.flush();
    }
}

impl<P: Platform> Transport<P> for Http<'_> {
    fn transmit(&mut self, now: u64, pipeline: &Pipeline<P>, out: &mut [u8]) -> Option<usize> {
        loop {
            if self.window.is_none() {
                self.open_window(now, pipeline)?;
            }
            match self.window.as_mut().and_then(|window| window.request.as_mut()) {
                // A clock that jumped back: the answer has as long as it would have had.
                Some(Request { sent: Some(sent), .. }) if now < *sent => *sent = now,
                Some(Request { sent: Some(sent), .. }) if now < sent.saturating_add(ANSWER_TIMEOUT) => {
                    return None;
                }
                Some(Request { sent: Some(_), .. }) => self.answered(now, pipeline, Answer::NONE),
                Some(_) => break,
                None if self.exporter.is_backing_off() && !self.exporter.poll(now, 1, 1) => return None,
                None => _ = self.next_request(now, pipeline),
            }
        }
        let window = self.window.as_mut()?;
        let request = window.request.as_mut()?;
        let lane = Lane { pipeline, number: window.lane };
        let head = request.write_head(self.host, out);
        let body = request.records.as_mut().map_or(0, |(batch, cursor)| {
            cursor.copy(batch, &lane, self.resource, out.get_mut(head..).unwrap_or_default())
        });
        if head + body < out.len() || body == 0 && head == 0 {
            request.sent = Some(now);
        }
        (head + body > 0).then_some(head + body)
    }

    fn receive(&mut self, now: u64, pipeline: &Pipeline<P>, bytes: &[u8]) {
        let Some(request) = self.window.as_ref().and_then(|window| window.request.as_ref()) else { return };
        let sent = request.sent;
        let Some(answer) = self.response.receive(bytes) else { return };
        if let (Some(date), Some(sent)) = (self.response.date(), sent)
            && let Some(bounds) = Bounds::from_date(date, sent, now)
        {
            pipeline.learn_time(bounds);
        }
        self.answered(now, pipeline, answer);
    }

    fn poll_at(&self) -> Option<u64> {
        let request = self.window.as_ref().and_then(|window| window.request.as_ref());
        match request {
            Some(request) => request.sent.map(|sent| sent.saturating_add(ANSWER_TIMEOUT)),
            None => self.exporter.poll_at(),
        }
    }

    fn reset(&mut self, now: u64, pipeline: &Pipeline<P>) {
        self.answered(now, pipeline, Answer::NONE);
    }
}

impl Request {
    fn new(records: Option<(Batch, Cursor)>) -> Self {
        Self { records, head_sent: 0, sent: None }
    }

    /// Writes what is left of the request's head and returns how much that was.
    fn write_head(&mut self, host: &str, out: &mut [u8]) -> usize {
        let mut part = Part { out, skip: self.head_sent, len: 0 };
        // Fails only by being cut, and then goes on next time.
        let _ = part.head(host, self.records.as_ref().map(|(batch, _)| batch));
        let len = part.len;
        self.head_sent += len;
        len
    }
}

/// The part of a text that was not sent yet, as far as it fits.
struct Part<'a> {
    out: &'a mut [u8],
    skip: usize,
    len: usize,
}

impl Part<'_> {
    fn head(&mut self, host: &str, batch: Option<&Batch>) -> fmt::Result {
        let (method, path) = batch.map_or(("HEAD", "/"), |batch| ("POST", batch.signal().path()));
        write!(self, "{method} {path} HTTP/1.1\r\nHost: {host}\r\n")?;
        write!(self, "User-Agent: OTel-OTLP-Exporter-Rust/{}\r\n", env!("CARGO_PKG_VERSION"))?;
        if let Some(batch) = batch {
            self.write_str("Content-Type: application/x-protobuf\r\n")?;
            write!(self, "Content-Length: {}\r\n", batch.encoded_len())?;
        }
        self.write_str("\r\n")
    }
}

impl Write for Part<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let skipped = self.skip.min(text.len());
        self.skip -= skipped;
        let rest = &text.as_bytes()[skipped..];
        let n = rest.len().min(self.out.len() - self.len);
        self.out[self.len..self.len + n].copy_from_slice(&rest[..n]);
        self.len += n;
        if n < rest.len() { Err(fmt::Error) } else { Ok(()) }
    }
}
