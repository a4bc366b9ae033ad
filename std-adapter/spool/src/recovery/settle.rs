//! Telling rot from an unsynced tail, and filling the index with what is good.

use std::collections::{HashMap, HashSet};
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use super::boots::Boots;
use super::{Room, Survey};
use crate::bitmap::Bitmap;
use crate::cipher::SegmentKey;
use crate::error::OpenError;
use crate::format::cursor::{Cursor, CursorSegment};
use crate::format::record::{self, RecordHeader};
use crate::format::segment::SegmentHeader;
use crate::gap::Gap;
use crate::index::{DestinationState, Index, Meta, Segment};
use crate::record::Loss;
use crate::scan;

/// A live segment, and CURSOR's entry for it.
pub(crate) struct Found {
    pub(super) header: SegmentHeader,
    key: Option<Arc<SegmentKey>>,
    entry: Option<CursorSegment>,
    pub(super) records: Vec<RecordHeader>,
}

pub(crate) struct Settled {
    pub(crate) generation: u64,
    pub(crate) next_sequence: u64,
    /// Slots of segments in which rot was found.
    pub(crate) damaged: Vec<u32>,
    pub(super) boots: Boots,
    pub(crate) gaps: Vec<Gap>,
}

impl Found {
    /// Walks the segments that were not let go.
    pub(crate) fn live(room: &Room<'_>, cursor: Option<&Cursor>, headers: &[SegmentHeader]) -> Vec<Found> {
        let mut found = Vec::new();
        for (header, entry) in not_let_go(cursor, headers) {
            let key = match room.key.filter(|_| header.key_check.is_some()) {
                None => None,
                Some(key) => match key.unlock(header) {
                    Some(key) => Some(Arc::new(key)),
                    // Of a key before this one: let go, as docs/SPOOL.md says in "Codec and cipher".
                    None => continue,
                },
            };
            let known = entry.filter(|entry| entry.closed).map(|entry| entry.records);
            let records = scan::walk(room.vfs, room.file, header, known);
            found.push(Found { header: header.clone(), key, entry: entry.cloned(), records });
        }
        found
    }

    /// How many records CURSOR vouches for.
    fn vouched(&self) -> u32 {
        self.entry.as_ref().map_or(0, |entry| entry.records)
    }
}

/// The segments that CURSOR does not know to be let go, with its entries for them.
fn not_let_go<'a>(
    cursor: Option<&'a Cursor>,
    headers: &'a [SegmentHeader],
) -> impl Iterator<Item = (&'a SegmentHeader, Option<&'a CursorSegment>)> {
    let entries = cursor.iter().flat_map(|cursor| &cursor.segments);
    let entries: HashMap<u64, &CursorSegment> = entries.map(|entry| (entry.generation, entry)).collect();
    headers.iter().filter_map(move |header| {
        let entry = entries.get(&header.generation).copied().filter(|entry| entry.slot == header.slot);
        let newer = cursor.is_none_or(|cursor| header.generation > cursor.generation);
        (entry.is_some() || newer).then_some((header, entry))
    })
}

/// Whether the key is the one that the spool was last written with.
pub(crate) fn check_key(
    room: &Room<'_>,
    cursor: Option<&Cursor>,
    headers: &[SegmentHeader],
) -> Result<(), OpenError> {
    let encrypted = not_let_go(cursor, headers).filter(|(header, _)| header.key_check.is_some());
    let Some((last, _)) = encrypted.last() else { return Ok(()) };
    let key = room.key.ok_or(OpenError::NoKey)?;
    key.unlock(last).map(drop).ok_or(OpenError::WrongKey)
}

/// Fills the index, and counts what is lost.
pub(crate) fn settle(
    room: &Room<'_>,
    index: &mut Index,
    cursor: Option<&Cursor>,
    survey: &mut Survey,
) -> Settled {
    let mut tally = Tally::new(cursor);
    let highest = durable(cursor, survey);
    drop_tail(room, survey, highest);
    let floor = match cursor {
        Some(_) => 0,
        None => survey.headers.iter().map(|header| header.floor).max().unwrap_or(0),
    };
    let claims = claims(&survey.headers);
    let mut damaged = Vec::new();
    let mut boots = Boots::default();
    for found in &survey.found {
        let before = tally.gaps.len();
        let claim = claims.get(&found.header.generation);
        let segment = build(found, claim, (floor, highest), boots.began(found), &mut tally);
        if tally.gaps.len() > before {
            damaged.push(found.header.slot);
        }
        index.segments.insert(segment.generation, segment);
    }
    lost_segments(cursor, survey, &mut tally);
    lost_generations(cursor, survey, &claims, &mut tally);
    lost_sequences(cursor, survey, highest, &mut tally);
    restore(index, cursor, &tally, &survey.found);
    let generation = survey.headers.last().map_or(0, |header| header.generation);
    let last = survey.found.iter().flat_map(|found| &found.records).map(|record| record.sequence).max();
    Settled {
        gaps: tally.gaps,
        boots,
        generation: generation.max(cursor.map_or(0, |cursor| cursor.generation)),
        next_sequence: last
            .unwrap_or(0)
            .max(highest)
            .saturating_add(1)
            .max(cursor.map_or(1, |c| c.next_sequence)),
        damaged,
    }
}

/// The highest sequence that something says was durable.
fn durable(cursor: Option<&Cursor>, survey: &Survey) -> u64 {
    let told = survey.found.iter().flat_map(|found| &found.records).map(|record| record.durable).max();
    told.unwrap_or(0).max(cursor.map_or(0, |cursor| cursor.watermark))
}

/// Forgets second copies of a record, the older ones, and records above the durable ones whose payload is not whole.
fn drop_tail(room: &Room<'_>, survey: &mut Survey, highest: u64) {
    let mut seen = HashSet::new();
    for found in survey.found.iter_mut().rev() {
        let vouched = found.vouched();
        let header = &found.header;
        found.records.retain(|record| {
            let whole =
                || record.sequence <= highest || scan::payload_holds(room.vfs, room.file, header, record);
            record.ordinal < vouched || (whole() && seen.insert(record.sequence))
        });
    }
}

/// By generation: the records, and their items, that a later header says were durable.
fn claims(headers: &[SegmentHeader]) -> HashMap<u64, (u32, u64)> {
    headers.iter().filter_map(|h| h.previous).map(|p| (p.generation, (p.records, p.items))).collect()
}

fn build(
    found: &Found,
    claim: Option<&(u32, u64)>,
    (floor, highest): (u64, u64),
    boot: u64,
    tally: &mut Tally,
) -> Segment {
    let header = &found.header;
    let mut segment = Segment::new(header.slot, header.generation, header.class, header.salt, header.boot_id);
    segment.key.clone_from(&found.key);
    segment.closed = true;
    let entry = found.entry.clone().unwrap_or_default();
    let claim = claim.copied().unwrap_or_default();
    let (promised, promised_items) = (entry.records, entry.items).max(claim);
    let promised = found.records.iter().map(|record| record.durable_records).max().unwrap_or(0).max(promised);
    // Whatever it says: no more fit.
    let promised = promised.min(header.segment_size / record::HEADER_LEN);
    let mut damage = Damage::new(&entry, Some(header.slot), promised, tally.destinations());
    let mut after = header.first_sequence;
    for record in &found.records {
        let hole = segment.records.len() as u32..record.ordinal;
        let items = record.items_before.saturating_sub(segment.items);
        if record.sequence >= floor {
            damage.hole(hole.clone(), items, Some(after..=record.sequence.saturating_sub(1)), tally);
        }
        after = record.sequence.saturating_add(1);
        hole.for_each(|_| segment.push(Meta::MISSING));
        segment.items = record.items_before;
        if record.sequence >= floor {
            segment.push(Meta::new(record, boot));
        } else {
            segment.push(Meta::MISSING);
            segment.items += u64::from(record.items);
        }
    }
    let rest = segment.records.len() as u32..promised;
    if floor == 0 {
        let items = promised_items.saturating_sub(segment.items);
        damage.hole(rest.clone(), items, Some(after..=highest.max(after)), tally);
    }
    segment.items = segment.items.max(promised_items);
    rest.for_each(|_| segment.push(Meta::MISSING));
    (segment.missing_records, segment.missing_items) = damage.finish(&entry, tally);
    segment
}

/// The rot in one segment.
struct Damage {
    slot: Option<u32>,
    sequences: Option<RangeInclusive<u64>>,
    released: Vec<Bitmap>,
    promised: u32,
    vouched: u32,
    records: u32,
    items: u64,
    /// Not released by everybody: what the rot cost.
    cost: Cost,
}

#[derive(Default)]
struct Cost {
    records: u64,
    items: u64,
    by_destination: Vec<(u64, u64)>,
}

impl Damage {
    /// A segment that CURSOR does not know yet has no entry: nobody has released anything of it.
    fn new(entry: &CursorSegment, slot: Option<u32>, promised: u32, destinations: usize) -> Damage {
        let released = |at| entry.released.get(at).map_or_else(Bitmap::default, |r| bitmap(r, promised));
        let released: Vec<Bitmap> = (0..destinations).map(released).collect();
        let cost = Cost { by_destination: vec![(0, 0); released.len()], ..Cost::default() };
        Damage {
            slot,
            sequences: None,
            released,
            promised,
            vouched: entry.records,
            records: 0,
            items: 0,
            cost,
        }
    }

    /// No record was found for these ordinals; those that were promised are rot. Their sequences are among those given.
    fn hole(
        &mut self,
        ordinals: Range<u32>,
        items: u64,
        sequences: Option<RangeInclusive<u64>>,
        tally: &mut Tally,
    ) {
        let rot = ordinals.start..ordinals.end.min(self.promised);
        if rot.is_empty() {
            return;
        }
        self.sequences = match (self.sequences.take(), sequences) {
            (Some(all), Some(more)) => Some(*all.start()..=*more.end()),
            (all, more) => all.or(more),
        };
        self.records += rot.len() as u32;
        self.items = self.items.saturating_add(items);
        tally.unvouched += rot.clone().filter(|at| *at >= self.vouched).count() as u64;
        let needed = |at: &u32| self.released.is_empty() || self.released.iter().any(|r| !r.get(*at));
        let cost = rot.clone().filter(needed).count() as u64;
        self.cost.records += cost;
        self.cost.items = self.cost.items.saturating_add(if cost > 0 { items } else { 0 });
        for (released, (records, lost_items)) in self.released.iter().zip(&mut self.cost.by_destination) {
            let left = rot.clone().filter(|at| !released.get(*at)).count() as u64;
            *records += left;
            *lost_items = lost_items.saturating_add(if left > 0 { items } else { 0 });
        }
    }

    /// Adds what was not counted by an earlier opening; returns all that is missing.
    fn finish(self, entry: &CursorSegment, tally: &mut Tally) -> (u32, u64) {
        let records = self.records.saturating_sub(entry.missing_records);
        let items = self.items.saturating_sub(entry.missing_items);
        if records > 0 && self.cost.records > 0 {
            tally.add(&self.cost, records.into(), items, self.slot, self.sequences);
        }
        (self.records, self.items)
    }
}

/// Reads a bitmap from CURSOR; a prefix is never taken for longer than it could be.
fn bitmap(released: &crate::format::cursor::Released, most: u32) -> Bitmap {
    if released.prefix > most {
        Bitmap::restore(most, &[])
    } else {
        Bitmap::restore(released.prefix, &released.words)
    }
}

/// Segments that CURSOR lists and that are not there.
fn lost_segments(cursor: Option<&Cursor>, survey: &Survey, tally: &mut Tally) {
    for entry in cursor.iter().flat_map(|cursor| &cursor.segments) {
        let there = survey.headers.iter().any(|h| h.slot == entry.slot && h.generation >= entry.generation);
        if !there && entry.records > 0 {
            let most = entry.records.min(cursor.map_or(0, |cursor| cursor.segment_size / 112));
            let mut damage = Damage::new(entry, Some(entry.slot), most, tally.destinations());
            damage.hole(0..most, entry.items, None, &mut Tally::default());
            damage.finish(entry, tally);
        }
    }
}

/// Segments that CURSOR does not know yet, that a later header names, and that are not there.
fn lost_generations(
    cursor: Option<&Cursor>,
    survey: &Survey,
    claims: &HashMap<u64, (u32, u64)>,
    tally: &mut Tally,
) {
    let Some(cursor) = cursor.filter(|_| survey.cursor_whole) else { return };
    let absent =
        |generation: u64| survey.headers.binary_search_by_key(&generation, |h| h.generation).is_err();
    for (generation, (records, items)) in claims {
        if *generation > cursor.generation && *records > 0 && absent(*generation) {
            let (records, items) = (u64::from(*records), *items);
            let by_destination = vec![(records, items); cursor.destinations.len()];
            tally.add(&Cost { records, items, by_destination }, records, items, None, None);
            tally.unvouched += records;
        }
    }
}

/// Sequences that were durable, should be somewhere, and are nowhere.
fn lost_sequences(cursor: Option<&Cursor>, survey: &Survey, highest: u64, tally: &mut Tally) {
    let Some(cursor) = cursor else { return };
    let settled = survey.headers.iter().map(|header| header.settled).max().unwrap_or(0).max(cursor.watermark);
    let above = |header: &&SegmentHeader| header.generation > cursor.generation;
    let there = survey.headers.iter().filter(above).count() as u64;
    let last = survey.headers.last().map_or(0, |header| header.generation);
    let absent = last.saturating_sub(cursor.generation).saturating_sub(there);
    if absent > survey.unreadable.len() as u64 && !survey.cursor_whole {
        return;
    }
    let records = survey.found.iter().flat_map(|found| &found.records);
    let present = records.filter(|r| r.sequence > settled && r.sequence <= highest).count() as u64;
    let missing = highest.saturating_sub(settled).saturating_sub(present).saturating_sub(tally.unvouched);
    if missing > 0 {
        let by_destination = vec![(missing, 0); cursor.destinations.len()];
        let cost = Cost { records: missing, items: 0, by_destination };
        tally.add(&cost, missing, 0, None, Some(settled.saturating_add(1)..=highest));
    }
}

/// What this opening found lost.
#[derive(Default)]
struct Tally {
    gaps: Vec<Gap>,
    cost: Cost,
    /// Rot that CURSOR did not vouch for.
    unvouched: u64,
}

impl Tally {
    fn new(cursor: Option<&Cursor>) -> Tally {
        let destinations = cursor.map_or(0, |cursor| cursor.destinations.len());
        Tally {
            cost: Cost { by_destination: vec![(0, 0); destinations], ..Cost::default() },
            ..Tally::default()
        }
    }

    fn destinations(&self) -> usize {
        self.cost.by_destination.len()
    }

    /// Adds a cost, but not more than is new.
    fn add(
        &mut self,
        cost: &Cost,
        records: u64,
        items: u64,
        slot: Option<u32>,
        sequences: Option<RangeInclusive<u64>>,
    ) {
        let gap = Gap { slot, sequences, records: cost.records.min(records), items: cost.items.min(items) };
        self.cost.records += gap.records;
        self.cost.items = self.cost.items.saturating_add(gap.items);
        self.gaps.push(gap);
        for (all, one) in self.cost.by_destination.iter_mut().zip(&cost.by_destination) {
            all.0 += one.0.min(records);
            all.1 = all.1.saturating_add(one.1.min(items));
        }
    }
}

/// Brings back destinations, what they released, and the ledger.
fn restore(index: &mut Index, cursor: Option<&Cursor>, tally: &Tally, found: &[Found]) {
    if let Some(cursor) = cursor {
        index.losses = cursor.losses.clone();
        index.gaps = cursor.gaps;
        for (destination, (records, items)) in cursor.destinations.iter().zip(&tally.cost.by_destination) {
            let mut losses = destination.losses.clone();
            losses.add(Loss::Corrupt, *records, *items);
            let state =
                DestinationState { id: destination.id.clone(), losses, ..DestinationState::default() };
            index.destinations.push(Some(state));
        }
    }
    index.gaps += tally.gaps.len() as u64;
    index.losses.add(Loss::Corrupt, tally.cost.records, tally.cost.items);
    for found in found {
        let Some(segment) = index.segments.get_mut(&found.header.generation) else { continue };
        segment.progress.resize_with(index.destinations.len(), Default::default);
        let most = segment.records.len() as u32;
        for (progress, released) in
            segment.progress.iter_mut().zip(found.entry.iter().flat_map(|e| &e.released))
        {
            progress.released = bitmap(released, most);
        }
    }
    for at in 0..index.destinations.len() {
        index.count_waiting(at);
    }
}
