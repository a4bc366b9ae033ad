//! A growing set of small numbers.

/// A set of ordinals, one bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bitmap(Vec<u64>);

impl Bitmap {
    /// Adds `at`; false if it was there.
    pub(crate) fn set(&mut self, at: u32) -> bool {
        let (word, bit) = (at as usize / 64, 1u64 << (at % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }

    /// Removes `at`; false if it was not there.
    pub(crate) fn clear(&mut self, at: u32) -> bool {
        let was = self.get(at);
        if was {
            self.0[at as usize / 64] &= !(1u64 << (at % 64));
        }
        was
    }

    pub(crate) fn get(&self, at: u32) -> bool {
        self.0.get(at as usize / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    /// How many of the lowest ordinals are all there.
    pub(crate) fn prefix(&self) -> u32 {
        let full = self.0.iter().take_while(|word| **word == u64::MAX).count();
        let rest = self.0.get(full).map_or(0, |word| word.trailing_ones());
        full as u32 * 64 + rest
    }

    /// The words from the one that holds `from` on, without zeros at the end.
    pub(crate) fn words_from(&self, from: u32) -> &[u64] {
        let words = self.0.get(from as usize / 64..).unwrap_or(&[]);
        let end = words.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
        &words[..end]
    }

    /// The set of all ordinals below `prefix`, and those in `words`, which start at `prefix` rounded down to 64.
    pub(crate) fn restore(prefix: u32, words: &[u64]) -> Bitmap {
        let mut bits = vec![u64::MAX; prefix as usize / 64];
        bits.extend_from_slice(words);
        let mut bitmap = Bitmap(bits);
        for at in prefix / 64 * 64..prefix {
            bitmap.set(at);
        }
        bitmap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bitmap_survives_its_prefix_and_words() {
        let mut bitmap = Bitmap::default();
        for at in (0..130).chain([140, 300]) {
            assert!(bitmap.set(at));
        }
        assert!(!bitmap.set(7));
        assert_eq!(bitmap.prefix(), 130);
        let back = Bitmap::restore(130, bitmap.words_from(130));
        assert_eq!(back, bitmap);
        assert!(back.get(300) && !back.get(299) && !back.get(100_000));
        assert!(bitmap.clear(300) && !bitmap.clear(300));
        assert_eq!(Bitmap::restore(5, &[]).prefix(), 5);
    }
}
