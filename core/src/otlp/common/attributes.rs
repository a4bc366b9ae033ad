use super::{Bounds, Key, Value, attribute_within};
use crate::limits::AttributeLimits;
use crate::wire::{Full, Writer};

/// The attributes of an event or a link, as many as are allowed: of equal keys the last one counts, and
/// an empty key does not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes<'a> {
    /// What smoltel says itself; what the user says of the same keys comes behind and wins.
    own: &'a [(Key<'a>, Value<'a>)],
    given: &'a [(Key<'a>, Value<'a>)],
    most: u16,
    bounds: Bounds,
    /// Left out before, by whoever gave them.
    dropped: u32,
}

impl<'a> Attributes<'a> {
    #[inline]
    pub(crate) fn new(given: &'a [(Key<'a>, Value<'a>)], most: u16, limits: AttributeLimits) -> Self {
        Self::behind(&[], given, most, limits)
    }

    /// `own` attributes, and behind them those that were given.
    #[inline]
    pub(crate) fn behind(
        own: &'a [(Key<'a>, Value<'a>)],
        given: &'a [(Key<'a>, Value<'a>)],
        most: u16,
        limits: AttributeLimits,
    ) -> Self {
        Self { own, given, most, bounds: limits.bounds(), dropped: 0 }
    }

    /// And as many that were left out before.
    pub(crate) fn and_dropped(self, dropped: u32) -> Self {
        Self { dropped, ..self }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.own.is_empty() && self.given.is_empty()
    }

    /// Writes them as fields `number`. Returns how many were left out, before or now because they are beyond
    /// the limit or have an empty key; one whose key comes again is not left out but replaced.
    #[inline]
    pub(crate) fn encode(&self, w: &mut Writer<'_>, number: u32) -> Result<u32, Full> {
        let (mut kept, mut dropped) = (0, self.dropped);
        for (list, behind) in [(self.own, self.given), (self.given, &[])] {
            let mut rest = list;
            while let Some(((key, value), later)) = rest.split_first() {
                rest = later;
                if later.iter().chain(behind).any(|(other, _)| other == key) {
                    continue;
                }
                if key.name().is_empty() || kept == self.most {
                    dropped += 1;
                    continue;
                }
                attribute_within(w, number, key, value, self.bounds)?;
                kept += 1;
            }
        }
        Ok(dropped)
    }
}

/// What tells of an exception, by the semantic conventions; without a stack trace there are two.
pub(crate) fn exception<'a>(
    kind: &'a str,
    message: &'a str,
    stacktrace: &'a str,
) -> [(Key<'a>, Value<'a>); 3] {
    [
        (const { Key::new("exception.type") }, kind.into()),
        (const { Key::new("exception.message") }, message.into()),
        (const { Key::new("exception.stacktrace") }, stacktrace.into()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    /// The keys and the value of each, in one letter and one digit, and how many were left out.
    fn kept(given: &[(&'static str, i64)], most: u16) -> (String, u32) {
        let given: Vec<_> = given.iter().map(|(key, value)| (Key::new(key), Value::Int(*value))).collect();
        let mut buf = [0; 256];
        let mut w = Writer::new(&mut buf);
        let dropped = Attributes::new(&given, most, AttributeLimits::DEFAULT).encode(&mut w, 3).unwrap();
        // 1A 07, 0A 01 key, 12 02 18 value
        let pairs = w.written().chunks(9).map(|field| std::format!("{}{} ", field[4] as char, field[8]));
        (pairs.collect(), dropped)
    }

    #[test]
    fn a_repeated_key_is_replaced_and_an_empty_one_dropped() {
        assert_eq!(kept(&[("a", 1), ("b", 2)], 128), ("a1 b2 ".into(), 0));
        assert_eq!(kept(&[("a", 1), ("", 2), ("a", 3)], 128), ("a3 ".into(), 1));
    }

    #[test]
    fn what_is_beyond_the_limit_is_dropped_and_counted() {
        let given = [("a", 1), ("a", 2), ("b", 3), ("c", 4), ("d", 5)];
        assert_eq!(kept(&given, 2), ("a2 b3 ".into(), 2));
        assert_eq!(kept(&given, 0), (String::new(), 4));
    }

    #[test]
    fn given_attributes_win_over_own_ones() {
        let (own, given) =
            ([(Key::new("a"), 1.into()), (Key::new("b"), 2.into())], [(Key::new("a"), 3.into())]);
        let mut buf = [0; 64];
        let mut w = Writer::new(&mut buf);
        Attributes::behind(&own, &given, 8, AttributeLimits::DEFAULT).encode(&mut w, 3).unwrap();
        assert_eq!(w.written(), b"\x1A\x07\x0A\x01b\x12\x02\x18\x02\x1A\x07\x0A\x01a\x12\x02\x18\x03");
    }
}
