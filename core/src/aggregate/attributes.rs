use super::Filter;
use crate::otlp::common::{Bounds, Key, Sink, Value, attribute, distinct, key_value_len, same_attribute};
use crate::wire::{Full, Reader, Writer, len_field};

/// The attributes of a measurement as a set: in any order, of equal keys the last, without empty keys
/// and those that the instrument does not keep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttributeSet<'a> {
    list: &'a [(Key<'a>, Value<'a>)],
    filter: Filter,
    /// Whether every pair of the list is in the set, which is nearly always so.
    all: bool,
    hash: u32,
}

impl<'a> AttributeSet<'a> {
    /// The most attributes of a measurement. One with more goes to the overflow point: what is compared
    /// under a lock has to be bounded.
    pub(crate) const MAX: usize = 128;

    /// Looks at every attribute once; nothing is encoded.
    #[inline]
    pub(crate) fn new(list: &'a [(Key<'a>, Value<'a>)], filter: Filter) -> Option<Self> {
        if list.len() > Self::MAX {
            return None;
        }
        // A bit for each signature: keys are surely distinct when no bit is met twice, and nearly always are
        // when one is.
        let (mut met, mut twice, mut hash_sum) = (0u32, 0, 0u32);
        for (key, value) in list {
            let bit = 1 << (key.signature() & 31);
            // An empty key needs a second look as well.
            twice |= met & bit | u32::from(key.name().is_empty());
            met |= bit;
            hash_sum = hash_sum.wrapping_add(hash(key, value));
        }
        let all = filter.is_all() && (twice == 0 || are_distinct(list));
        let mut set = Self { list, filter, all, hash: hash_sum };
        if !set.all {
            set.hash = set.iter().fold(0, |sum, (key, value)| sum.wrapping_add(hash(key, value)));
        }
        Some(set)
    }

    /// The same for equal sets.
    #[inline]
    pub(crate) const fn hash(&self) -> u32 {
        self.hash
    }

    /// Whether nothing is in the set.
    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The pairs in the set.
    fn iter(&self) -> impl Iterator<Item = &'a (Key<'a>, Value<'a>)> {
        let (list, filter, all) = (self.list, self.filter, self.all);
        let later = move |at: usize, key: &Key<'_>| list.iter().skip(at + 1).any(|(other, _)| other == key);
        let counts = move |at: usize, key: &Key<'_>| {
            !key.name().is_empty() && filter.keeps(key.name()) && !later(at, key)
        };
        list.iter().enumerate().filter(move |(at, (key, _))| all || counts(*at, key)).map(|(_, pair)| pair)
    }

    /// The pairs that the instrument does not keep.
    pub(crate) fn dropped(&self) -> impl Iterator<Item = &'a (Key<'a>, Value<'a>)> {
        let filter = self.filter;
        distinct(self.list).filter(move |(key, _)| !key.name().is_empty() && !filter.keeps(key.name()))
    }

    /// Bytes of the attributes as fields with a low number.
    pub(crate) fn encoded_len(&self) -> usize {
        self.iter().map(|(key, value)| len_field(key_value_len(key, value))).sum()
    }

    /// Writes the attributes as fields `number`.
    pub(crate) fn encode(&self, number: u32, w: &mut Writer<'_>) -> Result<(), Full> {
        self.iter().try_for_each(|(key, value)| attribute(w, number, key, value))
    }

    /// Whether the first `len` bytes, written by [`encode`](Self::encode), are the same set.
    #[inline]
    pub(crate) fn matches(&self, number: u32, bytes: &[u8], len: usize) -> bool {
        // Measurements made in one place have their attributes in one order.
        self.all && self.matches_in_order(number, bytes, len)
            || self.matches_in_any_order(number, bytes.get(..len).unwrap_or_default())
    }

    #[inline]
    fn matches_in_order(&self, number: u32, bytes: &[u8], len: usize) -> bool {
        let mut rest = bytes;
        for (key, value) in self.list {
            let Some(len) = same_attribute(rest, number, key, value) else { return false };
            let Some(behind) = rest.get(len..) else { return false };
            rest = behind;
        }
        bytes.len() - rest.len() == len
    }

    #[cold]
    fn matches_in_any_order(&self, number: u32, encoded: &[u8]) -> bool {
        // Keys are distinct on both sides: equal numbers, and every pair found, make equal sets.
        self.iter().count() == Reader::new(encoded).count()
            && self.iter().all(|(key, value)| {
                let mut fields = Reader::new(encoded);
                loop {
                    if same_attribute(fields.rest(), number, key, value).is_some() {
                        return true;
                    }
                    if !matches!(fields.next(), Some(Ok(_))) {
                        return false;
                    }
                }
            })
    }
}

/// Whether no key is empty or repeated.
#[cold]
fn are_distinct(list: &[(Key<'_>, Value<'_>)]) -> bool {
    let repeated = |at: usize, key| list.iter().skip(at + 1).any(|(other, _)| other == key);
    list.iter().enumerate().all(|(at, (key, _))| !key.name().is_empty() && !repeated(at, key))
}

/// Attributes hash alone and are summed, so that their order does not matter.
#[inline(always)]
fn hash(key: &Key<'_>, value: &Value<'_>) -> u32 {
    let mut hash = Hash(usize::from(key.signature()) | key.name().len() << 8);
    match *value {
        Value::Str(text) => hash.bytes(text.as_bytes()),
        Value::Int(value) => hash.number(value as u64),
        Value::Double(value) => hash.number(value.to_bits()),
        Value::Bool(value) => hash.word(value.into()),
        ref other => nested(&mut hash, other),
    }
    hash.finish()
}

#[cold]
fn nested(hash: &mut Hash, value: &Value<'_>) {
    // A hash takes everything.
    let _ = Bounds::NONE.encode(value, hash);
}

/// Few instructions, on words of the machine; whoever chooses attributes to collide slows down only the lookup
/// of those, which the cardinality limit bounds.
struct Hash(usize);

const WORD: usize = size_of::<usize>();

impl Hash {
    const FACTOR: usize = 0x9E37_79B9_7F4A_7C15_u64 as usize;

    #[inline(always)]
    fn word(&mut self, word: usize) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(Self::FACTOR);
    }

    #[inline(always)]
    fn number(&mut self, number: u64) {
        self.word(number as usize);
        if WORD < 8 {
            self.word((number >> 32) as usize);
        }
    }

    /// Takes short texts in two pieces of a fixed size: that they overlap does no harm.
    #[inline(always)]
    fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len());
        if bytes.len() > 4 * WORD {
            self.long(bytes);
        } else if !self.pieces::<{ 2 * WORD }>(bytes) && !self.pieces::<WORD>(bytes) {
            self.word(bytes.iter().fold(0, |word, byte| word << 8 | usize::from(*byte)));
        }
    }

    #[inline(always)]
    fn pieces<const N: usize>(&mut self, bytes: &[u8]) -> bool {
        let (Some(head), Some(tail)) = (bytes.first_chunk::<N>(), bytes.last_chunk::<N>()) else {
            return false;
        };
        self.words(head);
        self.words(tail);
        true
    }

    #[inline(always)]
    fn words<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.word(usize::from_le_bytes(*word)));
        rest
    }

    #[inline(never)]
    fn long(&mut self, bytes: &[u8]) {
        let rest = self.words(bytes);
        self.word(rest.iter().fold(0, |word, byte| word << 8 | usize::from(*byte)));
    }

    /// The highest bits are the best ones.
    #[inline(always)]
    fn finish(self) -> u32 {
        ((self.0 ^ self.0 >> (4 * WORD - 3)).wrapping_mul(Self::FACTOR) >> (8 * WORD - 32)) as u32
    }
}

impl Sink for Hash {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.bytes(bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    type Pair<'a> = (Key<'a>, Value<'a>);

    fn set<'a>(list: &'a [Pair<'a>]) -> AttributeSet<'a> {
        AttributeSet::new(list, Filter::All).unwrap()
    }

    fn encoded(list: &[Pair<'_>]) -> Vec<u8> {
        let mut buf = [0; 1024];
        let mut w = Writer::new(&mut buf);
        set(list).encode(7, &mut w).unwrap();
        assert_eq!(w.len(), set(list).encoded_len());
        w.written().to_vec()
    }

    /// Whether the sets are equal, with and without something behind the encoded one.
    fn matches(list: &[Pair<'_>], stored: &[Pair<'_>]) -> bool {
        let stored = encoded(stored);
        let behind = [&stored[..], &[7; 100]].concat();
        let equal = set(list).matches(7, &stored, stored.len());
        assert_eq!(set(list).matches(7, &behind, stored.len()), equal);
        equal
    }

    #[test]
    fn equal_sets_match_whatever_their_order_and_others_do_not() {
        let inner = [Value::Int(1), Value::Str("x")];
        let long = "a text that is longer than thirty-two bytes, twice as long: 12345678";
        let pairs: [Pair<'_>; 7] = [
            ("a".into(), "text".into()),
            ("b".into(), (-300).into()),
            ("c".into(), true.into()),
            ("d".into(), 1.5.into()),
            ("e".into(), Value::Array(&inner)),
            ("f".into(), long.into()),
            ("g".into(), Value::Empty),
        ];
        let mut turned = pairs;
        turned.rotate_left(3);
        for same in [pairs, turned] {
            assert_eq!(set(&same).hash(), set(&pairs).hash());
            assert!(matches(&same, &pairs));
        }
        for i in 0..pairs.len() {
            let mut other = pairs;
            other[i].1 = Value::Bytes(b"other");
            assert!(!matches(&other, &pairs), "{i}");
            assert_ne!(set(&other).hash(), set(&pairs).hash(), "{i}");
            let fewer: Vec<_> =
                pairs.iter().enumerate().filter(|(at, _)| *at != i).map(|(_, p)| *p).collect();
            assert!(!matches(&fewer, &pairs), "{i}");
            assert!(!matches(&pairs, &fewer), "{i}");
        }
    }

    #[test]
    fn a_value_differs_from_every_other_of_its_kind() {
        let texts = ["", "a", "b", "same-but-x", "same-but-y", "sixteen bytes, A", "sixteen bytes, B"];
        let texts = texts.map(Value::Str);
        let numbers = [0, 1, 127, 128, 255, 16_384, -1, i64::MIN].map(Value::Int);
        let rest = [Value::Bool(false), Value::Bool(true), 0.0.into(), 1.0.into(), (-0.0).into()];
        let values: Vec<_> = [&texts[..], &numbers, &rest].concat();
        for (i, a) in values.iter().enumerate() {
            for (j, b) in values.iter().enumerate() {
                assert_eq!(matches(&[("k".into(), *a)], &[("k".into(), *b)]), i == j, "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn of_equal_keys_the_last_counts_and_empty_ones_do_not() {
        let plain: [Pair<'_>; 1] = [("a".into(), 2.into())];
        let again: [Pair<'_>; 3] = [("a".into(), 1.into()), ("".into(), 7.into()), ("a".into(), 2.into())];
        assert_eq!(set(&again).hash(), set(&plain).hash());
        assert!(matches(&again, &plain));
        assert_eq!(encoded(&again), encoded(&plain));
    }

    #[test]
    fn what_is_not_kept_is_not_in_the_set() {
        let pairs: [Pair<'_>; 3] = [("a".into(), 1.into()), ("b".into(), 2.into()), ("c".into(), 3.into())];
        let kept = AttributeSet::new(&pairs, Filter::Only(&["b"])).unwrap();
        assert!(kept.matches(7, &encoded(&pairs[1..2]), encoded(&pairs[1..2]).len()));
        assert_eq!(kept.hash(), set(&pairs[1..2]).hash());
        assert_eq!(kept.dropped().count(), 2);
        assert!(AttributeSet::new(&pairs, Filter::Only(&[])).unwrap().is_empty());
    }

    #[test]
    fn numbers_next_to_each_other_spread_over_the_index() {
        let mut met = [0u8; 256];
        for i in 0..256 {
            let pairs: [Pair<'_>; 1] = [("valve.id".into(), Value::Int(i))];
            met[(set(&pairs).hash() >> 24) as usize] += 1;
        }
        assert!(met.iter().all(|n| *n < 8), "{met:?}");
    }
}
