use super::{Bounds, Key, Value, attribute_within};
use crate::limits::AttributeLimits;
use crate::wire::{Full, LEN, Writer, len_field, tag, varint};

/// The attributes of an event or a link, as many as are allowed: of equal keys the last one counts, and
/// an empty key does not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes<'a> {
    /// What smoltel says itself; what the user says of the same keys comes behind and wins.
    own: &'a [(Key<'a>, Value<'a>)],
    given: &'a [(Key<'a>, Value<'a>)],
    most: usize,
    bounds: Bounds,
    /// Whether all are kept: nearly always, and then nobody has to look again.
    plain: bool,
}

impl<'a> Attributes<'a> {
    pub(crate) fn new(given: &'a [(Key<'a>, Value<'a>)], most: u16, limits: AttributeLimits) -> Self {
        Self::behind(&[], given, most, limits)
    }

    /// `own` attributes, and behind them those that were given.
    pub(crate) fn behind(
        own: &'a [(Key<'a>, Value<'a>)],
        given: &'a [(Key<'a>, Value<'a>)],
        most: u16,
        limits: AttributeLimits,
    ) -> Self {
        let most = usize::from(most);
        let mut attributes = Self { own, given, most, bounds: limits.bounds(), plain: false };
        let count = own.len() + given.len();
        attributes.plain = count <= most && attributes.distinct().count() == count;
        attributes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// How many went over the limit, or had an empty key. A key that is repeated within the limit is not
    /// dropped but replaced; beyond it nobody looks.
    pub(crate) fn dropped(&self) -> u32 {
        if self.plain {
            return 0;
        }
        let empty = self.all().filter(|(key, _)| key.name.is_empty()).count();
        let beyond = match self.distinct().nth(self.most) {
            Some((at, _)) => self.all().skip(at).filter(|(key, _)| !key.name.is_empty()).count(),
            None => 0,
        };
        u32::try_from(empty + beyond).unwrap_or(u32::MAX)
    }

    /// Bytes of all of them as fields `number`.
    pub(crate) fn encoded_len(&self, number: u32) -> usize {
        let tag_len = varint::len(tag(number, LEN).into());
        let field_len = |(key, value)| tag_len - 1 + len_field(self.bounds.key_value_len(key, value));
        self.kept().map(|(key, value)| field_len((key, value))).sum()
    }

    /// Writes all of them as fields `number`.
    pub(crate) fn encode(&self, w: &mut Writer<'_>, number: u32) -> Result<(), Full> {
        self.kept().try_for_each(|(key, value)| attribute_within(w, number, key, value, self.bounds))
    }

    fn all(&self) -> impl Iterator<Item = &'a (Key<'a>, Value<'a>)> + use<'a> {
        self.own.iter().chain(self.given)
    }

    fn kept(&self) -> impl Iterator<Item = &'a (Key<'a>, Value<'a>)> {
        self.distinct().map(|(_, attribute)| attribute).take(self.most)
    }

    fn distinct(&self) -> impl Iterator<Item = (usize, &'a (Key<'a>, Value<'a>))> {
        let again = |at: usize, key: &Key<'_>| self.all().skip(at + 1).any(|(other, _)| other == key);
        let counts = move |at: usize, key: &Key<'_>| self.plain || !key.name.is_empty() && !again(at, key);
        self.all().enumerate().filter(move |(at, (key, _))| counts(*at, key))
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
    use std::vec;
    use std::vec::Vec;

    fn kept(given: &[(&'static str, i64)], most: u16) -> (Vec<(&'static str, Value<'static>)>, u32) {
        let given: Vec<_> = given.iter().map(|(key, value)| (Key::new(key), Value::Int(*value))).collect();
        let attributes = Attributes::new(given.leak(), most, AttributeLimits::DEFAULT);
        let mut buf = [0; 256];
        let mut w = Writer::new(&mut buf);
        attributes.encode(&mut w, 3).unwrap();
        assert_eq!(w.len(), attributes.encoded_len(3));
        (attributes.kept().map(|(key, value)| (key.name(), *value)).collect(), attributes.dropped())
    }

    #[test]
    fn a_repeated_key_is_replaced_and_an_empty_one_dropped() {
        assert_eq!(kept(&[("a", 1), ("b", 2)], 128), (vec![("a", 1.into()), ("b", 2.into())], 0));
        assert_eq!(kept(&[("a", 1), ("", 2), ("a", 3)], 128), (vec![("a", 3.into())], 1));
    }

    #[test]
    fn what_is_beyond_the_limit_is_dropped_and_counted() {
        let given = [("a", 1), ("a", 2), ("b", 3), ("c", 4), ("d", 5)];
        assert_eq!(kept(&given, 2), (vec![("a", 2.into()), ("b", 3.into())], 2));
        assert_eq!(kept(&given, 0), (vec![], 4), "a is repeated beyond the limit, where it is no news");
    }
}
