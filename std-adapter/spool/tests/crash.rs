//! The power fails at every operation of a few workloads: nothing acknowledged is missing afterwards, nothing has
//! wrong bytes, nothing is called damaged.

mod disk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use disk::{Disk, Random};
use smoltel_spool::vfs::Site;
use smoltel_spool::{
    AppendError, Class, Codec, Destination, Full, Loss, Options, Record, Signal, Spool, Sync,
};

const DIR: &str = "/spool";
const DESTINATIONS: [&str; 2] = ["east", "west"];

/// What a workload has been told so far.
#[derive(Default)]
struct Told {
    next: u32,
    acknowledged: BTreeSet<u32>,
    /// By destination: released, whether or not that was made durable.
    released: BTreeMap<&'static str, BTreeSet<u32>>,
    /// By destination: released before a close that succeeded.
    forgotten: BTreeMap<&'static str, BTreeSet<u32>>,
}

fn options() -> Options {
    Options { capacity: 8 * 4096, segment_size: Some(4096), ..Options::default() }
}

/// A payload that says which it is and can be checked.
fn payload(id: u32, len: usize) -> Vec<u8> {
    let mut bytes = id.to_le_bytes().to_vec();
    bytes.extend((4..len.max(4)).map(|at| (id as usize * 7 + at) as u8));
    bytes
}

fn identify(bytes: &[u8]) -> Option<u32> {
    let id = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
    (payload(id, bytes.len()) == bytes).then_some(id)
}

fn record(id: u32, len: usize, class: Class) -> Record {
    let payload = payload(id, len);
    Record {
        signal: Signal::Logs,
        class,
        codec: Codec::Identity,
        stream: 0,
        items: id + 1,
        origin: None,
        payload,
    }
}

struct Run<'a> {
    disk: &'a Disk,
    options: Options,
    told: &'a mut Told,
    spool: Option<(Spool, Vec<Destination>)>,
}

impl Run<'_> {
    fn spool(&mut self) -> Option<&(Spool, Vec<Destination>)> {
        if self.spool.is_none() {
            let spool = Spool::open_with(Arc::new(self.disk.clone()), DIR, self.options.clone()).ok()?;
            let destinations = DESTINATIONS.map(|id| spool.destination(id));
            let destinations = destinations.into_iter().collect::<Result<Vec<_>, _>>().ok()?;
            self.spool = Some((spool, destinations));
        }
        self.spool.as_ref()
    }

    /// Hands over all at once, then waits for all.
    fn append(&mut self, records: &[(usize, Class)]) {
        let first = self.told.next;
        self.told.next += records.len() as u32;
        let Some((spool, _)) = self.spool() else { return };
        let (send, receive) = mpsc::channel();
        for (id, (len, class)) in (first..).zip(records) {
            let send = send.clone();
            spool.append(record(id, *len, *class), move |result| _ = send.send((id, result)));
        }
        drop(send);
        let results: Vec<(u32, Result<_, AppendError>)> = receive.iter().collect();
        self.told.acknowledged.extend(results.iter().filter(|(_, result)| result.is_ok()).map(|(id, _)| *id));
    }

    fn release(&mut self, destination: usize, bytes: usize) {
        let Some((_, destinations)) = self.spool() else { return };
        let Some(lease) = destinations[destination].take(None, bytes, Instant::now()) else { return };
        let ids: Vec<u32> = lease.records().iter().filter_map(|entry| identify(&entry.payload)).collect();
        assert_eq!(ids.len(), lease.records().len(), "wrong bytes while running");
        lease.release();
        self.told.released.entry(DESTINATIONS[destination]).or_default().extend(ids);
    }

    fn reopen(&mut self) {
        let closed = self.spool.take().is_some_and(|(spool, _)| spool.close(Duration::from_secs(10)).is_ok());
        if closed {
            self.told.forgotten.clone_from(&self.told.released);
        }
    }
}

type Workload = fn(&mut Run<'_>);

fn appends_of_all_classes(run: &mut Run<'_>) {
    for len in [10, 300, 1000, 40] {
        run.append(&[(len, Class::Normal)]);
        run.append(&[(len, Class::Low), (len / 2, Class::High), (20, Class::Normal)]);
    }
}

fn groups_across_segments(run: &mut Run<'_>) {
    for _ in 0..3 {
        run.append(&[(1500, Class::Normal); 5]);
        run.release(0, 4000);
        run.release(1, 9000);
    }
}

fn recycling(run: &mut Run<'_>) {
    for _ in 0..14 {
        run.append(&[(3000, Class::Normal)]);
        run.release(0, 6000);
        run.release(1, 6000);
    }
}

fn reopening(run: &mut Run<'_>) {
    for round in 0..4 {
        run.append(&[(700, Class::Normal), (700, Class::Low)]);
        run.append(&[(30, Class::High)]);
        run.release(round % 2, 1000);
        run.reopen();
    }
    run.release(0, 100_000);
}

fn one_destination_lags(run: &mut Run<'_>) {
    for _ in 0..8 {
        run.append(&[(900, Class::Normal), (200, Class::High)]);
        run.release(0, 100_000);
    }
    run.reopen();
    run.release(1, 100_000);
    run.append(&[(3000, Class::Normal)]);
    run.append(&[(3000, Class::Normal)]);
}

const WORKLOADS: [(&str, Workload); 5] = [
    ("appends of all classes", appends_of_all_classes),
    ("groups across segments", groups_across_segments),
    ("recycling", recycling),
    ("reopening", reopening),
    ("one destination lags", one_destination_lags),
];

/// Runs a workload until the disk dies at an operation, and checks what comes back. `None`: the workload ended first.
fn crash(
    workload: Workload,
    options: &Options,
    at: u64,
    seed: u64,
    off: Option<Site>,
) -> Option<Result<(), String>> {
    let mut random = Random(seed);
    let disk = Disk::default();
    off.iter().for_each(|site| disk.switch_off(*site));
    disk.die_at(at);
    let mut told = Told::default();
    let mut run = Run { disk: &disk, options: options.clone(), told: &mut told, spool: None };
    workload(&mut run);
    let ended = disk.operations() <= at;
    disk.die();
    run.spool = None;
    // A second cut, in the recovery itself, some of the time.
    let mut after = disk.after_power_cut(&mut random);
    if random.below(3) == 0 {
        after.die_at(random.below(40));
        drop(Spool::open_with(Arc::new(after.clone()), DIR, options.clone()));
        after.die();
        after = after.after_power_cut(&mut random);
    }
    let result = check(&after, options, &told);
    if ended && result.is_ok() { None } else { Some(result) }
}

fn check(disk: &Disk, options: &Options, told: &Told) -> Result<(), String> {
    let spool = Spool::open_with(Arc::new(disk.clone()), DIR, options.clone()).map_err(|e| e.to_string())?;
    let stats = spool.stats();
    if stats.gaps > 0 || stats.losses.records(Loss::Corrupt) > 0 {
        return Err(format!("{} gaps", stats.gaps));
    }
    for id in DESTINATIONS {
        let destination = spool.destination(id).map_err(|e| e.to_string())?;
        let mut seen = BTreeSet::new();
        while let Some(lease) = destination.take(None, 10_000, Instant::now()) {
            for entry in lease.records() {
                let number = identify(&entry.payload).ok_or("wrong bytes")?;
                if entry.items != number + 1 || !seen.insert(number) {
                    return Err(format!("{number} has wrong items or comes twice"));
                }
            }
            lease.release();
        }
        let released = told.released.get(id).cloned().unwrap_or_default();
        let needed: BTreeSet<u32> = told.acknowledged.difference(&released).copied().collect();
        let lost: Vec<_> = needed.difference(&seen).collect();
        let evicted = stats.losses.records(Loss::Evicted);
        if lost.len() as u64 > evicted {
            return Err(format!("{id} misses {lost:?}"));
        }
        if let Some(again) = told.forgotten.get(id).and_then(|forgotten| forgotten.intersection(&seen).next())
        {
            return Err(format!("{id} gets {again} again"));
        }
    }
    if spool.stats().losses.records(Loss::Corrupt) > 0 {
        return Err("a payload was damaged".into());
    }
    // It goes on working.
    spool.append_wait(record(9, 9, Class::Normal)).map_err(|e| e.to_string())?;
    spool.close(Duration::from_secs(10)).map_err(|e| e.to_string())
}

/// The first violation over all crash points of all workloads, `rounds` different cuts each.
fn explore(options: &Options, rounds: u64, off: Option<Site>) -> Result<u64, String> {
    let mut cases = 0;
    for (name, workload) in WORKLOADS {
        for round in 0..rounds {
            for at in 0.. {
                let seed = at * 1000 + round;
                let Some(result) = crash(workload, options, at, seed, off) else { break };
                result.map_err(|problem| format!("{name}, operation {at}, seed {seed}: {problem}"))?;
                cases += 1;
            }
        }
    }
    Ok(cases)
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_acknowledged() {
    let cases = explore(&options(), 6, None).unwrap();
    assert!(cases > 1000, "only {cases} cases");
}

#[test]
fn a_power_cut_while_dropping_the_oldest_loses_only_what_is_counted() {
    let options = Options { full: Full::DropOldest, capacity: 4 * 4096, ..options() };
    explore(&options, 2, None).unwrap();
}

/// The policies that answer before a sync may lose what was answered, but deliver no wrong bytes and report no damage.
#[test]
fn a_power_cut_without_syncs_yields_no_wrong_bytes() {
    for sync in [Sync::Os, Sync::Interval(Duration::from_millis(30))] {
        let options = Options { sync, ..options() };
        for (name, workload) in WORKLOADS {
            for at in 0.. {
                match crash(workload, &options, at, at, None) {
                    Some(Err(problem)) if !problem.contains("misses") => panic!("{name}, {at}: {problem}"),
                    Some(_) => {}
                    None => break,
                }
                if at > 2000 {
                    break;
                }
            }
        }
    }
}

/// What these tests can see: with one protection switched off, they fail.
#[test]
fn each_protection_is_missed_when_it_is_off() {
    for site in [Site::GroupSync, Site::RecycleSync, Site::RecordCrc, Site::PayloadCrc, Site::CursorCrc] {
        assert!(explore(&options(), 12, Some(site)).is_err(), "nobody misses {site:?}");
    }
}
