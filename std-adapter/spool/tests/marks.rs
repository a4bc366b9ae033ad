//! Records that come again are dropped by their origin, over restarts, recycled segments and power cuts; nothing new is dropped.

mod disk;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use disk::{Disk, Random};
use smoltel_spool::vfs::Site;
use smoltel_spool::{
    AppendError, Class, Codec, Destination, Error, Options, Origin, Problem, Record, Signal, Spool, Stored,
    Sync, verify_with,
};

const LONG: Duration = Duration::from_secs(60);
const DIR: &str = "/spool";

fn record(device: u64, epoch: u64, sequence: u64, len: usize) -> Record {
    let origin = Origin { device: u128::from(device).to_le_bytes(), epoch, sequence };
    let mut payload = [device.to_le_bytes(), sequence.to_le_bytes()].concat();
    payload.resize(len.max(16), 7);
    let (class, codec) = (Class::Normal, Codec::Identity);
    Record { signal: Signal::Logs, class, codec, stream: 0, items: 2, origin: Some(origin), payload }
}

fn drain(destination: &Destination) -> Vec<(u64, u64)> {
    let mut all = Vec::new();
    while let Some(lease) = destination.take(None, 1 << 20, Instant::now()) {
        let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
        all.extend(lease.records().iter().map(|e| (number(&e.payload[..8]), number(&e.payload[8..16]))));
        lease.release();
    }
    all
}

#[test]
fn what_comes_again_is_dropped_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { capacity: 1 << 20, ..Options::default() };
    let spool = Spool::open(dir.path(), options.clone()).unwrap();
    let up = spool.destination("up").unwrap();
    assert!(matches!(spool.append_wait(record(1, 5, 1, 0)), Ok(Stored::New(_))));
    assert_eq!(spool.append_wait(record(1, 5, 1, 0)), Ok(Stored::Duplicate));
    assert!(matches!(spool.append_wait(record(1, 6, 1, 0)), Ok(Stored::New(_))), "another epoch");
    assert!(matches!(spool.append_wait(record(2, 5, 1, 0)), Ok(Stored::New(_))), "another device");
    let stats = spool.stats();
    assert_eq!((stats.duplicates, stats.duplicate_items, stats.devices), (1, 2, 2));
    let last = |spool: &Spool, device: u64| spool.last_origin(&u128::from(device).to_le_bytes());
    assert_eq!(last(&spool, 1), record(1, 6, 1, 0).origin, "of the latest epoch");
    assert_eq!(last(&spool, 3), None);
    assert_eq!(drain(&up).len(), 3);
    spool.close(LONG).unwrap();
    drop((spool, up));
    let spool = Spool::open(dir.path(), options).unwrap();
    assert_eq!(last(&spool, 2), record(2, 5, 1, 0).origin);
    assert_eq!(spool.append_wait(record(2, 5, 1, 0)), Ok(Stored::Duplicate), "released, and over a restart");
}

/// Both arrive before either is stored: the second is answered with the first, not before it.
#[test]
fn a_duplicate_of_what_is_being_stored_shares_its_fate() {
    let disk = Disk::default();
    let options = Options { capacity: 8 * 4096, segment_size: Some(4096), ..Options::default() };
    let spool = Spool::open_with(Arc::new(disk.clone()), DIR, options).unwrap();
    disk.fail(Site::GroupSync, std::io::ErrorKind::Other, 2);
    let (send, receive) = mpsc::channel();
    for _ in 0..3 {
        let send = send.clone();
        spool.append(record(1, 1, 1, 0), move |result| _ = send.send(result));
    }
    let answers: Vec<_> = (0..3).map(|_| receive.recv_timeout(LONG).unwrap()).collect();
    assert!(answers.iter().all(|answer| matches!(answer, Err(AppendError::ReadOnly(_)))), "{answers:?}");
    assert_eq!(spool.stats().duplicates, 0);
    spool.close(LONG).unwrap_err();
    drop(spool);
}

/// Ten thousand devices, and a file so small that every segment is used many times.
#[test]
fn ten_thousand_devices_are_told_apart_after_restarts() {
    const DEVICES: u64 = 10_000;
    let dir = tempfile::tempdir().unwrap();
    let options = Options { capacity: 1 << 20, sync: Sync::Os, ..Options::default() };
    let send = |spool: &Spool, sequence: u64| {
        let up = spool.destination("up").unwrap();
        let mut new = 0;
        for device in 0..DEVICES {
            match spool.append_wait(record(device, device % 7, sequence, 0)) {
                Ok(Stored::New(_)) => new += 1,
                Ok(Stored::Duplicate) => {}
                Err(error) => panic!("{error}"),
            }
            if device % 100 == 0 {
                drain(&up);
            }
        }
        drain(&up);
        new
    };
    for round in 0..3 {
        let spool = Spool::open(dir.path(), options.clone()).unwrap();
        // Out of order: 10, 5, 12.
        assert_eq!(send(&spool, [10, 5, 12][round]), DEVICES);
        for earlier in &[10, 5, 12][..=round] {
            assert_eq!(send(&spool, *earlier), 0);
        }
        spool.close(LONG).unwrap();
    }
    let spool = Spool::open(dir.path(), options).unwrap();
    assert_eq!(send(&spool, 12), 0);
    assert_eq!(send(&spool, 11), DEVICES);
    assert_eq!(spool.stats().devices, DEVICES);
}

fn small() -> Options {
    Options { capacity: 5 * 4096, segment_size: Some(4096), ..Options::default() }
}

/// Appends, releases and reopens; returns what was acknowledged and what was released, as far as it came.
fn workload(disk: &Disk, told: &mut (BTreeSet<u64>, BTreeSet<u64>)) -> Result<(), Error> {
    for round in 0..3 {
        let spool =
            Spool::open_with(Arc::new(disk.clone()), DIR, small()).map_err(|e| Error::Disk(e.to_string()))?;
        let up = spool.destination("up")?;
        for n in 0..6 {
            let sequence = round * 6 + n;
            if spool.append_wait(record(sequence % 3, 1, sequence, 2500)).is_ok() {
                told.0.insert(sequence);
            }
            if n % 2 == 1 {
                let Some(lease) = up.take(None, 3000, Instant::now()) else { continue };
                told.1.extend(lease.records().iter().map(|entry| u64::from(entry.payload[8])));
                lease.release();
            }
        }
        if round == 1 {
            drop(up);
            spool.close(LONG)?;
        }
    }
    Ok(())
}

/// The senders repeat everything after the power came back: what was acknowledged is dropped, what was not is stored or was.
fn crash(at: u64, seed: u64, off: Option<Site>) -> Option<Result<(), String>> {
    let (mut random, disk) = (Random(seed), Disk::default());
    off.iter().for_each(|site| disk.switch_off(*site));
    disk.die_at(at);
    let mut told = (BTreeSet::new(), BTreeSet::new());
    _ = workload(&disk, &mut told);
    let ended = disk.operations() <= at;
    disk.die();
    let after = disk.after_power_cut(&mut random);
    let result = repeat(&after, &told.0, &told.1);
    if ended && result.is_ok() { None } else { Some(result) }
}

fn repeat(disk: &Disk, acknowledged: &BTreeSet<u64>, released: &BTreeSet<u64>) -> Result<(), String> {
    let spool = Spool::open_with(Arc::new(disk.clone()), DIR, small()).map_err(|e| e.to_string())?;
    let up = spool.destination("up").map_err(|e| e.to_string())?;
    let mut delivered = released.clone();
    for sequence in 0..18 {
        delivered.extend(drain(&up).into_iter().map(|(_, sequence)| sequence));
        let stored = spool.append_wait(record(sequence % 3, 1, sequence, 2500)).map_err(|e| e.to_string())?;
        if acknowledged.contains(&sequence) && stored != Stored::Duplicate {
            return Err(format!("{sequence} was acknowledged and is taken again"));
        }
        if stored == Stored::Duplicate && !delivered.contains(&sequence) {
            return Err(format!("{sequence} is dropped and was not delivered"));
        }
    }
    delivered.extend(drain(&up).into_iter().map(|(_, sequence)| sequence));
    let lost: Vec<u64> = (0..18).filter(|sequence| !delivered.contains(sequence)).collect();
    if lost.is_empty() { Ok(()) } else { Err(format!("{lost:?} are lost")) }
}

fn explore(rounds: u64, off: Option<Site>) -> Result<u64, String> {
    let mut cases = 0;
    for round in 0..rounds {
        for at in 0.. {
            let Some(result) = crash(at, at * 1000 + round, off) else { break };
            result.map_err(|problem| format!("operation {at}, seed {}: {problem}", at * 1000 + round))?;
            cases += 1;
        }
    }
    Ok(cases)
}

#[test]
fn a_power_cut_anywhere_brings_no_duplicate_and_drops_nothing_new() {
    let cases = explore(8, None).unwrap();
    assert!(cases > 500, "only {cases} cases");
}

#[test]
fn the_protections_of_marks_are_missed_when_they_are_off() {
    for site in [Site::MarksSync, Site::MarksMakeSync, Site::MarksDirectorySync] {
        assert!(explore(12, Some(site)).is_err(), "nobody misses {site:?}");
    }
}

/// Without MARKS duplicates may pass, and nothing else happens.
#[test]
fn damaged_marks_are_no_reason_not_to_open() {
    let disk = Disk::default();
    _ = workload(&disk, &mut Default::default());
    let whole = disk.read("/spool/MARKS");
    assert!(!whole.is_empty());
    let mut found = 0;
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        disk.write("/spool/MARKS", bytes);
        let problems = verify_with(Arc::new(disk.clone()), DIR).unwrap().problems;
        assert!(problems.iter().all(|problem| *problem == Problem::MarksSlot), "{problems:?}");
        found += problems.len();
        let spool = Spool::open_with(Arc::new(disk.copy()), DIR, small()).unwrap();
        assert_eq!(spool.stats().gaps, 0);
    }
    assert!(found > 10);
}

fn open(dir: &Path) -> Spool {
    Spool::open(dir, Options { capacity: 1 << 20, ..Options::default() }).unwrap()
}

#[test]
fn parts_of_one_request_have_one_answer() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path());
    let up = spool.destination("up").unwrap();
    let answer = |records: Vec<Record>| {
        let (send, receive) = mpsc::channel();
        spool.append_all(records, move |result| _ = send.send(result));
        let result = receive.recv_timeout(LONG).unwrap();
        assert!(receive.recv_timeout(LONG).is_err(), "once");
        result
    };
    assert_eq!(answer((0..5).map(|n| record(n, 1, 1, 0)).collect()), Ok(()));
    assert_eq!(drain(&up).iter().map(|(device, _)| *device).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!(answer(Vec::new()), Ok(()));
    let long = spool.max_record() + 1;
    let refused = answer(vec![record(7, 1, 1, 0), record(8, 1, 1, long)]);
    assert!(matches!(refused, Err(AppendError::TooLarge { .. })));
    assert!(drain(&up).is_empty(), "nothing of what is refused before it is stored");
}
