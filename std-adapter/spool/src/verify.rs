//! The spool's fsck: it checks everything, beside the writer if need be, and changes nothing; and a repair, for whoever asks.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, OpenError};
use crate::options::Options;
use crate::problem::Problem;
use crate::record::Loss;
use crate::scan;
use crate::spool::Spool;
use crate::two_slots;
use crate::vfs::{StdVfs, Vfs};
use crate::view::{Live, Look, View};

/// What [`verify`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Live segments.
    pub segments: u64,
    /// Slots that hold nothing.
    pub free: u64,
    /// Records whose header and payload hold.
    pub records: u64,
    /// Their items.
    pub items: u64,
    /// Their payloads' bytes.
    pub bytes: u64,
    /// Records not yet known to be durable: being written, or the tail that a crash has left.
    pub in_progress: u64,
    /// What is wrong. Empty: the spool is sound.
    pub problems: Vec<Problem>,
}

/// Checks all that is stored: headers, records, payloads, and that nothing durable is missing. Changes nothing, and
/// needs no lock: a spool in use may be verified.
///
/// # Errors
/// There is no spool, it is newer than this program, or it cannot be read at all.
pub fn verify(dir: impl AsRef<Path>) -> Result<Report, OpenError> {
    verify_with(Arc::new(StdVfs::default()), dir)
}

/// As [`verify`], on another [`Vfs`].
///
/// # Errors
/// As for [`verify`].
pub fn verify_with(vfs: Arc<dyn Vfs>, dir: impl AsRef<Path>) -> Result<Report, OpenError> {
    let mut report = Report::default();
    let marks = two_slots::MARKS.load(&*vfs, dir.as_ref())?;
    let view = View::open(vfs, dir.as_ref())?;
    match view.cursor() {
        None if view.slots > 0 => report.problems.push(Problem::Cursor),
        Some(_) if view.damaged => report.problems.push(Problem::CursorSlot),
        _ => {}
    }
    if marks.damaged {
        report.problems.push(if marks.newest.is_none() { Problem::Marks } else { Problem::MarksSlot });
    }
    if view.rest > 0 {
        report.problems.push(Problem::PartialSlot { bytes: view.rest });
    }
    let mut headers = BTreeMap::new();
    for slot in 0..view.slots {
        verify_slot(&view, slot, &mut report, &mut headers)?;
    }
    for entry in view.cursor().into_iter().flat_map(|cursor| &cursor.segments) {
        let there = headers.get(&entry.slot).is_some_and(|generation| *generation >= entry.generation);
        let records = entry.records.saturating_sub(entry.missing_records);
        if !there && records > 0 {
            report.problems.push(Problem::SegmentMissing { slot: entry.slot, records });
        }
    }
    Ok(report)
}

/// What [`repair`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repair {
    /// Records that are gone, counted as corrupt from now on.
    pub records: u64,
    /// Their items.
    pub items: u64,
    /// Slots copied to quarantine.
    pub quarantined: u64,
}

/// Opens the spool as any program that uses it would, checks every payload, gives up and counts what is damaged, and closes
/// it. What is whole stays. [`verify`] finds nothing wrong afterwards.
///
/// # Errors
/// As for [`Spool::open`]: among others, the spool is in use. And the disk may fail.
pub fn repair(dir: impl AsRef<Path>, options: Options) -> Result<Repair, OpenError> {
    repair_with(Arc::new(StdVfs::default()), dir, options)
}

/// As [`repair`], on another [`Vfs`].
///
/// # Errors
/// As for [`repair`].
pub fn repair_with(vfs: Arc<dyn Vfs>, dir: impl AsRef<Path>, options: Options) -> Result<Repair, OpenError> {
    let view = View::open(vfs.clone(), dir.as_ref())?;
    let before = view.cursor().map(|cursor| cursor.losses.clone()).unwrap_or_default();
    drop(view);
    let spool = Spool::open_with(vfs, &dir, options)?;
    spool.scrub();
    let failed = |error: Error| OpenError::Io {
        doing: "make durable the repair of",
        path: dir.as_ref().into(),
        source: io::Error::other(error),
    };
    // However long it takes: the disk decides.
    spool.close(Duration::MAX).map_err(failed)?;
    let stats = spool.stats();
    Ok(Repair {
        records: stats.losses.records(Loss::Corrupt) - before.records(Loss::Corrupt),
        items: stats.losses.items(Loss::Corrupt) - before.items(Loss::Corrupt),
        quarantined: stats.quarantined,
    })
}

fn verify_slot(
    view: &View,
    slot: u32,
    report: &mut Report,
    headers: &mut BTreeMap<u32, u64>,
) -> Result<(), OpenError> {
    match view.look(slot)? {
        Look::Free => report.free += 1,
        Look::Gone(generation) => {
            report.free += 1;
            headers.insert(slot, generation);
        }
        Look::Unreadable => report.problems.push(Problem::Slot { slot }),
        Look::Unread => {
            report.problems.push(Problem::Unread { slot });
            // Whatever is there is not missing.
            headers.insert(slot, u64::MAX);
        }
        Look::Live(live) => {
            headers.insert(slot, live.header.generation);
            verify_segment(view, &live, report);
        }
    }
    Ok(())
}

fn verify_segment(view: &View, live: &Live<'_>, report: &mut Report) {
    let watermark = view.cursor().map_or(0, |cursor| cursor.watermark);
    let slot = live.header.slot;
    let mut problems = Vec::new();
    let (mut records, mut items, mut bytes, mut in_progress) = (0, 0, 0, 0);
    let mut unread = live.unread;
    for record in &live.records {
        let Ok(holds) = scan::record_holds(&*view.vfs, &*view.file, &live.header, &record.outline()) else {
            unread = true;
            continue;
        };
        if holds {
            records += 1;
            items += u64::from(record.items);
            bytes += u64::from(record.len);
            in_progress += u64::from(record.sequence > watermark);
        } else if record.sequence > watermark {
            in_progress += 1;
        } else if live.needs(record) {
            problems.push(Problem::Payload { slot, sequence: record.sequence, items: record.items });
        }
    }
    if unread {
        problems.push(Problem::Unread { slot });
    } else if let Some(entry) = live.entry {
        let found = live.records.iter().filter(|record| record.ordinal < entry.records).count() as u32;
        let missing = entry.records.saturating_sub(found).saturating_sub(entry.missing_records);
        if missing > 0 {
            problems.push(Problem::RecordsMissing { slot, records: missing });
        }
    }
    // Problems in a slot that was taken meanwhile are not the spool's.
    if view.still(slot, live.header.generation) {
        report.segments += 1;
        report.records += records;
        report.items += items;
        report.bytes += bytes;
        report.in_progress += in_progress;
        report.problems.append(&mut problems);
    }
}
