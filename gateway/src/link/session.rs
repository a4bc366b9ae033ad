//! One connection of a device.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use smoltel::Signal;
use smoltel_core::Loss;
use smoltel_core::link::{Access, DECLARATIONS, Event, GatewayEnd, Head, Piece, STREAMS};
use smoltel_core::ring::Place;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use super::Links;
use super::clock::{Clock, Repair, now};
use super::defmt;
use super::devices::{Device, shown};
use super::group::{Declarations, Whole};
use super::store::{Group, Superseded, origin_id, store};
use crate::log;
use crate::server::begun;

/// A device says something every minute; one that has not for this long is gone.
pub(super) const IDLE: Duration = Duration::from_secs(200);
/// What a device may have in flight that is not durable: its memory here.
const CREDIT: u32 = 16 << 10;

type Rules = Box<dyn Fn(&[u8]) -> Access + Send>;
type Storing = Pin<Box<dyn Future<Output = Result<Group, Superseded>> + Send>>;

pub(super) struct Session {
    links: Arc<Links>,
    end: GatewayEnd<Rules>,
    idle: Duration,
    /// Who said HELLO, until a session with it begins; and who it is with.
    greeting: Option<(Arc<Device>, Greeting)>,
    device: Option<Arc<Device>>,
    /// The number of this session among the device's.
    number: u64,
    clock: Clock,
    declared: Declarations,
    streams: [Stream; STREAMS],
    storing: Option<Storing>,
    defmt: defmt::Stream,
    trouble: log::Repeats,
}

#[derive(Clone, Copy)]
struct Greeting {
    build: [u8; 8],
    uptime: u64,
    sealed: bool,
}

/// What has come of a stream.
#[derive(Default)]
struct Stream {
    place: Place,
    /// Of spans and of metrics: up to there they are stored already.
    stored: [u64; 2],
    building: Vec<u8>,
    head: Option<Head>,
    waiting: Vec<Whole>,
    /// Up to there nothing is left to store of what came before the records that wait.
    done: u64,
}

/// An event, without the bytes of its frame.
enum Seen {
    Hello(Vec<u8>, Greeting),
    Begun,
    Status(u64, (u64, u64), Vec<(Signal, Loss, u32)>),
    Open(u8, Place),
    Defmt(u32, Vec<u8>),
    Nothing,
}

impl Session {
    pub(super) fn new(links: Arc<Links>, is_local: bool, idle: Duration) -> Self {
        let rules = links.clone();
        let rules: Rules = Box::new(move |id| rules.access(id, is_local));
        Self {
            links,
            end: GatewayEnd::new(rules, CREDIT),
            idle,
            greeting: None,
            device: None,
            number: 0,
            clock: Clock::default(),
            declared: Declarations::default(),
            streams: Default::default(),
            storing: None,
            defmt: defmt::Stream::default(),
            trouble: log::Repeats::default(),
        }
    }

    /// Serves the device until the wire ends, or the stop.
    pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
        mut self,
        mut wire: S,
        mut stop: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let (mut arrived, mut out) = ([0; 1024], [0; 64]);
        let mut heard = Instant::now();
        loop {
            while let Some(n) = self.end.transmit(now(), &mut out) {
                wire.write_all(&out[..n]).await?;
            }
            self.begin_to_store();
            let patience = self.idle.saturating_sub(heard.elapsed()).min(Duration::from_secs(3600));
            tokio::select! {
                read = wire.read(&mut arrived) => match read? {
                    0 => return Ok(()),
                    n => {
                        if self.receive(&arrived[..n]).await {
                            heard = Instant::now();
                        }
                    }
                },
                stored = stored(&mut self.storing) => match stored {
                    Ok(group) => self.end.stored(group.stream, group.end),
                    Err(Superseded) => return Ok(()),
                },
                () = tokio::time::sleep(patience) => if heard.elapsed() >= self.idle {
                    return Ok(());
                },
                () = begun(&mut stop) => return Ok(()),
            }
        }
    }

    /// Takes what has arrived; whether any of it was said by a device.
    async fn receive(&mut self, mut arrived: &[u8]) -> bool {
        let mut spoke = false;
        let bad = self.end.bad();
        while let Some(event) = self.end.receive(&mut arrived) {
            let seen = match event {
                Event::Hello(hello) => {
                    let (build, uptime, sealed) = (hello.build, hello.uptime, hello.sealed);
                    Seen::Hello(hello.id.to_vec(), Greeting { build, uptime, sealed })
                }
                Event::Refused(hello, why) => {
                    self.trouble.warning(format!("device {} is refused: {why}", shown(hello.id)));
                    continue;
                }
                Event::Begun => Seen::Begun,
                Event::Status(status) => Seen::Status(status.uptime, status.seen, status.losses.collect()),
                Event::Open { stream, place } => Seen::Open(stream, place),
                Event::Data { stream, gap, pieces } => {
                    let state = &mut self.streams[usize::from(stream)];
                    if gap > 0 {
                        self.device.iter().for_each(|device| device.state().gap_bytes += gap);
                    }
                    for piece in pieces {
                        take(state, stream, piece, &mut self.declared, self.clock, self.device.as_deref());
                    }
                    Seen::Nothing
                }
                Event::Channel { channel: defmt::CHANNEL, position, bytes } => {
                    Seen::Defmt(position, bytes.to_vec())
                }
                Event::Channel { .. } => Seen::Nothing,
            };
            spoke = true;
            self.see(seen).await;
        }
        if let Some(device) = &self.device {
            let mut state = device.state();
            state.bad += u64::from(self.end.bad() - bad);
            if spoke {
                state.seen = Instant::now();
            }
        }
        spoke
    }

    async fn see(&mut self, seen: Seen) {
        match seen {
            Seen::Hello(id, greeting) => {
                self.greeting = Some((self.links.devices.get(&id), greeting));
                match getrandom::u64() {
                    Ok(number) => self.end.welcome(number),
                    Err(error) => self.trouble.warning(format!("no random number for a device: {error}")),
                }
            }
            Seen::Begun => self.begin(),
            Seen::Status(uptime, told, losses) => self.status(uptime, told, &losses),
            Seen::Open(stream, place) => self.open(stream, place).await,
            Seen::Defmt(position, bytes) => self.defmt(position, &bytes),
            Seen::Nothing => {}
        }
    }

    fn defmt(&mut self, position: u32, bytes: &[u8]) {
        let Some(device) = &self.device else { return };
        let repair = self.clock.offset().map_or(Repair::Keep, Repair::Add);
        self.defmt.take((position, bytes), repair, &self.links, device, &self.declared.resource);
    }

    /// The device speaks within the session that it was welcomed to: whatever other session it had is over.
    fn begin(&mut self) {
        let Some((device, greeting)) = self.greeting.take() else { return };
        // What is under way of the session before comes to its end, and its stream is not opened until then.
        self.storing.take().map(tokio::spawn);
        self.clock = Clock::hello(greeting.uptime);
        let mut state = device.state();
        state.sessions += 1;
        self.number = state.sessions;
        (state.connected, state.sealed, state.build) = (true, greeting.sealed, greeting.build);
        state.offset = self.clock.offset();
        drop(state);
        self.leave();
        self.device = Some(device);
        self.declared = Declarations::default();
        self.streams = Default::default();
        self.defmt = defmt::Stream::default();
    }

    fn status(&mut self, uptime: u64, told: (u64, u64), losses: &[(Signal, Loss, u32)]) {
        self.clock.status(told, uptime);
        let Some(device) = &self.device else { return };
        let mut state = device.state();
        state.offset = self.clock.offset();
        for (signal, reason, count) in losses {
            state.lost(*signal, *reason, *count);
        }
        for (stream, open) in (0..DECLARATIONS).zip(&self.streams) {
            if let (Some(offset), true) = (self.clock.offset(), open.place.epoch != 0) {
                state.remember(stream, open.place.epoch, open.place.boot, offset);
            }
        }
    }

    /// Says where the device goes on: behind what is durable, once nothing of it is under way any more.
    async fn open(&mut self, stream: u8, mut place: Place) {
        let Some(device) = self.device.clone() else { return };
        let still = device.storing(stream).lock_owned().await;
        if place.epoch == 0 {
            // Without a random number it stays closed, and the device asks again.
            let Ok(epoch) = getrandom::u64() else { return };
            place.epoch = epoch.max(1);
        }
        let durable = |part| {
            let last = self.links.spool.last_origin(&origin_id(&device.id, stream, part));
            last.filter(|last| last.epoch == place.epoch).map_or(0, |last| last.sequence)
        };
        let next = durable(0).max(place.position);
        let stored = [durable(1), durable(2)];
        drop(still);
        let mut state = device.state();
        state.epochs.insert(stream, place.epoch);
        if let Some(offset) = self.clock.offset() {
            state.remember(stream, place.epoch, place.boot, offset);
        }
        drop(state);
        self.streams[usize::from(stream)] = Stream { place, stored, ..Stream::default() };
        self.end.opened(stream, place.epoch, next);
    }

    /// Hands what waits of a stream to the spool, unless something is under way: then it is the next group.
    fn begin_to_store(&mut self) {
        if self.storing.is_some() {
            return;
        }
        let Some(device) = &self.device else { return };
        // The dearest first.
        for stream in [1, 0, 2] {
            let state = &mut self.streams[usize::from(stream)];
            let records = std::mem::take(&mut state.waiting);
            if records.is_empty() && state.done > 0 {
                self.end.stored(stream, std::mem::take(&mut state.done));
                continue;
            }
            let epoch = state.place.epoch;
            if let Some(group) = Group::new(device, (stream, epoch), &self.declared, &records) {
                let (links, device) = (self.links.clone(), device.clone());
                self.storing = Some(Box::pin(store(links, device, self.number, group)));
                return;
            }
        }
    }

    /// The device is not connected by this session any more.
    fn leave(&mut self) {
        if let Some(device) = self.device.take() {
            let mut state = device.state();
            if state.sessions == self.number {
                state.connected = false;
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Until the group that is under way is stored; for ever if there is none.
async fn stored(storing: &mut Option<Storing>) -> Result<Group, Superseded> {
    match storing {
        Some(future) => {
            let result = future.await;
            *storing = None;
            result
        }
        None => std::future::pending().await,
    }
}

/// Takes a part of a record, and the record when that was the last.
fn take(
    state: &mut Stream,
    stream: u8,
    piece: Piece<'_>,
    declared: &mut Declarations,
    clock: Clock,
    device: Option<&Device>,
) {
    if let Some(head) = piece.head {
        state.building.clear();
        state.head = Some(head);
    }
    state.building.extend_from_slice(piece.bytes);
    let Some(head) = state.head.take_if(|_| piece.last) else { return };
    let bytes = std::mem::take(&mut state.building);
    if stream == DECLARATIONS {
        return declared.declare(head.scope, bytes);
    }
    let Some(signal) = head.signal() else {
        device.into_iter().for_each(|device| device.state().refused += 1);
        state.done = piece.end;
        return;
    };
    let stored = match signal {
        Signal::Traces => state.stored[0],
        Signal::Metrics => state.stored[1],
        Signal::Logs => 0,
    };
    if piece.end <= stored {
        state.done = piece.end;
    } else {
        let repair = repair(&state.place, stream, piece.end, clock, device);
        state.waiting.push(Whole { signal, scope: head.scope, bytes, end: piece.end, repair });
    }
}

/// How the times of a record are made true that ends there.
fn repair(place: &Place, stream: u8, end: u64, clock: Clock, device: Option<&Device>) -> Repair {
    let Some(offset) = clock.offset() else { return Repair::Keep };
    if end > place.boot {
        return Repair::Add(offset);
    }
    let met = device.filter(|_| end > place.before);
    let met = met.and_then(|device| device.state().recall(stream, place.epoch, place.before));
    met.map_or(Repair::Before(offset.unix(1)), Repair::Add)
}
