//! Where frames end: Consistent Overhead Byte Stuffing, in place.
//!
//! Ours rather than the crate `cobs`, which needs a second buffer to encode: a frame is built in the caller's own and stuffed
//! there. The crate is what the tests compare with.

/// The most raw bytes of a frame of `size` bytes with its stuffing and its zero.
pub(super) const fn room(size: usize) -> usize {
    let inside = size.saturating_sub(2);
    inside - inside / 255
}

/// How far behind a buffer's front `raw` bytes have to lie, to be stuffed there.
pub(super) const fn lead(raw: usize) -> usize {
    1 + raw.saturating_sub(1) / 254
}

/// Stuffs the `len` bytes at `lead(…)` of at least `len`, towards the front, and puts a zero behind them; how many they are
/// then. `None` if they are not in the buffer.
pub(super) fn stuff(buf: &mut [u8], lead: usize, len: usize) -> Option<usize> {
    let (mut code_at, mut to, mut code) = (0, 1, 1);
    for from in lead..lead + len {
        let byte = *buf.get(from)?;
        if code == u8::MAX {
            *buf.get_mut(code_at)? = code;
            (code_at, to, code) = (to, to + 1, 1);
        }
        if byte == 0 {
            *buf.get_mut(code_at)? = code;
            (code_at, to, code) = (to, to + 1, 1);
        } else {
            *buf.get_mut(to)? = byte;
            (to, code) = (to + 1, code + 1);
        }
    }
    *buf.get_mut(code_at)? = code;
    *buf.get_mut(to)? = 0;
    Some(to + 1)
}

/// Takes the stuffing out again; how many bytes are left at the front. `None` if it is none.
fn unstuff(buf: &mut [u8]) -> Option<usize> {
    let (mut from, mut to) = (0, 0);
    while let Some(&code) = buf.get(from) {
        from += 1;
        for _ in 1..code {
            let byte = *buf.get(from)?;
            *buf.get_mut(to)? = byte;
            (from, to) = (from + 1, to + 1);
        }
        if code < u8::MAX && from < buf.len() {
            *buf.get_mut(to)? = 0;
            to += 1;
        }
    }
    Some(to)
}

/// Collects a frame out of whatever arrives. What is longer than `N` bytes is skipped to its end.
#[derive(Debug)]
pub(super) struct Inbox<const N: usize> {
    bytes: [u8; N],
    len: usize,
    too_long: bool,
}

impl<const N: usize> Inbox<N> {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; N], len: 0, too_long: false }
    }

    /// Takes from `arrived` up to the end of a frame, and returns the frame's raw bytes; `None` when all is taken. What is no
    /// frame is counted in `bad`.
    pub(super) fn take(&mut self, arrived: &mut &[u8], bad: &mut u32) -> Option<&mut [u8]> {
        loop {
            let end = arrived.iter().position(|&byte| byte == 0);
            let part = arrived.get(..end.unwrap_or(arrived.len()))?;
            match self.bytes.get_mut(self.len..self.len + part.len()) {
                Some(room) if !self.too_long => room.copy_from_slice(part),
                _ => self.too_long = true,
            }
            self.len = (self.len + part.len()).min(N);
            *arrived = end.and_then(|end| arrived.get(end + 1..)).unwrap_or_default();
            end?;
            let (len, too_long) = (self.len, self.too_long);
            (self.len, self.too_long) = (0, false);
            let raw = self.bytes.get_mut(..len).filter(|_| !too_long).and_then(unstuff);
            match raw {
                Some(0) => {}
                Some(raw) => return self.bytes.get_mut(..raw),
                None => *bad = bad.saturating_add(1),
            }
        }
    }

    /// What `take` has returned last, if nothing was taken since.
    pub(super) fn last(&mut self, len: usize) -> &mut [u8] {
        self.bytes.get_mut(..len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_xoshiro::SplitMix64;
    use rand_xoshiro::rand_core::{Rng, SeedableRng};
    use std::vec::Vec;

    fn stuffed(raw: &[u8]) -> Vec<u8> {
        let lead = lead(raw.len());
        let mut buf = std::vec![0xEE; lead + raw.len() + 2];
        buf[lead..lead + raw.len()].copy_from_slice(raw);
        let n = stuff(&mut buf, lead, raw.len()).unwrap();
        buf.truncate(n);
        buf
    }

    /// Bytes of which about one in `zeros` is zero.
    fn sample(len: usize, zeros: usize) -> Vec<u8> {
        let mut random = SplitMix64::seed_from_u64((len + zeros % 1000) as u64);
        let mut byte =
            |_| if random.next_u64() % zeros as u64 == 0 { 0 } else { 1 + (random.next_u64() % 255) as u8 };
        (0..len).map(&mut byte).collect()
    }

    #[test]
    fn what_is_stuffed_is_as_cobs_has_it_and_comes_back() {
        assert_eq!(stuffed(&[]), [1, 0]);
        assert_eq!(stuffed(&[0]), [1, 1, 0]);
        assert_eq!(stuffed(&[5, 0, 6]), [2, 5, 2, 6, 0]);
        for len in (0..600).chain([1018]) {
            for zeros in [1, 2, 50, usize::MAX] {
                let raw = sample(len, zeros);
                let wire = stuffed(&raw);
                assert!(wire.len() <= len + lead(len) + 1);
                let mut theirs = std::vec![0; len + 1];
                let report = cobs::decode(&wire, &mut theirs).unwrap();
                assert_eq!(theirs[..report.frame_size()], raw);
                assert_eq!(wire.iter().position(|&byte| byte == 0), Some(wire.len() - 1));
                let (mut inbox, mut bad) = (Inbox::<1024>::new(), 0);
                let (first, second) = wire.split_at(wire.len() / 2);
                assert!(inbox.take(&mut { first }, &mut bad).is_none());
                let back = inbox.take(&mut { second }, &mut bad).map(|back| back.to_vec());
                assert_eq!(back.unwrap_or_default(), raw, "{len} bytes, one in {zeros} zero");
                assert_eq!(bad, 0);
            }
        }
    }

    #[test]
    fn a_frame_fills_its_size_and_no_more() {
        for size in 64..=1024 {
            let raw = sample(room(size), usize::MAX);
            assert!((size - 1..=size).contains(&stuffed(&raw).len()), "{size}");
            assert!(lead(room(size)) + room(size) < size);
        }
    }

    #[test]
    fn what_is_too_long_or_no_stuffing_is_skipped_and_counted() {
        let (mut inbox, mut bad) = (Inbox::<8>::new(), 0);
        let mut wire: &[u8] = &[9, 1, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 2, 7, 0];
        assert_eq!(inbox.take(&mut wire, &mut bad), Some(&mut [7][..]));
        assert_eq!((bad, wire.len()), (2, 0));
    }

    #[test]
    fn the_beginning_of_a_frame_is_taken_once() {
        let (mut inbox, mut bad) = (Inbox::<8>::new(), 0);
        let mut wire: &[u8] = &[3, 7];
        assert_eq!((inbox.take(&mut wire, &mut bad), wire), (None, &[][..]));
        wire = &[8, 0];
        assert_eq!(inbox.take(&mut wire, &mut bad), Some(&mut [7, 8][..]));
    }
}
