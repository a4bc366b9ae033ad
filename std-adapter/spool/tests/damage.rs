//! Bits that flip on the medium: at most the record they hit is lost, it is counted, and nothing wrong is delivered.

mod disk;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use disk::Disk;
use smoltel_spool::{Class, Codec, Loss, Options, Record, Signal, Spool};

const DATA: &str = "/spool/spool.dat";
const CURSOR: &str = "/spool/CURSOR";

fn open(disk: &Disk) -> Spool {
    let options = Options { capacity: 8 * 4096, segment_size: Some(4096), ..Options::default() };
    Spool::open_with(Arc::new(disk.clone()), "/spool", options).unwrap()
}

fn record(n: u8) -> Record {
    let payload = vec![n; 200 + 90 * usize::from(n)];
    let class = if n % 4 == 3 { Class::High } else { Class::Normal };
    Record {
        signal: Signal::Logs,
        class,
        codec: Codec::Identity,
        stream: 0,
        items: 10 + u32::from(n),
        origin: None,
        payload,
    }
}

/// A spool of eight records, nothing released, closed.
fn image() -> Disk {
    let disk = Disk::default();
    let spool = open(&disk);
    spool.destination("up").unwrap();
    (0..8).for_each(|n| _ = spool.append_wait(record(n)).unwrap());
    spool.close(Duration::from_secs(10)).unwrap();
    disk
}

/// Takes everything; checks that it is what was stored; returns which came.
fn drain(spool: &Spool) -> BTreeMap<u8, u32> {
    let up = spool.destination("up").unwrap();
    let mut all = BTreeMap::new();
    while let Some(lease) = up.take(None, 1 << 20, Instant::now()) {
        for entry in lease.records() {
            let n = entry.payload[0];
            assert_eq!(entry.payload, record(n).payload);
            assert!(all.insert(n, entry.items).is_none(), "{n} comes twice");
        }
        lease.release();
    }
    all
}

#[test]
fn a_flipped_bit_costs_at_most_its_record_which_is_counted_in_items() {
    let image = image();
    let bytes = image.read(DATA);
    let mut lost_some = 0;
    for at in (0..bytes.len()).step_by(7) {
        let disk = image.copy();
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        disk.write(DATA, damaged);
        let spool = open(&disk);
        let came = drain(&spool);
        let lost: Vec<u8> = (0..8).filter(|n| !came.contains_key(n)).collect();
        assert!(lost.len() <= 1, "byte {at}: {lost:?}");
        let items: u64 = lost.iter().map(|n| u64::from(record(*n).items)).sum();
        let stats = spool.stats();
        assert_eq!(stats.losses.records(Loss::Corrupt), lost.len() as u64, "byte {at}");
        assert_eq!(stats.losses.items(Loss::Corrupt), items, "byte {at}");
        assert_eq!(stats.destinations[0].losses.items(Loss::Corrupt), items, "byte {at}");
        assert_eq!(stats.gaps, lost.len() as u64, "byte {at}");
        lost_some += lost.len();
        // It is reported once.
        spool.close(Duration::from_secs(10)).unwrap();
        assert_eq!(open(&disk).stats().gaps, lost.len() as u64, "byte {at}");
    }
    assert!(lost_some > 40);
}

#[test]
fn a_flipped_bit_in_cursor_loses_nothing() {
    let image = image();
    let bytes = image.read(CURSOR);
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    for at in (0..=end).filter(|at| bytes[*at] != 0 || at % 16 == 0) {
        let disk = image.copy();
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        disk.write(CURSOR, damaged);
        assert_eq!(drain(&open(&disk)).len(), 8, "byte {at}");
    }
}

#[test]
fn without_cursor_everything_is_found_again() {
    let image = image();
    image.write(CURSOR, Vec::new());
    let spool = open(&image);
    assert_eq!(drain(&spool).len(), 8);
    assert_eq!(spool.stats().gaps, 0);
}

#[test]
fn a_truncated_file_opens_and_counts_what_is_gone() {
    let image = image();
    let bytes = image.read(DATA);
    for len in (0..bytes.len()).step_by(61) {
        let disk = image.copy();
        disk.write(DATA, bytes[..len].to_vec());
        let spool = open(&disk);
        let came = drain(&spool).len() as u64;
        assert_eq!(came + spool.stats().losses.records(Loss::Corrupt), 8, "cut at {len}");
        spool.append_wait(record(9)).unwrap();
    }
}

#[test]
fn segments_that_cannot_be_read_are_kept_in_a_bounded_quarantine() {
    let image = image();
    for round in 0..6 {
        let mut bytes = image.read(DATA);
        bytes.iter_mut().for_each(|byte| *byte = 0x77);
        image.write(DATA, bytes);
        let spool = open(&image);
        assert!(drain(&spool).is_empty());
        let stats = spool.stats();
        assert!(stats.quarantined > 0);
        // All eight were lost the first time, the one stored since each time after.
        assert_eq!(stats.losses.records(Loss::Corrupt), 8 + round);
        spool.append_wait(record(1)).unwrap();
        spool.close(Duration::from_secs(10)).unwrap();
    }
    let kept = image.names("/spool/quarantine");
    assert_eq!(kept.len(), 8);
}

#[test]
fn any_bytes_at_all_open() {
    let mut random = disk::Random(5);
    for _ in 0..50 {
        let disk = image();
        let garbage =
            |len: u64, random: &mut disk::Random| (0..len).map(|_| random.next() as u8).collect::<Vec<u8>>();
        let (data, cursor) = (random.below(40_000), random.below(20_000));
        disk.write(DATA, garbage(data, &mut random));
        disk.write(CURSOR, garbage(cursor, &mut random));
        let spool = open(&disk);
        assert!(drain(&spool).is_empty());
        spool.append_wait(record(1)).unwrap();
    }
}
