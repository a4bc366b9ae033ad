//! Points as records. A delta begins anew only once its record is safe in the ring.

use super::behaviour::Collected;
use super::bytes::{set_u64, u64_at};
use super::points::{BOUND, DOUBLE, EVER, HEAD, MEASURED};
use super::{Instrument, Kind, Metrics, exemplars};
use crate::otlp::metrics::{Head, StoredExemplars};
use crate::platform::Platform;
use crate::ring::Header;
use crate::wire::{Full, Writer};

/// Where a collection stands between two records.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    instrument: u16,
    /// Whether the instrument's points have been begun.
    begun: bool,
    next: u32,
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
        let number = at.instrument;
        let instrument = self.instruments.as_ref().get(usize::from(number))?;
        if !at.begun {
            *at = Progress { instrument: number, begun: true, next: instrument.first, before: 0 };
        }
        let first = at.next;
        let head = Head {
            name: instrument.is.exported_name(),
            description: instrument.is.exported_text(),
            unit: &instrument.is.unit,
            kind: instrument.is.data(instrument.temporality),
        };
        // The head is written when the length of the points is known, so that it ends where they begin.
        let reserved = head.encoded_len(out.len());
        let mut w = Writer::resume(out, reserved);
        let run = self.write_run(instrument, first, now, &mut w);
        let len = w.len().saturating_sub(reserved);
        let start = reserved.saturating_sub(head.encoded_len(len));
        if run.items > 0 && reserved <= out.len() {
            let written =
                out.get_mut(start..).is_some_and(|out| head.encode(len, &mut Writer::new(out)).is_ok());
            let bytes = out.get(start..reserved + len).unwrap_or_default();
            let lost = !instrument.is_delta();
            let pushed =
                written && push(Outgoing { scope: instrument.is.scope, items: run.items, bytes, lost });
            self.settle(at, first, run.next, pushed, now);
        } else {
            self.settle(at, first, run.next, false, now);
        }
        Some(run.too_large)
    }
}

/// A run of points that was written.
struct Run {
    items: u8,
    too_large: u64,
    /// The point behind it.
    next: u32,
}

impl<P: Platform> Metrics<P> {
    fn write_run(&self, instrument: &Instrument<P>, first: u32, now: u64, w: &mut Writer<'_>) -> Run {
        let most = P::BURST.clamp(1, Header::MAX_ITEMS);
        let mut run = Run { items: 0, too_large: 0, next: first };
        while run.next != 0 && run.items < most {
            if self.is_due(instrument, run.next) {
                let len = w.len();
                match self.write(instrument, run.next, now, w) {
                    Ok(()) => run.items += 1,
                    Err(Full) => {
                        w.truncate(len);
                        if run.items > 0 {
                            return run;
                        }
                        run.too_large += 1;
                    }
                }
            }
            run.next = self.points.sibling(run.next);
        }
        run
    }

    fn is_due(&self, instrument: &Instrument<P>, point: u32) -> bool {
        let wanted = if instrument.sends_all() { EVER } else { MEASURED };
        self.points.flags(point) & wanted != 0
    }

    fn write(
        &self,
        instrument: &Instrument<P>,
        place: u32,
        now: u64,
        w: &mut Writer<'_>,
    ) -> Result<(), Full> {
        let state_len = usize::from(instrument.state_len);
        let block = self.points.exemplars(place).map(|block| self.points.at(block));
        let is = &instrument.is;
        let collected = Collected {
            state: self.points.at(place).get(HEAD..HEAD + state_len).unwrap_or_default(),
            attributes: self.points.attributes(place, state_len),
            exemplars: block.map_or(StoredExemplars::NONE, |b| exemplars::of(b, !is.filter.is_all())),
            // A clock that ran backwards makes a start that is not known, rather than one in the future.
            start: if is.kind.is_gauge() { 0 } else { self.points.start(place).min(now) },
            time: now,
            double: self.points.flags(place) & DOUBLE != 0,
            since_before: instrument.is_delta() && matches!(is.kind, Kind::ObservableCounter),
            aggregation: is.aggregation,
            width: P::CELL,
        };
        (is.behaviour.write)(&collected, w)
    }

    /// Goes over the points of a run once it is pushed or not, and moves on.
    fn settle(&mut self, at: &mut Progress, first: u32, behind: u32, pushed: bool, now: u64) {
        let mut place = first;
        while place != behind {
            let next = self.points.sibling(place);
            if self.settle_point(at, place, pushed, now) {
                at.before = place;
            }
            place = next;
        }
        at.next = behind;
        if behind == 0 {
            if let Some(instrument) = self.instruments.as_mut().get_mut(usize::from(at.instrument))
                && instrument.is_delta()
            {
                instrument.since = now;
            }
            *at = Progress { instrument: at.instrument.saturating_add(1), ..Progress::default() };
        }
    }

    /// What a collection does to a point; whether it stays.
    fn settle_point(&mut self, at: &Progress, place: u32, pushed: bool, now: u64) -> bool {
        let Some(instrument) = self.instruments.as_ref().get(usize::from(at.instrument)) else { return true };
        let (flags, overflow) = (self.points.flags(place), instrument.overflow);
        if self.points.start(place) > now {
            self.points.set_start(place, now);
        }
        if flags & MEASURED == 0 {
            if instrument.forgets() && flags & BOUND == 0 && place != overflow {
                self.forget(at, place);
                return false;
            }
            if instrument.is_delta() {
                self.points.set_start(place, now);
            }
        }
        if !pushed || !self.is_due(instrument, place) {
            return true;
        }
        let (delta, kind) = (instrument.is_delta(), instrument.is.kind);
        let (state_len, filtered) = (usize::from(instrument.state_len), !instrument.is.filter.is_all());
        self.points.set_flags(place, flags & !MEASURED);
        if delta {
            self.points.set_start(place, now);
            restart(self.points.state(place).get_mut(..state_len).unwrap_or_default(), kind);
        }
        if let Some(block) = self.points.exemplars(place) {
            exemplars::clear(self.points.at_mut(block), filtered);
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
