//! Reading everything that is kept, to find rot before it is needed.

use std::collections::HashSet;

use crate::format::record::RecordHeader;
use crate::scan::{self, Slot, Walk};
use crate::shared::Shared;

/// Reads every record that somebody still waits for, segment by segment, and gives up those that are damaged. A disk that
/// cannot read at the moment is not damage: those records are left for later.
pub(crate) fn scrub(shared: &Shared) {
    let generations: Vec<u64> = shared.index().segments.keys().copied().collect();
    for generation in generations {
        damaged(shared, generation).into_iter().for_each(|ordinal| shared.lose((generation, ordinal)));
    }
}

/// The ordinals of a segment's records that are kept and do not hold.
fn damaged(shared: &Shared, generation: u64) -> Vec<u32> {
    let Some((slot, kept)) = kept(shared, generation) else { return Vec::new() };
    let Slot::Segment(header) = scan::headers(&*shared.vfs, &*shared.file, slot, shared.segment_size) else {
        return Vec::new();
    };
    if header.generation != generation {
        return Vec::new();
    }
    let (vfs, file) = (&*shared.vfs, &*shared.file);
    let Walk { records, unread } = scan::walk(vfs, file, &header, None);
    // One that cannot be read is left for later; so is one that was not found, if not all could be read.
    let holds =
        |record: &&RecordHeader| scan::record_holds(vfs, file, &header, &record.outline()).unwrap_or(true);
    let sound: HashSet<u32> = records.iter().filter(holds).map(|record| record.ordinal).collect();
    let found: HashSet<u32> = records.iter().map(|record| record.ordinal).collect();
    let damaged = |ordinal: &u32| !sound.contains(ordinal) && (!unread || found.contains(ordinal));
    kept.into_iter().filter(damaged).collect()
}

/// A segment's slot, and the ordinals that were durable and that some destination has not released.
fn kept(shared: &Shared, generation: u64) -> Option<(u32, Vec<u32>)> {
    let index = shared.index();
    let segment = index.segments.get(&generation)?;
    let present: Vec<usize> =
        (0..index.destinations.len()).filter(|at| index.destinations[*at].is_some()).collect();
    let needed = |ordinal: u32| present.iter().any(|at| !segment.progress[*at].released.get(ordinal));
    let missing = |ordinal: u32| segment.records[ordinal as usize].missing();
    let kept =
        (0..segment.durable_records).filter(|ordinal| needed(*ordinal) && !missing(*ordinal)).collect();
    Some((segment.slot, kept))
}
