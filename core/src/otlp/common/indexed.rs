use super::{Value, field};
use crate::wire::{Full, VARINT, Writer, len_field, tag, varint};

/// The value of an attribute in a profile, whose texts may stand in the profile's table of strings.
///
/// ```
/// use smoltel_core::otlp::profiles::{IndexedValue, StringIndex};
/// let index = StringIndex::default(); // as Profile::string gives it
/// let thread = IndexedValue::Map(&[(index, IndexedValue::Text(index)), (index, IndexedValue::Plain(3.into()))]);
/// # let _ = thread;
/// ```
#[derive(Clone, Copy, Debug)]
pub enum IndexedValue<'a> {
    /// A value like any other.
    Plain(Value<'a>),
    /// The text at that place.
    Text(StringIndex),
    /// A map whose keys are the texts at these places; they have to be unique.
    Map(&'a [(StringIndex, IndexedValue<'a>)]),
}

/// A place in a profile's table of strings. The default is the empty string.
///
/// ```
/// use smoltel_core::otlp::common::StringIndex;
/// let empty = StringIndex::default(); // others come from a profile's table
/// assert_eq!(empty, StringIndex::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StringIndex(pub(in crate::otlp) i32);

impl StringIndex {
    pub(in crate::otlp) fn number(self) -> u64 {
        self.0 as u64
    }
}

impl<'a, V: Into<Value<'a>>> From<V> for IndexedValue<'a> {
    fn from(value: V) -> Self {
        Self::Plain(value.into())
    }
}

impl IndexedValue<'_> {
    /// Bytes of the `AnyValue` message.
    pub(in crate::otlp) fn encoded_len(&self) -> usize {
        match self {
            Self::Plain(value) => value.encoded_len(),
            Self::Text(index) => 1 + varint::len(index.number()),
            Self::Map(pairs) => len_field(map_len(pairs)),
        }
    }

    /// Writes the fields of the `AnyValue` message.
    pub(in crate::otlp) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        match self {
            Self::Plain(value) => value.encode(w),
            Self::Text(index) => w.varint_field(field::any_value::STRING_INDEX, index.number()),
            Self::Map(pairs) => {
                w.head(field::any_value::KVLIST, map_len(pairs))?;
                pairs.iter().try_for_each(|(key, value)| {
                    w.head(field::list::VALUES, pair_len(*key, value))?;
                    w.head(field::key_value::VALUE, value.encoded_len())?;
                    value.encode(w)?;
                    w.varint_field(field::key_value::KEY_INDEX, key.number())
                })
            }
        }
    }
}

fn map_len(pairs: &[(StringIndex, IndexedValue<'_>)]) -> usize {
    pairs.iter().map(|(key, value)| len_field(pair_len(*key, value))).sum()
}

fn pair_len(key: StringIndex, value: &IndexedValue<'_>) -> usize {
    len_field(value.encoded_len()) + 1 + varint::len(key.number())
}

const _: () = assert!(tag(field::any_value::STRING_INDEX, VARINT) == 64);
