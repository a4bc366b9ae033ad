//! Metric state of fixed size: one buffer that holds the points of every instrument.
//!
//! A point keeps its attributes as the bytes they go out as, so that collecting it copies them:
//!
//! ```text
//! ┌────────────┬────────────┬───────┬───────┬────────────┐
//! │ instrument │ attributes │ start │ value │ attributes │  next point …
//! │ u16        │ length u16 │ u64   │ i64   │ as OTLP    │
//! └────────────┴────────────┴───────┴───────┴────────────┘
//! ```

mod points;

pub(crate) use points::PointRef;

use points::Points;

use crate::otlp::common::{Key, Value};
use crate::otlp::metrics::{Identity, NumberPoint, sum_head, sum_overhead};
use crate::platform::{Platform, Table};
use crate::ring::Header;
use crate::wire::Writer;

/// Instruments and their points.
pub struct Metrics<P: Platform> {
    instruments: P::Table<Instrument<P>>,
    points: Points<P::Buffer>,
}

pub(crate) struct Instrument<P: Platform> {
    scope: u16,
    name: P::Text,
    unit: P::Text,
}

/// Where a collection stands between two records.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Progress {
    instrument: u16,
    point: usize,
}

impl<P: Platform> Metrics<P> {
    /// No instruments yet; their points will be kept in `memory`.
    pub(crate) const fn new(memory: P::Buffer, instruments: P::Table<Instrument<P>>) -> Self {
        Self { instruments, points: Points::new(memory) }
    }

    /// No instruments yet; their points will be kept in `memory`.
    pub fn with_memory(memory: P::Buffer) -> Self {
        Self::new(memory, Default::default())
    }

    pub(crate) fn set_memory(&mut self, memory: P::Buffer) {
        self.points = Points::new(memory);
    }

    /// The number of an instrument, the same for the same scope, name (in any case) and unit.
    pub(crate) fn declare(&mut self, scope: u16, name: &P::Text, unit: &P::Text) -> Option<u16> {
        let instruments = self.instruments.as_ref();
        let same =
            |i: &Instrument<P>| i.scope == scope && i.name.eq_ignore_ascii_case(name) && *i.unit == **unit;
        let known = instruments.iter().position(same);
        let index = known.unwrap_or(instruments.len());
        if known.is_none() {
            let instrument = Instrument { scope, name: name.clone(), unit: unit.clone() };
            self.instruments.push(instrument).ok()?;
        }
        u16::try_from(index).ok()
    }

    /// The point of those attributes, new ones from `now` on; the overflow point when there is no room.
    pub(crate) fn point(
        &mut self,
        instrument: u16,
        attributes: &[(Key<'_>, Value<'_>)],
        now: u64,
    ) -> Option<PointRef> {
        self.points.find(instrument, attributes, now)
    }

    pub(crate) fn add(&mut self, point: PointRef, n: u64) {
        self.points.add(point, n);
    }

    /// Writes the next instrument with points into `out`, as many points as fit; its scope, the bytes
    /// written and the points in them, or `None` when all have been written.
    pub(crate) fn collect(&self, at: &mut Progress, now: u64, out: &mut [u8]) -> Option<(u16, usize, u8)> {
        while let Some(instrument) = self.instruments.as_ref().get(usize::from(at.instrument)) {
            let identity = Identity { name: &instrument.name, unit: &instrument.unit };
            let room = out.len().saturating_sub(sum_overhead(&identity));
            let (len, items, end) = self.points.fit(at.instrument, at.point, now, room);
            let start = core::mem::replace(&mut at.point, end);
            let mut w = Writer::new(out);
            let written = sum_head(&mut w, &identity, len).is_ok()
                && self
                    .points
                    .of(at.instrument, start, end, now)
                    .all(|point: NumberPoint<'_>| point.encode(&mut w).is_ok());
            if items == 0 || !written {
                *at = Progress { instrument: at.instrument + 1, point: 0 };
                continue;
            }
            return Some((instrument.scope, w.len(), items));
        }
        None
    }
}

/// The most points in one record: what a ring's header counts to.
const MAX_POINTS: u8 = Header::MAX_ITEMS;

crate::opaque_debug!(Metrics<P>);
