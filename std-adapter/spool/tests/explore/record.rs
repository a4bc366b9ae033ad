//! Records that say which they are, so that a wrong byte shows.

use smoltel_spool::{Class, Codec, Entry, Origin, Record, Signal};

/// More than any payload here.
const LIMIT: usize = 1 << 20;

fn payload(id: u32, len: usize) -> Vec<u8> {
    let mut bytes = id.to_le_bytes().to_vec();
    bytes.extend((4..len.max(4)).map(|at| (id as usize * 7 + at * at) as u8));
    bytes
}

pub(crate) fn record(id: u32, len: usize, class: Class) -> Record {
    Record {
        signal: Signal::ALL[id as usize % Signal::ALL.len()],
        class,
        codec: Codec::Identity,
        stream: id % 3,
        items: items(id),
        origin: None,
        payload: payload(id, len),
    }
}

/// The same record as a device sends it: there are three devices.
pub(crate) fn sent_by_a_device(record: Record, id: u32) -> Record {
    let origin = Origin { device: [id as u8 % 3; 16], epoch: 1, sequence: id.into() };
    Record { origin: Some(origin), ..record }
}

pub(crate) fn items(id: u32) -> u32 {
    id % 7 + 1
}

/// Which record it is, if it is all as it was.
pub(crate) fn identify(entry: &Entry) -> Option<u32> {
    let plain = entry.decode(LIMIT).ok()?;
    let id = u32::from_le_bytes(plain.get(..4)?.try_into().ok()?);
    let sent = record(id, plain.len(), entry.class);
    let same = sent.payload == *plain
        && (sent.items, sent.stream, sent.signal) == (entry.items, entry.stream, entry.signal);
    same.then_some(id)
}
