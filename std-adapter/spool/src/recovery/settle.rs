//! Telling rot from an unsynced tail, and filling the index with what is good.

use std::collections::HashMap;

use super::boots::Boots;
use super::copies::drop_copies;
use super::found::{Found, by_slot, not_let_go};
use super::tally::{Cost, Damage, Tally, bitmap};
use super::{Room, Survey};
use crate::error::OpenError;
use crate::format::cursor::Cursor;
use crate::format::record;
use crate::format::segment::SegmentHeader;
use crate::gap::Gap;
use crate::index::{DestinationState, Index, Meta, Segment};
use crate::record::Loss;
use crate::scan;

/// More sequences, and generations, than there can be in segments that could not be read.
const UNKNOWN: u64 = 1 << 32;

pub(crate) struct Settled {
    pub(crate) generation: u64,
    pub(crate) next_sequence: u64,
    /// Slots of segments in which rot was found.
    pub(crate) damaged: Vec<u32>,
    pub(super) boots: Boots,
    pub(crate) gaps: Vec<Gap>,
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
    drop_copies(room, &mut survey.found);
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
    keep_unread(index, cursor, survey);
    lost_segments(cursor, survey, &mut tally);
    lost_generations(cursor, survey, &claims, &mut tally);
    lost_sequences(cursor, survey, highest, &mut tally);
    restore(index, cursor, &tally);
    let generation = survey.headers.last().map_or(0, |header| header.generation);
    let last = survey.found.iter().flat_map(|found| &found.records).map(|record| record.sequence).max();
    // Those of segments that could not be read must not be given out twice.
    let unknown = if survey.all_read() { 0 } else { UNKNOWN };
    Settled {
        gaps: tally.gaps,
        boots,
        generation: generation.max(cursor.map_or(0, |cursor| cursor.generation)).saturating_add(unknown),
        next_sequence: last
            .unwrap_or(0)
            .max(highest)
            .saturating_add(1)
            .max(cursor.map_or(1, |c| c.next_sequence))
            .saturating_add(unknown),
        damaged,
    }
}

/// Slots whose headers could not be read stay as they are, with what CURSOR knows of them.
fn keep_unread(index: &mut Index, cursor: Option<&Cursor>, survey: &Survey) {
    for slot in &survey.unread {
        let entry = cursor.and_then(|cursor| cursor.segments.iter().find(|entry| entry.slot == *slot));
        match entry {
            Some(entry) if entry.records > 0 => {
                let mut segment = Segment::new(*slot, entry.generation, entry.class, [0; 8], [0; 16]);
                let most = cursor.map_or(0, |cursor| cursor.segment_size / record::HEADER_LEN);
                segment.records = vec![Meta::UNREAD; entry.records.min(most) as usize];
                segment.items = entry.items;
                (segment.missing_records, segment.missing_items) =
                    (entry.missing_records, entry.missing_items);
                (segment.closed, segment.suspect, segment.unread) = (entry.closed, true, true);
                index.segments.insert(segment.generation, segment);
            }
            // Of one that was closed without a record, what a failed write left there is not live.
            Some(entry) => {
                _ = index.unread.insert(*slot, entry.generation.saturating_add(entry.closed.into()));
            }
            None => _ = index.unread.insert(*slot, cursor.map_or(0, |cursor| cursor.generation + 1)),
        }
    }
}

/// The highest sequence that something says was durable.
fn durable(cursor: Option<&Cursor>, survey: &Survey) -> u64 {
    let told = survey.found.iter().map(|found| found.durable).max();
    told.unwrap_or(0).max(cursor.map_or(0, |cursor| cursor.watermark))
}

/// Forgets records above the durable ones whose payload is not whole.
fn drop_tail(room: &Room<'_>, survey: &mut Survey, highest: u64) {
    for found in &mut survey.found {
        let vouched = found.vouched();
        let header = &found.header;
        found.records.retain(|record| {
            let holds = || scan::record_holds(room.vfs, room.file, header, record);
            // What the disk cannot read may be whole; who takes it will see.
            record.ordinal < vouched || record.sequence <= highest || holds().unwrap_or(true)
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
    (segment.suspect, segment.unread) = (found.unread, found.unread);
    let absent = if found.unread { Meta::UNREAD } else { Meta::MISSING };
    let entry = found.entry.clone().unwrap_or_default();
    // What could not be read may have more records than are known, unless it was closed before.
    segment.closed = !found.unread || entry.closed;
    let claim = claim.copied().unwrap_or_default();
    let (promised, promised_items) = (entry.records, entry.items).max(claim);
    let promised = promised.max(found.durable_records);
    // Whatever it says: no more fit.
    let promised = promised.min(header.segment_size / record::HEADER_LEN);
    let mut damage = Damage::new(&entry, Some(header.slot), promised, tally.destinations());
    let mut after = header.first_sequence;
    for record in &found.records {
        let hole = segment.records.len() as u32..record.ordinal;
        let items = record.items_before.saturating_sub(segment.items);
        if record.sequence >= floor && !found.unread {
            damage.hole(hole.clone(), items, Some(after..=record.sequence.saturating_sub(1)), tally);
        }
        after = record.sequence.saturating_add(1);
        hole.for_each(|_| segment.push(absent));
        segment.items = record.items_before;
        if record.sequence >= floor && !found.copies.contains(&record.ordinal) {
            segment.push(Meta::new(record, boot));
        } else {
            segment.push(Meta::MISSING);
            segment.items += u64::from(record.items);
        }
    }
    let rest = segment.records.len() as u32..promised;
    if floor == 0 && !found.unread {
        let items = promised_items.saturating_sub(segment.items);
        damage.hole(rest.clone(), items, Some(after..=highest.max(after)), tally);
    }
    segment.items = segment.items.max(promised_items);
    rest.for_each(|_| segment.push(absent));
    (segment.missing_records, segment.missing_items) = match found.unread {
        true => (entry.missing_records, entry.missing_items),
        false => damage.finish(&entry, tally),
    };
    segment
}

/// Segments that CURSOR lists and that are not there.
fn lost_segments(cursor: Option<&Cursor>, survey: &Survey, tally: &mut Tally) {
    for entry in cursor.iter().flat_map(|cursor| &cursor.segments) {
        let there = survey.headers.iter().any(|h| h.slot == entry.slot && h.generation >= entry.generation);
        if !there && entry.records > 0 && !survey.unread.contains(&entry.slot) {
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
    let Some(cursor) = cursor.filter(|_| survey.cursor_whole && survey.all_read()) else { return };
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
    let Some(cursor) = cursor.filter(|_| survey.all_read()) else { return };
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

/// Brings back destinations, what they released, and the ledger.
fn restore(index: &mut Index, cursor: Option<&Cursor>, tally: &Tally) {
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
    let entries = by_slot(cursor);
    for (generation, segment) in &mut index.segments {
        segment.progress.resize_with(index.destinations.len(), Default::default);
        let most = segment.records.len() as u32;
        let entry = entries.get(&segment.slot).filter(|entry| entry.generation == *generation);
        for (progress, released) in segment.progress.iter_mut().zip(entry.iter().flat_map(|e| &e.released)) {
            progress.released = bitmap(released, most);
        }
    }
    for at in 0..index.destinations.len() {
        index.count_waiting(at);
    }
}
