//! The live segments, and the records that are in them.

use std::collections::{HashMap, HashSet};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use super::Room;
use crate::cipher::SegmentKey;
use crate::format::cursor::{Cursor, CursorSegment};
use crate::format::record::Outline;
use crate::format::segment::SegmentHeader;
use crate::scan;

/// A thread is worth so many segments.
const ENOUGH: usize = 16;

/// A live segment, and CURSOR's entry for it.
pub(crate) struct Found {
    pub(super) header: SegmentHeader,
    pub(super) key: Option<Arc<SegmentKey>>,
    pub(super) entry: Option<CursorSegment>,
    pub(super) records: Vec<Outline>,
    /// The highest durable sequence, and the most durable records, that a record's header tells of; 0 where the index was enough.
    pub(super) durable: u64,
    pub(super) durable_records: u32,
    /// Ordinals of records that CURSOR vouches for and that another segment has, too.
    pub(super) copies: HashSet<u32>,
    /// The disk could not read all of it.
    pub(super) unread: bool,
}

impl Found {
    /// Looks into the segments that were not let go; many of them on several threads, for that is what takes time when a full spool is
    /// opened.
    pub(super) fn live(room: &Room<'_>, cursor: Option<&Cursor>, headers: &[SegmentHeader]) -> Vec<Found> {
        let live: Vec<_> = not_let_go(cursor, headers).collect();
        let look = |part: &[(&SegmentHeader, Option<&CursorSegment>)]| -> Vec<Found> {
            part.iter().filter_map(|(header, entry)| Found::look(room, header, *entry)).collect()
        };
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let threads = processors.min(live.len() / ENOUGH);
        if threads < 2 {
            return look(&live);
        }
        thread::scope(|scope| {
            let parts = live.chunks(live.len().div_ceil(threads));
            let parts: Vec<_> = parts.map(|part| scope.spawn(move || look(part))).collect();
            parts
                .into_iter()
                .flat_map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        })
    }

    /// `None`: it was let go.
    fn look(room: &Room<'_>, header: &SegmentHeader, entry: Option<&CursorSegment>) -> Option<Found> {
        let key = match room.key.filter(|_| header.key_check.is_some()) {
            None => None,
            // One of a key before this one was let go, as docs/SPOOL.md says in "Codec and cipher".
            Some(key) => Some(Arc::new(key.unlock(header)?)),
        };
        let mut found = Found {
            header: header.clone(),
            key,
            entry: entry.cloned(),
            records: Vec::new(),
            durable: 0,
            durable_records: 0,
            copies: HashSet::new(),
            unread: false,
        };
        match found.index(room) {
            Some(records) => found.records = records,
            None => found.walk(room),
        }
        Some(found)
    }

    /// All records by the segment's index, where CURSOR vouches for every one. Then its watermark is no lower than what their headers tell.
    fn index(&self, room: &Room<'_>) -> Option<Vec<Outline>> {
        let entry = self.entry.as_ref()?;
        let whole = entry.closed && !entry.unread && entry.missing_records == 0;
        whole.then(|| scan::index(room.vfs, room.file, &self.header, entry.records))?
    }

    fn walk(&mut self, room: &Room<'_>) {
        let known = self.entry.as_ref().filter(|entry| entry.closed).map(|entry| entry.records);
        let walk = scan::walk(room.vfs, room.file, &self.header, known);
        self.records = walk.outlines().collect();
        self.durable = walk.records.iter().map(|record| record.durable).max().unwrap_or(0);
        self.durable_records = walk.records.iter().map(|record| record.durable_records).max().unwrap_or(0);
        self.unread = walk.unread;
    }

    /// How many records CURSOR vouches for.
    pub(super) fn vouched(&self) -> u32 {
        self.entry.as_ref().map_or(0, |entry| entry.records)
    }
}

/// CURSOR's entries; there is one for a slot.
pub(super) fn by_slot(cursor: Option<&Cursor>) -> HashMap<u32, &CursorSegment> {
    cursor.iter().flat_map(|cursor| &cursor.segments).map(|entry| (entry.slot, entry)).collect()
}

/// The segments that CURSOR does not know to be let go, with its entries for them.
pub(super) fn not_let_go<'a>(
    cursor: Option<&'a Cursor>,
    headers: &'a [SegmentHeader],
) -> impl Iterator<Item = (&'a SegmentHeader, Option<&'a CursorSegment>)> {
    let entries = by_slot(cursor);
    headers.iter().filter_map(move |header| {
        let entry = entries.get(&header.slot).copied();
        let live = |cursor: &Cursor| cursor.live(entry, header.generation);
        Some((header, cursor.map_or(Some(None), live)?))
    })
}
