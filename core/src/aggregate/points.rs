use core::ops::DerefMut;

use super::MAX_POINTS;
use crate::otlp::common::{Key, Value, attribute};
use crate::otlp::metrics::{NumberPoint, POINT_ATTRIBUTES};
use crate::wire::{Full, Writer};

/// Points in one buffer, found by instrument and attributes.
#[derive(Debug)]
pub(super) struct Points<B> {
    buf: B,
    len: usize,
}

/// Where a point is; it stays there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PointRef(usize);

/// A point's fixed part.
const HEAD: usize = 2 + 2 + 8 + 8;
const VALUE: usize = 2 + 2 + 8;

/// The attributes of the point for measurements whose own found no room: `otel.metric.overflow` is true.
/// Room for one such point is kept free.
const OVERFLOW: &[u8] = b"\x3A\x1A\x0A\x14otel.metric.overflow\x12\x02\x10\x01";

impl<B> Points<B> {
    pub(super) const fn new(buf: B) -> Self {
        Self { buf, len: 0 }
    }
}

impl<B: DerefMut<Target = [u8]>> Points<B> {
    /// The point of those attributes, made if need be.
    pub(super) fn find(
        &mut self,
        instrument: u16,
        attributes: &[(Key<'_>, Value<'_>)],
        now: u64,
    ) -> Option<PointRef> {
        let kept = HEAD + OVERFLOW.len();
        // The attributes are encoded behind the last point: if they are new they are in place already.
        if let Some(len) = self.encode(attributes) {
            let at = self.len + HEAD;
            let known = self.buf.get(at..at + len).and_then(|candidate| self.known(instrument, candidate));
            if known.is_some() {
                return known;
            }
            if at + len + kept <= self.buf.len() {
                return self.commit(instrument, len, now);
            }
        }
        self.known(instrument, OVERFLOW).or_else(|| {
            self.buf.get_mut(self.len + HEAD..)?.get_mut(..OVERFLOW.len())?.copy_from_slice(OVERFLOW);
            self.commit(instrument, OVERFLOW.len(), now)
        })
    }

    pub(super) fn add(&mut self, point: PointRef, n: u64) {
        let value = self.buf.get_mut(point.0 + VALUE..).and_then(|at| at.first_chunk_mut::<8>());
        if let Some(value) = value {
            let sum = i64::from_le_bytes(*value).saturating_add(i64::try_from(n).unwrap_or(i64::MAX));
            *value = sum.to_le_bytes();
        }
    }

    /// How many points of an instrument, from the offset `from` on, fit in `room`: their bytes, their
    /// number and the offset behind them.
    pub(super) fn fit(&self, instrument: u16, from: usize, now: u64, room: usize) -> (usize, u8, usize) {
        let (mut len, mut items, mut end) = (0, 0, from);
        for (at, next) in self.entries(from) {
            if let Some(point) = self.point(at, next, now).filter(|_| self.instrument(at) == Some(instrument))
            {
                if len + point.field_len() > room || items == MAX_POINTS {
                    break;
                }
                len += point.field_len();
                items += 1;
            }
            end = next;
        }
        (len, items, end)
    }

    /// The points of an instrument between two offsets.
    pub(super) fn of(
        &self,
        instrument: u16,
        from: usize,
        to: usize,
        now: u64,
    ) -> impl Iterator<Item = NumberPoint<'_>> {
        self.entries(from)
            .take_while(move |(at, _)| *at < to)
            .filter(move |(at, _)| self.instrument(*at) == Some(instrument))
            .filter_map(move |(at, next)| self.point(at, next, now))
    }

    /// Encodes attributes where those of a new point would be.
    fn encode(&mut self, attributes: &[(Key<'_>, Value<'_>)]) -> Option<usize> {
        let mut w = Writer::new(self.buf.get_mut(self.len + HEAD..)?);
        encode_sorted(&mut w, attributes).ok()?;
        Some(w.len())
    }

    fn known(&self, instrument: u16, attributes: &[u8]) -> Option<PointRef> {
        let same = |&(at, next): &(usize, usize)| {
            self.instrument(at) == Some(instrument) && self.buf.get(at + HEAD..next) == Some(attributes)
        };
        self.entries(0).find(same).map(|(at, _)| PointRef(at))
    }

    /// Makes a point of the attributes that stand behind the last one.
    fn commit(&mut self, instrument: u16, attributes_len: usize, now: u64) -> Option<PointRef> {
        let at = self.len;
        let mut w = Writer::new(self.buf.get_mut(at..)?);
        w.put(&instrument.to_le_bytes()).ok()?;
        w.put(&u16::try_from(attributes_len).ok()?.to_le_bytes()).ok()?;
        w.put(&now.to_le_bytes()).ok()?;
        w.put(&[0; 8]).ok()?;
        self.len = at + HEAD + attributes_len;
        Some(PointRef(at))
    }

    /// Offsets of every point and of what is behind it.
    fn entries(&self, mut at: usize) -> impl Iterator<Item = (usize, usize)> {
        core::iter::from_fn(move || {
            if at >= self.len {
                return None;
            }
            let next = at + HEAD + usize::from(u16::from_le_bytes(self.array(at + 2)?));
            Some((core::mem::replace(&mut at, next), next))
        })
    }

    fn instrument(&self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    fn point(&self, at: usize, next: usize, now: u64) -> Option<NumberPoint<'_>> {
        Some(NumberPoint {
            start: u64::from_le_bytes(self.array(at + 4)?),
            time: now,
            value: i64::from_le_bytes(self.array(at + VALUE)?),
            attributes: self.buf.get(at + HEAD..next)?,
        })
    }

    fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.buf.get(at..)?.first_chunk().copied()
    }
}

/// Writes attributes in the order of their keys, so that equal sets are equal bytes; of equal keys the
/// last one counts. Sets are small: a selection is cheaper than anything that needs memory.
fn encode_sorted(w: &mut Writer<'_>, attributes: &[(Key<'_>, Value<'_>)]) -> Result<(), Full> {
    let mut last: Option<&str> = None;
    loop {
        let rest = attributes
            .iter()
            .filter(|(key, _)| !key.name().is_empty() && last.is_none_or(|last| key.name() > last));
        // min_by_key returns the first of equals, so the search runs from the back.
        let Some((key, value)) = rest.rev().min_by_key(|(key, _)| key.name()) else { return Ok(()) };
        attribute(w, POINT_ATTRIBUTES, key, value)?;
        last = Some(key.name());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn kv<'a>(key: &'a str, value: i64) -> (Key<'a>, Value<'a>) {
        (key.into(), value.into())
    }

    #[test]
    fn equal_sets_are_one_point_whatever_their_order() {
        let mut points = Points::new(std::vec![0; 512]);
        let a = points.find(1, &[kv("a", 1), kv("b", 2)], 7).unwrap();
        let b = points.find(1, &[kv("b", 2), kv("a", 0), kv("a", 1)], 9).unwrap();
        assert_eq!(a.0, b.0);
        assert_ne!(points.find(2, &[kv("a", 1), kv("b", 2)], 9).unwrap().0, a.0);
        points.add(a, 2);
        points.add(b, u64::MAX);
        let point = points.of(1, 0, 512, 11).next().unwrap();
        assert_eq!((point.start, point.time, point.value), (7, 11, i64::MAX));
    }

    #[test]
    fn what_finds_no_room_goes_to_the_overflow_point() {
        let mut points = Points::new(std::vec![0; 160]);
        for i in 0..100 {
            let point = points.find(0, &[kv("key", i)], 0).unwrap();
            points.add(point, 1);
        }
        let values: Vec<i64> = points.of(0, 0, 512, 0).map(|point| point.value).collect();
        assert_eq!(values.iter().sum::<i64>(), 100, "{values:?}");
        assert!(values.len() > 2);
        assert!(points.find(1, &[], 0).is_none(), "no room at all");
    }
}
