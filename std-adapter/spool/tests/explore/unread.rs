//! A disk that cannot read something while the spool is opened, and can later.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use smoltel_spool::{Class, Full, Spool};

use super::oracle::{Promises, Trust};
use super::record::record;
use super::run::{DIR, NAMES};
use super::search::{Recording, spread};
use super::workloads::Workload;
use crate::disk::{Disk, Event, Node, SECTOR, Snapshot, Unreadable};

/// The first of the records that are stored meanwhile: more than the spool has room for, if it may use all of it.
const MEANWHILE: u32 = 10_000;
const MANY: u32 = 16;

/// Opens every state of some workloads with every read failing once, and with every sector and every block that cannot be read.
#[derive(Default)]
pub(crate) struct Unread {
    pub(crate) openings: AtomicU64,
    pub(crate) refused: AtomicU64,
    /// Openings that found something they could not read.
    pub(crate) held: AtomicU64,
}

impl Unread {
    /// Every state of a process that was killed, or of so many one.
    pub(crate) fn run(&self, workloads: &[Workload], every: usize) -> Result<(), String> {
        let plain: Vec<&Workload> =
            workloads.iter().filter(|workload| workload.disk == Trust::Sound).collect();
        let recordings = spread(&plain, |workload| Recording::new(workload, None));
        let moments = recordings.iter().flat_map(|recording| {
            (0..recording.history.len()).step_by(every).map(move |operation| (recording, operation))
        });
        let moments: Vec<(&Recording, usize)> = moments.collect();
        spread(&moments, |(recording, operation)| self.moment(recording, *operation)).into_iter().collect()
    }

    fn moment(&self, recording: &Recording, operation: usize) -> Result<(), String> {
        let at = &recording.history[operation];
        let sound = Disk::killed(at);
        drop(Spool::open_with(Arc::new(sound.clone()), DIR, recording.workload.options.clone()));
        let mut all: Vec<(Unreadable, Trust)> =
            (0..sound.reads()).map(|number| (Unreadable::Read(number), Trust::Unread)).collect();
        let image = Disk::killed(at).image();
        for (path, node) in &image.names {
            let Node::File(id) = node else { continue };
            // An older CURSOR does not count yet what was dropped since.
            if recording.workload.options.full == Full::DropOldest && !path.ends_with("spool.dat") {
                continue;
            }
            // With a slot of CURSOR that cannot be read the other one counts, which may be an older one.
            let trust = if path.ends_with("spool.dat") { Trust::Unread } else { Trust::Fails };
            let sectors = image.files[id].len().div_ceil(SECTOR);
            for (count, first) in
                [1, 8].into_iter().flat_map(|count| (0..sectors).step_by(count).map(move |at| (count, at)))
            {
                all.push((Unreadable::Sectors(*id, first, count), trust));
            }
        }
        for (what, trust) in all {
            self.open(recording, operation, at, what, trust).map_err(|problem| {
                format!("{}, operation {operation}, {what:?}: {problem}", recording.workload.name)
            })?;
        }
        Ok(())
    }

    /// Opens a state, stores as much as there is room for, and looks whether all is there when the disk can read again.
    fn open(
        &self,
        recording: &Recording,
        operation: usize,
        at: &Snapshot,
        what: Unreadable,
        trust: Trust,
    ) -> Result<(), String> {
        let options = &recording.workload.options;
        let disk = Disk::killed(at);
        disk.unreadable(what);
        self.openings.fetch_add(1, Ordering::Relaxed);
        match Spool::open_with(Arc::new(disk.clone()), DIR, options.clone()) {
            // What an older CURSOR knows of destinations is not what the workload knows: they might keep all that is stored.
            Ok(spool) => self.meanwhile(&disk, &spool, if trust == Trust::Unread { MANY } else { 0 })?,
            Err(_) => _ = self.refused.fetch_add(1, Ordering::Relaxed),
        }
        let mut events = recording.events[..recording.history[operation].events].to_vec();
        events.push(Event::Killed);
        events.extend(disk.events());
        // A tail that nobody was promised may be called a gap: docs/SPOOL.md, "What it does not do".
        let promises = Promises::new(&events, options.sync, trust);
        let nobody = !events.iter().any(|event| matches!(event, Event::Joined(_)));
        let image = disk.image();
        match promises.check(&Disk::killed(&disk.snapshot()), options, image.hash().is_multiple_of(16)) {
            // All is there, and nobody is known yet who would take what was stored meanwhile.
            Err(problem) if nobody && problem.ends_with("the spool is full") => Ok(()),
            result => result,
        }
    }

    fn meanwhile(&self, disk: &Disk, spool: &Spool, many: u32) -> Result<(), String> {
        self.held.fetch_add(u64::from(spool.stats().unread > 0), Ordering::Relaxed);
        // As programs do; a destination that is not known keeps nothing.
        let known: Vec<String> = spool.stats().destinations.into_iter().map(|one| one.id).collect();
        for name in NAMES.iter().filter(|name| known.iter().any(|id| id == *name)) {
            spool.destination(name).map_err(|error| error.to_string())?;
        }
        for id in MEANWHILE..MEANWHILE + many {
            let disk = disk.clone();
            spool.append(record(id, 3000, Class::Normal), move |result| {
                if result.is_ok() {
                    disk.note(Event::Acknowledged(id));
                }
            });
        }
        spool.close(Duration::from_secs(10)).map_err(|error| error.to_string())
    }
}
