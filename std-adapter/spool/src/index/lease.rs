//! Choosing records for a destination, and taking them back.

use super::{Index, Place};
use crate::location::Location;
use crate::record::{Class, Loss, Signal};

/// A chosen record and where its bytes are.
#[derive(Clone, Debug)]
pub(crate) struct Pick {
    pub(crate) place: Place,
    pub(crate) location: Location,
    /// When it was stored, in spool time.
    pub(crate) since: u64,
}

/// From which end records are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Oldest,
    Newest,
}

/// The most records in one lease.
const MAX_PICKS: usize = 4096;

impl Index {
    /// Leases free records, by sequence over all classes, or of the highest one: at least one, then up to `max_bytes`. They are
    /// returned in the order of their sequences.
    pub(crate) fn lease(&mut self, at: usize, signal: Option<Signal>, max_bytes: usize) -> Vec<Pick> {
        let Some(end) = self.end(at, signal) else { return Vec::new() };
        let mut picks = Vec::new();
        let mut bytes = 0;
        let mut fronts = Class::ALL.map(|class| self.front(at, class, None, signal, end));
        if self.destinations[at].as_ref().is_some_and(|destination| destination.limits.dearest_first)
            && let Some(dearest) = fronts.iter().rposition(Option::is_some)
        {
            fronts[..dearest].fill(None);
        }
        while let Some(next) = foremost(&fronts, end).cloned() {
            bytes += next.location.len as usize;
            if !picks.is_empty() && (bytes > max_bytes || picks.len() == MAX_PICKS) {
                break;
            }
            let (generation, ordinal) = next.place;
            if let Some(segment) = self.segments.get_mut(&generation) {
                segment.progress[at].lease(&segment.records[ordinal as usize], ordinal, end);
            }
            fronts[next.location.class as usize] =
                self.front(at, next.location.class, Some(generation), signal, end);
            picks.push(next);
        }
        if end == End::Newest {
            picks.reverse();
        }
        if !picks.is_empty() {
            self.took(at, signal, end);
        }
        picks
    }

    /// The end that the destination's next lease comes from, by the share that its newest records have.
    fn end(&self, at: usize, signal: Option<Signal>) -> Option<End> {
        let destination = self.destinations.get(at)?.as_ref()?;
        let due = destination.newest_due[kind(signal)] + u32::from(destination.limits.newest.min(100));
        Some(if due >= 100 { End::Newest } else { End::Oldest })
    }

    fn took(&mut self, at: usize, signal: Option<Signal>, end: End) {
        if let Some(Some(destination)) = self.destinations.get_mut(at) {
            let due = &mut destination.newest_due[kind(signal)];
            *due += u32::from(destination.limits.newest.min(100));
            *due -= if end == End::Newest { 100 } else { 0 };
        }
    }

    /// The oldest or newest free record of a class; in segments from generation `from` on, or down, if given.
    pub(crate) fn front(
        &self,
        at: usize,
        class: Class,
        from: Option<u64>,
        signal: Option<Signal>,
        end: End,
    ) -> Option<Pick> {
        self.destinations.get(at)?.as_ref()?;
        let pick = |(_, segment): (&u64, &super::Segment)| {
            let progress = &segment.progress[at];
            let ordinal = match end {
                End::Oldest => progress.first_free(&segment.records, signal)?,
                End::Newest => progress.last_free(&segment.records, signal)?,
            };
            let meta = &segment.records[ordinal as usize];
            let location = Location {
                slot: segment.slot,
                class,
                salt: segment.salt,
                key: segment.key.clone(),
                boot_id: segment.boot_id,
                offset: meta.offset,
                len: meta.len,
                sequence: meta.sequence,
            };
            Some(Pick { place: (segment.generation, ordinal), location, since: meta.stored })
        };
        let of_class = |(_, segment): &(&u64, &super::Segment)| segment.class == class;
        match end {
            End::Oldest => self.segments.range(from.unwrap_or(0)..).filter(of_class).find_map(pick),
            End::Newest => {
                self.segments.range(..=from.unwrap_or(u64::MAX)).rev().filter(of_class).find_map(pick)
            }
        }
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

fn foremost(fronts: &[Option<Pick>; Class::ALL.len()], end: End) -> Option<&Pick> {
    match end {
        End::Oldest => fronts.iter().flatten().min_by_key(|pick| pick.location.sequence),
        End::Newest => fronts.iter().flatten().max_by_key(|pick| pick.location.sequence),
    }
}

/// Leases of one signal, and of any, are counted apart.
fn kind(signal: Option<Signal>) -> usize {
    signal.map_or(Signal::ALL.len(), Signal::index)
}
