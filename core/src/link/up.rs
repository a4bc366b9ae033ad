//! What the device's end knows within a session, and the frames that it sends there.

use core::ops::Range;

use super::check::Session;
use super::flow::{Flow, Opening};
use super::queue::Queue;
use super::{AGAIN, DECLARATIONS, FIRST, FRAME, Fields, STREAMS, frame, kind};
use crate::counters::{Counters, Loss};
use crate::otlp::Signal;

const SECOND: u64 = 1_000_000_000;
/// How long an answer is waited for before anything is known of the round trip.
const FIRST_TIMEOUT: u64 = SECOND / 2;
const TIMEOUTS: Range<u64> = SECOND / 10..8 * SECOND;

/// What belongs to a session.
#[derive(Debug)]
pub(super) struct Up {
    pub(super) session: Session,
    pub(super) credit: u32,
    /// Whether records wait for credit.
    pub(super) blocked: bool,
    /// The most bytes of a frame, for now: a bad line damages long ones first.
    pub(super) size: usize,
    pub(super) timer: Timer,
    /// When the next STATUS is due, and whether the last one is answered.
    pub(super) status: u64,
    pub(super) asked: bool,
    /// The last time that the gateway said, and the uptime then.
    pub(super) seen: (u64, u64),
}

/// When to stop waiting for an answer.
#[derive(Debug)]
pub(super) struct Timer {
    /// How long to wait, by the round trip.
    pub(super) usual: u64,
    /// The same, doubled for each time that it was in vain.
    pub(super) now: u64,
    pub(super) due: Option<u64>,
    /// Since when it owes an answer without a word; `None` while it owes none.
    pub(super) heard: Option<u64>,
    /// A stream's position and when it was sent, to measure the round trip.
    pub(super) sample: Option<(u8, u64, u64)>,
}

impl Up {
    pub(super) fn new(now: u64, session: Session, credit: u32, time: u64) -> Self {
        let timer = Timer { usual: FIRST_TIMEOUT, now: FIRST_TIMEOUT, due: None, heard: None, sample: None };
        let size = *FRAME.end();
        Self { session, credit, blocked: false, size, timer, status: now, asked: false, seen: (time, now) }
    }

    /// The next frame of that stream, if there is one.
    pub(super) fn write_stream(
        &mut self,
        now: u64,
        stream: u8,
        flows: &mut [Flow; STREAMS],
        queues: &[&dyn Queue; STREAMS],
        out: &mut [u8],
    ) -> Option<usize> {
        let queue = *queues.get(usize::from(stream))?;
        let in_flight: u64 = flows.iter().take(DECLARATIONS.into()).map(Flow::in_flight).sum();
        let declared = queues.last()?.hold().len as u64 == flows.last()?.received;
        let flow = flows.get_mut(usize::from(stream))?;
        match flow.opening {
            Opening::Closed => {
                let held = queue.hold();
                queue.pin(0);
                (held.len > 0).then_some(())?;
                flow.opening = Opening::Asked;
                let first = kind::OPEN << 4 | stream;
                self.session.write(first, out, |w| {
                    w.put(&held.place.epoch.to_le_bytes())?;
                    w.put(&held.place.position.to_le_bytes())?;
                    w.put(&held.place.boot.to_le_bytes())?;
                    w.put(&held.place.before.to_le_bytes())
                })
            }
            Opening::Open if stream == DECLARATIONS || declared => {
                let most = if stream == DECLARATIONS {
                    u64::MAX
                } else {
                    u64::from(self.credit).saturating_sub(in_flight - flow.in_flight())
                };
                self.write_data(now, stream, flow, queue, most, out)
            }
            _ => None,
        }
    }

    fn write_data(
        &mut self,
        now: u64,
        stream: u8,
        flow: &mut Flow,
        queue: &dyn Queue,
        most: u64,
        out: &mut [u8],
    ) -> Option<usize> {
        let size = self.size.min(out.len());
        let out = out.get_mut(..size)?;
        let mut first = kind::DATA << 4 | stream;
        let (raw, body, check) = (frame::room(size), self.session.body(first), self.session.check(first));
        let lead = frame::lead(raw);
        let room = out.get_mut(lead..lead + raw)?;
        let Some((len, from_head)) = flow.fill(queue, most, room.get_mut(body..raw - check)?) else {
            self.blocked |= most == 0 && queue.hold().len > 0;
            queue.pin(flow.in_flight() as usize);
            return None;
        };
        first |= if from_head { FIRST } else { 0 };
        *room.first_mut()? = first;
        let len = self.session.close(room, body + len)?;
        self.timer.sample.get_or_insert((stream, flow.sent, now));
        frame::stuff(out, lead, len)
    }

    pub(super) fn write_status(&mut self, now: u64, counters: &Counters, out: &mut [u8]) -> Option<usize> {
        let (time, uptime) = self.seen;
        let size = self.size.min(out.len());
        self.session.write(kind::STATUS << 4, out.get_mut(..size)?, |w| {
            w.put(&now.to_le_bytes())?;
            w.put(&time.to_le_bytes())?;
            w.put(&uptime.to_le_bytes())?;
            for signal in Signal::ALL {
                for reason in Loss::ALL {
                    let count = u32::try_from(counters.lost(signal, reason)).unwrap_or(u32::MAX);
                    if count > 0 && w.room() >= 5 {
                        w.put(&[(signal as u8) << 4 | reason as u8])?;
                        w.put(&count.to_le_bytes())?;
                    }
                }
            }
            Ok(())
        })
    }

    /// Takes the body of a frame of this session; `None` if it makes no sense.
    pub(super) fn heard(
        &mut self,
        now: u64,
        first: u8,
        mut fields: Fields<'_>,
        flows: &mut [Flow; STREAMS],
    ) -> Option<()> {
        self.timer.heard = Some(now);
        let stream = first & 3;
        let flow = flows.get_mut(usize::from(stream))?;
        match kind::of(first) {
            kind::OPENED if flow.opening == Opening::Asked => {
                flow.opening = Opening::Answered(fields.u64()?, fields.u64()?);
                self.timer.news(now);
            }
            kind::ACK => {
                let (received, durable) = (fields.u32()?, fields.u32()?);
                (self.seen, self.credit, self.asked) = ((fields.u64()?, now), fields.u32()?, false);
                if flow.acknowledged(received, durable) {
                    self.size = (self.size + 16).min(*FRAME.end());
                    self.timer.measure(now, stream, flow.received);
                    self.timer.news(now);
                }
                if first & AGAIN != 0 && flow.unreceived() {
                    flow.back();
                    self.size = (self.size / 2).max(*FRAME.start());
                    self.timer.sample = None;
                }
            }
            _ => {}
        }
        Some(())
    }
}

impl Timer {
    /// The answer did not come in time.
    pub(super) fn in_vain(&mut self) {
        self.now = (self.now * 2).min(TIMEOUTS.end);
        (self.due, self.sample) = (None, None);
    }

    /// It did: the next one is waited for as long as usual.
    fn news(&mut self, now: u64) {
        self.now = self.usual;
        self.due = Some(now.saturating_add(self.now));
    }

    /// The gateway has that stream up to there.
    fn measure(&mut self, now: u64, stream: u8, received: u64) {
        if let Some((_, _, sent)) = self.sample.take_if(|(of, end, _)| *of == stream && *end <= received) {
            let round_trip = now.saturating_sub(sent);
            self.usual = (self.usual / 2 + round_trip).clamp(TIMEOUTS.start, TIMEOUTS.end);
        }
    }
}
