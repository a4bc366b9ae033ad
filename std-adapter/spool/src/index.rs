//! What the spool knows of its records: live segments, destinations, what is released and what is out on lease.
//! Memory only; the writer and the destinations share it behind a mutex.

pub(crate) mod lease;
mod limits;
pub(crate) mod segment;

use std::collections::BTreeMap;

use crate::format::cursor::{Cursor, CursorDestination, CursorSegment, MAX_DESTINATIONS, Released};
use crate::limits::Limits;
use crate::record::{Class, Loss};
use crate::stats::{Losses, Pending};
pub(crate) use segment::{Meta, Progress, Segment};

/// A record's place: its segment's generation and its ordinal there.
pub(crate) type Place = (u64, u32);

#[derive(Default)]
pub(crate) struct Index {
    /// Live segments by generation, which is the order they were opened in.
    pub(crate) segments: BTreeMap<u64, Segment>,
    /// A retired destination leaves a hole, so that an old lease cannot touch a new destination.
    pub(crate) destinations: Vec<Option<DestinationState>>,
    /// Slots let go that may be used once CURSOR, no longer listing their segments, is durable.
    pub(crate) let_go: Vec<u32>,
    /// Slots whose headers the disk could not read when the spool was opened: what is there is live from this generation on.
    pub(crate) unread: BTreeMap<u32, u64>,
    /// The highest sequence of a record with an origin in a segment that was let go.
    pub(crate) origin_let_go: u64,
    pub(crate) losses: Losses,
    pub(crate) gaps: u64,
    pub(crate) set_aside: u64,
    /// The highest durable sequence.
    pub(crate) watermark: u64,
    /// When the next record will be too old for a destination, in spool time.
    pub(crate) expiry: Option<u64>,
    pub(crate) closed: bool,
}

#[derive(Default)]
pub(crate) struct DestinationState {
    pub(crate) id: String,
    pub(crate) losses: Losses,
    /// By signal: not released.
    pub(crate) waiting: [Pending; 4],
    pub(crate) limits: Limits,
    /// By signal, and for leases of any: how much of a lease of the newest records is due, in hundredths.
    pub(crate) newest_due: [u32; 5],
}

impl Index {
    pub(crate) fn open_segment(&mut self, mut segment: Segment) {
        segment.progress = self.destinations.iter().map(|_| Progress::default()).collect();
        self.segments.insert(segment.generation, segment);
    }

    /// Shows new records of a segment to the destinations. Whether one of them does not take some, and is done with those already.
    pub(crate) fn publish(&mut self, generation: u64, metas: &[Meta]) -> bool {
        let Some(segment) = self.segments.get_mut(&generation) else { return false };
        let mut released = false;
        for meta in metas {
            let ordinal = segment.records.len() as u32;
            segment.push(*meta);
            for (destination, progress) in self.destinations.iter_mut().zip(&mut segment.progress) {
                let Some(destination) = destination else { continue };
                if destination.limits.unwanted[meta.signal()] {
                    released |= progress.release(meta, ordinal);
                } else {
                    destination.waiting[meta.signal()].add(meta.items, meta.len);
                }
            }
        }
        released
    }

    /// All that was published so far in `generations`, up to `watermark`, is durable.
    pub(crate) fn durable(&mut self, generations: &[u64], watermark: u64) {
        self.watermark = self.watermark.max(watermark);
        for generation in generations {
            if let Some(segment) = self.segments.get_mut(generation) {
                segment.durable_records = segment.records.len() as u32;
                segment.durable_items = segment.items;
            }
            self.sweep(*generation);
        }
    }

    /// Nothing will be appended to the segment any more.
    pub(crate) fn close_segment(&mut self, generation: u64) {
        if let Some(segment) = self.segments.get_mut(&generation) {
            segment.closed = true;
        }
        self.sweep(generation);
    }

    /// Whether nobody needs what the segment has.
    pub(crate) fn drained(&self, generation: u64) -> bool {
        let Some(segment) = self.segments.get(&generation) else { return false };
        let mut present = self.destinations.iter().enumerate().filter(|(_, d)| d.is_some()).peekable();
        let someone = present.peek().is_some();
        let done = present.all(|(at, _)| segment.progress[at].left(segment) == 0);
        // What is not durable yet must stay, or it would be missed where a later record says that it is durable.
        let settled = segment.durable_records as usize == segment.records.len();
        settled && !segment.suspect && (segment.held() == 0 || (someone && done))
    }

    /// Lets the segment go if it is closed and nobody needs it.
    pub(crate) fn sweep(&mut self, generation: u64) {
        if !self.drained(generation) {
            return;
        }
        if let Some(segment) = self.segments.remove(&generation) {
            if segment.closed {
                self.let_go(&segment);
            } else {
                self.segments.insert(generation, segment);
            }
        }
    }

    pub(crate) fn sweep_all(&mut self) {
        for generation in self.segments.keys().copied().collect::<Vec<_>>() {
            self.sweep(generation);
        }
    }

    /// Lets go the oldest segment of the lowest class not above `limit`, and counts what that loses.
    /// Segments in `keep` and segments with leased records stay.
    pub(crate) fn evict(&mut self, limit: Class, keep: &[u64]) -> Option<u64> {
        let victim = self
            .segments
            .values()
            .filter(|s| s.class <= limit && !s.suspect && s.leases() == 0 && !keep.contains(&s.generation))
            .filter(|s| s.held() > 0)
            .min_by_key(|s| (s.class, s.generation))?;
        let generation = victim.generation;
        let ordinals = 0..victim.records.len() as u32;
        for ordinal in ordinals {
            self.lose((generation, ordinal), Loss::Evicted);
        }
        if let Some(segment) = self.segments.remove(&generation) {
            self.let_go(&segment);
        }
        Some(generation)
    }

    fn let_go(&mut self, segment: &Segment) {
        self.let_go.push(segment.slot);
        self.origin_let_go = self.origin_let_go.max(segment.last_origin);
    }

    /// The disk could not read a record: its segment stays until the next opening.
    pub(crate) fn set_aside(&mut self, (generation, _): Place) {
        self.set_aside += 1;
        if let Some(segment) = self.segments.get_mut(&generation) {
            segment.suspect = true;
        }
    }

    /// The record is gone for every destination that has not released it.
    pub(crate) fn lose(&mut self, (generation, ordinal): Place, reason: Loss) {
        let Some(segment) = self.segments.get_mut(&generation) else { return };
        let Some(meta) = segment.records.get(ordinal as usize).copied().filter(|meta| !meta.missing()) else {
            return;
        };
        let mut lost = self.destinations.iter().flatten().next().is_none();
        for (at, destination) in self.destinations.iter_mut().enumerate() {
            let Some(destination) = destination else { continue };
            if segment.progress[at].release(&meta, ordinal) {
                destination.waiting[meta.signal()].remove(meta.items, meta.len);
                destination.losses.add(reason, 1, meta.items.into());
                lost = true;
            }
        }
        if lost {
            self.losses.add(reason, 1, meta.items.into());
        }
    }

    /// The place of a destination's state, made anew if there is none of this id. `None`: there are too many.
    pub(crate) fn destination(&mut self, id: &str) -> Option<(usize, bool)> {
        if let Some(at) = self.find(id) {
            return Some((at, false));
        }
        if self.destinations.iter().flatten().count() >= MAX_DESTINATIONS {
            return None;
        }
        self.destinations.push(Some(DestinationState { id: id.into(), ..DestinationState::default() }));
        for segment in self.segments.values_mut() {
            segment.progress.push(Progress::default());
        }
        let at = self.destinations.len() - 1;
        self.count_waiting(at);
        Some((at, true))
    }

    pub(crate) fn find(&self, id: &str) -> Option<usize> {
        self.destinations.iter().position(|d| d.as_ref().is_some_and(|d| d.id == id))
    }

    pub(crate) fn retire(&mut self, at: usize) {
        self.destinations[at] = None;
        for segment in self.segments.values_mut() {
            segment.progress[at] = Progress::default();
        }
        self.sweep_all();
    }

    /// Brings a destination's totals, and each segment's counts for it, in line with what is released.
    pub(crate) fn count_waiting(&mut self, at: usize) {
        let mut waiting = [Pending::default(); 4];
        for segment in self.segments.values_mut() {
            segment.recount(at, &mut waiting);
        }
        if let Some(Some(destination)) = self.destinations.get_mut(at) {
            destination.waiting = waiting;
        }
    }

    /// Every sequence below it has been released by every destination.
    pub(crate) fn floor(&self) -> u64 {
        if self.unread_segments() > 0 {
            return 0;
        }
        let oldest = |segment: &Segment| {
            let left = |at: usize| segment.progress[at].oldest_left(segment, None).map(|meta| meta.sequence);
            let present = self.destinations.iter().enumerate().filter(|(_, d)| d.is_some());
            let by_destinations = present.filter_map(|(at, _)| left(at)).min();
            if self.destinations.iter().flatten().next().is_some() {
                by_destinations
            } else {
                segment.records.iter().find(|meta| !meta.missing()).map(|meta| meta.sequence)
            }
        };
        self.segments.values().filter_map(oldest).min().unwrap_or(self.watermark + 1).min(self.watermark + 1)
    }

    /// Segments of which the disk could not read something.
    pub(crate) fn unread_segments(&self) -> u64 {
        (self.segments.values().filter(|segment| segment.unread).count() + self.unread.len()) as u64
    }

    /// The lists of CURSOR; the caller fills in the rest.
    pub(crate) fn cursor(&self) -> Cursor {
        let present: Vec<usize> =
            (0..self.destinations.len()).filter(|at| self.destinations[*at].is_some()).collect();
        let destinations = self.destinations.iter().flatten();
        let destinations =
            destinations.map(|d| CursorDestination { id: d.id.clone(), losses: d.losses.clone() });
        let unread = self.unread.iter().map(|(slot, generation)| CursorSegment {
            slot: *slot,
            generation: *generation,
            unread: true,
            released: vec![Released::default(); present.len()],
            ..CursorSegment::default()
        });
        let segments = self.segments.values().map(|segment| cursor_segment(segment, &present));
        Cursor {
            watermark: self.watermark,
            gaps: self.gaps,
            losses: self.losses.clone(),
            destinations: destinations.collect(),
            segments: segments.chain(unread).collect(),
            ..Cursor::default()
        }
    }
}

fn cursor_segment(segment: &Segment, present: &[usize]) -> CursorSegment {
    CursorSegment {
        slot: segment.slot,
        generation: segment.generation,
        class: segment.class,
        // What is not known to be durable is still to be looked for.
        closed: segment.closed && segment.durable_records as usize == segment.records.len(),
        unread: segment.unread,
        records: segment.durable_records,
        items: segment.durable_items,
        missing_records: segment.missing_records,
        missing_items: segment.missing_items,
        released: present.iter().map(|at| segment.progress[*at].to_cursor()).collect(),
    }
}
