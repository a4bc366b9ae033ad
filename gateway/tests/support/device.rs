//! A device: core's end of the link, over a wire that a test chooses.

#![allow(dead_code, reason = "each test file uses its part")]

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use smoltel_core::link::{DeviceEnd, Identity, Key};
use smoltel_core::{Pipeline, Resource, Seed, Severity};

use super::PATIENCE;

thread_local! {
    /// When the device of this thread was reset last.
    static BOOT: Cell<Option<Instant>> = const { Cell::new(None) };
    /// What its clock said then.
    static BEGAN: Cell<u64> = const { Cell::new(1) };
}

/// The device's clock: from its reset on.
fn uptime() -> u64 {
    let boot = BOOT.get().unwrap_or_else(|| {
        BOOT.set(Some(Instant::now()));
        Instant::now()
    });
    boot.elapsed().as_nanos() as u64 + BEGAN.get()
}

/// Sets the device's clock, in nanoseconds.
pub(crate) fn set_clock(now: u64) {
    BOOT.set(None);
    BEGAN.set(now);
}

/// A device of the test's thread.
pub(crate) struct Device {
    pub(crate) pipeline: &'static Pipeline,
    pub(crate) end: DeviceEnd<'static>,
    id: &'static [u8],
    key: Option<[u8; 32]>,
    boots: u64,
    /// Of a thousand bits, so many arrive wrong.
    pub(crate) wrong_bits: u64,
    random: u64,
}

impl Device {
    pub(crate) fn new(id: &'static [u8], key: Option<[u8; 32]>) -> Self {
        set_clock(1);
        let pipeline = pipeline();
        let end = end(id, key, 1);
        Self { pipeline, end, id, key, boots: 1, wrong_bits: 0, random: 1 }
    }

    pub(crate) fn log(&self, text: &str) {
        self.pipeline.logger("control-loop").log(Severity::Info).text(text).emit();
    }

    /// It is reset; its ring survives, or does not.
    pub(crate) fn reset(&mut self, keeps_its_ring: bool) {
        set_clock(1);
        if keeps_its_ring {
            for lane in [0, 1] {
                self.pipeline.with_lane(lane, |ring| {
                    ring.pin(0);
                    ring.begin_boot();
                });
            }
        } else {
            self.pipeline = pipeline();
        }
        self.boots += 1;
        self.end = end(self.id, self.key, self.boots);
    }

    pub(crate) fn waiting(&self) -> usize {
        [0, 1].into_iter().filter_map(|lane| self.pipeline.with_lane(lane, |ring| ring.len())).sum()
    }

    /// Moves bytes over `wire` until `done` says so; an error when the wire breaks or it takes too long.
    pub(crate) fn run<W: Read + Write>(
        &mut self,
        wire: &mut W,
        mut done: impl FnMut(&Self) -> bool,
    ) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let (mut out, mut arrived) = ([0; 256], [0; 256]);
        while !done(self) {
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("not within a minute: {:?}", self.end)));
            }
            while let Some(n) = self.end.transmit(uptime(), self.pipeline, &mut out) {
                self.spoil(&mut out[..n]);
                wire.write_all(&out[..n])?;
            }
            match wire.read(&mut arrived) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    self.spoil(&mut arrived[..n]);
                    self.end.receive(uptime(), &arrived[..n]);
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Until the gateway has everything on its disk, whatever becomes of connections meanwhile.
    pub(crate) fn deliver(&mut self, to: impl Fn() -> SocketAddr) {
        let deadline = Instant::now() + PATIENCE;
        while self.waiting() > 0 {
            assert!(Instant::now() < deadline, "not within a minute: {:?}", self.end);
            if let Ok(mut wire) = connect(to()) {
                self.end.reset(uptime());
                _ = self.run(&mut wire, |device| device.waiting() == 0);
            }
        }
    }

    /// Flips bits by chance.
    fn spoil(&mut self, bytes: &mut [u8]) {
        for bit in 0..bytes.len() * 8 * usize::from(self.wrong_bits > 0) {
            self.random =
                self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if (self.random >> 33) % 1000 < self.wrong_bits {
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }
}

/// A connection to a gateway's link.
pub(crate) fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let wire = TcpStream::connect(to)?;
    wire.set_nodelay(true)?;
    wire.set_read_timeout(Some(Duration::from_millis(2)))?;
    Ok(wire)
}

fn pipeline() -> &'static Pipeline {
    let pipeline: &'static Pipeline = Box::leak(Box::new(Pipeline::new(uptime)));
    let ring: &'static mut [u8] = vec![0; 16 << 10].leak();
    pipeline.init(ring, vec![[0; 256]; 4].leak(), Seed::Unique([7; 16]));
    pipeline.init_metrics(vec![0; 1024].leak());
    pipeline
}

fn end(id: &'static [u8], key: Option<[u8; 32]>, boots: u64) -> DeviceEnd<'static> {
    let resource = Resource::<64>::new().with("service.name", "thermostat").unwrap();
    let resource: &'static [u8] = resource.as_bytes().to_vec().leak();
    let identity = Identity {
        key: key.map(Key::new),
        build: *b"\x01\x02\x03\x04\x05\x06\x07\x08",
        ..Identity::new(id, boots << 32)
    };
    DeviceEnd::new(identity, resource)
}
