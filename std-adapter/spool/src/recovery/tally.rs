//! Counting what is lost: per segment, per destination, and in all.

use std::ops::{Range, RangeInclusive};

use crate::bitmap::Bitmap;
use crate::format::cursor::{Cursor, CursorSegment, Released};
use crate::gap::Gap;

/// What this opening found lost.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) gaps: Vec<Gap>,
    pub(super) cost: Cost,
    /// Rot that CURSOR did not vouch for.
    pub(super) unvouched: u64,
}

impl Tally {
    pub(super) fn new(cursor: Option<&Cursor>) -> Tally {
        let destinations = cursor.map_or(0, |cursor| cursor.destinations.len());
        Tally {
            cost: Cost { by_destination: vec![(0, 0); destinations], ..Cost::default() },
            ..Tally::default()
        }
    }

    pub(super) fn destinations(&self) -> usize {
        self.cost.by_destination.len()
    }

    /// Adds a cost, but not more than is new.
    pub(super) fn add(
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

/// The rot in one segment.
pub(super) struct Damage {
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
pub(super) struct Cost {
    pub(super) records: u64,
    pub(super) items: u64,
    pub(super) by_destination: Vec<(u64, u64)>,
}

impl Damage {
    /// A segment that CURSOR does not know yet has no entry: nobody has released anything of it.
    pub(super) fn new(
        entry: &CursorSegment,
        slot: Option<u32>,
        promised: u32,
        destinations: usize,
    ) -> Damage {
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
    pub(super) fn hole(
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
    pub(super) fn finish(self, entry: &CursorSegment, tally: &mut Tally) -> (u32, u64) {
        let records = self.records.saturating_sub(entry.missing_records);
        let items = self.items.saturating_sub(entry.missing_items);
        if records > 0 && self.cost.records > 0 {
            tally.add(&self.cost, records.into(), items, self.slot, self.sequences);
        }
        (self.records, self.items)
    }
}

/// Reads a bitmap from CURSOR; a prefix is never taken for longer than it could be.
pub(super) fn bitmap(released: &Released, most: u32) -> Bitmap {
    if released.prefix > most {
        Bitmap::restore(most, &[])
    } else {
        Bitmap::restore(released.prefix, &released.words)
    }
}
