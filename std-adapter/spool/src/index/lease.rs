//! Choosing records for a destination, and taking them back.

use super::{Index, Place};
use crate::record::{Class, Loss, Signal};

/// A chosen record and where its bytes are.
#[derive(Clone, Debug)]
pub(crate) struct Pick {
    pub(crate) place: Place,
    pub(crate) slot: u32,
    pub(crate) class: Class,
    pub(crate) salt: [u8; 8],
    pub(crate) boot_id: [u8; 16],
    pub(crate) offset: u32,
    pub(crate) len: u32,
    pub(crate) sequence: u64,
}

/// The most records in one lease.
const MAX_PICKS: usize = 4096;

impl Index {
    /// Leases the oldest free records, by sequence over all classes: at least one, then up to `max_bytes`.
    pub(crate) fn lease(&mut self, at: usize, signal: Option<Signal>, max_bytes: usize) -> Vec<Pick> {
        let mut picks = Vec::new();
        let mut bytes = 0;
        let mut fronts = Class::ALL.map(|class| self.front(at, class, 0, signal));
        while let Some(next) = fronts.iter().flatten().min_by_key(|pick| pick.sequence).cloned() {
            bytes += next.len as usize;
            if !picks.is_empty() && (bytes > max_bytes || picks.len() == MAX_PICKS) {
                break;
            }
            let (generation, ordinal) = next.place;
            if let Some(segment) = self.segments.get_mut(&generation) {
                segment.progress[at].lease(&segment.records[ordinal as usize], ordinal);
            }
            fronts[next.class as usize] = self.front(at, next.class, generation, signal);
            picks.push(next);
        }
        picks
    }

    /// The oldest free record of a class, in segments from `generation` on.
    fn front(&self, at: usize, class: Class, generation: u64, signal: Option<Signal>) -> Option<Pick> {
        self.destinations.get(at)?.as_ref()?;
        let mut segments = self.segments.range(generation..).map(|(_, s)| s).filter(|s| s.class == class);
        segments.find_map(|segment| {
            let ordinal = segment.progress[at].first_free(&segment.records, signal)?;
            let meta = &segment.records[ordinal as usize];
            Some(Pick {
                place: (segment.generation, ordinal),
                slot: segment.slot,
                class,
                salt: segment.salt,
                boot_id: segment.boot_id,
                offset: meta.offset,
                len: meta.len,
                sequence: meta.sequence,
            })
        })
    }

    /// The record may be leased again.
    pub(crate) fn give_back(&mut self, at: usize, (generation, ordinal): Place) {
        let Some(segment) = self.segments.get_mut(&generation) else { return };
        let Some(meta) = segment.records.get(ordinal as usize) else { return };
        segment.progress[at].give_back(meta, ordinal);
    }

    /// The destination is done with the record; with a reason, because it gave it up.
    pub(crate) fn release(&mut self, at: usize, (generation, ordinal): Place, reason: Option<Loss>) {
        let Some(Some(destination)) = self.destinations.get_mut(at) else { return };
        let Some(segment) = self.segments.get_mut(&generation) else { return };
        let Some(meta) = segment.records.get(ordinal as usize) else { return };
        if segment.progress[at].release(meta, ordinal) {
            destination.waiting[meta.signal()].remove(meta.items, meta.len);
            if let Some(reason) = reason {
                destination.losses.add(reason, 1, meta.items.into());
            }
        }
    }
}
