//! Going through the states that crashes leave.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use smoltel_spool::vfs::Site;
use smoltel_spool::{Options, Spool};

use super::oracle::Promises;
use super::run::{DIR, Run};
use super::workloads::Workload;
use crate::disk::{Cut, Disk, Event, Image, Pick, Random, Snapshot};

/// How much of it all to look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Up to so many combinations all are looked at.
    pub(crate) all_up_to: u64,
    /// Otherwise, and besides, so many at random.
    pub(crate) random: u64,
    /// Of so many states one is crashed again in its recovery; so is each that a killed process leaves.
    pub(crate) again_every: u64,
    /// Where all combinations are looked at, each state is crashed again.
    pub(crate) again_all: bool,
    /// So many ways for each operation of the recovery.
    pub(crate) again: u64,
}

impl Effort {
    /// Every subset of ten parts.
    pub(crate) const FULL: Effort =
        Effort { all_up_to: 1024, random: 1024, again_every: 6, again_all: true, again: 3 };
    pub(crate) const SHARE: Effort =
        Effort { all_up_to: 2, random: 2, again_every: 12, again_all: false, again: 1 };
}

/// The first crash of a machine: the power fails, or only the processes are killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Cut(Cut),
    Kill,
}

/// Where to find a state again: the workload, the operation, how it crashed; and the same of the recovery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    workload: String,
    operation: usize,
    first: First,
    second: Option<(usize, Cut)>,
}

/// What was seen so far; shared by threads.
pub(crate) struct Search {
    effort: Effort,
    off: Option<Site>,
    /// By the hash of the disk's image.
    states: Mutex<HashSet<u64>>,
    /// By image and promises: checked.
    checked: Mutex<HashSet<u64>>,
    pub(crate) crashes: AtomicU64,
    pub(crate) second_crashes: AtomicU64,
    failure: Mutex<Option<String>>,
}

/// A workload that has been run once, with the disk's state before each operation.
pub(super) struct Recording {
    pub(super) workload: Workload,
    pub(super) history: Vec<Snapshot>,
    pub(super) events: Vec<Event>,
}

impl Recording {
    pub(super) fn new(workload: &Workload, off: Option<Site>) -> Recording {
        let disk = Disk::still();
        off.iter().for_each(|site| disk.switch_off(*site));
        workload.prepare(&disk);
        disk.record();
        let mut run = Run::new(disk.clone(), workload.options.clone(), workload.origins);
        (workload.script)(&mut run);
        drop(run);
        Recording { workload: workload.clone(), history: disk.history(), events: disk.events() }
    }

    fn promises(&self, operation: usize) -> Promises {
        let events = &self.events[..self.history[operation].events];
        Promises::new(events, self.workload.options.sync, self.workload.disk)
            .with_origins(self.workload.origins)
    }
}

impl Search {
    pub(crate) fn new(effort: Effort, off: Option<Site>) -> Search {
        Search {
            effort,
            off,
            states: Mutex::default(),
            checked: Mutex::default(),
            crashes: AtomicU64::new(0),
            second_crashes: AtomicU64::new(0),
            failure: Mutex::new(None),
        }
    }

    /// How many different images were looked at.
    pub(crate) fn states(&self) -> usize {
        self.states.lock().unwrap().len()
    }

    /// Looks at all workloads, on all processors, up to the first state that is not as it should be.
    pub(crate) fn run(&self, workloads: &[Workload]) -> Result<(), String> {
        let recordings: Vec<Recording> = spread(workloads, |workload| Recording::new(workload, self.off));
        let places: Vec<(&Recording, usize)> =
            recordings.iter().flat_map(|of| (0..of.history.len()).map(move |at| (of, at))).collect();
        spread(&places, |(recording, at)| {
            if self.failure.lock().unwrap().is_none()
                && let Err(problem) = self.moment(recording, *at)
            {
                self.failure.lock().unwrap().get_or_insert(problem);
            }
        });
        self.failure.lock().unwrap().take().map_or(Ok(()), Err)
    }

    /// All crashes before one operation.
    fn moment(&self, recording: &Recording, operation: usize) -> Result<(), String> {
        let promises = recording.promises(operation);
        let at = &recording.history[operation];
        let place =
            |first, second| Place { workload: recording.workload.name.into(), operation, first, second };
        let mut number = operation as u64;
        for cut in self.cuts(at, self.effort.all_up_to, self.effort.random) {
            let image = at.medium.cut(cut);
            if !self.is_new(&image, &promises) {
                continue;
            }
            self.crashes.fetch_add(1, Ordering::Relaxed);
            let disk = Disk::boot(image.clone(), at);
            let judged = promises.can_be_judged(&disk);
            self.check(&promises, &disk, recording, place(First::Cut(cut), None))?;
            number += 1;
            let all = self.effort.again_all && matches!(cut.pick, Pick::Nth(_));
            if judged && (all || number.is_multiple_of(self.effort.again_every)) {
                let first = First::Cut(cut);
                self.again(recording, &promises, &Disk::boot(image, at), |second| {
                    place(first, Some(second))
                })?;
            }
        }
        self.again(recording, &promises, &Disk::killed(at), |second| place(First::Kill, Some(second)))
    }

    /// Crashes at every operation of a recovery.
    fn again(
        &self,
        recording: &Recording,
        promises: &Promises,
        disk: &Disk,
        place: impl Fn((usize, Cut)) -> Place,
    ) -> Result<(), String> {
        for (operation, at) in recover(disk, &recording.workload.options).iter().enumerate() {
            for cut in self.cuts(at, 4, self.effort.again) {
                let image = at.medium.cut(cut);
                if self.is_new(&image, promises) {
                    self.second_crashes.fetch_add(1, Ordering::Relaxed);
                    self.check(promises, &Disk::boot(image, at), recording, place((operation, cut)))?;
                }
            }
        }
        Ok(())
    }

    fn check(
        &self,
        promises: &Promises,
        disk: &Disk,
        recording: &Recording,
        place: Place,
    ) -> Result<(), String> {
        let thorough = disk.image().hash().is_multiple_of(16);
        promises
            .check(disk, &recording.workload.options, thorough)
            .map_err(|problem| format!("{problem}\nto see it again: REPLAY='{place}'"))
    }

    fn is_new(&self, image: &Image, promises: &Promises) -> bool {
        let hash = image.hash();
        self.states.lock().unwrap().insert(hash);
        self.checked.lock().unwrap().insert(hash ^ promises.hash().rotate_left(1))
    }

    /// The ways to crash at a moment that are looked at: all, by sectors and by blocks, or random ones.
    fn cuts(&self, at: &Snapshot, all_up_to: u64, random: u64) -> Vec<Cut> {
        let mut cuts = Vec::new();
        for blocks in [false, true] {
            let (combinations, parts) = at.medium.combinations(blocks);
            if combinations <= all_up_to {
                cuts.extend((0..combinations).map(|number| Cut { blocks, pick: Pick::Nth(number) }));
            }
            let random = match combinations {
                1 => 0,
                few if few <= all_up_to => random.min(2 * parts as u64),
                _ => random,
            };
            let mut seeds = Random(at.events as u64);
            cuts.extend((0..random).map(|_| Cut { blocks, pick: Pick::Random(seeds.next()) }));
        }
        cuts
    }
}

/// The disk's state before each operation of a recovery, and of a clean end after it.
fn recover(disk: &Disk, options: &Options) -> Vec<Snapshot> {
    disk.record();
    drop(Spool::open_with(Arc::new(disk.clone()), DIR, options.clone()));
    disk.history()
}

/// Looks at one state alone.
pub(crate) fn replay(workloads: &[Workload], place: &str) -> Result<(), String> {
    let place: Place = place.parse()?;
    let workload =
        workloads.iter().find(|workload| workload.name == place.workload).ok_or("no such workload")?;
    let recording = Recording::new(workload, None);
    let promises = recording.promises(place.operation);
    let mut at = recording.history[place.operation].clone();
    for (number, snapshot) in recording.history[..=place.operation].iter().enumerate() {
        let came = if number == 0 { 0 } else { recording.history[number - 1].events };
        eprintln!("{:?}\n{number}: {:?}", &recording.events[came..snapshot.events], snapshot.next);
    }
    let mut disk = match place.first {
        First::Cut(cut) => Disk::boot(at.medium.cut(cut), &at),
        First::Kill => Disk::killed(&at),
    };
    if let Some((operation, cut)) = place.second {
        at = recover(&disk, &workload.options)[operation].clone();
        eprintln!("then before {:?}", at.next);
        disk = Disk::boot(at.medium.cut(cut), &at);
    }
    eprintln!("{promises:#?}");
    promises.check(&disk, &workload.options, true)
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/", self.workload, self.operation)?;
        match self.first {
            First::Kill => f.write_str("kill")?,
            First::Cut(cut) => write!(f, "{}", Cutting(cut))?,
        }
        self.second.map_or(Ok(()), |(operation, cut)| write!(f, "/{operation}/{}", Cutting(cut)))
    }
}

struct Cutting(Cut);

impl fmt::Display for Cutting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grain = if self.0.blocks { "blocks" } else { "sectors" };
        match self.0.pick {
            Pick::Nth(number) => write!(f, "{grain}:{number}"),
            Pick::Random(seed) => write!(f, "{grain}?{seed}"),
        }
    }
}

impl FromStr for Cutting {
    type Err = String;

    fn from_str(text: &str) -> Result<Cutting, String> {
        let blocks = text.starts_with("blocks");
        let number = |digits: &str| digits.parse::<u64>().map_err(|error| format!("{text}: {error}"));
        let pick = match (text.split_once(':'), text.split_once('?')) {
            (Some((_, digits)), _) => Pick::Nth(number(digits)?),
            (_, Some((_, digits))) => Pick::Random(number(digits)?),
            _ => return Err(format!("{text}: neither : nor ?")),
        };
        Ok(Cutting(Cut { blocks, pick }))
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Place, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let number = |digits: &str| digits.parse::<usize>().map_err(|error| format!("{text}: {error}"));
        let first = |text: &str| match text {
            "kill" => Ok(First::Kill),
            _ => text.parse().map(|Cutting(cut)| First::Cut(cut)),
        };
        match parts[..] {
            [workload, operation, crash] => Ok(Place {
                workload: workload.into(),
                operation: number(operation)?,
                first: first(crash)?,
                second: None,
            }),
            [workload, operation, crash, then, cut] => Ok(Place {
                workload: workload.into(),
                operation: number(operation)?,
                first: first(crash)?,
                second: Some((number(then)?, cut.parse::<Cutting>()?.0)),
            }),
            _ => Err(format!("{text}: not WORKLOAD/OPERATION/CRASH[/OPERATION/CRASH]")),
        }
    }
}

/// Does something with each, on all processors.
pub(super) fn spread<T: Sync, R: Send>(work: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(2, usize::from);
    let one = || {
        let mut results = Vec::new();
        while let Some((at, item)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, work.get(at)?)))
        {
            results.push((at, each(item)));
        }
        results
    };
    let mut all: Vec<(usize, R)> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}
