//! `verify` and `list`, beside the writer and after damage.

mod disk;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use disk::Disk;
use smoltel_spool::vfs::Site;
use smoltel_spool::{
    Class, Codec, Full, Loss, Options, Problem, Reader, Record, Signal, Spool, Stored, list, repair_with,
    verify, verify_with,
};

fn record(n: u8) -> Record {
    let payload = vec![n; 500];
    let codec = Codec::Identity;
    Record { signal: Signal::Logs, class: Class::Normal, codec, stream: 2, items: 4, origin: None, payload }
}

#[test]
fn a_sound_spool_is_listed_and_verified_while_it_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), Options { capacity: 1 << 20, ..Options::default() }).unwrap();
    let up = spool.destination("up").unwrap();
    (0..5).for_each(|n| _ = spool.append_wait(record(n)).unwrap());
    let report = verify(dir.path()).unwrap();
    assert_eq!((report.records, report.items, report.bytes, report.problems), (5, 20, 2500, vec![]));
    up.take(None, 1000, Instant::now()).unwrap().release();
    spool.close(Duration::from_secs(10)).unwrap();
    let listed = list(dir.path()).unwrap();
    let waiting: Vec<usize> = listed.iter().map(|record| record.waiting_for.len()).collect();
    assert_eq!(waiting, [0, 0, 1, 1, 1]);
    assert!(listed.iter().all(|record| record.items == 4 && record.bytes == 500 && record.stream == 2));
    assert_eq!(verify(dir.path()).unwrap().in_progress, 0);
}

#[test]
fn damage_is_named_and_nothing_is_changed() {
    let disk = Disk::default();
    let options = Options { capacity: 8 * 4096, segment_size: Some(4096), ..Options::default() };
    let spool = Spool::open_with(Arc::new(disk.clone()), "/spool", options).unwrap();
    let Stored::New(sequence) = spool.append_wait(record(1)).unwrap() else { panic!("it has no origin") };
    spool.close(Duration::from_secs(10)).unwrap();
    let sound = disk.read("/spool/spool.dat");
    let problems_of = |change: fn(&mut Vec<u8>)| {
        let mut bytes = sound.clone();
        change(&mut bytes);
        disk.write("/spool/spool.dat", bytes.clone());
        let report = verify_with(Arc::new(disk.clone()), "/spool").unwrap();
        assert_eq!(disk.read("/spool/spool.dat"), bytes);
        report.problems
    };
    assert_eq!(problems_of(|_| {}), []);
    assert_eq!(problems_of(|bytes| bytes[300] ^= 1), [Problem::Payload { slot: 0, sequence, items: 4 }]);
    assert_eq!(problems_of(|bytes| bytes[130] ^= 1), [Problem::RecordsMissing { slot: 0, records: 1 }]);
    let gone = problems_of(|bytes| bytes[..4096].fill(3));
    assert_eq!(gone, [Problem::Slot { slot: 0 }, Problem::SegmentMissing { slot: 0, records: 1 }]);
}

#[test]
fn where_there_is_no_spool_it_says_so() {
    let dir = tempfile::tempdir().unwrap();
    assert!(verify(dir.path()).unwrap_err().to_string().contains("spool.dat"));
}

const SEGMENT: usize = 8 * 4096;

fn small() -> Options {
    Options { capacity: 8 * SEGMENT as u64, segment_size: Some(SEGMENT as u32), ..Options::default() }
}

/// A spool with six segments of eight records, closed; its destination has released the first record.
fn six_segments() -> Disk {
    let disk = Disk::default();
    let spool = Spool::open_with(Arc::new(disk.clone()), "/spool", small()).unwrap();
    let up = spool.destination("up").unwrap();
    (0..48).for_each(|n| _ = spool.append_wait(record(n)).unwrap());
    up.take(None, 1, Instant::now()).unwrap().release();
    spool.close(Duration::from_secs(10)).unwrap();
    disk
}

#[test]
fn a_repair_gives_up_what_is_damaged_and_nothing_else() {
    let disk = six_segments();
    let mut bytes = disk.read("/spool/spool.dat");
    // A payload, a record header, and both headers of a segment.
    bytes[SEGMENT + 300] ^= 1;
    bytes[2 * SEGMENT + 130] ^= 1;
    bytes[3 * SEGMENT + 3] ^= 1;
    bytes[4 * SEGMENT - 128] ^= 1;
    disk.write("/spool/spool.dat", bytes);
    let vfs = Arc::new(disk.clone());
    let before = verify_with(vfs.clone(), "/spool").unwrap();
    assert_eq!(before.problems.len(), 4, "{:?}", before.problems);
    assert!(before.problems.iter().all(Problem::loses));
    let repair = repair_with(vfs.clone(), "/spool", small()).unwrap();
    assert_eq!(verify_with(vfs.clone(), "/spool").unwrap().problems, []);
    // Four items to a record.
    assert_eq!((repair.records, repair.items, repair.quarantined), (10, 40, 2));
    assert_eq!(repair_with(vfs.clone(), "/spool", small()).unwrap().records, 0, "once");
    let spool = Spool::open_with(vfs, "/spool", small()).unwrap();
    assert_eq!(spool.destination("up").unwrap().pending().records, 48 - 1 - 10);
    assert_eq!(spool.stats().losses.items(Loss::Corrupt), 40);
}

#[test]
fn the_leavings_of_a_crash_are_explained_and_cost_nothing() {
    let disk = six_segments();
    let mut cursor = disk.read("/spool/CURSOR");
    let half = cursor.len() / 2;
    // The slot with the lower counter is the one that a crash may have torn.
    let counter = |at: usize| u64::from_le_bytes(cursor[at + 32..at + 40].try_into().unwrap());
    let older = if counter(0) < counter(half) { 0 } else { half };
    cursor[older + 100] ^= 1;
    disk.write("/spool/CURSOR", cursor);
    let mut data = disk.read("/spool/spool.dat");
    data.extend([0; 1000]);
    disk.write("/spool/spool.dat", data);
    let vfs = Arc::new(disk.clone());
    let report = verify_with(vfs.clone(), "/spool").unwrap();
    assert_eq!(report.problems, [Problem::CursorSlot, Problem::PartialSlot { bytes: 1000 }]);
    assert!(!report.problems.iter().any(Problem::loses));
    assert_eq!(repair_with(vfs.clone(), "/spool", small()).unwrap().records, 0);
    assert_eq!(verify_with(vfs, "/spool").unwrap().problems, []);
}

/// The slots of what was listed are taken again, over and over, while it is read: a reader gets a record or nothing, never another one.
#[test]
fn a_reader_beside_a_writer_gets_what_it_asked_for_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { full: Full::DropOldest, ..small() };
    let spool = Spool::open(dir.path(), options).unwrap();
    spool.destination("up").unwrap();
    let writer = std::thread::spawn({
        let spool = spool.clone();
        move || (0..2000u32).for_each(|n| _ = spool.append_wait(record((n % 250) as u8)).unwrap())
    });
    let (mut read, mut gone) = (0, 0);
    while !writer.is_finished() || read == 0 {
        let reader = Reader::open(dir.path()).unwrap();
        for listed in reader.list().unwrap() {
            match reader.read(&listed).unwrap() {
                Some(entry) => {
                    assert_eq!(entry.payload, [((listed.sequence - 1) % 250) as u8; 500]);
                    read += 1;
                }
                None => gone += 1,
            }
        }
        let problems = verify(dir.path()).unwrap().problems;
        assert!(problems.iter().all(|problem| !problem.loses()), "{problems:?}");
    }
    writer.join().unwrap();
    println!("{read} read, {gone} gone");
}

#[test]
fn of_two_copies_that_a_failed_sync_left_the_one_that_holds_is_shown() {
    let disk = Disk::default();
    let spool = Spool::open_with(Arc::new(disk.clone()), "/spool", small()).unwrap();
    spool.append_wait(record(1)).unwrap();
    let cursor = disk.read("/spool/CURSOR");
    disk.fail(Site::GroupSync, ErrorKind::Other, 1);
    spool.append_wait(record(2)).unwrap();
    // As if the process had been killed before CURSOR knew of the second segment.
    let (disk, killed) = (disk.copy(), disk.read("/spool/spool.dat"));
    disk.write("/spool/CURSOR", cursor);
    let copies: Vec<usize> =
        killed.windows(500).enumerate().filter(|(_, bytes)| *bytes == [2; 500]).map(|(at, _)| at).collect();
    assert_eq!(copies.len(), 2);
    for damaged in copies {
        let mut bytes = killed.clone();
        bytes[damaged] ^= 1;
        disk.write("/spool/spool.dat", bytes);
        let reader = Reader::open_with(Arc::new(disk.clone()), "/spool").unwrap();
        let listed = reader.list().unwrap();
        let payloads: Vec<_> =
            listed.iter().map(|listed| reader.read(listed).unwrap().unwrap().payload).collect();
        assert_eq!(payloads, [vec![1; 500], vec![2; 500]]);
    }
}
