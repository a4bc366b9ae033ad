//! The writer, its callers and the readers under very many schedules: no deadlock and no lost wake-up (shuttle reports both),
//! one answer for each record, and nothing acknowledged is lost.
//!
//! ```console
//! $ RUSTFLAGS="--cfg smoltel_shuttle" cargo test -p smoltel-spool --test shuttle --target-dir target/shuttle -- --nocapture
//! ```
//!
//! `SMOLTEL_SCHEDULES` is how many schedules of each kind there are for each test. A failure prints its schedule, and
//! `SHUTTLE_RANDOM_SEED` repeats a run.
#![cfg(smoltel_shuttle)]

mod disk;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use disk::Disk;
use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::sync::mpsc;
use shuttle::thread::{self, JoinHandle};
use shuttle::{Config, Runner};
use smoltel_spool::{
    AppendError, Class, Codec, Destination, Full, Options, Origin, Record, Signal, Spool, Stored, Sync,
};

const DIR: &str = "/spool";
const HOUR: Duration = Duration::from_secs(3600);
/// Two of these fill a segment.
const LEN: usize = 1_600;

/// Runs a situation under schedules chosen at random, and under those in which few threads are overtaken at few points.
fn explore(name: &str, situation: fn()) {
    let each = std::env::var("SMOLTEL_SCHEDULES").ok().and_then(|each| each.parse().ok()).unwrap_or(1_000);
    run(RandomScheduler::new_from_seed(1, each), situation);
    run(PctScheduler::new_from_seed(2, 3, each), situation);
    println!("proved: {} schedules: {name}", 2 * each);
}

fn run(scheduler: impl Scheduler + 'static, situation: fn()) {
    let mut config = Config::new();
    config.stack_size = 256 << 10;
    Runner::new(scheduler, config).run(situation);
}

fn open(disk: &Disk, options: &Options) -> Spool {
    Spool::open_with(Arc::new(disk.clone()), DIR, options.clone()).unwrap()
}

fn options() -> Options {
    Options { capacity: 8 * 4096, ..Options::default() }
}

/// A record that says its own number.
fn record(number: usize) -> Record {
    let mut payload = vec![0; LEN];
    payload[..8].copy_from_slice(&(number as u64).to_le_bytes());
    let (signal, class, codec) = (Signal::Logs, Class::Normal, Codec::Identity);
    Record { signal, class, codec, stream: 0, items: 1, origin: None, payload }
}

/// What became of the records, by number.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<Fates>>);

#[derive(Default)]
struct Fates {
    answers: Vec<(usize, Result<Stored, AppendError>)>,
    released: BTreeSet<usize>,
    /// Somebody has begun to close.
    closing: bool,
    /// What was released before.
    early: BTreeSet<usize>,
}

impl Ledger {
    fn fates(&self) -> std::sync::MutexGuard<'_, Fates> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self, number: usize, answer: Result<Stored, AppendError>) {
        self.fates().answers.push((number, answer));
    }

    fn released(&self, number: usize) {
        let mut fates = self.fates();
        assert!(fates.released.insert(number), "{number} was released before");
        if !fates.closing {
            fates.early.insert(number);
        }
    }

    /// Each of `numbers` was answered once; returns those that were stored.
    fn stored(&self, numbers: std::ops::Range<usize>) -> BTreeSet<usize> {
        let fates = self.fates();
        let mut answered: Vec<usize> = fates.answers.iter().map(|(number, _)| *number).collect();
        answered.sort_unstable();
        assert_eq!(answered, numbers.collect::<Vec<_>>(), "one answer each");
        fates.answers.iter().filter(|(_, answer)| answer.is_ok()).map(|(number, _)| *number).collect()
    }
}

/// Hands over records and waits for each.
fn caller(spool: &Spool, ledger: &Ledger, numbers: std::ops::Range<usize>) -> JoinHandle<()> {
    let (spool, ledger) = (spool.clone(), ledger.clone());
    thread::spawn(move || {
        for number in numbers {
            ledger.answered(number, spool.append_wait(record(number)));
        }
    })
}

/// Takes until there is nothing more to come; gives some back, and releases the others.
fn taker(destination: &Destination, ledger: &Ledger, released: mpsc::Sender<usize>) -> JoinHandle<()> {
    let (destination, ledger) = (destination.clone(), ledger.clone());
    thread::spawn(move || {
        while let Some(lease) = destination.take(None, 2 * LEN, Instant::now() + HOUR) {
            if thread_rng().gen_bool(0.2) {
                continue;
            }
            for lease in lease.split() {
                let number = u64::from_le_bytes(lease.records()[0].payload[..8].try_into().unwrap()) as usize;
                lease.release();
                ledger.released(number);
                _ = released.send(number);
            }
        }
    })
}

fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// What the next process finds.
fn left(disk: &Disk) -> BTreeSet<usize> {
    let spool = open(&disk.kill(), &options());
    assert_eq!(spool.gaps(), []);
    let up = spool.destination("up").unwrap();
    let mut numbers = BTreeSet::new();
    while let Some(lease) = up.take(None, 1 << 20, Instant::now()) {
        let number = |payload: &[u8]| u64::from_le_bytes(payload[..8].try_into().unwrap()) as usize;
        numbers.extend(lease.records().iter().map(|entry| number(&entry.payload)));
        lease.release();
    }
    numbers
}

/// Three callers hand over two records each, two takers take them, and everything arrives without help from a clock.
fn deliver(options: &Options) {
    let (disk, ledger) = (Disk::default(), Ledger::default());
    let spool = open(&disk, options);
    let up = spool.destination("up").unwrap();
    let (send, released) = mpsc::channel();
    let takers = [0, 1].map(|_| taker(&up, &ledger, send.clone()));
    let callers = [0, 2, 4].map(|first| caller(&spool, &ledger, first..first + 2));
    (0..6).for_each(|_| _ = released.recv().unwrap());
    join(callers);
    assert_eq!(ledger.stored(0..6).len(), 6);
    spool.close(HOUR).unwrap();
    join(takers);
}

#[test]
fn what_is_handed_over_arrives() {
    explore("three callers, two takers", || deliver(&options()));
}

#[test]
fn what_is_answered_before_its_sync_arrives() {
    explore("three callers, two takers, synced now and then", || {
        deliver(&Options { sync: Sync::Interval(Duration::from_millis(5)), ..options() });
    });
}

#[test]
fn who_waits_for_room_gets_it() {
    explore("a small spool whose callers wait for room", || {
        deliver(&Options { capacity: 4 * 4096, full: Full::Block, in_flight: LEN, ..Options::default() });
    });
}

#[test]
fn it_may_be_closed_or_dropped_at_any_moment() {
    explore("closed and dropped while others hand over and take", || {
        let (disk, ledger) = (Disk::default(), Ledger::default());
        let spool = open(&disk, &options());
        let up = spool.destination("up").unwrap();
        let (send, _released) = mpsc::channel();
        let taker = taker(&up, &ledger, send);
        let callers = [0, 2, 4].map(|first| caller(&spool, &ledger, first..first + 2));
        let fates = ledger.clone();
        let closer = thread::spawn(move || {
            fates.fates().closing = true;
            match thread_rng().gen_bool(0.5) {
                true => spool.close(HOUR).unwrap(),
                false => drop(spool),
            }
        });
        join(callers.into_iter().chain([closer, taker]));
        let stored = ledger.stored(0..6);
        let left = left(&disk);
        let fates = ledger.fates();
        assert!(left.is_disjoint(&fates.early), "released, then closed, yet there again");
        assert_eq!(&left | &fates.released, stored);
    });
}

#[test]
fn it_may_be_closed_while_callers_wait_for_room() {
    explore("closed while callers wait for room that nobody makes", || {
        let (disk, ledger) = (Disk::default(), Ledger::default());
        let block =
            Options { capacity: 4 * 4096, full: Full::Block, in_flight: 2 * LEN, ..Options::default() };
        let spool = open(&disk, &block);
        let _up = spool.destination("up").unwrap();
        let callers = [0, 4, 8].map(|first| caller(&spool, &ledger, first..first + 4));
        thread::yield_now();
        spool.close(HOUR).unwrap();
        join(callers);
        let stored = ledger.stored(0..12);
        assert_eq!(left(&disk), stored);
    });
}

#[test]
fn destinations_may_come_and_go() {
    explore("destinations made and retired while others hand over and take", || {
        let (disk, ledger) = (Disk::default(), Ledger::default());
        let block = Options { capacity: 4 * 4096, full: Full::Block, ..Options::default() };
        let spool = open(&disk, &block);
        let up = spool.destination("up").unwrap();
        // It holds everything up, until it is retired.
        let slow = spool.destination("slow").unwrap();
        let (send, released) = mpsc::channel();
        let taker = taker(&up, &ledger, send);
        let callers = [0, 3, 6].map(|first| caller(&spool, &ledger, first..first + 3));
        let sleeper = thread::spawn(move || {
            while let Some(lease) = slow.take(None, LEN, Instant::now() + HOUR) {
                drop(lease);
                thread::yield_now();
            }
        });
        let retirer = {
            let spool = spool.clone();
            thread::spawn(move || spool.retire("slow").unwrap())
        };
        (0..9).for_each(|_| _ = released.recv().unwrap());
        join(callers.into_iter().chain([retirer, sleeper]));
        assert_eq!(ledger.stored(0..9).len(), 9);
        drop(spool);
        join([taker]);
    });
}

#[test]
fn one_of_two_records_with_one_origin_is_kept() {
    explore("the same records from two callers", || {
        let disk = Disk::default();
        let spool = open(&disk, &options());
        let up = spool.destination("up").unwrap();
        let answers = Arc::new(Mutex::new(Vec::new()));
        let callers = [0, 1].map(|_| {
            let (spool, answers) = (spool.clone(), answers.clone());
            thread::spawn(move || {
                for sequence in [0, 1] {
                    let origin = Some(Origin { device: [1; 16], epoch: 1, sequence });
                    let answer = spool.append_wait(Record { origin, ..record(sequence as usize) }).unwrap();
                    answers.lock().unwrap().push(answer == Stored::Duplicate);
                }
            })
        });
        join(callers);
        let duplicates = answers.lock().unwrap().iter().filter(|duplicate| **duplicate).count();
        assert_eq!(duplicates, 2);
        let records = up.take(None, 1 << 20, Instant::now()).unwrap().records().len();
        assert_eq!(records, 2);
    });
}

#[test]
fn parts_of_one_request_have_one_answer() {
    explore("requests of several parts, and a close", || {
        let disk = Disk::default();
        let spool = open(&disk, &options());
        let _up = spool.destination("up").unwrap();
        let (send, answers) = mpsc::channel();
        let callers = [0, 3].map(|first| {
            let (spool, send) = (spool.clone(), send.clone());
            thread::spawn(move || {
                let parts = (first..first + 3).map(record).collect();
                spool.append_all(parts, move |answer| send.send((first, answer.is_ok())).unwrap());
            })
        });
        drop(send);
        let closer = thread::spawn(move || spool.close(HOUR).unwrap());
        join(callers.into_iter().chain([closer]));
        let mut answers: Vec<(usize, bool)> = answers.iter().collect();
        answers.sort_unstable();
        assert_eq!(answers.iter().map(|(first, _)| *first).collect::<Vec<_>>(), [0, 3]);
        let stored = answers.iter().filter(|(_, ok)| *ok).flat_map(|(first, _)| *first..first + 3);
        assert!(stored.collect::<BTreeSet<_>>().is_subset(&left(&disk)));
    });
}
