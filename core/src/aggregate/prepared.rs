use super::{AttributeSet, Filter};
use crate::otlp::common::{Key, Value};
use crate::otlp::metrics::NumberPoint;
use crate::wire::{Reader, Writer, equal};

/// Attributes of measurements, hashed and encoded once: for a set that is measured again and again, or with several
/// instruments. One instrument with one set is better [bound](crate::Counter::bind).
///
/// `N` is the room for their encoding. Attributes that do not fit, or are more than 128, count as well, and are looked
/// at anew each time; so are those of an instrument that does not keep all.
///
/// ```
/// use smoltel_core::{Counter, Histogram, PreparedAttributes};
/// fn answered(requests: &Counter, duration: &Histogram, seconds: f64) {
///     let attributes = [("http.route".into(), "/orders".into()), ("http.response.status_code".into(), 200.into())];
///     let attributes = PreparedAttributes::<128>::new(&attributes);
///     requests.add_prepared(1, &attributes);
///     duration.record_prepared(seconds, &attributes);
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PreparedAttributes<'a, const N: usize = 256> {
    list: &'a [(Key<'a>, Value<'a>)],
    /// Their hash and the length of their encoding, if it fits.
    ready: Option<(u32, usize)>,
    encoded: [u8; N],
}

impl<'a, const N: usize> PreparedAttributes<'a, N> {
    /// Looks at every attribute once. Of equal keys the last counts.
    pub fn new(list: &'a [(Key<'a>, Value<'a>)]) -> Self {
        let mut encoded = [0; N];
        let mut w = Writer::new(&mut encoded);
        let ready = AttributeSet::new(list, Filter::All).and_then(|set| {
            set.encode(NumberPoint::ATTRIBUTES, &mut w).ok()?;
            Some((set.hash(), w.len()))
        });
        Self { list, ready, encoded }
    }

    /// The same without its size.
    #[inline]
    pub(crate) fn as_prepared(&self) -> Prepared<'_> {
        let encoded = |(hash, len)| Some((hash, self.encoded.get(..len)?));
        Prepared { list: self.list, ready: self.ready.and_then(encoded) }
    }
}

/// Attributes, and if they are ready their hash and encoding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prepared<'a> {
    pub(crate) list: &'a [(Key<'a>, Value<'a>)],
    pub(crate) ready: Option<(u32, &'a [u8])>,
}

/// Whether attributes that are stored as fields `number` are those, in the same order.
#[inline]
pub(super) fn same(encoded: &[u8], number: u32, stored: &[u8]) -> bool {
    if number == NumberPoint::ATTRIBUTES {
        return equal(encoded, stored);
    }
    // Only the tags differ, which are of one length.
    encoded.len() == stored.len()
        && Reader::new(encoded).zip(Reader::new(stored)).all(|pair| match pair {
            (Ok((_, a)), Ok((found, b))) => found == number && a == b,
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_the_same_whatever_the_number_of_their_field() {
        let list = [(Key::new("a"), Value::Int(1)), (Key::new("b"), "two".into())];
        let prepared = PreparedAttributes::<64>::new(&list);
        let encoded = prepared.as_prepared().ready.unwrap().1;
        let mut as_nine = [0; 64];
        let mut w = Writer::new(&mut as_nine);
        AttributeSet::new(&list, Filter::All).unwrap().encode(9, &mut w).unwrap();
        assert!(same(encoded, 7, encoded) && same(encoded, 9, w.written()));
        assert!(!same(encoded, 1, w.written()) && !same(encoded, 7, w.written()));
        for at in 0..w.len() {
            let mut other = as_nine;
            other[at] ^= 0x40;
            assert!(!same(encoded, 9, &other[..encoded.len()]), "{at}");
        }
    }

    #[test]
    fn what_does_not_fit_is_not_ready() {
        let list = [(Key::new("a"), Value::Int(1))];
        assert!(PreparedAttributes::<9>::new(&list).as_prepared().ready.is_some());
        assert!(PreparedAttributes::<8>::new(&list).as_prepared().ready.is_none());
    }
}
