//! What a destination's limits give up, in which order it gets the rest, and which clock ages are told by.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use smoltel_spool::vfs::{Now, Site, StdVfs, Vfs, VfsFile};
use smoltel_spool::{Class, Codec, Destination, Full, Limits, Loss, Options, Record, Signal, Spool};

const SECOND: u64 = 1_000_000_000;
const LONG: Duration = Duration::from_secs(10);

/// The operating system with clocks that stand still until they are set.
#[derive(Default)]
struct Clocks {
    os: StdVfs,
    now: Mutex<Now>,
    boot_id: Mutex<[u8; 16]>,
}

impl Clocks {
    fn set(&self, boot: u64, wall: u64) {
        *self.now.lock().unwrap() = Now { boot: boot * SECOND, wall: wall * SECOND };
    }

    fn reboot(&self, id: u8) {
        *self.boot_id.lock().unwrap() = [id; 16];
    }
}

impl Vfs for Clocks {
    fn create_dir(&self, site: Site, path: &Path) -> io::Result<()> {
        self.os.create_dir(site, path)
    }
    fn open(&self, site: Site, path: &Path, create: bool) -> io::Result<Box<dyn VfsFile>> {
        self.os.open(site, path, create)
    }
    fn open_read(&self, site: Site, path: &Path) -> io::Result<Box<dyn VfsFile>> {
        self.os.open_read(site, path)
    }
    fn rename(&self, site: Site, from: &Path, to: &Path) -> io::Result<()> {
        self.os.rename(site, from, to)
    }
    fn remove(&self, site: Site, path: &Path) -> io::Result<()> {
        self.os.remove(site, path)
    }
    fn list(&self, site: Site, path: &Path) -> io::Result<Vec<String>> {
        self.os.list(site, path)
    }
    fn sync_dir(&self, site: Site, path: &Path) -> io::Result<()> {
        self.os.sync_dir(site, path)
    }
    fn lock(&self, site: Site, path: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
        self.os.lock(site, path)
    }
    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        self.os.random(bytes)
    }
    fn now(&self) -> Now {
        *self.now.lock().unwrap()
    }
    fn boot_id(&self) -> [u8; 16] {
        *self.boot_id.lock().unwrap()
    }
    fn warning(&self, _: &Path) -> Option<String> {
        None
    }
}

fn open(clocks: &Arc<Clocks>, dir: &Path) -> Spool {
    let options = Options { capacity: 1 << 20, ..Options::default() };
    Spool::open_with(clocks.clone(), dir, options).unwrap()
}

fn append(spool: &Spool, id: u8, class: Class) {
    let payload = vec![id; 100];
    let codec = Codec::Identity;
    let record = Record { signal: Signal::Logs, class, codec, stream: 0, items: 3, origin: None, payload };
    spool.append_wait(record).unwrap();
}

/// What a destination gets in one lease of `count` records, which it releases.
fn take(destination: &Destination, count: usize) -> Vec<u8> {
    let Some(lease) = destination.take(None, count * 100, Instant::now()) else { return Vec::new() };
    let ids = lease.records().iter().map(|entry| entry.payload[0]).collect();
    lease.release();
    ids
}

fn age(seconds: u64) -> Limits {
    Limits { age: Some(Duration::from_secs(seconds)), ..Limits::default() }
}

#[test]
fn what_is_too_old_for_one_destination_still_goes_to_another() {
    let (clocks, dir) = (Arc::new(Clocks::default()), tempfile::tempdir().unwrap());
    let spool = open(&clocks, dir.path());
    let (hasty, patient) = (spool.destination("hasty").unwrap(), spool.destination("patient").unwrap());
    hasty.limit(age(60));
    append(&spool, 1, Class::Normal);
    clocks.set(50, 0);
    append(&spool, 2, Class::High);
    clocks.set(61, 0);
    assert_eq!(take(&hasty, 9), [2]);
    assert_eq!(take(&patient, 9), [1, 2]);
    let stats = spool.stats();
    let losses = &stats.destinations[0].losses;
    assert_eq!((losses.records(Loss::Expired), losses.items(Loss::Expired)), (1, 3));
    assert_eq!(stats.destinations[1].losses.records(Loss::Expired), 0);
}

/// Nobody takes anything: the spool itself makes room, and what is on lease stays.
#[test]
fn old_records_go_without_a_taker_but_not_out_of_somebodys_hands() {
    let (clocks, dir) = (Arc::new(Clocks::default()), tempfile::tempdir().unwrap());
    let spool = open(&clocks, dir.path());
    let up = spool.destination("up").unwrap();
    up.limit(age(60));
    append(&spool, 1, Class::Normal);
    append(&spool, 2, Class::Normal);
    let lease = up.take(None, 1, Instant::now()).unwrap();
    clocks.set(61, 0);
    append(&spool, 3, Class::Normal);
    spool.close(LONG).unwrap();
    assert_eq!(spool.stats().destinations[0].losses.records(Loss::Expired), 1);
    assert_eq!(up.pending().records, 2);
    assert_eq!(lease.records()[0].payload[0], 1);
}

#[test]
fn a_wall_clock_that_jumps_expires_nothing() {
    let (clocks, dir) = (Arc::new(Clocks::default()), tempfile::tempdir().unwrap());
    let spool = open(&clocks, dir.path());
    let up = spool.destination("up").unwrap();
    up.limit(age(60));
    append(&spool, 1, Class::Normal);
    clocks.set(59, 2_000_000_000);
    assert_eq!(take(&up, 9), [1]);
}

/// Ages go on from boot to boot by the time that each was up, as far as records show it.
#[test]
fn ages_go_on_over_restarts_of_the_machine() {
    let (clocks, dir) = (Arc::new(Clocks::default()), tempfile::tempdir().unwrap());
    clocks.reboot(1);
    clocks.set(1000, 0);
    let spool = open(&clocks, dir.path());
    spool.destination("up").unwrap();
    append(&spool, 1, Class::Normal);
    clocks.set(1040, 0);
    append(&spool, 2, Class::Low);
    spool.close(LONG).unwrap();
    drop(spool);
    // The machine was off for a year, and is up for half a minute.
    clocks.reboot(2);
    clocks.set(30, 31_536_000);
    let spool = open(&clocks, dir.path());
    let up = spool.destination("up").unwrap();
    assert_eq!(up.pending().oldest, Some(Duration::from_secs(70)));
    up.limit(age(60));
    assert_eq!(take(&up, 9), [2]);
}

#[test]
fn a_destination_that_lags_gives_up_the_oldest_of_the_lowest_class() {
    let (clocks, dir) = (Arc::new(Clocks::default()), tempfile::tempdir().unwrap());
    let spool = open(&clocks, dir.path());
    let (slow, other) = (spool.destination("slow").unwrap(), spool.destination("other").unwrap());
    slow.limit(Limits { lag: Some(300), ..Limits::default() });
    append(&spool, 1, Class::High);
    append(&spool, 2, Class::Normal);
    append(&spool, 3, Class::Low);
    append(&spool, 4, Class::Normal);
    append(&spool, 5, Class::Normal);
    spool.close(LONG).unwrap();
    let stats = spool.stats();
    assert_eq!(stats.destinations[0].losses.items(Loss::Lagged), 6);
    assert_eq!(stats.losses.records(Loss::Lagged), 0, "the other one still gets them");
    drop(spool);
    drop((slow, other));
    let spool = open(&clocks, dir.path());
    assert_eq!(take(&spool.destination("slow").unwrap(), 9), [1, 4, 5]);
    assert_eq!(take(&spool.destination("other").unwrap(), 9), [1, 2, 3, 4, 5]);
}

#[test]
fn a_share_of_the_leases_is_of_the_newest() {
    let (clocks, dir) = (Arc::new(Clocks::default()), tempfile::tempdir().unwrap());
    let spool = open(&clocks, dir.path());
    let up = spool.destination("up").unwrap();
    up.limit(Limits { newest: 50, ..Limits::default() });
    for id in 0..10 {
        append(&spool, id, if id % 3 == 0 { Class::High } else { Class::Normal });
    }
    let leases: Vec<_> = (0..5).map(|_| take(&up, 2)).collect();
    assert_eq!(leases, [[0, 1], [8, 9], [2, 3], [6, 7], [4, 5]]);
    assert!(take(&up, 9).is_empty());
}

#[test]
fn newest_first_is_newest_first_and_forgets_nothing() {
    let (clocks, dir) = (Arc::new(Clocks::default()), tempfile::tempdir().unwrap());
    let spool = open(&clocks, dir.path());
    let up = spool.destination("up").unwrap();
    up.limit(Limits { newest: 100, ..Limits::default() });
    (0..4).for_each(|id| append(&spool, id, Class::Normal));
    assert_eq!(take(&up, 3), [1, 2, 3]);
    append(&spool, 4, Class::Normal);
    drop(up.take(None, 1, Instant::now()));
    assert_eq!(take(&up, 1), [4]);
    assert_eq!(take(&up, 1), [0]);
    assert!(take(&up, 1).is_empty());
}

#[test]
fn the_dearest_come_first_and_by_themselves() {
    let (clocks, dir) = (Arc::new(Clocks::default()), tempfile::tempdir().unwrap());
    let spool = open(&clocks, dir.path());
    let (metered, other) = (spool.destination("metered").unwrap(), spool.destination("other").unwrap());
    metered.limit(Limits { dearest_first: true, ..Limits::default() });
    let classes = [Class::Low, Class::Normal, Class::High, Class::Normal, Class::High];
    (0..).zip(classes).for_each(|(id, class)| append(&spool, id, class));
    let leases: Vec<_> = (0..4).map(|_| take(&metered, 1000)).collect();
    assert_eq!(leases, [vec![2, 4], vec![1, 3], vec![0], vec![]]);
    assert_eq!(take(&other, 1000), [0, 1, 2, 3, 4], "others get them as they came");
}

fn append_signal(spool: &Spool, signal: Signal, id: u8) {
    let (class, codec, payload) = (Class::Normal, Codec::Identity, vec![id; 100]);
    let record = Record { signal, class, codec, stream: 0, items: 1, origin: None, payload };
    spool.append_wait(record).unwrap();
}

/// All but these.
fn only(signals: &[Signal]) -> Limits {
    Limits { unwanted: Signal::ALL.map(|signal| !signals.contains(&signal)), ..Limits::default() }
}

#[test]
fn what_a_destination_does_not_take_is_released_for_it_at_once_and_is_no_loss() {
    let (clocks, dir) = (Arc::new(Clocks::default()), tempfile::tempdir().unwrap());
    let spool = open(&clocks, dir.path());
    let (logs, all) = (spool.destination("logs").unwrap(), spool.destination("all").unwrap());
    append_signal(&spool, Signal::Logs, 1);
    append_signal(&spool, Signal::Traces, 2);
    let lease = logs.take(Some(Signal::Traces), 100, Instant::now()).unwrap();
    logs.limit(only(&[Signal::Logs]));
    assert_eq!(logs.pending().records, 1, "what was there, and in somebody's hands, too");
    drop(lease);
    append_signal(&spool, Signal::Metrics, 3);
    append_signal(&spool, Signal::Logs, 4);
    assert_eq!(logs.pending().records, 2);
    spool.close(LONG).unwrap();
    let losses = &spool.stats().destinations[0].losses;
    assert_eq!(Loss::ALL.map(|loss| losses.records(loss)), [0; Loss::ALL.len()]);
    drop((spool, logs, all));

    // It is as any release: after a restart that says nothing of it, too.
    let spool = open(&clocks, dir.path());
    assert_eq!(take(&spool.destination("logs").unwrap(), 9), [1, 4]);
    assert_eq!(take(&spool.destination("all").unwrap(), 9), [1, 2, 3, 4]);
}

/// A spool that is full of what nobody takes is not full.
#[test]
fn what_nobody_takes_leaves_room_for_who_waits_for_it() {
    let (clocks, dir) = (Arc::new(Clocks::default()), tempfile::tempdir().unwrap());
    let options =
        Options { capacity: 4 * 4096, segment_size: Some(4096), full: Full::Block, ..Options::default() };
    let spool = Spool::open_with(clocks, dir.path(), options).unwrap();
    spool.destination("logs").unwrap().limit(only(&[Signal::Logs]));
    let record = |id| Record {
        signal: Signal::Traces,
        class: Class::Normal,
        codec: Codec::Identity,
        stream: 0,
        items: 1,
        origin: None,
        payload: vec![id; 3000],
    };
    let (stored, all) = std::sync::mpsc::channel();
    for id in 0..20 {
        let stored = stored.clone();
        spool.append(record(id), move |result| stored.send(result.is_ok()).unwrap());
    }
    assert!((0..20).all(|_| all.recv_timeout(LONG).unwrap()));
}
