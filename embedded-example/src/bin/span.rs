//! What a span takes from its start to the bytes of a request's body, to be seen beside `micropb` and `femtopb`, which encode the
//! same one. It is recorded into the ring attribute by attribute, and read out of it.
#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use smoltel_core::ring::Header;
use smoltel_core::{Key, Pipeline, Seed, Tracer};
use smoltel_embedded_example::peers::{self, ID, MS, START};
use static_cell::ConstStaticCell;

static TELEMETRY: Pipeline = Pipeline::new(|| START);
static RING: ConstStaticCell<[u8; 2048]> = ConstStaticCell::new([0; 2048]);
static SLOTS: ConstStaticCell<[[u8; 512]; 2]> = ConstStaticCell::new([[0; 512]; 2]);

const KEYS: [Key<'static>; 8] = [
    Key::new("valve.id"),
    Key::new("valve.open"),
    Key::new("target.celsius"),
    Key::new("mode"),
    Key::new("pump.id"),
    Key::new("pump.rpm"),
    Key::new("loop.count"),
    Key::new("manual"),
];

#[entry]
fn main() -> ! {
    TELEMETRY.init(RING.take(), SLOTS.take(), Seed::Unique(ID));
    let tracer = TELEMETRY.tracer("loop");
    let mut buffer = [0; 512];
    peers::run(|| {
        record(&tracer);
        take(black_box(&mut buffer))
    })
}

#[inline(never)]
fn record(tracer: &Tracer) {
    let mut span = tracer.start("adjust");
    span.set(KEYS[0], 3).set(KEYS[1], true).set(KEYS[2], 21.5).set(KEYS[3], "eco");
    span.set(KEYS[4], 7).set(KEYS[5], 1450).set(KEYS[6], 12).set(KEYS[7], false);
    span.event_at(START + MS, "opened", &[(KEYS[6], 12.into())]);
    span.end_at(START + 2 * MS);
}

/// Moves the record out of the ring; how long it is.
#[inline(never)]
fn take(buffer: &mut [u8]) -> usize {
    let taken = TELEMETRY.with_lane(0, |ring| {
        let (header, next) = ring.record(0)?;
        let len = ring.read(Header::LEN, buffer.get_mut(..header.len.into())?);
        ring.release(next);
        Some(len)
    });
    taken.flatten().unwrap_or(0)
}
