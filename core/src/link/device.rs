use super::check::Session;
use super::flow::{Flow, Opening, Stats};
use super::frame::Inbox;
use super::key::Key;
use super::queue::{Declarations, Nothing, Queue};
use super::up::Up;
use super::{DECLARATIONS, FRAME, Fields, MAX_ID, SEALED, STREAMS, VERSION, kind};
use crate::batch::Lane;
use crate::counters::Counters;
use crate::otlp::Signal;
use crate::pipeline::Pipeline;
use crate::platform::{Platform, Priority};
use crate::retry::Backoff;
use crate::ring::Header;
use crate::time::Bounds;
use crate::transport::Transport;

const SECOND: u64 = 1_000_000_000;
/// A gateway that owes an answer and has said nothing for this long is gone.
const SILENCE: u64 = 30 * SECOND;
/// How often the gateway hears of losses, and that the device is there.
const STATUS_EVERY: u64 = 60 * SECOND;
/// The longest frame that a gateway sends is a sealed WELCOME of 46 bytes.
const LONGEST: usize = 56;
/// The streams in the order in which they are sent.
const ORDER: [u8; STREAMS] = [DECLARATIONS, 1, 0, 2];

/// Who a device is.
///
/// ```
/// use smoltel_core::link::Identity;
/// let boots = 17; // counted in flash
/// let identity = Identity::new(b"00042", boots << 32);
/// assert_eq!(identity.build, [0; 8]);
/// ```
#[derive(Clone, Debug)]
pub struct Identity<'a> {
    /// Its serial number, MAC or unit id: 1 to 15 bytes, no two devices the same. What is longer is cut.
    pub id: &'a [u8],
    /// The first bytes of the firmware's build id, or zeros.
    pub build: [u8; 8],
    /// Where the numbers of its sessions begin. With a key, none may be used twice: a random number, or a count of
    /// boots in the upper half.
    pub nonce: u64,
    /// What seals its frames where others could read or write them.
    pub key: Option<Key>,
}

impl<'a> Identity<'a> {
    /// One without a build id and a key.
    pub const fn new(id: &'a [u8], nonce: u64) -> Self {
        Self { id, build: [0; 8], nonce, key: None }
    }
}

/// The device's end of a link. The [module](super) has an example.
///
/// 1. Hand over what has arrived, with [`receive`](Self::receive);
/// 2. ask for a frame that is to leave, with [`transmit`](Self::transmit), as long as the wire takes one;
/// 3. come back when bytes arrive, when something was recorded, when the wire is free, or at [`poll_at`](Self::poll_at).
///
/// Times are those of the pipeline's clock, in nanoseconds. What was sent stays in the ring until the gateway has it on its
/// disk. The end takes some 650 bytes of a device's memory and no buffer: what has to be sent again is read again.
///
/// ```
/// use smoltel_core::link::{DeviceEnd, Identity};
/// let mut device = DeviceEnd::new(Identity::new(b"00042", 1), &[]);
/// device.receive(0, b"rubbish\0");
/// assert!(!device.is_up());
/// ```
#[derive(Debug)]
pub struct DeviceEnd<'a> {
    identity: Identity<'a>,
    resource: &'a [u8],
    pub(super) state: State,
    inbox: Inbox<LONGEST>,
    pub(super) flows: [Flow; STREAMS],
    /// Whether lanes have to be unpinned, as nothing is in flight any more.
    dropped: bool,
    /// Whether `transmit` has something to do at once.
    hurry: bool,
    learned: Option<Bounds>,
    backoff: Backoff,
    /// The clock when it was last looked at.
    now: u64,
    stats: Stats,
}

#[derive(Debug)]
pub(super) enum State {
    Idle { until: u64 },
    Greeting { sent: u64, until: u64 },
    Up(Up),
}

impl<'a> DeviceEnd<'a> {
    /// A device's end without a session. `resource` is the [`Resource`](crate::Resource) of all its records, as bytes.
    pub fn new(identity: Identity<'a>, resource: &'a [u8]) -> Self {
        let backoff = Backoff::new(identity.nonce);
        let state = State::Idle { until: 0 };
        let id = identity.id.get(..MAX_ID).unwrap_or(identity.id);
        Self {
            identity: Identity { id, ..identity },
            resource,
            state,
            inbox: Inbox::new(),
            flows: Default::default(),
            dropped: false,
            hurry: true,
            learned: None,
            backoff,
            now: 0,
            stats: Stats::default(),
        }
    }

    /// Whether there is a session.
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Up(_))
    }

    /// What it did so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// The connection was made anew: whatever was in flight is sent again, and the gateway is greeted at once.
    pub fn reset(&mut self, now: u64) {
        self.backoff.reset();
        self.lose(now);
        self.inbox = Inbox::new();
    }

    /// Takes bytes that have arrived, in any pieces.
    #[inline(never)]
    pub fn receive(&mut self, now: u64, mut bytes: &[u8]) {
        while let Some(raw) = self.inbox.take(&mut bytes, &mut self.stats.bad) {
            let len = raw.len();
            if self.frame(now, len).is_none() {
                self.stats.bad = self.stats.bad.saturating_add(1);
            }
        }
    }

    /// Writes one frame into `out`, which should have room for 64 to 1,024 bytes, and returns how long it is; `None` when there is
    /// nothing to send now.
    pub fn transmit<P: Platform>(
        &mut self,
        now: u64,
        pipeline: &Pipeline<P>,
        out: &mut [u8],
    ) -> Option<usize> {
        self.transmit_with(now, pipeline, &Nothing, out)
    }

    /// The same, with a third queue of records beside the pipeline's lanes, which is sent when those are empty. Their scopes are
    /// numbers of the pipeline's.
    #[inline(never)]
    pub fn transmit_with<P: Platform>(
        &mut self,
        now: u64,
        pipeline: &Pipeline<P>,
        queue: &dyn Queue,
        out: &mut [u8],
    ) -> Option<usize> {
        let lane = |priority| Lane { pipeline, number: P::lane(Signal::Traces, priority) };
        let (low, keep) = (lane(Priority::Low), lane(Priority::Keep));
        let declarations = Declarations { pipeline, resource: self.resource };
        let queues: [&dyn Queue; STREAMS] = [&low, &keep, queue, &declarations];
        if now.saturating_add(SECOND) < core::mem::replace(&mut self.now, now) {
            self.jumped_back(now, queues);
        }
        self.hurry = false;
        if let Some(bounds) = self.learned.take() {
            pipeline.learn_time(bounds);
        }
        self.settle(now, queues);
        let limit = out.len().min(*FRAME.end());
        let out = out.get_mut(..limit).filter(|out| out.len() >= *FRAME.start())?;
        match &mut self.state {
            State::Idle { until } | State::Greeting { until, .. } if now < *until => None,
            State::Idle { .. } | State::Greeting { .. } => self.greet(now, out),
            State::Up(_) => self.speak(now, queues, out, || pipeline.counters()),
        }
    }

    /// When `transmit` has to be called next although nothing arrives and nothing is recorded.
    pub fn poll_at(&self) -> Option<u64> {
        match &self.state {
            _ if self.hurry => Some(0),
            State::Idle { until } | State::Greeting { until, .. } => Some(*until),
            State::Up(up) => Some(up.timer.due.map_or(up.status, |due| due.min(up.status))),
        }
    }

    /// Whether the gateway has stored all that was sent.
    pub fn is_idle(&self) -> bool {
        !self.hurry && self.is_up() && !self.waits()
    }

    fn waits(&self) -> bool {
        let [low, keep, third, declarations] = &self.flows;
        let asked = matches!(&self.state, State::Up(up) if up.asked || up.blocked);
        asked || low.waits() || keep.waits() || third.waits() || declarations.unreceived()
    }

    /// Ends the session, if there is one. The next is begun at `until`.
    #[inline(never)]
    fn lose(&mut self, until: u64) {
        self.state = State::Idle { until };
        self.flows = Default::default();
        (self.dropped, self.hurry) = (true, true);
    }

    /// A clock that jumped back is another clock, with an offset of its own: as after a reset, the gateway has to hear of it before
    /// records that carry it, and where these begin.
    #[cold]
    #[inline(never)]
    fn jumped_back(&mut self, now: u64, queues: [&dyn Queue; STREAMS]) {
        queues.iter().for_each(|queue| queue.begin_boot());
        self.stats.jumps = self.stats.jumps.saturating_add(1);
        self.learned = None;
        self.reset(now);
    }

    /// Does to the queues what the gateway has said.
    fn settle(&mut self, now: u64, queues: [&dyn Queue; STREAMS]) {
        if core::mem::take(&mut self.dropped) {
            queues.iter().for_each(|queue| queue.pin(0));
        }
        let mut flows = self.flows.iter_mut().zip(queues).take(DECLARATIONS.into());
        if flows.any(|(flow, queue)| flow.settle(queue).is_err()) {
            self.lose(now);
            self.settle(now, queues);
        }
    }

    fn greet(&mut self, now: u64, out: &mut [u8]) -> Option<usize> {
        let until = now.saturating_add(self.backoff.next(None));
        self.identity.nonce = self.identity.nonce.wrapping_add(1);
        self.state = State::Greeting { sent: now, until };
        let Identity { id, build, nonce, key } = &self.identity;
        let mut session = Session::new(0, *nonce, key.clone(), false);
        let (front, out) = out.split_first_mut()?;
        *front = 0;
        let first = kind::HELLO << 4 | if key.is_some() { SEALED } else { 0 };
        let size = session.write(first, out, |w| {
            w.put(&[VERSION])?;
            w.put(&nonce.to_le_bytes())?;
            w.put(&now.to_le_bytes())?;
            w.put(&[Header::LEN as u8])?;
            w.put(build)?;
            w.put(id)
        })?;
        Some(1 + size)
    }

    /// The next frame of a session.
    fn speak(
        &mut self,
        now: u64,
        queues: [&dyn Queue; STREAMS],
        out: &mut [u8],
        counters: impl FnOnce() -> Counters,
    ) -> Option<usize> {
        self.look_at_the_clock(now)?;
        let State::Up(up) = &mut self.state else { return None };
        let len = if now >= up.status {
            up.status = now.saturating_add(STATUS_EVERY);
            up.asked = true;
            up.write_status(now, &counters(), out)
        } else {
            up.blocked = false;
            let flows = &mut self.flows;
            ORDER.into_iter().find_map(|stream| up.write_stream(now, stream, flows, &queues, out))
        };
        if self.waits() {
            self.wait(now);
        }
        len
    }

    /// Begins to wait, unless it does.
    fn wait(&mut self, now: u64) {
        let State::Up(Up { timer, .. }) = &mut self.state else { return };
        timer.heard.get_or_insert(now);
        timer.due.get_or_insert(now.saturating_add(timer.now));
    }

    /// Sends again what was in vain; `None` if the session ended.
    fn look_at_the_clock(&mut self, now: u64) -> Option<()> {
        let State::Up(up) = &mut self.state else { return None };
        if up.timer.due.is_none_or(|due| now < due) {
            return Some(());
        }
        if up.timer.heard.is_some_and(|heard| now.saturating_sub(heard) >= SILENCE) {
            let delay = self.backoff.next(None);
            self.lose(now.saturating_add(delay));
            return None;
        }
        let again = self.flows.iter().any(Flow::unreceived);
        for flow in &mut self.flows {
            flow.back();
            if flow.opening == Opening::Asked {
                flow.opening = Opening::Closed;
            }
        }
        up.timer.in_vain();
        if again {
            up.size = (up.size / 2).max(*FRAME.start());
        } else {
            up.status = now;
        }
        self.stats.repeats = self.stats.repeats.saturating_add(1);
        Some(())
    }

    /// Takes the frame of `len` bytes that lies in the inbox; `None` if it is not whole, or none of this session.
    fn frame(&mut self, now: u64, len: usize) -> Option<()> {
        let raw = self.inbox.last(len);
        let first = *raw.first()?;
        match (kind::of(first), &mut self.state) {
            (kind::WELCOME, State::Greeting { sent, .. }) => {
                let sent = *sent;
                self.welcome(now, sent, len)
            }
            (kind::STRANGER, _) => {
                Session::new(0, 0, None, false).open(raw)?;
                if self.is_up() {
                    self.backoff.reset();
                    self.lose(now);
                }
                Some(())
            }
            (kind::WELCOME, _) => Some(()),
            (_, State::Up(up)) => {
                let body = up.session.open(raw)?;
                let fields = Fields(raw.get(body)?);
                self.hurry = true;
                up.heard(now, first, fields, &mut self.flows)?;
                if !self.waits() {
                    self.rest();
                }
                Some(())
            }
            // Of a session that is over.
            _ => Some(()),
        }
    }

    /// Nothing is waited for any more.
    fn rest(&mut self) {
        if let State::Up(Up { timer, .. }) = &mut self.state {
            (timer.due, timer.heard) = (None, None);
        }
    }

    fn welcome(&mut self, now: u64, sent: u64, len: usize) -> Option<()> {
        let raw = self.inbox.last(len);
        let mut fields = Fields(raw.get(1..)?);
        let (version, nonce, number) = (fields.u8()?, fields.u64()?, fields.u64()?);
        if (version, nonce) != (VERSION, self.identity.nonce) {
            return None;
        }
        let mut session = Session::new(number, nonce, self.identity.key.clone(), false);
        let body = session.open(raw)?;
        let mut fields = Fields(raw.get(body)?.get(1 + 8 + 8..)?);
        let (time, credit) = (fields.u64()?, fields.u32()?);
        self.learned = Bounds::between(time, sent, now);
        self.backoff.reset();
        self.stats.sessions = self.stats.sessions.saturating_add(1);
        self.flows = Default::default();
        self.flows[usize::from(DECLARATIONS)] = Flow::open(0);
        self.state = State::Up(Up::new(now, session, credit, time));
        self.hurry = true;
        Some(())
    }
}

/// For what drives any transport; [`DeviceEnd`] itself has the same, and more.
impl<P: Platform> Transport<P> for DeviceEnd<'_> {
    fn transmit(&mut self, now: u64, pipeline: &Pipeline<P>, out: &mut [u8]) -> Option<usize> {
        self.transmit_with(now, pipeline, &Nothing, out)
    }

    fn receive(&mut self, now: u64, _: &Pipeline<P>, bytes: &[u8]) {
        DeviceEnd::receive(self, now, bytes);
    }

    fn poll_at(&self) -> Option<u64> {
        DeviceEnd::poll_at(self)
    }

    fn reset(&mut self, now: u64, _: &Pipeline<P>) {
        DeviceEnd::reset(self, now);
    }
}
