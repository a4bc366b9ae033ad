//! A disk that fails while the spool is in use.

mod disk;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use disk::{Cut, Disk, Fault, Pick, Random};
use smoltel_spool::vfs::Site;
use smoltel_spool::{
    AppendError, Class, Codec, Destination, Full, Loss, OpenError, Options, Record, Signal, Spool, Sync,
};

fn options() -> Options {
    Options { capacity: 8 * 4096, segment_size: Some(4096), ..Options::default() }
}

fn open(disk: &Disk, options: Options) -> Spool {
    Spool::open_with(Arc::new(disk.clone()), "/spool", options).unwrap()
}

fn record(payload: &[u8]) -> Record {
    Record {
        signal: Signal::Traces,
        class: Class::Normal,
        codec: Codec::Identity,
        stream: 0,
        items: 10,
        origin: None,
        payload: payload.to_vec(),
    }
}

fn take_all(destination: &Destination) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(lease) = destination.take(None, 1 << 20, Instant::now()) {
        all.extend(lease.records().iter().map(|entry| entry.payload.clone()));
        lease.release();
    }
    all
}

#[test]
fn a_group_whose_sync_fails_is_stored_elsewhere() {
    let disk = Disk::default();
    let spool = open(&disk, options());
    spool.append_wait(record(b"before")).unwrap();
    disk.fail(Site::GroupSync, ErrorKind::Other, 1);
    spool.append_wait(record(b"during")).unwrap();
    spool.append_wait(record(b"after")).unwrap();
    assert_eq!(spool.stats().read_only, None);
    // The pages of the failed sync never reached the medium; the acknowledged record did.
    for seed in 0..8 {
        let after = disk.after_power_cut(&mut Random(seed));
        let again = open(&after, options());
        assert_eq!(again.stats().gaps, 0);
        assert_eq!(take_all(&again.destination("up").unwrap()), [&b"before"[..], b"during", b"after"]);
    }
}

#[test]
fn a_second_failure_makes_the_spool_read_only_and_loud() {
    let disk = Disk::default();
    let spool = open(&disk, options());
    let up = spool.destination("up").unwrap();
    spool.append_wait(record(b"kept")).unwrap();
    disk.fail(Site::GroupSync, ErrorKind::Other, 2);
    assert!(matches!(spool.append_wait(record(b"refused")), Err(AppendError::ReadOnly(_))));
    assert!(matches!(spool.append_wait(record(b"refused")), Err(AppendError::ReadOnly(_))));
    assert!(spool.stats().read_only.is_some());
    assert_eq!(take_all(&up), [b"kept"]);
    assert!(spool.close(Duration::from_secs(10)).is_err());
    drop(spool);
    let again = open(&disk, options());
    again.append_wait(record(b"works again")).unwrap();
    assert_eq!(again.stats().gaps, 0);
}

#[test]
fn a_disk_that_is_full_refuses_and_takes_again_when_drained() {
    let disk = Disk::default();
    disk.limit(Some(4 * 4096));
    let spool = open(&disk, options());
    let up = spool.destination("up").unwrap();
    let mut stored = 0;
    while spool.append_wait(record(&[stored; 3000])).is_ok() {
        stored += 1;
    }
    assert_eq!(stored, 4);
    assert_eq!(spool.append_wait(record(&[9; 3000])), Err(AppendError::Full));
    assert_eq!(spool.stats().losses.items(Loss::Full), 20);
    assert_eq!(take_all(&up).len(), 4);
    spool.append_wait(record(&[9; 3000])).unwrap();
    assert_eq!(take_all(&up), [[9; 3000]]);
    assert_eq!(spool.stats().read_only, None);
}

#[test]
fn no_space_for_an_overwrite_is_full_and_not_a_failure() {
    let disk = Disk::default();
    let spool = open(&disk, options());
    spool.append_wait(record(b"one")).unwrap();
    disk.fail(Site::GroupWrite, ErrorKind::StorageFull, 1);
    assert_eq!(spool.append_wait(record(b"two")), Err(AppendError::Full));
    spool.append_wait(record(b"three")).unwrap();
    spool.close(Duration::from_secs(10)).unwrap();
    let again = open(&disk, options());
    assert_eq!(again.stats().gaps, 0);
    assert_eq!(take_all(&again.destination("up").unwrap()), [&b"one"[..], b"three"]);
}

#[test]
fn a_record_that_cannot_be_read_waits_for_the_next_opening() {
    let disk = Disk::default();
    let spool = open(&disk, options());
    let up = spool.destination("up").unwrap();
    spool.append_wait(record(b"one")).unwrap();
    disk.fail(Site::PayloadRead, ErrorKind::Other, 1);
    assert!(up.take(None, 100, Instant::now()).is_none());
    assert_eq!(spool.stats().set_aside, 1);
    spool.close(Duration::from_secs(10)).unwrap();
    assert_eq!(take_all(&open(&disk, options()).destination("up").unwrap()), [b"one"]);
}

#[test]
fn a_full_spool_blocks_until_something_is_released() {
    let disk = Disk::default();
    let spool = open(&disk, Options { full: Full::Block, capacity: 4 * 4096, ..options() });
    let up = spool.destination("up").unwrap();
    let writer = spool.clone();
    let thread = std::thread::spawn(move || (0..20).all(|n| writer.append_wait(record(&[n; 3000])).is_ok()));
    for n in 0..20 {
        let lease = up.take(None, 1, Instant::now() + Duration::from_secs(10)).unwrap();
        assert_eq!(lease.records()[0].payload, [n; 3000]);
        lease.release();
    }
    assert!(thread.join().unwrap());
}

#[test]
fn nobody_waits_for_room_that_only_another_opening_makes() {
    let disk = Disk::default();
    let spool = open(&disk, Options { full: Full::Block, capacity: 4 * 4096, ..options() });
    let up = spool.destination("up").unwrap();
    let (send, answers) = std::sync::mpsc::channel();
    for n in 0..6 {
        let send = send.clone();
        spool.append(record(&[n; 3000]), move |result| _ = send.send(result.is_ok()));
    }
    let answer = || answers.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!([answer(), answer(), answer(), answer()], [true; 4]);
    disk.fail(Site::PayloadRead, ErrorKind::Other, 4);
    assert!(up.take(None, 1 << 20, Instant::now()).is_none());
    assert_eq!([answer(), answer()], [false; 2]);
}

#[test]
fn dropping_the_oldest_takes_the_lowest_class_first_and_counts_items() {
    let disk = Disk::default();
    let spool = open(&disk, Options { full: Full::DropOldest, capacity: 4 * 4096, ..options() });
    let up = spool.destination("up").unwrap();
    let of = |class, n: u8| Record { class, ..record(&[n; 3000]) };
    for (n, class) in [Class::Normal, Class::Low, Class::High, Class::Normal].into_iter().enumerate() {
        spool.append_wait(of(class, n as u8)).unwrap();
    }
    spool.append_wait(of(Class::Normal, 4)).unwrap(); // drops 1, low
    spool.append_wait(of(Class::Normal, 5)).unwrap(); // drops 0, the oldest normal
    assert_eq!(spool.append_wait(of(Class::Low, 6)), Err(AppendError::Full));
    let left: Vec<u8> = take_all(&up).iter().map(|payload| payload[0]).collect();
    assert_eq!(left, [2, 3, 4, 5]);
    let stats = spool.stats();
    assert_eq!(stats.destinations[0].losses.items(Loss::Evicted), 20);
    assert_eq!(stats.losses.records(Loss::Evicted), 2);
}

#[test]
fn a_newer_version_is_refused_and_left_alone() {
    let disk = Disk::default();
    let spool = open(&disk, options());
    spool.append_wait(record(b"one")).unwrap();
    spool.close(Duration::from_secs(10)).unwrap();
    let mut bytes = disk.read("/spool/spool.dat");
    for at in [0, 4096 - 128] {
        bytes[at + 8] = 9;
        let crc = crc32c::crc32c(&bytes[at..at + 124]);
        bytes[at + 124..at + 128].copy_from_slice(&crc.to_le_bytes());
    }
    disk.write("/spool/spool.dat", bytes.clone());
    let cursor = disk.read("/spool/CURSOR");
    let error = Spool::open_with(Arc::new(disk.clone()), "/spool", options()).err();
    assert!(matches!(error, Some(OpenError::Newer { version: 9 })));
    assert_eq!((disk.read("/spool/spool.dat"), disk.read("/spool/CURSOR")), (bytes, cursor));
}

/// Its directory was synced, but not the one that holds its directory's name: after a power cut all was gone.
#[test]
fn a_spool_made_anew_outlives_a_power_cut_with_its_directory() {
    for seed in 0..16 {
        let disk = Disk::default();
        let spool = open(&disk, options());
        spool.append_wait(record(b"one")).unwrap();
        let again = open(&disk.after_power_cut(&mut Random(seed)), options());
        assert_eq!(take_all(&again.destination("up").unwrap()), [b"one"]);
    }
}

/// The growth's sync is one of the same file: the kernel tells of pages that it could not write only once, and forgets them.
#[test]
fn a_growth_whose_sync_fails_is_loud_if_records_were_not_synced_yet() {
    let disk = Disk::default();
    let spool = open(&disk, Options { sync: Sync::Os, ..options() });
    spool.append_wait(record(&[1; 3000])).unwrap();
    disk.fail(Site::GrowSync, ErrorKind::Other, 1);
    while disk.count(Site::GrowSync) < 3 && spool.append_wait(record(&[2; 3000])).is_ok() {}
    assert!(matches!(spool.append_wait(record(b"more")), Err(AppendError::ReadOnly(_))));
    assert!(spool.stats().read_only.is_some());
}

/// The losses of a segment that CURSOR did not know yet were the spool's, but no destination's.
#[test]
fn what_a_lying_sync_lost_is_counted_for_each_destination() {
    // Nothing of its segment reached the medium; or the second header did, and a later record in it.
    for (reached, class) in [(0, Class::Normal), (1, Class::Low)] {
        let disk = Disk::default();
        let spool = open(&disk, Options { segment_size: Some(8192), capacity: 8 * 8192, ..options() });
        spool.destination("up").unwrap();
        spool.append_wait(record(b"first")).unwrap();
        disk.plan(Site::GroupSync, 0, 1, Fault::Lie);
        spool.append_wait(Record { class: Class::Low, ..record(b"lost") }).unwrap();
        spool.append_wait(Record { class, ..record(b"later") }).unwrap();
        disk.record();
        let now = disk.history().pop().unwrap();
        let cut = Cut { blocks: false, pick: Pick::Nth(reached) };
        let again = open(&Disk::boot(now.medium.cut(cut), &now), options());
        assert_eq!(take_all(&again.destination("up").unwrap()), [&b"first"[..], b"later"]);
        let stats = again.stats();
        assert_eq!(stats.destinations[0].losses.records(Loss::Corrupt), 1);
        assert_eq!((stats.gaps, stats.losses.records(Loss::Corrupt)), (1, 1));
    }
}

/// Records that waited for room behind a group that failed would have waited for ever: nobody releases what was not stored.
#[test]
fn who_waits_for_room_is_answered_when_the_group_before_fails() {
    for times in [1, 2] {
        let disk = Disk::default();
        let spool = open(&disk, Options { full: Full::Block, capacity: 4 * 4096, ..options() });
        let up = spool.destination("up").unwrap();
        disk.fail(Site::GroupSync, ErrorKind::Other, times);
        let (send, answer) = std::sync::mpsc::channel();
        // One more than there are segments.
        let records = (0..5).map(|n| record(&[n; 3000])).collect();
        spool.append_all(records, move |result| _ = send.send(result));
        let until = Instant::now() + Duration::from_secs(10);
        let answered = std::iter::from_fn(|| (Instant::now() < until).then(|| answer.try_recv().ok()));
        let drained =
            answered.inspect(|_| up.take(None, 1, Instant::now()).into_iter().for_each(|l| l.release()));
        assert!(drained.flatten().next().is_some(), "no answer after {times} failures");
    }
}

/// To go on without CURSOR because it could not be opened this once would be to forget what was released, and every loss.
#[test]
fn a_cursor_that_cannot_be_opened_is_no_cursor_lost() {
    let disk = Disk::default();
    let spool = open(&disk, options());
    let up = spool.destination("up").unwrap();
    for n in 0..3 {
        spool.append_wait(record(&[n])).unwrap();
    }
    up.take(None, 1, Instant::now()).unwrap().release();
    spool.close(Duration::from_secs(10)).unwrap();
    drop((up, spool));
    disk.fail(Site::CursorOpen, ErrorKind::Other, 1);
    let refused = Spool::open_with(Arc::new(disk.clone()), "/spool", options());
    assert!(matches!(refused.err(), Some(OpenError::Io { .. })));
    let again = open(&disk, options());
    assert_eq!(take_all(&again.destination("up").unwrap()), [[1], [2]]);
}
