//! What the disk cannot read when the spool is opened is not given up: it stays where it is, and is there when it can be read.
//!
//! `PROVE=1` looks at every state of every workload; without it, at a share.

mod disk;
mod explore;

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use disk::{Disk, Unreadable};
use explore::Unread;
use smoltel_spool::vfs::Site;
use smoltel_spool::{Class, Codec, Options, Problem, Record, Signal, Spool, verify_with};

fn options() -> Options {
    Options { capacity: 4 * 4096, segment_size: Some(4096), ..Options::default() }
}

fn open(disk: &Disk) -> Spool {
    Spool::open_with(Arc::new(disk.clone()), "/spool", options()).unwrap()
}

fn record(n: u8) -> Record {
    let (class, codec) = (Class::Normal, Codec::Identity);
    Record { signal: Signal::Logs, class, codec, stream: 0, items: 1, origin: None, payload: vec![n; 3000] }
}

/// The first bytes of all payloads that a destination gets; keeps nothing.
fn take_all(spool: &Spool) -> Vec<u8> {
    let up = spool.destination("up").unwrap();
    let leases = std::iter::from_fn(|| up.take(None, 1 << 20, Instant::now()));
    leases
        .flat_map(|lease| {
            let all: Vec<u8> = lease.records().iter().map(|entry| entry.payload[0]).collect();
            lease.release();
            all
        })
        .collect()
}

#[test]
fn a_bad_sector_costs_room_and_no_data() {
    let disk = Disk::default();
    let spool = open(&disk);
    spool.destination("up").unwrap();
    (1..=3).for_each(|n| _ = spool.append_wait(record(n)).unwrap());
    spool.close(Duration::from_secs(10)).unwrap();
    drop(spool);
    // The first sector of the second segment, while this machine is up.
    let warm = disk.copy();
    warm.unreadable(Unreadable::Sectors(warm.file("/spool/spool.dat"), 8, 1));
    let problems = verify_with(Arc::new(warm.clone()), "/spool").unwrap().problems;
    assert_eq!(problems, [Problem::Unread { slot: 1 }]);
    assert!(!problems.iter().any(Problem::loses));
    let spool = open(&warm);
    assert_eq!(take_all(&spool), [1, 3]);
    let stats = spool.stats();
    assert_eq!((stats.unread, stats.gaps, stats.quarantined), (1, 0, 0));
    spool.scrub();
    // All other room is used, twice; that of the second segment is not.
    for _ in 0..2 {
        (10..13).for_each(|n| _ = spool.append_wait(record(n)).unwrap());
        assert!(spool.append_wait(record(13)).is_err());
        assert_eq!(take_all(&spool), [10, 11, 12]);
    }
    spool.close(Duration::from_secs(10)).unwrap();
    let again = open(&warm.copy());
    assert_eq!(take_all(&again), [2]);
    assert_eq!((again.stats().unread, again.stats().gaps), (0, 0));
}

/// Three records; the second is in the second segment, whose sync failed, and once more in the third. Also returns the CURSOR that
/// knows the first one only.
fn written_again() -> (Disk, Vec<u8>) {
    let disk = Disk::default();
    let spool = open(&disk);
    spool.destination("up").unwrap();
    spool.append_wait(record(1)).unwrap();
    spool.close(Duration::from_secs(10)).unwrap();
    drop(spool);
    let cursor = disk.read("/spool/CURSOR");
    let spool = open(&disk);
    disk.fail(Site::GroupSync, ErrorKind::Other, 1);
    (2..=3).for_each(|n| _ = spool.append_wait(record(n)).unwrap());
    spool.close(Duration::from_secs(10)).unwrap();
    (disk.copy(), cursor)
}

/// Opens it with so many sectors of a segment unreadable, of eight.
fn open_without(disk: &Disk, slot: usize, sectors: usize) -> Spool {
    disk.unreadable(Unreadable::Sectors(disk.file("/spool/spool.dat"), slot * 8, sectors));
    let spool = open(disk);
    assert_eq!(spool.stats().unread, 1);
    spool
}

#[test]
fn what_a_failed_write_left_does_not_come_when_it_can_be_read() {
    // Header B can be read, or nothing.
    for sectors in [1, 8] {
        let (disk, _) = written_again();
        let spool = open_without(&disk, 1, sectors);
        assert_eq!(take_all(&spool), [1, 2, 3]);
        spool.close(Duration::from_secs(10)).unwrap();
        let again = open(&disk.copy());
        assert_eq!(take_all(&again), []);
        assert_eq!((again.stats().unread, again.stats().gaps), (0, 0));
    }
}

/// The opening that could not read one copy vouched for the other.
#[test]
fn of_two_copies_the_one_that_holds_comes_once() {
    for (unread, torn) in [(1, None), (2, None), (1, Some(1)), (2, Some(1)), (1, Some(2)), (2, Some(2))] {
        let (disk, cursor) = written_again();
        disk.write("/spool/CURSOR", cursor);
        let mut bytes = disk.read("/spool/spool.dat");
        torn.iter().for_each(|slot| bytes[slot * 4096 + 1000] ^= 1);
        disk.write("/spool/spool.dat", bytes);
        open_without(&disk, unread, 1).close(Duration::from_secs(10)).unwrap();
        let disk = disk.copy();
        // What one opening finds out about them, the next one does, too.
        open(&disk).close(Duration::from_secs(10)).unwrap();
        let again = open(&disk);
        let mut came = take_all(&again);
        came.sort_unstable();
        assert_eq!(came, [1, 2, 3], "{unread} could not be read, {torn:?} is torn");
        assert_eq!((again.stats().unread, again.stats().gaps), (0, 0));
    }
}

#[test]
fn what_cannot_be_read_at_opening_is_there_when_it_can() {
    let all = std::env::var_os("PROVE").is_some();
    let search = Unread::default();
    let result = search.run(&explore::all(), if all { 41 } else { 120 });
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "proved: {} openings of spools of which a read fails or a sector or a block cannot be read: {} kept a segment for later, {} refused to open; \
         nothing acknowledged is missing when it can be read",
        count(&search.openings),
        count(&search.held),
        count(&search.refused)
    );
    result.unwrap_or_else(|problem| panic!("{problem}"));
    assert!(count(&search.held) > 0);
}
