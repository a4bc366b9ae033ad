//! `common.proto`: attributes, their values, and the instrumentation scope.

mod attributes;
mod bounds;
#[cfg(feature = "profiles")]
mod indexed;
mod scope;
pub(crate) mod short;

pub(crate) use attributes::{Attributes, exception};
pub(crate) use bounds::{Bounds, Sink, distinct};
#[cfg(feature = "profiles")]
pub use indexed::{IndexedValue, StringIndex};
pub use scope::Scope;

use crate::wire::{Full, LEN, Writer, len_field, tag, varint};

mod field {
    pub(super) mod any_value {
        pub(in super::super) const STRING: u32 = 1;
        pub(in super::super) const BOOL: u32 = 2;
        pub(in super::super) const INT: u32 = 3;
        pub(in super::super) const DOUBLE: u32 = 4;
        pub(in super::super) const ARRAY: u32 = 5;
        pub(in super::super) const KVLIST: u32 = 6;
        pub(in super::super) const BYTES: u32 = 7;
        #[cfg(feature = "profiles")]
        pub(in super::super) const STRING_INDEX: u32 = 8;
    }
    pub(super) mod list {
        pub(in super::super) const VALUES: u32 = 1;
    }
    pub(super) mod key_value {
        pub(in super::super) const KEY: u32 = 1;
        pub(in super::super) const VALUE: u32 = 2;
        #[cfg(feature = "profiles")]
        pub(in super::super) const KEY_INDEX: u32 = 3;
    }
    pub(super) mod scope {
        pub(in super::super) const NAME: u32 = 1;
        pub(in super::super) const VERSION: u32 = 2;
        pub(in super::super) const ATTRIBUTES: u32 = 3;
        pub(in super::super) const DROPPED_ATTRIBUTES: u32 = 4;
    }
    /// `ScopeSpans` and its like.
    pub(super) mod scoped {
        pub(in super::super) const SCOPE: u32 = 1;
        pub(in super::super) const SCHEMA_URL: u32 = 3;
    }
}

/// An attribute's key: its name, with a signature that makes finding an equal key cheap.
///
/// A `const` key has its signature computed at compile time:
///
/// ```
/// use smoltel_core::Key;
/// const ROUTE: Key<'static> = Key::new("http.route");
/// assert_eq!(ROUTE, Key::from("http.route"));
/// ```
#[derive(Clone, Copy, Debug, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Key<'a> {
    name: &'a str,
    signature: u8,
}

impl<'a> Key<'a> {
    /// A key of that name. Names are case-sensitive; a record leaves out an empty one and counts it.
    #[inline]
    pub const fn new(name: &'a str) -> Self {
        let bytes = name.as_bytes();
        let n = bytes.len();
        let signature = if n == 0 {
            0
        } else {
            let (first, middle, last) = (bytes[0] as u32, bytes[n / 2] as u32, bytes[n - 1] as u32);
            // Factors that machines multiply by while they add.
            (9 * first + 3 * middle + 5 * last + n as u8 as u32) as u8
        };
        Self { name, signature }
    }

    /// The name.
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// Equal keys have equal signatures; most others differ.
    #[inline]
    pub(crate) const fn signature(&self) -> u8 {
        self.signature
    }
}

impl PartialEq for Key<'_> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.signature == other.signature && self.name == other.name
    }
}

impl<'a> From<&'a str> for Key<'a> {
    #[inline]
    fn from(name: &'a str) -> Self {
        Self::new(name)
    }
}

/// The value of an attribute or a log body: OTLP's `AnyValue`, borrowed.
///
/// Zeros and empty strings are values like any other and are kept.
///
/// ```
/// use smoltel_core::Value;
/// assert_eq!(Value::from(21.5), Value::Double(21.5));
/// let nested = Value::Array(&[Value::Int(1), Value::Str("two"), Value::Empty]);
/// # let _ = nested;
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// No value: a legal value of its own.
    Empty,
    /// Text.
    Str(&'a str),
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// Raw bytes.
    Bytes(&'a [u8]),
    /// A list; its elements may differ in type.
    Array(&'a [Value<'a>]),
    /// A map; its keys have to be unique.
    Map(&'a [(Key<'a>, Value<'a>)]),
}

macro_rules! value_from {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for Value<'_> {
            #[inline]
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

value_from!(bool => Bool, i64 => Int, i32 => Int, i16 => Int, i8 => Int, u32 => Int, u16 => Int, u8 => Int, f64 => Double, f32 => Double);

impl<'a> From<&'a str> for Value<'a> {
    #[inline]
    fn from(text: &'a str) -> Self {
        Self::Str(text)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    #[inline]
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a, const N: usize> From<&'a [Value<'a>; N]> for Value<'a> {
    fn from(values: &'a [Value<'a>; N]) -> Self {
        Self::Array(values)
    }
}

/// Saturates at `i64::MAX`: OTLP's integers are signed.
impl From<u64> for Value<'_> {
    #[inline]
    fn from(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

/// Saturates at `i64::MAX`: OTLP's integers are signed.
impl From<usize> for Value<'_> {
    #[inline]
    fn from(value: usize) -> Self {
        Self::from(value as u64)
    }
}

impl Value<'_> {
    /// Bytes of the `AnyValue` message, without its own tag and length.
    pub fn encoded_len(&self) -> usize {
        Bounds::NONE.value_len(self)
    }

    /// Writes the fields of the `AnyValue` message. Of equal keys in a map the last one counts. Arrays and
    /// maps that nest deeper than decoders of protobuf read (46 arrays, 30 maps) are written as empty
    /// values.
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        Bounds::NONE.encode(self, w)
    }
}

/// Bytes of a `KeyValue` message, without its own tag and length.
#[inline]
pub fn key_value_len(key: &Key<'_>, value: &Value<'_>) -> usize {
    Bounds::NONE.key_value_len(key, value)
}

/// Writes a `KeyValue` as field `number` of the message being written, whole or not at all.
#[inline]
pub fn attribute(w: &mut Writer<'_>, number: u32, key: &Key<'_>, value: &Value<'_>) -> Result<(), Full> {
    attribute_within(w, number, key, value, Bounds::NONE)
}

/// [`attribute`] with its value within bounds.
#[inline(never)]
pub(crate) fn attribute_within(
    w: &mut Writer<'_>,
    number: u32,
    key: &Key<'_>,
    value: &Value<'_>,
    bounds: Bounds,
) -> Result<(), Full> {
    if number < 16
        && bounds.admit_short()
        && w.within(|room| short::attribute(room, tag(number, LEN) as u8, key.name, value)).is_some()
    {
        return Ok(());
    }
    long_attribute(w, number, key, value, bounds)
}

/// The length of the `KeyValue` at the front of `bytes`, if it is the one that [`attribute`] writes for these.
/// Nothing is encoded to find out. What is behind it does not matter, and makes it quick.
#[cfg_attr(not(target_os = "none"), inline)]
#[cfg_attr(target_os = "none", inline(never))]
pub(crate) fn same_attribute(bytes: &[u8], number: u32, key: &Key<'_>, value: &Value<'_>) -> Option<usize> {
    match bytes.first_chunk() {
        Some(bytes) if short::is_short(key.name, value) => {
            short::same(bytes, tag(number, LEN) as u8, key.name, value)
        }
        _ => {
            let mut rest = Same(bytes);
            Bounds::NONE.key_value(number, key, value, &mut rest).ok()?;
            Some(bytes.len() - rest.0.len())
        }
    }
}

/// Compares instead of writing: what is left of the bytes once they were found to be the same.
struct Same<'a>(&'a [u8]);

impl Sink for Same<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.0 = self.0.strip_prefix(bytes).ok_or(Full)?;
        Ok(())
    }
}

#[inline(never)]
fn long_attribute(
    w: &mut Writer<'_>,
    number: u32,
    key: &Key<'_>,
    value: &Value<'_>,
    bounds: Bounds,
) -> Result<(), Full> {
    let total = bounds.key_value_len(key, value);
    if w.room() < varint::len(tag(number, LEN).into()) + varint::len(total as u64) + total {
        return Err(Full);
    }
    bounds.key_value(number, key, value, w)
}

/// Whether the `KeyValue` message in `bytes`, written by [`attribute`], has that key.
pub(crate) fn has_key(bytes: &[u8], key: &Key<'_>) -> bool {
    key_of(bytes) == key.name.as_bytes()
}

/// The key in a `KeyValue` message, which stands first in ours.
pub(crate) fn key_of(bytes: &[u8]) -> &[u8] {
    use crate::wire::{Payload, Reader};
    match Reader::new(bytes).next() {
        Some(Ok((field::key_value::KEY, Payload::Len(name)))) => name,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written<'a>(buf: &'a mut [u8], key: &str, value: &Value<'_>) -> &'a [u8] {
        let mut w = Writer::new(buf);
        attribute(&mut w, 9, &key.into(), value).unwrap();
        let n = w.len();
        &buf[..n]
    }

    #[test]
    fn attributes_are_the_bytes_of_the_specification() {
        let mut buf = [0; 64];
        assert_eq!(written(&mut buf, "a", &"b".into()), b"\x4A\x08\x0A\x01a\x12\x03\x0A\x01b");
        assert_eq!(written(&mut buf, "a", &true.into()), b"\x4A\x07\x0A\x01a\x12\x02\x10\x01");
        assert_eq!(written(&mut buf, "a", &Value::Int(300)), b"\x4A\x08\x0A\x01a\x12\x03\x18\xAC\x02");
        assert_eq!(written(&mut buf, "a", &Value::Empty), b"\x4A\x05\x0A\x01a\x12\x00");
        let double = b"\x4A\x0E\x0A\x01a\x12\x09\x21\0\0\0\0\0\0\xF0\x3F";
        assert_eq!(written(&mut buf, "a", &1.0.into()), double);
    }

    #[test]
    fn the_stated_length_is_the_written_length() {
        let inner = [("k".into(), Value::Int(-1)), ("l".into(), Value::Bytes(&[0; 200]))];
        let values = [Value::Map(&inner), Value::Empty, Value::Str(""), Value::Bool(false)];
        for value in [Value::Array(&values), Value::Str("x"), Value::Int(i64::MIN), Value::Double(0.0)] {
            let mut buf = [0; 512];
            let mut w = Writer::new(&mut buf);
            value.encode(&mut w).unwrap();
            assert_eq!(w.len(), value.encoded_len(), "{value:?}");
        }
    }

    #[test]
    fn an_attribute_that_does_not_fit_leaves_nothing() {
        for room in 0..10 {
            let mut buf = [0; 9];
            let mut w = Writer::new(&mut buf[..room]);
            assert_eq!(attribute(&mut w, 9, &"a".into(), &"bc".into()), Err(Full), "{room}");
            assert_eq!(w.len(), 0);
            if room == 9 {
                break;
            }
        }
    }

    #[test]
    fn keys_are_found_by_name() {
        let mut buf = [0; 64];
        let n = written(&mut buf, "abc", &1.into()).len();
        assert!(has_key(&buf[2..n], &"abc".into()));
        assert!(!has_key(&buf[2..n], &"abd".into()));
    }
}
