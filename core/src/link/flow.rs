//! One stream at the device's end: what of it was sent, received and stored.

use super::piece::Head;
use super::queue::{Held, Queue};
use super::{NO_SCOPE, position};
use crate::ring::Header;

/// What the link did so far, for a log or a display.
///
/// ```
/// use smoltel_core::link::Stats;
/// assert_eq!(Stats::default().sessions, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Stats {
    /// Sessions that were begun.
    pub sessions: u32,
    /// Frames that arrived damaged, or were none of this session.
    pub bad: u32,
    /// How often something had to be sent again.
    pub repeats: u32,
    /// How often the device's clock jumped back by more than a second.
    pub jumps: u32,
}

/// How far the gateway knows the stream in this session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Opening {
    #[default]
    Closed,
    /// OPEN is out.
    Asked,
    /// OPENED has come with an epoch and where to go on.
    Answered(u64, u64),
    Open,
}

/// Positions in one stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flow {
    pub(super) opening: Opening,
    /// Of the queue's head when it was looked at last.
    pub(super) head: u64,
    /// The gateway has everything before this in its memory.
    pub(super) received: u64,
    /// What is sent next.
    pub(super) sent: u64,
    /// The furthest that was sent.
    high: u64,
    /// The gateway says that it has stored everything before this.
    durable: u64,
    /// Where the record begins that `sent` is in; `None` until it is looked for.
    start: Option<u64>,
}

/// The gateway's answer does not fit the ring: the epoch has to be forgotten.
pub(super) struct Unfit;

impl Flow {
    /// One that goes on from there.
    pub(super) fn open(at: u64) -> Self {
        let opening = Opening::Open;
        Self { opening, head: at, received: at, sent: at, high: at, durable: at, start: Some(at) }
    }

    /// Bytes that are on their way or not stored yet.
    pub(super) fn in_flight(&self) -> u64 {
        self.high.saturating_sub(self.head)
    }

    /// Whether the gateway owes a word on something.
    pub(super) fn waits(&self) -> bool {
        self.opening == Opening::Asked || self.unreceived() || self.in_flight() > 0
    }

    /// Whether something was sent that did not arrive yet.
    pub(super) fn unreceived(&self) -> bool {
        self.received < self.high
    }

    /// Sends again from where the gateway is.
    pub(super) fn back(&mut self) {
        (self.sent, self.start) = (self.received, None);
    }

    /// Takes the lower halves that an ACK says; whether they are any news.
    pub(super) fn acknowledged(&mut self, received: u32, durable: u32) -> bool {
        let (received, durable) = (position(self.received, received), position(self.received, durable));
        if self.opening != Opening::Open || received > self.high || durable > received {
            return false;
        }
        let news = received > self.received || durable > self.durable;
        self.received = self.received.max(received);
        self.durable = self.durable.max(durable);
        if self.sent < self.received {
            (self.sent, self.start) = (self.received, None);
        }
        news
    }

    /// Does to the queue what the gateway has said.
    pub(super) fn settle(&mut self, queue: &dyn Queue) -> Result<(), Unfit> {
        match self.opening {
            Opening::Answered(epoch, next) => {
                let held = queue.hold();
                let end = boundary(queue, &held, next);
                if end != next.max(held.place.position) {
                    queue.set_epoch(0);
                    return Err(Unfit);
                }
                queue.set_epoch(epoch);
                queue.release((end - held.place.position) as usize);
                *self = Self::open(end);
            }
            Opening::Open if self.durable > self.head => {
                let held = queue.hold();
                // A gateway that says what cannot be is not believed.
                self.durable = boundary(queue, &held, self.durable);
                queue.release((self.durable - held.place.position) as usize);
                self.head = self.durable;
            }
            _ => return Ok(()),
        }
        queue.pin(self.in_flight() as usize);
        Ok(())
    }

    /// Writes the next part of the stream into `out`, behind its position; how long that is, and whether it begins at the
    /// head. A record is begun only while less than `most` bytes, and half of the queue, are in flight.
    pub(super) fn fill(&mut self, queue: &dyn Queue, most: u64, out: &mut [u8]) -> Option<(usize, bool)> {
        let held = queue.hold();
        if self.sent < held.place.position {
            // Nothing was in flight, and the oldest gave way.
            *self = Self::open(held.place.position);
        }
        self.head = held.place.position;
        let most = most.min((held.capacity / 2) as u64);
        let (from, mut at) = (self.sent, 4);
        out.get_mut(..at)?.copy_from_slice(&(from as u32).to_le_bytes());
        while let Some(n) = self.piece(queue, &held, most, out.get_mut(at..).unwrap_or_default()) {
            at += n;
        }
        self.high = self.high.max(self.sent);
        queue.pin(self.in_flight() as usize);
        (at > 4).then_some((at, from == self.head))
    }

    /// Writes one piece; `None` when there is no more, or no room.
    fn piece(&mut self, queue: &dyn Queue, held: &Held, most: u64, out: &mut [u8]) -> Option<usize> {
        let head = held.place.position;
        let start = self.start.unwrap_or_else(|| boundary(queue, held, self.sent));
        self.start = Some(start);
        let (header, next) = queue.record(start.checked_sub(head)? as usize)?;
        let bytes = start + Header::LEN as u64;
        let mut n = 0;
        if self.sent < bytes {
            if start - head >= most {
                return None;
            }
            let scope = u8::try_from(header.scope).unwrap_or(NO_SCOPE).min(NO_SCOPE);
            n = Head { kind: header.kind, scope, len: header.len }.write(out)?;
            self.sent = bytes;
        }
        let end = head + next as u64;
        let len = (end.checked_sub(self.sent)? as usize).min(out.len() - n);
        if n + len == 0 {
            return None;
        }
        queue.read((self.sent - head) as usize, out.get_mut(n..n + len)?);
        self.sent += len as u64;
        if self.sent == end {
            self.start = Some(end);
        }
        Some(n + len)
    }
}

/// Where the last record begins that begins at `wanted` or before: at the end of the queue there may be one.
fn boundary(queue: &dyn Queue, held: &Held, wanted: u64) -> u64 {
    let head = held.place.position;
    let mut offset = 0;
    while let Some((_, next)) = queue.record(offset).filter(|(_, next)| head + *next as u64 <= wanted) {
        offset = next;
    }
    head + offset as u64
}
