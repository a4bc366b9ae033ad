//! Any order of appending, taking, releasing, giving back and reopening agrees with a simple model.

mod disk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use disk::Disk;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use smoltel_spool::{
    AppendError, Class, Codec, Destination, Lease, Loss, Options, Record, Signal, Spool, Stored,
};

const NAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Debug)]
enum Step {
    Append {
        len: usize,
        class: usize,
        signal: usize,
    },
    /// Takes, and keeps the lease.
    Take {
        destination: usize,
        signal: Option<usize>,
        bytes: usize,
    },
    /// What becomes of the oldest lease that is kept.
    Release,
    Discard,
    GiveBack,
    Retire {
        destination: usize,
    },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..3000usize, 0..3usize, 0..4usize).prop_map(|(len, class, signal)| Step::Append { len, class, signal }),
        6 => (0..3usize, prop::option::of(0..4usize), 0..6000usize)
            .prop_map(|(destination, signal, bytes)| Step::Take { destination, signal, bytes }),
        5 => Just(Step::Release),
        1 => Just(Step::Discard),
        1 => Just(Step::GiveBack),
        1 => (2..3usize).prop_map(|destination| Step::Retire { destination }),
        1 => Just(Step::Reopen),
    ]
}

/// What must be there: signal and payload by sequence, and what each destination still has to get.
#[derive(Default)]
struct Model {
    records: BTreeMap<u64, (Signal, Vec<u8>)>,
    waiting: [BTreeSet<u64>; 3],
    discarded: [u64; 3],
}

struct World {
    disk: Disk,
    spool: Spool,
    destinations: Vec<Destination>,
    leases: Vec<(usize, Vec<u64>, Lease)>,
    model: Model,
}

fn open(disk: &Disk) -> (Spool, Vec<Destination>) {
    let options = Options { capacity: 12 * 4096, segment_size: Some(4096), ..Options::default() };
    let spool = Spool::open_with(Arc::new(disk.clone()), "/spool", options).unwrap();
    let destinations = NAMES.map(|name| spool.destination(name).unwrap()).into();
    (spool, destinations)
}

impl World {
    fn new() -> World {
        let disk = Disk::default();
        let (spool, destinations) = open(&disk);
        World { disk, spool, destinations, leases: Vec::new(), model: Model::default() }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Append { len, class, signal } => self.append(len, Class::ALL[class], Signal::ALL[signal]),
            Step::Take { destination, signal, bytes } => {
                self.take(destination, signal.map(|at| Signal::ALL[at]), bytes);
            }
            Step::Release if !self.leases.is_empty() => {
                let (at, sequences, lease) = self.leases.remove(0);
                lease.release();
                sequences.iter().for_each(|sequence| _ = self.model.waiting[at].remove(sequence));
            }
            Step::Discard if !self.leases.is_empty() => {
                let (at, sequences, lease) = self.leases.remove(0);
                lease.discard(Loss::Rejected);
                sequences.iter().for_each(|sequence| _ = self.model.waiting[at].remove(sequence));
                self.model.discarded[at] += sequences.len() as u64;
            }
            Step::GiveBack if !self.leases.is_empty() => drop(self.leases.remove(0)),
            Step::Release | Step::Discard | Step::GiveBack => {}
            Step::Retire { destination } => self.retire(destination),
            Step::Reopen => self.reopen(),
        }
        self.check();
    }

    fn append(&mut self, len: usize, class: Class, signal: Signal) {
        let payload: Vec<u8> = (0..len).map(|at| (at * 31 + len) as u8).collect();
        let record = Record {
            signal,
            class,
            codec: Codec::Identity,
            stream: 0,
            items: 1,
            origin: None,
            payload: payload.clone(),
        };
        match self.spool.append_wait(record) {
            Ok(Stored::New(sequence)) => {
                assert!(self.model.records.keys().next_back().is_none_or(|last| *last < sequence));
                self.model.records.insert(sequence, (signal, payload));
                self.model.waiting.iter_mut().for_each(|waiting| _ = waiting.insert(sequence));
            }
            Ok(Stored::Duplicate) => panic!("it has no origin"),
            Err(error) => assert_eq!(error, AppendError::Full),
        }
    }

    fn take(&mut self, at: usize, signal: Option<Signal>, bytes: usize) {
        let leased: BTreeSet<u64> =
            self.leases.iter().filter(|lease| lease.0 == at).flat_map(|lease| lease.1.clone()).collect();
        let wanted = |sequence: &&u64| signal.is_none_or(|signal| signal == self.model.records[*sequence].0);
        let mut expected = Vec::new();
        let mut size = 0;
        for sequence in self.model.waiting[at].difference(&leased).filter(wanted) {
            size += self.model.records[sequence].1.len();
            if !expected.is_empty() && size > bytes {
                break;
            }
            expected.push(*sequence);
        }
        let lease = self.destinations[at].take(signal, bytes, Instant::now());
        let records = lease.as_ref().map_or(&[][..], |lease| lease.records());
        assert_eq!(records.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), expected);
        for entry in records {
            assert_eq!((entry.signal, &entry.payload), {
                let (signal, payload) = &self.model.records[&entry.sequence];
                (*signal, payload)
            });
        }
        self.leases.extend(lease.map(|lease| (at, expected, lease)));
    }

    /// Forgets a destination and makes it again: it starts at the oldest record kept.
    fn retire(&mut self, at: usize) {
        self.leases.retain(|lease| lease.0 != at);
        self.spool.retire(NAMES[at]).unwrap();
        self.destinations[at] = self.spool.destination(NAMES[at]).unwrap();
        let kept: BTreeSet<u64> = self.drain_new(at);
        for (other, waiting) in self.model.waiting.iter().enumerate().filter(|(other, _)| *other != at) {
            assert!(waiting.is_subset(&kept), "{other} waits for what is gone");
        }
        self.model.waiting[at] = kept;
        self.model.discarded[at] = 0;
    }

    /// What a new destination would get; gives it back.
    fn drain_new(&self, at: usize) -> BTreeSet<u64> {
        let mut leases = Vec::new();
        while let Some(lease) = self.destinations[at].take(None, 10_000, Instant::now()) {
            leases.push(lease);
        }
        leases.iter().flat_map(|lease| lease.records()).map(|entry| entry.sequence).collect()
    }

    fn reopen(&mut self) {
        self.leases.clear();
        self.spool.close(Duration::from_secs(10)).unwrap();
        (self.spool, self.destinations) = open(&self.disk);
    }

    fn check(&self) {
        let stats = self.spool.stats();
        assert_eq!((stats.gaps, stats.set_aside, stats.read_only), (0, 0, None));
        for (at, name) in NAMES.iter().enumerate() {
            let destination = stats.destinations.iter().find(|d| d.id == *name).unwrap();
            assert_eq!(destination.losses.records(Loss::Rejected), self.model.discarded[at]);
            for signal in Signal::ALL {
                let of_signal = |sequence: &&u64| self.model.records[*sequence].0 == signal;
                let waiting: Vec<u64> = self.model.waiting[at].iter().filter(of_signal).copied().collect();
                let bytes: usize = waiting.iter().map(|sequence| self.model.records[sequence].1.len()).sum();
                let pending = destination.pending(signal);
                assert_eq!((pending.records, pending.bytes), (waiting.len() as u64, bytes as u64));
            }
        }
    }
}

/// `PROVE=1` tries ten thousand histories.
#[test]
fn the_spool_agrees_with_the_model() {
    let cases = if std::env::var_os("PROVE").is_some() { 10_000 } else { 300 };
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let histories = prop::collection::vec(step(), 1..60);
    let result = TestRunner::new(config).run(&histories, |steps| {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.apply(step));
        Ok(())
    });
    result.unwrap_or_else(|problem| panic!("{problem}"));
    println!("proved: the spool agrees with a naive model over {cases} histories of up to 60 steps");
}
