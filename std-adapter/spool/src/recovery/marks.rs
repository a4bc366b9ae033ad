//! Marks, from MARKS and from the records that are still to be found.

use std::collections::HashSet;

use super::{Room, Survey};
use crate::format::cursor::Cursor;
use crate::format::record::Outline;
use crate::marks_file::MarksFile;
use crate::record::Origin;
use crate::scan;
use crate::sync;

/// Adds the marks of all records that MARKS does not cover. MARKS is saved before a segment is used again, so they are all still there,
/// in segments that are live or were let go.
pub(super) fn gather(room: &Room<'_>, survey: &Survey, cursor: Option<&Cursor>, file: &mut MarksFile) {
    let mut origins = Vec::new();
    let mut collect = |record: &Outline| {
        let new = record.origin.filter(|_| record.sequence > file.covered);
        origins.extend(new.map(|origin| (record.sequence, origin)));
    };
    survey.found.iter().flat_map(|found| &found.records).for_each(&mut collect);
    if cursor.is_none_or(|cursor| cursor.last_origin > file.covered) {
        let live: HashSet<u64> = survey.found.iter().map(|found| found.header.generation).collect();
        for header in survey.headers.iter().filter(|header| !live.contains(&header.generation)) {
            for record in scan::walk(room.vfs, room.file, header, None).outlines() {
                // A tail that was not kept when the segment was live has a header, but no payload.
                let holds = || scan::record_holds(room.vfs, room.file, header, &record).unwrap_or(false);
                if record.origin.is_some() && holds() {
                    collect(&record);
                }
            }
        }
    }
    origins.sort_unstable_by_key(|(sequence, _): &(u64, Origin)| *sequence);
    for (sequence, origin) in origins {
        sync::lock(&file.marks).add(&origin, sequence);
        file.last = file.last.max(sequence);
    }
}
