//! A ring whose records a reset leaves: what of its memory counts is written down with each change.

use core::ops::DerefMut;

use super::{Header, Place, Ring};
use crate::recorder::{halves, twice::Twice, whole};

impl<B> Ring<B> {
    pub(super) fn state(&self) -> [u32; 10] {
        let Place { epoch, position, boot, before } = self.place;
        let [[a, b], [c, d], [e, f], [g, h]] = [position, epoch, boot, before].map(halves);
        [self.head as u32, self.len as u32, a, b, c, d, e, f, g, h]
    }
}

impl<B: DerefMut<Target = [u8]>> Ring<B> {
    /// An empty ring that a reset will leave as it is then, as `journal` tells.
    pub(crate) fn begin(buf: B, journal: &'static Twice<10>) -> Self {
        let ring = Self { journal: Some(journal), ..Self::new(buf) };
        ring.note();
        ring
    }

    /// The ring that a reset has left, as far as `whole` takes its records to be such; whether something was lost. Without a state that
    /// can be, it is empty.
    pub(crate) fn resume(
        buf: B,
        journal: &'static Twice<10>,
        whole_record: impl Fn(&Self, usize, Header) -> bool,
    ) -> (Self, bool) {
        let mut ring = Self { journal: Some(journal), ..Self::new(buf) };
        let state = journal.read().filter(|[head, len, ..]| {
            let capacity = ring.capacity();
            (*head as usize) < capacity.max(1) && *len as usize <= capacity
        });
        let Some([head, len, a, b, c, d, e, f, g, h]) = state else {
            ring.note();
            return (ring, true);
        };
        let [position, epoch, boot, before] = [[a, b], [c, d], [e, f], [g, h]].map(whole);
        (ring.head, ring.len) = (head as usize, len as usize);
        ring.place = Place { epoch, position, boot, before };
        // Nobody knows what of it was sent.
        ring.mark_sent(ring.len);
        let mut end = 0;
        while let Some((header, next)) = ring.record(end).filter(|(_, next)| *next <= ring.len)
            && whole_record(&ring, end, header)
        {
            end = next;
        }
        let lost = end < ring.len;
        if lost {
            ring.cut(end);
        }
        (ring, lost)
    }

    /// The memory, as a reset leaves it.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buf
    }

    /// Lets go of what is behind `end`. Positions never mean two things: those of what goes are not used again.
    fn cut(&mut self, end: usize) {
        let gone = (self.len - end) as u64;
        self.len = end;
        if end == 0 {
            self.place.position += gone;
        } else {
            // What is left keeps its positions; those behind it begin a life of their own.
            self.place.epoch = 0;
        }
        self.note();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::cut;

    fn header(len: usize) -> Header {
        Header { len: len as u16, scope: 300, kind: 2, items: 1 }
    }

    /// Every operation, cut at every store: what is there afterwards is what was there before it, or after some of its steps.
    #[test]
    fn a_reset_at_any_store_leaves_a_ring_of_before_or_after() {
        const CAPACITY: usize = 40;
        let step = |ring: &mut Ring<&mut [u8]>, n: u8| match n % 7 {
            5 => ring.release(ring.record(0).map_or(0, |(_, next)| next)),
            6 => ring.begin_boot(),
            3 => ring.set_epoch(n.into()),
            _ => while ring.push(header(4), &[n; 4]).is_none() && ring.evict().is_some() {},
        };
        let all = |ring: &Ring<&mut [u8]>| {
            let mut records = std::vec::Vec::new();
            for (at, found) in ring.records(0) {
                let mut out = [0; 4];
                ring.read(at + Header::LEN, &mut out);
                assert_eq!((found, out), (header(4), [out[0]; 4]));
                records.push(out[0]);
            }
            (ring.place(), records)
        };
        for steps in 0..40 {
            for stores in 0.. {
                let journal: &'static Twice<10> = std::boxed::Box::leak(std::boxed::Box::new(Twice::new()));
                let mut buf = [0; CAPACITY];
                let mut ring = Ring::begin(&mut buf[..], journal);
                (0..steps).for_each(|n| step(&mut ring, n));
                let before = all(&ring);
                let whole = cut::after(stores, || step(&mut ring, steps));
                let (left, lost) = Ring::resume(&mut *ring.buf, journal, |_, _, header| header.len == 4);
                let left = all(&left);
                assert!(!lost, "step {steps}, store {stores}");
                // What is left are the records of before without some of the oldest, and perhaps the new one.
                let old: std::vec::Vec<_> = left.1.iter().copied().filter(|n| *n != steps).collect();
                assert!(before.1.ends_with(&old), "step {steps}, store {stores}: {before:?} {left:?}");
                assert_eq!(left.0.position - before.0.position, 9 * (before.1.len() - old.len()) as u64);
                if whole {
                    break;
                }
            }
        }
    }
}
