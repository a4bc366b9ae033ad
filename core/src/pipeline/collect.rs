//! Points as records: which lock is held meanwhile, and how long.

use super::{MARK, Pipeline, Stored};
use crate::aggregate::{Next, Outgoing, Progress, Run};
use crate::counters::Loss;
use crate::otlp::Signal;
use crate::platform::{Lock, Platform, Priority};
use crate::record::Observer;
use crate::wire::Writer;

/// How often a record is written outside the lock, if its points are measured each time before it is in the ring.
const TRIES: u8 = 3;

/// How full a lane is, and its capacity.
type Fill = Option<(usize, usize)>;

impl<P: Platform> Pipeline<P> {
    /// Turns the points of every instrument into metric records in their lane. Call it before sending, as
    /// often as points are wanted. Points that find no slot wait for the next call.
    ///
    /// Observable instruments are observed first, under no lock: what observes may record. Called from
    /// there, or while another call is at work, it does nothing.
    ///
    /// On a device interrupts are off while a point is copied, and while its record is pushed. It is written in between, if the slot
    /// has room for the record and, behind it, the point's value and attributes; and a delta is written anew if it
    /// was measured meanwhile. With less room, and when it was measured each of three times, it is written with interrupts
    /// off.
    #[inline(never)]
    pub fn collect(&self) {
        if !self.metrics.with(|metrics| metrics.begin()) {
            return;
        }
        self.observe();
        if let Some(mut slot) = self.take_slot() {
            self.collect_points(&mut slot);
            self.give_back(slot);
        }
        self.metrics.with(|metrics| metrics.end());
    }

    fn observe(&self) {
        let mut at = 0;
        while let Some((instrument, callback)) = self.metrics.with(|metrics| metrics.callback(at)) {
            P::call(&callback, &mut Observer::new(self, instrument));
            at += 1;
        }
    }

    fn collect_points(&self, slot: &mut [u8]) {
        let room = slot.len().saturating_sub(MARK);
        let slot = slot.get_mut(..room).unwrap_or_default();
        let time = self.platform.now();
        let mut at = Progress::default();
        loop {
            let mut fill = None;
            if !P::SHORT_LOCKS || !self.collect_shortly(&mut at, time, slot, &mut fill) {
                let done = self.metrics.with(|metrics| {
                    metrics.collect(&mut at, time, slot, |record| self.push_points(&record, time, &mut fill))
                });
                let Some(too_large) = done else { return };
                if too_large > 0 {
                    self.add_unmeasured(Loss::TooLarge, too_large);
                }
            }
            if let Some((used, capacity)) = fill {
                self.platform.stored(Signal::Metrics, Priority::Low, used, capacity);
            }
        }
    }

    /// Pushes the next record, written outside the lock; false if that is not possible.
    fn collect_shortly(&self, at: &mut Progress, time: u64, slot: &mut [u8], fill: &mut Fill) -> bool {
        for _ in 0..TRIES {
            let Some(instrument) = self.metrics.with(|metrics| metrics.next_instrument(at)) else {
                return false;
            };
            let mut run = Run::begin(&instrument, at, slot.len());
            let Some(len) = self.write_points(&mut run, time, slot) else { return false };
            let record = run.finish(&instrument, slot, len);
            if !run.is_exact() {
                let pushed = record.is_some_and(|record| self.push_points(&run.outgoing(record), time, fill));
                self.metrics.with(|metrics| metrics.settle(at, &run, pushed, time));
                return true;
            }
            // Both locks, always in this order: a delta begins anew only once its record is in the ring.
            let done = self.metrics.with(|metrics| {
                metrics.commit(at, &run, time, record, |record| self.push_points(&record, time, fill))
            });
            if done {
                return true;
            }
        }
        false
    }

    /// Writes a record's points, of which copies are in the slot's end meanwhile; where they end. None if there is no room for
    /// the first one.
    fn write_points(&self, run: &mut Run, time: u64, slot: &mut [u8]) -> Option<usize> {
        let (room, mut len) = (slot.len(), run.reserved);
        loop {
            let free = slot.get_mut(len..)?;
            let copied = match self.metrics.with(|metrics| metrics.copy_next(run, free)) {
                Next::Copied(copied) => copied,
                Next::End => return Some(len),
                Next::NoRoom => break,
            };
            let (out, copy) = slot.split_at_mut_checked(room.checked_sub(copied.len)?)?;
            let mut w = Writer::resume(out, len);
            if run.write(&copied, copy, time, &mut w).is_err() {
                run.back();
                break;
            }
            len = w.len();
        }
        (!run.is_empty()).then_some(len)
    }

    fn push_points(&self, record: &Outgoing<'_>, time: u64, fill: &mut Fill) -> bool {
        let (signal, priority, items) = (Signal::Metrics, Priority::Low, u64::from(record.items));
        let stored = Stored { signal, priority, scope: record.scope, items: record.items, time };
        self.records.with(|records| {
            let pushed = records.push(&stored, record.bytes);
            if pushed.is_ok() || record.lost {
                records.counters.add_recorded(signal, items);
            }
            if let (Err(reason), true) = (pushed, record.lost) {
                records.counters.add_lost(signal, reason, items);
            }
            *fill = Some(records.fill(&stored));
            pushed.is_ok()
        })
    }
}
