//! Giving up what a destination's limits say is too old or too much.

use super::Index;
use super::lease::{End, Pick};
use crate::limits::Limits;
use crate::record::{Class, Loss};

impl Index {
    /// Gives up, for each destination alone, what its limits do not allow at `now`, in spool time; sets when the next
    /// record will be too old. What is out on lease stays. Returns whether something was given up.
    pub(crate) fn enforce(&mut self, now: u64) -> bool {
        let mut any = false;
        let mut next = None;
        for at in 0..self.destinations.len() {
            let Some(limits) = self.destinations[at].as_ref().map(|destination| destination.limits) else {
                continue;
            };
            any |= self.shorten(at, &limits);
            for class in Class::ALL {
                let (expired, due) = self.expire(at, class, &limits, now);
                any |= expired;
                next = [next, due].into_iter().flatten().min();
            }
        }
        self.expiry = next;
        any
    }

    /// Releases what a destination does not take, even out of somebody's hands.
    pub(crate) fn release_unwanted(&mut self, at: usize) {
        let Some(Some(destination)) = self.destinations.get(at) else { return };
        let unwanted = destination.limits.unwanted;
        for generation in self.segments.keys().copied().collect::<Vec<_>>() {
            let records = self.segments.get(&generation).map_or(0, |segment| segment.records.len());
            for ordinal in 0..records as u32 {
                let meta = self.segments.get(&generation).map(|segment| segment.records[ordinal as usize]);
                if meta.is_some_and(|meta| !meta.missing() && unwanted[meta.signal()]) {
                    self.release(at, (generation, ordinal), None);
                }
            }
            self.sweep(generation);
        }
    }

    /// Keeps what waits within the lag: the oldest of the lowest class go first.
    fn shorten(&mut self, at: usize, limits: &Limits) -> bool {
        let mut any = false;
        while limits.lag.is_some_and(|lag| self.waiting_bytes(at) > lag) {
            let oldest = |class| self.front(at, class, None, None, End::Oldest);
            let Some(pick) = Class::ALL.into_iter().find_map(oldest) else { break };
            self.give_up(at, &pick, Loss::Lagged);
            any = true;
        }
        any
    }

    /// Whether some were too old; and when the oldest that is not will be.
    fn expire(&mut self, at: usize, class: Class, limits: &Limits, now: u64) -> (bool, Option<u64>) {
        let Some(age) = limits.age else { return (false, None) };
        let age = u64::try_from(age.as_nanos()).unwrap_or(u64::MAX);
        let mut any = false;
        while let Some(pick) = self.front(at, class, None, None, End::Oldest) {
            let due = pick.since.saturating_add(age);
            if due > now {
                return (any, Some(due));
            }
            self.give_up(at, &pick, Loss::Expired);
            any = true;
        }
        (any, None)
    }

    fn give_up(&mut self, at: usize, pick: &Pick, reason: Loss) {
        self.release(at, pick.place, Some(reason));
        self.sweep(pick.place.0);
    }

    fn waiting_bytes(&self, at: usize) -> u64 {
        let destination = self.destinations.get(at).and_then(Option::as_ref);
        destination.map_or(0, |destination| destination.waiting.iter().map(|pending| pending.bytes).sum())
    }
}
