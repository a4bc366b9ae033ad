//! Words that change as a whole, whenever a reset comes.

use core::sync::atomic::{AtomicU32, Ordering, compiler_fence};

/// `N` words, twice. One of both counts; a change is written to the other one, which counts then.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Twice<const N: usize> {
    copies: [[AtomicU32; N]; 2],
    checks: [AtomicU32; 2],
    current: AtomicU32,
}

impl<const N: usize> Twice<N> {
    pub(crate) const fn new() -> Self {
        let copies = [const { [const { AtomicU32::new(0) }; N] }; 2];
        Self { copies, checks: [const { AtomicU32::new(0) }; 2], current: AtomicU32::new(0) }
    }

    /// Changes them to `words`, with one store after which they are.
    pub(crate) fn write(&self, words: [u32; N]) {
        let next = !self.current.load(Ordering::Relaxed) & 1;
        let [copies, checks] = [next as usize; 2];
        if let (Some(copy), Some(check)) = (self.copies.get(copies), self.checks.get(checks)) {
            copy.iter().zip(words).for_each(|(to, word)| store(to, word));
            store(check, checked(words));
            store(&self.current, next);
        }
    }

    /// What they are; `None` if memory lost some of it.
    pub(crate) fn read(&self) -> Option<[u32; N]> {
        let current = (self.current.load(Ordering::Relaxed) & 1) as usize;
        let copy = self.copies.get(current)?;
        let words = core::array::from_fn(|at| copy.get(at).map_or(0, |word| word.load(Ordering::Relaxed)));
        (self.checks.get(current)?.load(Ordering::Relaxed) == checked(words)).then_some(words)
    }
}

/// A sum that no change of one word leaves as it was: each step can be undone.
fn checked<const N: usize>(words: [u32; N]) -> u32 {
    words.iter().fold(0x5EED_1E55, |sum: u32, word| (sum ^ word).wrapping_mul(0x0100_0193).rotate_left(5))
}

/// One store, which the compiler leaves where it is among all others: a reset may come right before or behind it.
pub(super) fn store(word: &AtomicU32, value: u32) {
    #[cfg(any(test, smoltel_resets))]
    super::cut::point();
    compiler_fence(Ordering::SeqCst);
    word.store(value, Ordering::Relaxed);
    compiler_fence(Ordering::SeqCst);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::cut;

    #[test]
    fn a_reset_at_any_store_leaves_the_old_words_or_the_new_ones() {
        for stores in 0.. {
            let words = Twice::<3>::new();
            words.write([1, 2, 3]);
            let whole = cut::after(stores, || words.write([4, 5, 6]));
            let left = words.read();
            assert!(left == Some([1, 2, 3]) || left == Some([4, 5, 6]), "{stores}: {left:?}");
            if whole {
                return assert_eq!(left, Some([4, 5, 6]));
            }
            words.write([7, 8, 9]);
            assert_eq!(words.read(), Some([7, 8, 9]));
        }
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let words = Twice::<2>::new();
        assert_eq!(words.read(), None, "zeros are no state");
        words.write([1, 2]);
        let at = words.current.load(Ordering::Relaxed) as usize;
        for (word, bit) in (0..2).flat_map(|word| (0..32).map(move |bit| (word, bit))) {
            words.copies[at][word].fetch_xor(1 << bit, Ordering::Relaxed);
            assert_eq!(words.read(), None);
            words.copies[at][word].fetch_xor(1 << bit, Ordering::Relaxed);
        }
        assert_eq!(words.read(), Some([1, 2]));
    }
}
