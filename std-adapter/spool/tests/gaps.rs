//! What can no longer be read is told to the destinations; what a destination refuses for good can be looked at later.

mod disk;

use std::sync::Arc;
use std::time::{Duration, Instant};

use disk::Disk;
use smoltel_spool::{Class, Codec, Gap, Loss, Options, Record, Signal, Spool};

const LONG: Duration = Duration::from_secs(10);
const DATA: &str = "/spool/spool.dat";
const SEGMENT: usize = 8 * 4096;

fn record(payload: Vec<u8>, items: u32) -> Record {
    let (class, codec) = (Class::Normal, Codec::Identity);
    Record { signal: Signal::Logs, class, codec, stream: 0, items, origin: None, payload }
}

/// In a gateway this is an OTLP log record.
fn report(gap: &Gap) -> Record {
    Record { class: Class::High, ..record(format!("{gap:?}").into_bytes(), 1) }
}

fn open(disk: &Disk) -> Spool {
    let options = Options {
        capacity: 8 * SEGMENT as u64,
        segment_size: Some(SEGMENT as u32),
        report: Some(report),
        ..Options::default()
    };
    Spool::open_with(Arc::new(disk.clone()), "/spool", options).unwrap()
}

/// Two segments of eight records with three items each, for two destinations.
fn filled() -> Disk {
    let disk = Disk::default();
    let spool = open(&disk);
    spool.destination("east").unwrap();
    spool.destination("west").unwrap();
    (0..16).for_each(|n| _ = spool.append_wait(record(vec![n; 500], 3)).unwrap());
    spool.close(LONG).unwrap();
    disk
}

fn damage(disk: &Disk, at: usize) {
    let mut bytes = disk.read(DATA);
    bytes[at] ^= 1;
    disk.write(DATA, bytes);
}

/// The texts of all reports that a destination gets, waiting for one.
fn reports(spool: &Spool, id: &str) -> Vec<String> {
    let destination = spool.destination(id).unwrap();
    let mut texts = Vec::new();
    while texts.is_empty() {
        let lease = destination.take(None, 1 << 20, Instant::now() + LONG).unwrap();
        let text = |payload: &[u8]| String::from_utf8(payload.to_vec()).ok();
        let all = lease.records().iter().filter(|entry| entry.class == Class::High);
        texts.extend(all.filter_map(|entry| text(&entry.payload)));
        lease.release();
    }
    texts
}

#[test]
fn what_is_missing_at_opening_is_told_to_every_destination() {
    let disk = filled();
    // The headers of the third and fourth record.
    damage(&disk, 2 * 4096 + 1);
    damage(&disk, 3 * 4096 + 1);
    let spool = open(&disk);
    let gap = Gap { slot: Some(0), sequences: Some(3..=4), records: 2, items: 6 };
    assert_eq!(spool.gaps(), std::slice::from_ref(&gap));
    for id in ["east", "west"] {
        assert_eq!(reports(&spool, id), [format!("{gap:?}")]);
    }
    assert_eq!(spool.stats().losses.items(Loss::Corrupt), 6);
    spool.close(LONG).unwrap();
    drop(spool);
    assert_eq!(open(&disk).gaps(), [], "once");
}

#[test]
fn a_damaged_payload_is_told_when_its_turn_comes() {
    let disk = filled();
    damage(&disk, SEGMENT + 4096 + 200);
    let spool = open(&disk);
    assert_eq!(spool.gaps(), []);
    let gap = Gap { slot: Some(1), sequences: Some(10..=10), records: 1, items: 3 };
    assert_eq!(reports(&spool, "east"), [format!("{gap:?}")]);
    assert_eq!(reports(&spool, "west"), [format!("{gap:?}")], "and it is not found twice");
    assert_eq!(spool.gaps(), [gap]);
}

/// On a disk that rots where it is written there would be no end to it.
#[test]
fn the_loss_of_a_report_is_counted_and_not_told() {
    let disk = filled();
    damage(&disk, SEGMENT + 4096 + 200);
    let spool = open(&disk);
    let east = spool.destination("east").unwrap();
    // Everything but the report, which comes when the last one is found damaged.
    let held: Vec<_> = std::iter::from_fn(|| east.take(None, 1 << 20, Instant::now())).collect();
    assert!(!held.is_empty());
    // The report is stored before this one.
    spool.append_wait(record(vec![99; 500], 1)).unwrap();
    let bytes = disk.read(DATA);
    let at = bytes.windows(5).position(|window| window == b"Gap {").unwrap();
    damage(&disk, at);
    let mut after = Vec::new();
    while let Some(lease) = east.take(None, 1 << 20, Instant::now()) {
        after.extend(lease.records().iter().map(|entry| entry.class));
        lease.release();
        // Whatever would be told is stored before this one.
        if after.len() < 3 {
            spool.append_wait(record(vec![98; 500], 1)).unwrap();
        }
    }
    assert_eq!(after, [Class::Normal; 3]);
    assert_eq!(spool.stats().losses.records(Loss::Corrupt), 2);
    assert_eq!(spool.gaps().len(), 2);
}

#[test]
fn what_is_refused_for_good_is_kept_as_it_is_stored() {
    let disk = filled();
    let spool = open(&disk);
    let east = spool.destination("east").unwrap();
    east.take(None, 1000, Instant::now()).unwrap().quarantine(Loss::Rejected).unwrap();
    assert_eq!(spool.stats().destinations[0].losses.items(Loss::Rejected), 6);
    assert_eq!(spool.stats().destinations[1].losses.items(Loss::Rejected), 0);
    let mut names = disk.names("/spool/quarantine");
    names.sort();
    assert_eq!(names, ["00000001-record1.bin", "00000002-record2.bin"]);
    let (copy, data) = (disk.read("/spool/quarantine/00000002-record2.bin"), disk.read(DATA));
    assert_eq!(copy[..128], data[..128]);
    assert_eq!(copy[128..], data[4096..4096 + 112 + 500]);
}

#[test]
fn quarantine_is_bounded_and_the_oldest_go_first() {
    let disk = Disk::default();
    let spool = open(&disk);
    let up = spool.destination("up").unwrap();
    for n in 0..300u32 {
        spool.append_wait(record(n.to_le_bytes().to_vec(), 1)).unwrap();
        up.take(None, 1, Instant::now()).unwrap().quarantine(Loss::Rejected).unwrap();
    }
    let mut names = disk.names("/spool/quarantine");
    names.sort();
    assert_eq!((names.len(), &*names[0]), (256, "00000045-record45.bin"));
}
