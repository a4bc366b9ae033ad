//! A live segment in memory, and how far each destination is with it.

use std::sync::Arc;

use super::lease::End;
use crate::bitmap::Bitmap;
use crate::cipher::SegmentKey;
use crate::format::cursor::Released;
use crate::format::record::Outline;
use crate::record::{Class, Signal};
use crate::stats::Pending;

/// Enough of a record to choose it, count it and find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) sequence: u64,
    /// When it was stored, in spool time.
    pub(crate) stored: u64,
    pub(crate) offset: u32,
    pub(crate) len: u32,
    pub(crate) items: u32,
    signal: u8,
    /// It has an origin.
    origin: bool,
    /// It tells of a gap.
    pub(crate) report: bool,
}

/// In a signal's place: there is no readable record; nobody could read it yet.
const MISSING: u8 = u8::MAX;
const UNREAD: u8 = MISSING - 1;

impl Meta {
    /// Fills the place of an ordinal that has no readable record.
    pub(crate) const MISSING: Meta = Meta {
        sequence: 0,
        stored: 0,
        offset: 0,
        len: 0,
        items: 0,
        signal: MISSING,
        origin: false,
        report: false,
    };
    /// Fills the place of one that the disk could not read when the spool was opened. Nobody gets it, and nobody has released it.
    pub(crate) const UNREAD: Meta = Meta { signal: UNREAD, ..Meta::MISSING };

    /// `boot` is when, in spool time, the record's boot began.
    pub(crate) fn new(record: &Outline, boot: u64) -> Meta {
        Meta {
            sequence: record.sequence,
            stored: boot.saturating_add(record.boot_time),
            offset: record.offset,
            len: record.len,
            items: record.items,
            signal: record.signal.index() as u8,
            origin: record.origin.is_some(),
            report: record.report,
        }
    }

    pub(crate) fn missing(&self) -> bool {
        self.signal >= UNREAD
    }

    fn unread(&self) -> bool {
        self.signal == UNREAD
    }

    /// Index of the signal; not to be asked of a missing record.
    pub(crate) fn signal(&self) -> usize {
        usize::from(self.signal)
    }
}

#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) slot: u32,
    pub(crate) generation: u64,
    pub(crate) class: Class,
    pub(crate) salt: [u8; 8],
    pub(crate) boot_id: [u8; 16],
    /// If its payloads are encrypted.
    pub(crate) key: Option<Arc<SegmentKey>>,
    /// By ordinal.
    pub(crate) records: Vec<Meta>,
    /// Items of all records, missing ones included as far as they are known.
    pub(crate) items: u64,
    /// Readable records, by signal.
    held: [u32; 4],
    pub(crate) durable_records: u32,
    pub(crate) durable_items: u64,
    /// The highest sequence of a record with an origin; 0: there is none.
    pub(crate) last_origin: u64,
    pub(crate) missing_records: u32,
    pub(crate) missing_items: u64,
    pub(crate) closed: bool,
    /// A write, sync or read failed here: the slot is not used again before the next opening.
    pub(crate) suspect: bool,
    /// The disk could not read all of it when the spool was opened: then it is suspect, too.
    pub(crate) unread: bool,
    /// By destination.
    pub(crate) progress: Vec<Progress>,
}

impl Segment {
    pub(crate) fn new(slot: u32, generation: u64, class: Class, salt: [u8; 8], boot_id: [u8; 16]) -> Segment {
        Segment {
            slot,
            generation,
            class,
            salt,
            boot_id,
            key: None,
            records: Vec::new(),
            items: 0,
            held: [0; 4],
            durable_records: 0,
            durable_items: 0,
            last_origin: 0,
            missing_records: 0,
            missing_items: 0,
            closed: false,
            suspect: false,
            unread: false,
            progress: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, meta: Meta) {
        let ordinal = self.records.len() as u32;
        self.records.push(meta);
        if meta.unread() {
            return;
        }
        if meta.missing() {
            self.progress.iter_mut().for_each(|progress| _ = progress.released.set(ordinal));
            return;
        }
        self.items += u64::from(meta.items);
        if meta.origin {
            self.last_origin = self.last_origin.max(meta.sequence);
        }
        self.held[meta.signal()] += 1;
        self.progress.iter_mut().for_each(|progress| progress.free[meta.signal()] += 1);
    }

    /// How many readable records it has.
    pub(crate) fn held(&self) -> u32 {
        self.held.iter().sum()
    }

    /// The oldest record of a signal that a destination has not released.
    pub(crate) fn oldest_left(&self, at: usize, signal: usize) -> Option<&Meta> {
        self.progress[at].oldest_left(self, Some(signal))
    }

    /// How many records are out on lease.
    pub(crate) fn leases(&self) -> u32 {
        self.progress.iter().map(|progress| progress.leased_count).sum()
    }

    /// Sets a destination's counts from its bitmap, and adds what waits for it to `waiting`.
    pub(crate) fn recount(&mut self, at: usize, waiting: &mut [Pending; 4]) {
        let progress = &mut self.progress[at];
        progress.free = [0; 4];
        progress.done = [0; 4];
        progress.hint = [0; 4];
        for (ordinal, meta) in self.records.iter().enumerate() {
            if meta.unread() {
                continue;
            }
            if meta.missing() {
                progress.released.set(ordinal as u32);
            } else if progress.released.get(ordinal as u32) {
                progress.done[meta.signal()] += 1;
            } else {
                progress.free[meta.signal()] += 1;
                waiting[meta.signal()].add(meta.items, meta.len);
            }
        }
    }
}

/// How far one destination is with one segment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) released: Bitmap,
    leased: Bitmap,
    pub(crate) leased_count: u32,
    /// By signal: neither released nor leased.
    free: [u32; 4],
    /// By signal: released.
    done: [u32; 4],
    /// By signal: no free record has a lower ordinal.
    hint: [u32; 4],
}

impl Progress {
    /// How many readable records it has not released.
    pub(crate) fn left(&self, segment: &Segment) -> u32 {
        segment.held() - self.done.iter().sum::<u32>()
    }

    pub(crate) fn oldest_left<'a>(&self, segment: &'a Segment, signal: Option<usize>) -> Option<&'a Meta> {
        let some_left = |at: usize| segment.held[at] > self.done[at];
        if !(0..4).any(|at| signal.is_none_or(|wanted| wanted == at) && some_left(at)) {
            return None;
        }
        let wanted = |meta: &Meta| !meta.missing() && signal.is_none_or(|signal| signal == meta.signal());
        let mut records = segment.records.iter().enumerate();
        records.find(|(at, meta)| wanted(meta) && !self.released.get(*at as u32)).map(|(_, meta)| meta)
    }

    /// The lowest free ordinal of the signal, or of any.
    pub(crate) fn first_free(&self, records: &[Meta], signal: Option<Signal>) -> Option<u32> {
        let signals = Signal::ALL.into_iter().map(Signal::index).filter(|at| self.free[*at] > 0);
        let wanted = |at: usize| signal.is_none_or(|signal| signal.index() == at);
        let from = signals.filter(|at| wanted(*at)).map(|at| self.hint[at]).min()?;
        let is_free = |at: u32| !self.released.get(at) && !self.leased.get(at);
        (from..records.len() as u32).find(|at| {
            let meta = &records[*at as usize];
            !meta.missing() && wanted(meta.signal()) && is_free(*at)
        })
    }

    /// The highest free ordinal of the signal, or of any.
    pub(crate) fn last_free(&self, records: &[Meta], signal: Option<Signal>) -> Option<u32> {
        let wanted = |at: usize| signal.is_none_or(|signal| signal.index() == at);
        if !(0..4).any(|at| wanted(at) && self.free[at] > 0) {
            return None;
        }
        let free = |at: u32, meta: &Meta| {
            !meta.missing() && wanted(meta.signal()) && !self.released.get(at) && !self.leased.get(at)
        };
        let at = records.iter().enumerate().rposition(|(at, meta)| free(at as u32, meta))?;
        Some(at as u32)
    }

    /// Leases an ordinal that [`Progress::first_free`] or [`Progress::last_free`] gave.
    pub(crate) fn lease(&mut self, meta: &Meta, ordinal: u32, end: End) {
        if self.leased.set(ordinal) {
            self.leased_count += 1;
            self.free[meta.signal()] -= 1;
            if end == End::Oldest {
                self.hint[meta.signal()] = ordinal + 1;
            }
        }
    }

    pub(crate) fn give_back(&mut self, meta: &Meta, ordinal: u32) {
        if self.leased.clear(ordinal) {
            self.leased_count -= 1;
            if !self.released.get(ordinal) {
                self.free[meta.signal()] += 1;
                let hint = &mut self.hint[meta.signal()];
                *hint = (*hint).min(ordinal);
            }
        }
    }

    /// Releases a record, leased or not; false if it was released before.
    pub(crate) fn release(&mut self, meta: &Meta, ordinal: u32) -> bool {
        self.give_back(meta, ordinal);
        let new = self.released.set(ordinal);
        if new {
            self.free[meta.signal()] -= 1;
            self.done[meta.signal()] += 1;
        }
        new
    }

    pub(crate) fn to_cursor(&self) -> Released {
        let prefix = self.released.prefix();
        Released { prefix, words: self.released.words_from(prefix).to_vec() }
    }
}
