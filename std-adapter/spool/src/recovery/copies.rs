//! A record in two segments: a group whose write or sync failed was written again elsewhere.

use std::collections::HashMap;

use super::Room;
use super::found::Found;
use crate::scan;

/// Of several copies of a record the newest counts whose payload holds, or the oldest if none does. CURSOR may vouch for each, where
/// an opening could not read the others.
pub(super) fn drop_copies(room: &Room<'_>, all: &mut [Found]) {
    if !overlap(all) {
        return;
    }
    // By sequence: how many copies may still be the one.
    let mut left: HashMap<u64, usize> = HashMap::new();
    for record in all.iter().flat_map(|found| &found.records) {
        *left.entry(record.sequence).or_default() += 1;
    }
    for found in all.iter_mut().rev() {
        let vouched = found.vouched();
        let Found { header, records, copies, .. } = found;
        records.retain(|record| {
            let left = left.entry(record.sequence).or_default();
            let holds = || matches!(scan::record_holds(room.vfs, room.file, header, record), Ok(true));
            if *left == 1 || (*left > 1 && holds()) {
                *left = 0;
                return true;
            }
            *left = left.saturating_sub(1);
            // It has its place among those that were promised.
            record.ordinal < vouched && {
                copies.insert(record.ordinal);
                true
            }
        });
    }
}

/// Whether a segment has a sequence as high as those of a later one of its class: else no record can be there twice.
fn overlap(all: &[Found]) -> bool {
    let mut lowest = [u64::MAX; 3];
    all.iter().rev().any(|found| {
        let lowest = &mut lowest[found.header.class as usize];
        let sequences = || found.records.iter().map(|record| record.sequence);
        let before = std::mem::replace(lowest, sequences().min().unwrap_or(u64::MAX).min(*lowest));
        sequences().max().is_some_and(|highest| highest >= before)
    })
}
