//! A spool on a real disk, as its users see it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use smoltel_spool::{
    AppendError, Class, Codec, Error, Full, Loss, OpenError, Options, Origin, Record, Signal, Spool, Stored,
    Sync,
};

const LONG: Duration = Duration::from_secs(10);

fn options() -> Options {
    Options { capacity: 1 << 20, ..Options::default() }
}

fn record(signal: Signal, payload: &[u8]) -> Record {
    Record {
        signal,
        class: Class::Normal,
        codec: Codec::Gzip,
        stream: 5,
        items: 3,
        origin: None,
        payload: payload.to_vec(),
    }
}

fn logs(payload: &[u8]) -> Record {
    record(Signal::Logs, payload)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_record_comes_back_as_it_was_and_goes_when_released() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), options()).unwrap();
    let up = spool.destination("up").unwrap();
    let origin = Some(Origin { device: [4; 16], epoch: 8, sequence: 15 });
    let stored = spool.append_wait(Record { origin, ..logs(b"hello") }).unwrap();
    let lease = up.take(None, 0, Instant::now()).unwrap();
    let entry = &lease.records()[0];
    assert_eq!((entry.stream, entry.items, entry.codec), (5, 3, Codec::Gzip));
    assert_eq!((stored, entry.origin), (Stored::New(entry.sequence), origin));
    assert_eq!(entry.payload, b"hello");
    assert!(up.take(None, 100, Instant::now()).is_none(), "it is out on lease");
    drop(lease);
    up.take(None, 100, Instant::now()).unwrap().release();
    assert!(up.take(None, 100, Instant::now()).is_none());
    assert_eq!(up.pending().records, 0);
}

#[test]
fn retiring_the_one_that_held_everything_up_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { capacity: 16 << 10, full: Full::Block, ..Options::default() };
    let spool = Spool::open(dir.path(), options).unwrap();
    let _slow = spool.destination("slow").unwrap();
    let up = spool.destination("up").unwrap();
    let (send, answers) = mpsc::channel();
    for _ in 0..6 {
        let send = send.clone();
        spool.append(logs(&[0; 3000]), move |answer| send.send(answer).unwrap());
    }
    for _ in 0..4 {
        answers.recv_timeout(LONG).unwrap().unwrap();
        up.take(None, 1, Instant::now()).unwrap().release();
    }
    spool.retire("slow").unwrap();
    (0..2).for_each(|_| _ = answers.recv_timeout(LONG).unwrap().unwrap());
}

#[test]
fn what_is_not_released_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..5u8 {
        let spool = Spool::open(dir.path(), options()).unwrap();
        let up = spool.destination("up").unwrap();
        spool.append_wait(logs(&[round])).unwrap();
        spool.append_wait(logs(&[round, round])).unwrap();
        let lease = up.take(None, 1, Instant::now()).unwrap();
        assert_eq!(lease.records()[0].payload, vec![round / 2; 1 + usize::from(round % 2)]);
        lease.release();
        if round % 2 == 0 {
            spool.close(LONG).unwrap();
        }
    }
    let spool = Spool::open(dir.path(), options()).unwrap();
    let stats = spool.stats();
    assert_eq!((stats.destinations[0].pending(Signal::Logs).records, stats.gaps), (5, 0));
    assert_eq!(stats.destinations[0].pending(Signal::Logs).items, 15);
}

#[test]
fn destinations_and_signals_are_independent() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), options()).unwrap();
    spool.append_wait(record(Signal::Traces, b"t")).unwrap();
    spool.append_wait(logs(b"l")).unwrap();
    let (east, west) = (spool.destination("east").unwrap(), spool.destination("west").unwrap());
    let lease = east.take(Some(Signal::Logs), 100, Instant::now()).unwrap();
    assert_eq!(lease.records().len(), 1);
    lease.release();
    assert_eq!((east.pending().records, west.pending().records), (1, 2));
    assert_eq!(west.take(None, 100, Instant::now()).unwrap().records().len(), 2);
    let split = west.take(None, 100, Instant::now()).unwrap().split();
    assert_eq!(split.len(), 2);
    for (lease, reason) in split.into_iter().zip([Loss::Rejected, Loss::Expired]) {
        lease.discard(reason);
    }
    let stats = spool.stats();
    assert_eq!(stats.destinations[1].losses.items(Loss::Rejected), 3);
    assert_eq!(stats.destinations[0].pending(Signal::Traces).records, 1);
    spool.retire("east").unwrap();
    assert!(east.take(None, 100, Instant::now() + LONG).is_none());
    assert_eq!(spool.stats().destinations.len(), 1);
}

#[test]
fn a_lone_record_costs_one_sync_and_many_share_one() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), options()).unwrap();
    spool.append_wait(logs(b"first")).unwrap();
    let before = spool.stats().data_syncs;
    spool.append_wait(logs(b"alone")).unwrap();
    assert_eq!(spool.stats().data_syncs - before, 1);

    let (send, receive) = mpsc::channel();
    let before = spool.stats().data_syncs;
    // The first completion holds the writer until all the others are queued: they are one group then.
    let (go, wait) = mpsc::channel::<()>();
    spool.append(logs(b"holds"), move |_| _ = wait.recv());
    for _ in 0..500 {
        let send = send.clone();
        spool.append(logs(b"together"), move |result| _ = send.send(result.is_ok()));
    }
    go.send(()).unwrap();
    assert!(receive.iter().take(500).all(|stored| stored));
    let syncs = spool.stats().data_syncs - before;
    assert!(syncs <= 2, "{syncs} syncs for 501 records");
}

#[test]
fn what_is_too_large_or_too_much_at_once_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), Options { in_flight: 1000, ..options() }).unwrap();
    let max = spool.max_record();
    spool.append_wait(logs(&vec![1; max])).unwrap();
    assert_eq!(spool.append_wait(logs(&vec![1; max + 1])), Err(AppendError::TooLarge { len: max + 1, max }));
    let (go, wait) = mpsc::channel::<()>();
    // The first completion holds the writer, so that the second record stays in flight.
    spool.append(logs(b"holds"), move |_| _ = wait.recv());
    spool.append(logs(&[1; 900]), |_| {});
    assert_eq!(spool.append_wait(logs(&[1; 200])), Err(AppendError::Busy));
    go.send(()).unwrap();
}

#[test]
fn who_has_been_answered_may_hand_over_as_much_again_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), Options { in_flight: 1000, ..options() }).unwrap();
    for _ in 0..300 {
        spool.append_wait(logs(&[1; 1000])).unwrap();
        spool.destination("up").unwrap().take(None, 1, Instant::now()).unwrap().release();
    }
}

#[test]
fn a_spool_in_use_is_refused_and_the_lock_named() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), options()).unwrap();
    let error = Spool::open(dir.path(), options()).err().unwrap();
    assert!(matches!(error, OpenError::InUse { .. }));
    assert!(error.to_string().contains(dir.path().join("LOCK").to_str().unwrap()));
    spool.close(LONG).unwrap();
    Spool::open(dir.path(), options()).unwrap();
}

#[test]
fn closing_wakes_takers_and_refuses_records() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), options()).unwrap();
    let up = spool.destination("up").unwrap();
    let taker =
        std::thread::spawn(move || up.take(Some(Signal::Traces), 1, Instant::now() + LONG * 6).is_none());
    spool.append(logs(b"accepted"), |_| {});
    spool.close(LONG).unwrap();
    taker.join().unwrap();
    assert_eq!(spool.append_wait(logs(b"late")), Err(AppendError::Closed));
    assert_eq!(spool.destination("new").err(), Some(Error::Closed));
    drop(spool);
    let spool = Spool::open(dir.path(), options()).unwrap();
    assert_eq!(spool.destination("up").unwrap().pending().records, 1);
}

#[test]
fn nobody_else_may_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let spool = dir.path().join("a/spool");
    drop(Spool::open(&spool, options()).unwrap());
    assert_eq!(mode(&spool), 0o700);
    for name in ["LOCK", "CURSOR", "spool.dat"] {
        assert_eq!(mode(&spool.join(name)), 0o600, "{name}");
    }
}

#[test]
fn it_grows_as_needed_and_never_beyond_its_capacity() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool::open(dir.path(), options()).unwrap();
    let size = || std::fs::metadata(dir.path().join("spool.dat")).unwrap().len();
    assert!(size() <= 3 * (16 << 10));
    while spool.append_wait(logs(&[7; 10_000])).is_ok() {}
    assert_eq!(size(), 1 << 20);
    assert!(spool.stats().records >= 64);
}

#[test]
fn every_policy_keeps_records_over_a_clean_close() {
    for sync in [Sync::Always, Sync::Interval(Duration::from_millis(1)), Sync::Os] {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::open(dir.path(), Options { sync, ..options() }).unwrap();
        let up = spool.destination("up").unwrap();
        // Many times the capacity: segments are used again.
        for n in 0..200u32 {
            spool.append_wait(logs(&n.to_le_bytes().repeat(4000))).unwrap();
            if n >= 10 {
                up.take(None, 1, Instant::now()).unwrap().release();
            }
        }
        spool.close(LONG).unwrap();
        let spool = Spool::open(dir.path(), options()).unwrap();
        let lease = spool.destination("up").unwrap().take(None, 1 << 20, Instant::now()).unwrap();
        let numbers: Vec<u8> = lease.records().iter().map(|entry| entry.payload[0]).collect();
        assert_eq!(numbers, (190..200).collect::<Vec<u8>>());
    }
}

#[test]
fn options_that_make_no_sense_are_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let open = |options| Spool::open(dir.path(), options).err().unwrap().to_string();
    assert!(open(Options { segment_size: Some(5000), ..options() }).contains("power of two"));
    assert!(open(Options { capacity: 8192, ..options() }).contains("from 16384"));
}
