//! How one spool is used, and what is put into it: all decided by numbers, so that every process knows.

use std::time::Duration;

use smoltel_spool::{Class, Codec, Entry, Full, Key, Options, Record, Signal, Sync};

/// A small generator, so that a seed replays a choice.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }
}

/// One spool's life, by its number: options, destinations and how fast they are.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) number: u64,
    pub(crate) options: Options,
    pub(crate) destinations: &'static [&'static str],
    /// Between two leases, so that some spools fill up.
    pub(crate) pause: Duration,
}

impl Life {
    pub(crate) fn new(number: u64) -> Life {
        let mut random = Random(number);
        let segment = random.pick(&[4096, 8192, 16384]);
        let full = [Full::RefuseNewest, Full::DropOldest, Full::Block][(number % 3) as usize];
        let options = Options {
            capacity: u64::from(segment) * (8 + random.below(24)),
            segment_size: Some(segment),
            sync: random.pick(&[
                Sync::Always,
                Sync::Always,
                Sync::Interval(Duration::from_millis(5)),
                Sync::Os,
            ]),
            full,
            codec: if cfg!(feature = "gzip") && random.below(3) == 0 { Codec::Gzip } else { Codec::Identity },
            key: if random.below(3) == 0 { key() } else { None },
            in_flight: 64 << 10,
            ..Options::default()
        };
        let destinations: &[&str] = if random.below(2) == 0 { &["up"] } else { &["up", "archive"] };
        Life { number, options, destinations, pause: Duration::from_micros(random.pick(&[0, 300, 3000])) }
    }
}

#[cfg(feature = "encryption")]
fn key() -> Option<Key> {
    Some(Key::new([5; 32]))
}

#[cfg(not(feature = "encryption"))]
fn key() -> Option<Key> {
    None
}

/// The number of a record: which cycle made it, which thread, and its turn there.
pub(crate) fn id(cycle: u64, thread: u64, turn: u64) -> u64 {
    cycle << 32 | thread << 28 | turn
}

pub(crate) fn cycle(id: u64) -> u64 {
    id >> 32
}

/// The record of this number.
pub(crate) fn record(id: u64) -> Record {
    let mut random = Random(id);
    let most = random.pick(&[100, 200, 400, 1000, 3400]);
    let mut payload = id.to_le_bytes().to_vec();
    payload.extend((0..random.below(most)).map(|_| random.below(20) as u8));
    Record {
        signal: random.pick(&Signal::ALL),
        class: random.pick(&[Class::Low, Class::Normal, Class::Normal, Class::High]),
        codec: Codec::Identity,
        stream: random.below(3) as u32,
        items: items(id),
        origin: None,
        payload,
    }
}

pub(crate) fn items(id: u64) -> u32 {
    1 + (id % 7) as u32
}

/// The number of what came back, if every byte and word is as it was handed over.
pub(crate) fn recognise(entry: &Entry) -> Result<u64, String> {
    let payload = entry.decode(1 << 20).map_err(|error| format!("record {}: {error}", entry.sequence))?;
    let id =
        payload.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)).ok_or("a record without its number")?;
    let was = record(id);
    let same = *payload == *was.payload
        && (entry.signal, entry.class, entry.stream, entry.items)
            == (was.signal, was.class, was.stream, was.items);
    if same { Ok(id) } else { Err(format!("record {id:x} came back changed: {entry:?}")) }
}
