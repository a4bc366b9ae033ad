//! Points as records. A delta begins anew only once its record is safe in the ring.
//!
//! ```text
//!  lock              lock            no lock      no lock        lock, lock
//!  next instrument ─▶ copy a point ─▶ write it ─▶ write its head ─▶ push the record, and begin anew what is in it
//!                        ▲───────────────┘                            │ a delta that was measured meanwhile: again
//!                        └────────────────────────────────────────────┘
//! ```
//!
//! Where locks need not be short, all of that is one step: [`Metrics::collect`].

use super::bytes::{set_u64, u64_at};
use super::points::{BOUND, COPIED, MEASURED};
use super::run::{Copied, Form, Run};
use super::{Instrument, Kind, Metrics, exemplars};
use crate::platform::Platform;
use crate::wire::{Full, Writer};

/// Where a collection stands between two records.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    instrument: u16,
    /// Whether the instrument's points have been begun.
    begun: bool,
    pub(super) next: u32,
    /// The last point before it that stays, or 0.
    before: u32,
}

/// A record of points, to be pushed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) scope: u16,
    pub(crate) items: u8,
    pub(crate) bytes: &'a [u8],
    /// Whether its points are lost when it is refused: those of deltas wait for the next collection.
    pub(crate) lost: bool,
}

/// What came of looking for the next point.
pub(crate) enum Next {
    Copied(Copied),
    /// There is one, and its copy needs more room.
    NoRoom,
    /// The run is complete.
    End,
}

impl<P: Platform> Metrics<P> {
    /// Begins a collection; not within another.
    pub(crate) fn begin(&mut self) -> bool {
        !core::mem::replace(&mut self.collecting, true)
    }

    /// Ends a collection.
    pub(crate) fn end(&mut self) {
        self.collecting = false;
    }

    /// Whether there is an end to the points: pushes the next record of them, written in `out`, and says how
    /// many points do not fit in `out` at all.
    pub(crate) fn collect(
        &mut self,
        at: &mut Progress,
        now: u64,
        out: &mut [u8],
        push: impl FnOnce(Outgoing<'_>) -> bool,
    ) -> Option<u64> {
        let instrument = self.next_instrument(at)?;
        let mut run = Run::begin(&instrument, at, out.len());
        let mut w = Writer::resume(out, run.reserved);
        let mut too_large = 0;
        while let Some(place) = self.next_due(&mut run) {
            let len = w.len();
            let (start, flags) = (self.points.start(place), self.points.flags(place));
            let (value, exemplars) = self.parts(&run.form, place);
            match run.form.write(start, flags, value, exemplars, now, &mut w) {
                Ok(()) => self.take_up(&mut run, place),
                Err(Full) => {
                    w.truncate(len);
                    if run.items > 0 {
                        break;
                    }
                    too_large += 1;
                    self.points.set_flags(place, flags & !COPIED);
                    run.pass(place, self.points.sibling(place));
                }
            }
        }
        let len = w.len();
        let record = run.finish(&instrument, out, len);
        self.commit(at, &run, now, record, push);
        Some(too_large)
    }

    /// The instrument that is collected. `None` when all are done.
    pub(crate) fn next_instrument(&self, at: &mut Progress) -> Option<Instrument<P>> {
        let instrument = self.instruments.as_ref().get(usize::from(at.instrument))?;
        if !at.begun {
            *at = Progress { instrument: at.instrument, begun: true, next: instrument.first, before: 0 };
        }
        Some(instrument.clone())
    }

    /// The next point that is due, if the run may have one more. Those that are not are passed.
    fn next_due(&self, run: &mut Run) -> Option<u32> {
        while run.next != 0 && run.items < Run::most::<P>() && (run.looks < Run::LOOKS || !P::SHORT_LOCKS) {
            let place = run.next;
            if self.points.flags(place) & run.form.wanted != 0 {
                return Some(place);
            }
            run.pass(place, self.points.sibling(place));
        }
        None
    }

    /// A point's value with its attributes behind it, and its exemplars.
    fn parts(&self, form: &Form, place: u32) -> (&[u8], &[u8]) {
        let value = self.points.value(place, form.state_len.into());
        let exemplars = self.points.exemplars(place).map(|block| self.points.at(block));
        (value, exemplars.map_or(&[], |block| exemplars::whole(block, form.filtered)))
    }

    /// Copies the next point that is due to the end of `room`.
    pub(crate) fn copy_next(&mut self, run: &mut Run, room: &mut [u8]) -> Next {
        let Some(place) = self.next_due(run) else { return Next::End };
        let (value, exemplars) = self.parts(&run.form, place);
        let Some(at) = room.len().checked_sub(value.len() + exemplars.len()) else { return Next::NoRoom };
        // Where both lie alike, it is copied by words.
        let apart = room.as_ptr().addr().wrapping_add(at).wrapping_sub(value.as_ptr().addr()) % 4;
        let copy = at.checked_sub(apart).and_then(|at| room.get_mut(at..));
        let Some((front, rest)) = copy.and_then(|copy| copy.split_at_mut_checked(value.len())) else {
            return Next::NoRoom;
        };
        front.copy_from_slice(value);
        let copied = Copied {
            start: self.points.start(place),
            flags: self.points.flags(place),
            value_len: value.len(),
            len: value.len() + rest.len(),
        };
        if let Some(rest) = rest.get_mut(..exemplars.len()) {
            rest.copy_from_slice(exemplars);
        }
        self.take_up(run, place);
        Next::Copied(copied)
    }

    /// Counts a point in that is written, or will be.
    fn take_up(&mut self, run: &mut Run, place: u32) {
        run.items += 1;
        run.exact |= self.points.exemplars(place).is_some();
        self.points.set_flags(place, self.points.flags(place) | COPIED);
        run.pass(place, self.points.sibling(place));
    }

    /// Pushes a run's record, and goes over its points. False, and nothing is done, if one of them has been measured
    /// since it was written, and that would be lost or sent twice.
    pub(crate) fn commit(
        &mut self,
        at: &mut Progress,
        run: &Run,
        now: u64,
        record: Option<&[u8]>,
        push: impl FnOnce(Outgoing<'_>) -> bool,
    ) -> bool {
        if run.exact && self.unchanged(run) < run.items {
            return false;
        }
        let pushed = record.is_some_and(|bytes| push(run.outgoing(bytes)));
        self.settle(at, run, pushed, now);
        true
    }

    /// How many of a run's points are as they were when they were written.
    fn unchanged(&self, run: &Run) -> u8 {
        let (mut place, mut found) = (run.first, 0);
        while place != 0 && run.last != 0 {
            found += u8::from(self.points.flags(place) & COPIED != 0);
            if place == run.last {
                break;
            }
            place = self.points.sibling(place);
        }
        found
    }

    /// Goes over the points of a run once it is pushed or not, and moves on.
    pub(crate) fn settle(&mut self, at: &mut Progress, run: &Run, pushed: bool, now: u64) {
        let mut place = run.first;
        while place != 0 && run.last != 0 {
            // Looked up now: there may be more points than there were.
            let next = self.points.sibling(place);
            if self.settle_point(at, &run.form, place, pushed, now) {
                at.before = place;
            }
            let end = place == run.last;
            place = next;
            if end {
                break;
            }
        }
        at.next = place;
        if place == 0 {
            if let Some(instrument) = self.instruments.as_mut().get_mut(usize::from(at.instrument))
                && instrument.is_delta()
            {
                instrument.since = now;
            }
            *at = Progress { instrument: at.instrument.saturating_add(1), ..Progress::default() };
        }
    }

    /// What a collection does to a point; whether it stays.
    fn settle_point(&mut self, at: &Progress, form: &Form, place: u32, pushed: bool, now: u64) -> bool {
        let Some(instrument) = self.instruments.as_ref().get(usize::from(at.instrument)) else { return true };
        let (forgets, overflow) = (instrument.forgets(), instrument.overflow);
        let Some((mut point, rest)) = self.points.split(place) else { return true };
        let flags = point.flags();
        let unmeasured = flags & MEASURED == 0;
        if unmeasured && forgets && flags & BOUND == 0 && place != overflow {
            self.forget(at, place);
            return false;
        }
        // What was measured since it was copied is sent the next time.
        let sent = pushed && flags & COPIED != 0;
        point.set_flags(flags & !(COPIED | if sent { MEASURED } else { 0 }));
        // A clock that ran backwards makes a start that is not known, rather than one in the future.
        if form.delta && (sent || unmeasured) || point.start() > now {
            point.set_start(now);
        }
        if sent && form.delta {
            restart(rest.get_mut(..form.state_len.into()).unwrap_or_default(), form.kind);
        }
        if sent && let Some(block) = self.points.exemplars(place) {
            exemplars::clear(self.points.at_mut(block), form.filtered);
        }
        true
    }

    fn forget(&mut self, at: &Progress, place: u32) {
        let Some(instrument) = self.instruments.as_mut().get_mut(usize::from(at.instrument)) else { return };
        let next = self.points.sibling(place);
        instrument.series = instrument.series.saturating_sub(1);
        if instrument.last == place {
            instrument.last = at.before;
        }
        match at.before {
            0 => instrument.first = next,
            before => self.points.set_sibling(before, next),
        }
        self.points.remove(place);
    }
}

/// Begins a delta's value anew.
fn restart(state: &mut [u8], kind: Kind) {
    match kind {
        // A gauge's value stays what it was, and an observable counter's next delta begins there.
        Kind::Gauge | Kind::ObservableGauge | Kind::ObservableUpDownCounter => {}
        Kind::ObservableCounter => set_u64(state, 8, u64_at(state, 0)),
        Kind::Counter | Kind::UpDownCounter | Kind::Histogram => state.fill(0),
    }
}
