//! What a collection has to know outside of the lock: a record's points, and how they are written.

use super::behaviour::{Behaviour, Collected};
use super::collect::Progress;
use super::points::{DOUBLE, EVER, MEASURED};
use super::{Aggregation, Instrument, Kind, Outgoing, exemplars};
use crate::platform::Platform;
use crate::ring::Header;
use crate::wire::{Full, Writer};

/// Points next to each other in their instrument's list, which become a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(super) form: Form,
    pub(super) first: u32,
    /// The last one that was looked at, or 0; the ones before and behind it.
    pub(super) last: u32,
    pub(super) before: u32,
    pub(super) next: u32,
    pub(super) looks: u8,
    pub(super) items: u8,
    /// Whether none of the points may have changed when they are pushed.
    pub(super) exact: bool,
    /// Bytes left for what goes before the points.
    pub(crate) reserved: usize,
}

/// What there is to know of an instrument to write its points.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) scope: u16,
    pub(super) kind: Kind,
    pub(super) aggregation: Aggregation,
    pub(super) behaviour: &'static Behaviour,
    pub(super) state_len: u16,
    /// Bytes of a count.
    pub(super) width: usize,
    pub(super) delta: bool,
    pub(super) filtered: bool,
    /// Flags of which one makes a point due.
    pub(super) wanted: u16,
}

/// A point whose value, attributes and exemplars were copied, one behind the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Copied {
    pub(super) start: u64,
    pub(super) flags: u16,
    /// Bytes of the value and the attributes.
    pub(super) value_len: usize,
    /// Bytes that the copy takes.
    pub(crate) len: usize,
}

impl Run {
    /// The most points that one run looks at where locks are to be short.
    pub(super) const LOOKS: u8 = 4;

    /// The most points of one run.
    pub(super) const fn most<P: Platform>() -> u8 {
        if P::SHORT_LOCKS { 2 } else { Header::MAX_ITEMS }
    }

    /// Whether no point was copied for it so far.
    pub(crate) const fn is_empty(&self) -> bool {
        self.items == 0
    }

    pub(super) fn pass(&mut self, point: u32, next: u32) {
        (self.before, self.last, self.next) = (self.last, point, next);
        self.looks = self.looks.saturating_add(1);
    }

    /// Leaves the last point, which was copied and could not be written, to the next run.
    pub(crate) fn back(&mut self) {
        (self.next, self.last) = (self.last, self.before);
        self.items = self.items.saturating_sub(1);
    }

    /// Whether what is done about a record, once it is in the ring, has to be done under the same lock.
    pub(crate) const fn is_exact(&self) -> bool {
        self.exact
    }

    /// As what it is pushed.
    pub(crate) fn outgoing<'a>(&self, bytes: &'a [u8]) -> Outgoing<'a> {
        Outgoing { scope: self.form.scope, items: self.items, bytes, lost: !self.form.delta }
    }

    /// Begins a record of at most `room` bytes.
    pub(crate) fn begin<P: Platform>(instrument: &Instrument<P>, at: &Progress, room: usize) -> Self {
        let form = Form::of(instrument);
        let (first, reserved) = (at.next, instrument.head().encoded_len(room));
        Self { form, first, last: 0, before: 0, next: first, looks: 0, items: 0, exact: form.delta, reserved }
    }

    /// Writes in `out` what goes before its points, which end at `end`: the record. None without points.
    pub(crate) fn finish<'a, P: Platform>(
        &self,
        instrument: &Instrument<P>,
        out: &'a mut [u8],
        end: usize,
    ) -> Option<&'a [u8]> {
        let head = instrument.head();
        let points = end.checked_sub(self.reserved).filter(|_| self.items > 0)?;
        // It ends where they begin, which is why their length was waited for.
        let record = out.get_mut(self.reserved.checked_sub(head.encoded_len(points))?..end)?;
        head.encode(points, &mut Writer::new(record)).ok()?;
        Some(record)
    }

    /// Writes a point that was copied to the front of `copy`.
    pub(crate) fn write(&self, one: &Copied, copy: &[u8], now: u64, w: &mut Writer<'_>) -> Result<(), Full> {
        let (value, exemplars) = copy.split_at_checked(one.value_len).ok_or(Full)?;
        self.form.write(one.start, one.flags, value, exemplars, now, w)
    }
}

impl Form {
    fn of<P: Platform>(of: &Instrument<P>) -> Self {
        Self {
            scope: of.is.scope,
            kind: of.is.kind,
            aggregation: of.is.aggregation,
            behaviour: of.is.behaviour,
            state_len: of.state_len,
            width: P::CELL,
            delta: of.is_delta(),
            filtered: !of.is.filter.is_all(),
            wanted: if of.sends_all() { EVER } else { MEASURED },
        }
    }

    /// Writes a point out of its value, with its attributes behind it, and its exemplars.
    pub(super) fn write(
        &self,
        start: u64,
        flags: u16,
        value: &[u8],
        exemplars: &[u8],
        now: u64,
        w: &mut Writer<'_>,
    ) -> Result<(), Full> {
        let (state, attributes) = value.split_at_checked(self.state_len.into()).ok_or(Full)?;
        let collected = Collected {
            state,
            attributes,
            exemplars: exemplars::of(exemplars, self.filtered),
            // A clock that ran backwards makes a start that is not known, rather than one in the future.
            start: if self.kind.is_gauge() { 0 } else { start.min(now) },
            time: now,
            double: flags & DOUBLE != 0,
            since_before: self.delta && matches!(self.kind, Kind::ObservableCounter),
            aggregation: self.aggregation,
            width: self.width,
        };
        (self.behaviour.write)(&collected, w)
    }
}
