//! `verify` and `list`, beside the writer and after damage.

mod disk;

use std::sync::Arc;
use std::time::{Duration, Instant};

use disk::Disk;
use smoltel_spool::{Class, Codec, Options, Problem, Record, Signal, Spool, list, verify, verify_with};

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
    let sequence = spool.append_wait(record(1)).unwrap();
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
