//! Filled segments are opened by their indexes, and nothing rests on those.

mod disk;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use disk::Disk;
use smoltel_spool::vfs::Site;
use smoltel_spool::{Class, Codec, Gap, Loss, Options, Origin, Record, Signal, Spool, Stored};

const DATA: &str = "/spool/spool.dat";
const SEGMENT: usize = 64 << 10;
const RECORDS: u32 = 100;

fn open(disk: &Disk) -> Spool {
    let options =
        Options { capacity: 8 * SEGMENT as u64, segment_size: Some(SEGMENT as u32), ..Options::default() };
    Spool::open_with(Arc::new(disk.clone()), "/spool", options).unwrap()
}

fn record(n: u32) -> Record {
    let mut payload = n.to_le_bytes().to_vec();
    payload.resize(1100 + n as usize * 7, n as u8);
    let origin = Origin { device: [5; 16], epoch: 1, sequence: n.into() };
    Record {
        signal: Signal::ALL[n as usize % 4],
        class: Class::Normal,
        codec: Codec::Identity,
        stream: 0,
        items: n + 1,
        origin: n.is_multiple_of(3).then_some(origin),
        payload,
    }
}

/// Segments of which all but the last are filled; nothing is released.
fn filled() -> Disk {
    let disk = Disk::default();
    let spool = open(&disk);
    spool.destination("up").unwrap();
    (0..RECORDS).for_each(|n| _ = spool.append_wait(record(n)).unwrap());
    spool.close(Duration::from_secs(10)).unwrap();
    assert!(disk.count(Site::IndexWrite) > 2);
    disk
}

/// Takes everything, and checks that it is what was stored: the numbers of the records, by sequence.
fn drain(spool: &Spool) -> BTreeMap<u64, u32> {
    let up = spool.destination("up").unwrap();
    let mut came = BTreeMap::new();
    while let Some(lease) = up.take(None, 1 << 20, Instant::now()) {
        for entry in lease.records() {
            let n = u32::from_le_bytes(entry.payload[..4].try_into().unwrap());
            let right = record(n);
            assert!(entry.payload == right.payload && entry.items == right.items);
            assert_eq!((entry.signal, entry.origin), (right.signal, right.origin));
            assert!(came.insert(entry.sequence, n).is_none());
        }
        lease.release();
    }
    came
}

fn change(disk: &Disk, at: usize) {
    let mut bytes = disk.read(DATA);
    bytes[at] ^= 0x10;
    disk.write(DATA, bytes);
}

#[test]
fn an_index_tells_what_the_records_would() {
    let disk = filled();
    let spool = open(&disk.copy());
    let mut damaged = disk.read(DATA);
    (0..disk.count(Site::IndexWrite) as usize).for_each(|slot| damaged[(slot + 1) * SEGMENT - 129] ^= 1);
    let walked = disk.copy();
    walked.write(DATA, damaged);
    let without = open(&walked);
    let waiting = |spool: &Spool| {
        Signal::ALL.map(|signal| {
            let pending = spool.stats().destinations[0].pending(signal);
            (pending.records, pending.items, pending.bytes)
        })
    };
    assert_eq!(waiting(&spool), waiting(&without));
    assert_eq!(drain(&spool).len(), RECORDS as usize);
    assert_eq!(drain(&without).len(), RECORDS as usize);
    // A record that comes again is known.
    assert_eq!(spool.append_wait(record(96)).unwrap(), Stored::Duplicate);
}

#[test]
fn a_damaged_index_costs_nothing() {
    let disk = filled();
    let bytes = disk.read(DATA);
    let from = (SEGMENT - 4096..SEGMENT).find(|at| bytes[*at] != 0).unwrap();
    for at in from..SEGMENT - 128 {
        let damaged = disk.copy();
        change(&damaged, at);
        let spool = open(&damaged);
        assert_eq!(drain(&spool).len(), RECORDS as usize, "byte {at}");
        assert_eq!(spool.stats().gaps, 0, "byte {at}");
    }
}

#[test]
fn a_damaged_header_that_an_index_tells_of_is_not_seen_before_its_turn_comes_and_counted_then() {
    let disk = filled();
    // The second record: each starts at a block of its own.
    change(&disk, 4096 + 30);
    let spool = open(&disk);
    assert_eq!(spool.gaps(), []);
    let came = drain(&spool);
    assert!(!came.contains_key(&2) && came.len() as u32 == RECORDS - 1);
    assert_eq!(spool.gaps(), [Gap { slot: Some(0), sequences: Some(2..=2), records: 1, items: 2 }]);
    assert_eq!(
        (spool.stats().losses.records(Loss::Corrupt), spool.stats().losses.items(Loss::Corrupt)),
        (1, 2)
    );
    spool.close(Duration::from_secs(10)).unwrap();
    drop(spool);
    let spool = open(&disk);
    assert_eq!((spool.gaps(), spool.stats().losses.records(Loss::Corrupt)), (vec![], 1), "once");
}

#[test]
fn room_for_the_index_makes_no_record_too_large() {
    let disk = Disk::default();
    let spool = open(&disk);
    let largest = Record { payload: vec![1; spool.max_record()], ..record(1) };
    spool.append_wait(record(0)).unwrap();
    spool.append_wait(largest.clone()).unwrap();
    spool.append_wait(record(2)).unwrap();
    spool.close(Duration::from_secs(10)).unwrap();
    drop(spool);
    let spool = open(&disk);
    let up = spool.destination("up").unwrap();
    let lease = up.take(None, 1 << 20, Instant::now()).unwrap();
    assert!(lease.records().iter().any(|entry| entry.payload == largest.payload));
}
