use core::ops::Range;

use super::check::Session;
use super::event::{Access, Event, Hello, Losses, Refusal, Status};
use super::frame::Inbox;
use super::incoming::{Incoming, Opening, Taken};
use super::piece::Pieces;
use super::{AGAIN, DECLARATIONS, FIRST, FRAME, Fields, MAX_ID, SEALED, STREAMS, VERSION, kind};
use crate::ring::Place;

/// The most bytes of a frame, without its zero.
const LONGEST: usize = *FRAME.end() - 1;

/// The gateway's end of a link, for one connection. The [module](super) has an example.
///
/// It holds no record: pieces are handed on as they come. Nothing happens by time: its owner closes what is silent for too long.
/// `K` looks up how the device of an id may connect.
///
/// ```
/// use smoltel_core::link::{Access, GatewayEnd};
/// let mut gateway = GatewayEnd::new(|_id: &[u8]| Access::Plain, 4096);
/// let mut rubbish: &[u8] = &[0, 1, 2, 3, 0];
/// assert!(gateway.receive(&mut rubbish).is_none());
/// assert_eq!((gateway.bad(), rubbish.len()), (1, 0));
/// ```
#[derive(Debug)]
pub struct GatewayEnd<K> {
    access: K,
    credit: u32,
    inbox: Inbox<LONGEST>,
    /// A frame in the inbox that is open already, and waits for the event before its own.
    ready: Option<(u8, Range<usize>)>,
    live: Option<Live>,
    /// Welcomed, and not heard yet.
    next: Option<Live>,
    incoming: [Incoming; STREAMS],
    tell_welcome: bool,
    tell_stranger: bool,
    bad: u32,
}

#[derive(Debug)]
struct Live {
    session: Session,
    overhead: u8,
}

impl<K: Fn(&[u8]) -> Access> GatewayEnd<K> {
    /// An end without a session. A device may have `credit` bytes in flight that are not stored.
    pub fn new(access: K, credit: u32) -> Self {
        Self {
            access,
            credit,
            inbox: Inbox::new(),
            ready: None,
            live: None,
            next: None,
            incoming: Default::default(),
            tell_welcome: false,
            tell_stranger: false,
            bad: 0,
        }
    }

    /// Frames that arrived damaged, or were none of this session.
    pub fn bad(&self) -> u32 {
        self.bad
    }

    /// Takes bytes that have arrived up to the next event. Call it again until it returns `None`: then all is taken.
    pub fn receive(&mut self, arrived: &mut &[u8]) -> Option<Event<'_>> {
        let (step, body) = self.step(arrived)?;
        let overhead = self.live.as_ref().map_or(0, |live| live.overhead);
        let body = self.inbox.last(body.end).get(body)?;
        let mut fields = Fields(body);
        Some(match step {
            Step::Begun => Event::Begun,
            Step::Hello(sealed) => Event::Hello(Greeting::parse(body, sealed)?.hello),
            Step::Refused(sealed, why) => Event::Refused(Greeting::parse(body, sealed)?.hello, why),
            Step::Status => {
                let (uptime, seen) = (fields.u64()?, (fields.u64()?, fields.u64()?));
                Event::Status(Status { uptime, seen, losses: Losses(fields.0) })
            }
            Step::Open(stream) => {
                let (epoch, position) = (fields.u64()?, fields.u64()?);
                let (boot, before) = (fields.u64()?, fields.u64()?);
                Event::Open { stream, place: Place { epoch, position, boot, before } }
            }
            Step::Data(stream, Taken { at, left, gap }) => {
                let pieces = Pieces::new(body.get(4..)?, at, left, overhead);
                Event::Data { stream, gap, pieces }
            }
            Step::Channel(channel) => Event::Channel { channel, position: fields.u32()?, bytes: fields.0 },
        })
    }

    /// Takes frames up to one that is an event; where its body is in the inbox.
    fn step(&mut self, arrived: &mut &[u8]) -> Option<(Step, Range<usize>)> {
        loop {
            let opened = match self.ready.take() {
                Some((first, body)) => Some(Opened::Frame(first, body)),
                None => {
                    let len = self.inbox.take(arrived, &mut self.bad)?.len();
                    self.open(len)
                }
            };
            match opened {
                Some(Opened::Begun(first, body)) => {
                    self.ready = Some((first, body.clone()));
                    return Some((Step::Begun, body));
                }
                Some(Opened::Frame(first, body)) => {
                    if let Some(step) = self.frame(first, body.clone()) {
                        return Some((step, body));
                    }
                }
                None => self.bad = self.bad.saturating_add(1),
            }
        }
    }

    /// Welcomes the device of the last [`Event::Hello`] to a session of that number, which has to be random.
    pub fn welcome(&mut self, number: u64) {
        if let Some(next) = &mut self.next {
            next.session = Session::new(number, next.session.nonce, next.session.key.take(), true);
            self.tell_welcome = true;
        }
    }

    /// The device goes on in a stream at `next`; the positions are called `epoch`.
    pub fn opened(&mut self, stream: u8, epoch: u64, next: u64) {
        if let Some(incoming) = self.incoming.get_mut(usize::from(stream))
            && incoming.opening == Opening::Asked
        {
            *incoming = Incoming::open(epoch, next);
        }
    }

    /// Everything of a stream before that position is on the disk.
    pub fn stored(&mut self, stream: u8, position: u64) {
        if let Some(incoming) = self.incoming.get_mut(usize::from(stream)) {
            incoming.stored(position);
        }
    }

    /// Changes how much the device may have in flight.
    pub fn set_credit(&mut self, credit: u32) {
        if core::mem::replace(&mut self.credit, credit) != credit {
            self.incoming[usize::from(DECLARATIONS)].tell = true;
        }
    }

    /// Writes one frame into `out`, which has to have room for 64 bytes, and returns how long it is; `None` when there is
    /// nothing to say. `time` is Unix time in nanoseconds.
    pub fn transmit(&mut self, time: u64, out: &mut [u8]) -> Option<usize> {
        let out = out.get_mut(..*FRAME.start())?;
        if core::mem::take(&mut self.tell_stranger) {
            return Session::new(0, 0, None, true).write(kind::STRANGER << 4, out, |_| Ok(()));
        }
        if core::mem::take(&mut self.tell_welcome) {
            return self.write_welcome(time, out);
        }
        let live = self.live.as_mut()?;
        let streams = self.incoming.iter_mut().zip(0..);
        for (incoming, stream) in streams {
            if let (Opening::Open(epoch, next), true) = (incoming.opening, incoming.tell_opened) {
                incoming.tell_opened = false;
                return live.session.write(kind::OPENED << 4 | stream, out, |w| {
                    w.put(&epoch.to_le_bytes())?;
                    w.put(&next.to_le_bytes())
                });
            }
            if core::mem::take(&mut incoming.tell) {
                let again = if core::mem::take(&mut incoming.again) { AGAIN } else { 0 };
                let (received, durable) = (incoming.next as u32, incoming.durable as u32);
                return live.session.write(kind::ACK << 4 | again | stream, out, |w| {
                    w.put(&received.to_le_bytes())?;
                    w.put(&durable.to_le_bytes())?;
                    w.put(&time.to_le_bytes())?;
                    w.put(&self.credit.to_le_bytes())
                });
            }
        }
        None
    }

    fn write_welcome(&mut self, time: u64, out: &mut [u8]) -> Option<usize> {
        let next = self.next.as_mut()?;
        let (number, nonce) = (next.session.number, next.session.nonce);
        let first = kind::WELCOME << 4 | if next.session.key.is_some() { SEALED } else { 0 };
        let (front, out) = out.split_first_mut()?;
        *front = 0;
        let len = next.session.write(first, out, |w| {
            w.put(&[VERSION])?;
            w.put(&nonce.to_le_bytes())?;
            w.put(&number.to_le_bytes())?;
            w.put(&time.to_le_bytes())?;
            w.put(&self.credit.to_le_bytes())
        })?;
        Some(1 + len)
    }

    /// Opens the frame of `len` bytes in the inbox.
    fn open(&mut self, len: usize) -> Option<Opened> {
        let raw = self.inbox.last(len);
        let first = *raw.first()?;
        if kind::of(first) == kind::HELLO {
            let check = if first & SEALED != 0 { SEALED_CHECK } else { PLAIN_CHECK };
            return Some(Opened::Frame(first, 1..len.checked_sub(check).filter(|&end| end > 0)?));
        }
        if let Some(body) = self.live.as_mut().and_then(|live| live.session.open(raw)) {
            return Some(Opened::Frame(first, body));
        }
        if let Some(body) = self.next.as_mut().and_then(|next| next.session.open(raw)) {
            self.live = self.next.take();
            self.incoming = Default::default();
            let declarations = &mut self.incoming[usize::from(DECLARATIONS)];
            *declarations = Incoming::open(0, 0);
            declarations.tell_opened = false;
            return Some(Opened::Begun(first, body));
        }
        self.tell_stranger = self.live.is_none() && self.next.is_none();
        None
    }

    /// Takes a frame that is open; what it is for the owner, if anything.
    fn frame(&mut self, first: u8, body: Range<usize>) -> Option<Step> {
        if kind::of(first) == kind::HELLO {
            return self.greeted(first, body);
        }
        let overhead = self.live.as_ref()?.overhead;
        let mut fields = Fields(self.inbox.last(body.end).get(body)?);
        let stream = first & 3;
        let incoming = &mut self.incoming[usize::from(stream)];
        match kind::of(first) {
            kind::STATUS if fields.0.len() >= 3 * 8 => {
                for incoming in &mut self.incoming {
                    incoming.tell |= matches!(incoming.opening, Opening::Open(..));
                }
                Some(Step::Status)
            }
            kind::OPEN if fields.0.len() >= 4 * 8 && stream != DECLARATIONS => {
                incoming.ask().then_some(Step::Open(stream))
            }
            kind::DATA => {
                let low = fields.u32()?;
                let taken = incoming.take(low, first & FIRST != 0, fields.0, overhead)?;
                Some(Step::Data(stream, taken))
            }
            kind::CHANNEL if fields.0.len() >= 4 => Some(Step::Channel(first & 15)),
            _ => None,
        }
    }

    /// A device introduces itself; `None` if the frame is not whole.
    fn greeted(&mut self, first: u8, body: Range<usize>) -> Option<Step> {
        let sealed = first & SEALED != 0;
        let raw_len = body.end + if sealed { SEALED_CHECK } else { PLAIN_CHECK };
        let raw = self.inbox.last(raw_len);
        let greeting = Greeting::parse(raw.get(body)?, sealed)?;
        let (nonce, overhead) = (greeting.nonce, greeting.overhead);
        let version = greeting.version;
        let access = (self.access)(greeting.hello.id);
        if !sealed {
            Session::new(0, nonce, None, true).open(raw)?;
        }
        let key = match access {
            _ if version != VERSION => return Some(Step::Refused(sealed, Refusal::Version(version))),
            Access::Refused => return Some(Step::Refused(sealed, Refusal::Unknown)),
            Access::Plain if !sealed => None,
            Access::Sealed(key) if sealed => Some(key),
            _ => return Some(Step::Refused(sealed, Refusal::Mode)),
        };
        let mut session = Session::new(0, nonce, key, true);
        if session.open(raw).is_none() {
            return Some(Step::Refused(sealed, Refusal::Forged));
        }
        self.next = Some(Live { session, overhead });
        Some(Step::Hello(sealed))
    }
}

const PLAIN_CHECK: usize = 4;
const SEALED_CHECK: usize = 16;

/// A frame that passed its check: its first byte, and where its body is.
enum Opened {
    Frame(u8, Range<usize>),
    /// The first one of a session.
    Begun(u8, Range<usize>),
}

/// What a frame is for the owner.
enum Step {
    Begun,
    Hello(bool),
    Refused(bool, Refusal),
    Status,
    Open(u8),
    Data(u8, Taken),
    Channel(u8),
}

/// The body of HELLO.
struct Greeting<'a> {
    version: u8,
    nonce: u64,
    overhead: u8,
    hello: Hello<'a>,
}

impl<'a> Greeting<'a> {
    fn parse(body: &'a [u8], sealed: bool) -> Option<Self> {
        let mut fields = Fields(body);
        let (version, nonce, uptime) = (fields.u8()?, fields.u64()?, fields.u64()?);
        let (overhead, build, id) = (fields.u8()?, fields.array()?, fields.0);
        let hello = Hello { id, build, uptime, sealed };
        (1..=MAX_ID).contains(&id.len()).then_some(Self { version, nonce, overhead, hello })
    }
}
