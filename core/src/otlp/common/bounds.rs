use super::{Key, Value, field};
use crate::wire::{FIXED64, Full, LEN, SHORT, VARINT, len_field, tag, varint};

/// How much of a value is written: longer texts are cut, and what nests deeper is left empty.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Characters of a text, bytes of a byte string.
    len: usize,
    /// Arrays and maps within each other.
    depth: u8,
    /// Messages within each other, whatever the depth: a request beyond what decoders accept would be
    /// refused whole, with everybody's records in it.
    messages: u8,
}

/// Decoders of protobuf accept 100 messages within each other. An attribute's value is the eighth in the
/// worst case, that of an exemplar.
const MESSAGES: u8 = 100 - 8;
/// An `ArrayValue` and the value in it.
const ARRAY: u8 = 2;
/// A `KeyValueList`, a `KeyValue` and the value in it.
const MAP: u8 = 3;

impl Bounds {
    /// None but that of decoders: arrays nest 46 deep, maps 30.
    pub(crate) const NONE: Self = Self { len: usize::MAX, depth: u8::MAX, messages: MESSAGES };

    /// Texts of `len` characters and byte strings of `len` bytes, where [`u32::MAX`] is no bound; `depth`
    /// is 1 for a value that is no array or map, and for one that holds no other.
    #[inline]
    pub(crate) const fn new(len: u32, depth: u8) -> Self {
        let len = if len == u32::MAX { usize::MAX } else { len as usize };
        Self { len, depth, messages: MESSAGES }
    }

    /// Whether all that is short is written as it is.
    #[inline(always)]
    pub(super) fn admit_short(&self) -> bool {
        self.len >= SHORT
    }

    /// The bounds of what is in an array or map; `None` if that is too deep itself.
    fn within(self, messages: u8) -> Option<Self> {
        let depth = self.depth.checked_sub(1)?;
        Some(Self { depth, messages: self.messages.checked_sub(messages)?, ..self })
    }

    fn text<'a>(&self, text: &'a str) -> &'a str {
        if text.len() <= self.len {
            return text;
        }
        text.char_indices().nth(self.len).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
    }

    fn bytes<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(..self.len).unwrap_or(bytes)
    }

    /// Bytes of the `AnyValue` message.
    pub(crate) fn value_len(self, value: &Value<'_>) -> usize {
        match *value {
            Value::Empty => 0,
            Value::Str(text) => len_field(self.text(text).len()),
            Value::Bool(_) => 2,
            Value::Int(value) => 1 + varint::len(value as u64),
            Value::Double(_) => 9,
            Value::Bytes(bytes) => len_field(self.bytes(bytes).len()),
            Value::Array(values) => self.within(ARRAY).map_or(0, |inner| len_field(inner.array_len(values))),
            Value::Map(pairs) => self.within(MAP).map_or(0, |inner| len_field(inner.map_len(pairs))),
        }
    }

    /// Bytes of a `KeyValue` message.
    pub(crate) fn key_value_len(self, key: &Key<'_>, value: &Value<'_>) -> usize {
        len_field(key.name.len()) + len_field(self.value_len(value))
    }

    fn array_len(self, values: &[Value<'_>]) -> usize {
        values.iter().map(|value| len_field(self.value_len(value))).sum()
    }

    fn map_len(self, pairs: &[(Key<'_>, Value<'_>)]) -> usize {
        distinct(pairs).map(|(key, value)| len_field(self.key_value_len(key, value))).sum()
    }

    /// Writes the fields of the `AnyValue` message.
    pub(crate) fn encode(self, value: &Value<'_>, out: &mut dyn Sink) -> Result<(), Full> {
        use field::any_value as number;
        match *value {
            Value::Empty => Ok(()),
            Value::Str(text) => bytes(out, number::STRING, self.text(text).as_bytes()),
            Value::Bool(value) => out.put(&[tag(number::BOOL, VARINT) as u8, value.into()]),
            Value::Int(value) => {
                out.put(&[tag(number::INT, VARINT) as u8])?;
                put_varint(out, value as u64)
            }
            Value::Double(value) => {
                out.put(&[tag(number::DOUBLE, FIXED64) as u8])?;
                out.put(&value.to_bits().to_le_bytes())
            }
            Value::Bytes(value) => bytes(out, number::BYTES, self.bytes(value)),
            Value::Array(values) => self.within(ARRAY).map_or(Ok(()), |inner| inner.array(values, out)),
            Value::Map(pairs) => self.within(MAP).map_or(Ok(()), |inner| inner.map(pairs, out)),
        }
    }

    fn array(self, values: &[Value<'_>], out: &mut dyn Sink) -> Result<(), Full> {
        head(out, field::any_value::ARRAY, self.array_len(values))?;
        values.iter().try_for_each(|value| {
            head(out, field::list::VALUES, self.value_len(value))?;
            self.encode(value, out)
        })
    }

    fn map(self, pairs: &[(Key<'_>, Value<'_>)], out: &mut dyn Sink) -> Result<(), Full> {
        head(out, field::any_value::KVLIST, self.map_len(pairs))?;
        distinct(pairs).try_for_each(|(key, value)| self.key_value(field::list::VALUES, key, value, out))
    }

    /// Writes a `KeyValue` as field `number`.
    pub(crate) fn key_value(
        self,
        number: u32,
        key: &Key<'_>,
        value: &Value<'_>,
        out: &mut dyn Sink,
    ) -> Result<(), Full> {
        head(out, number, self.key_value_len(key, value))?;
        bytes(out, field::key_value::KEY, key.name.as_bytes())?;
        head(out, field::key_value::VALUE, self.value_len(value))?;
        self.encode(value, out)
    }
}

/// The pairs that count: of those with equal keys, the last.
pub(crate) fn distinct<'a, 'b>(
    pairs: &'a [(Key<'b>, Value<'b>)],
) -> impl Iterator<Item = &'a (Key<'b>, Value<'b>)> {
    let again = |at: usize, key: &Key<'_>| pairs.iter().skip(at + 1).any(|(later, _)| later == key);
    pairs.iter().enumerate().filter(move |(at, (key, _))| !again(*at, key)).map(|(_, pair)| pair)
}

/// Where values are written to that may nest: one copy of the code serves all.
pub(crate) trait Sink {
    /// Appends bytes.
    fn put(&mut self, bytes: &[u8]) -> Result<(), Full>;
}

impl Sink for crate::wire::Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        Self::put(self, bytes)
    }
}

#[cfg(any(feature = "flash", feature = "recorder"))]
impl Sink for crate::crc::Crc {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        *self = self.add(bytes);
        Ok(())
    }
}

/// A tag and a length.
pub(crate) fn head(out: &mut dyn Sink, number: u32, payload: usize) -> Result<(), Full> {
    put_varint(out, tag(number, LEN).into())?;
    put_varint(out, payload as u64)
}

/// A `bytes` or `string` field.
pub(crate) fn bytes(out: &mut dyn Sink, number: u32, bytes: &[u8]) -> Result<(), Full> {
    head(out, number, bytes.len())?;
    out.put(bytes)
}

pub(crate) fn put_varint(out: &mut dyn Sink, value: u64) -> Result<(), Full> {
    let mut digits = [0; varint::MAX_LEN];
    let n = varint::encode(value, &mut digits);
    out.put(digits.get(..n).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;
    use std::vec::Vec;

    fn written(bounds: Bounds, value: &Value<'_>) -> Vec<u8> {
        let mut buf = [0; 512];
        let mut w = Writer::new(&mut buf);
        bounds.encode(value, &mut w).unwrap();
        assert_eq!(w.len(), bounds.value_len(value), "{value:?}");
        w.written().to_vec()
    }

    #[test]
    fn texts_are_cut_at_characters_and_byte_strings_at_bytes_however_deep() {
        let bounds = Bounds::new(2, 64);
        assert_eq!(written(bounds, &"\u{e9}\u{1F980}x".into()), "\x0A\x06\u{e9}\u{1F980}".as_bytes());
        assert_eq!(written(bounds, &"\u{e9}\u{e9}".into()), "\x0A\x04\u{e9}\u{e9}".as_bytes());
        assert_eq!(written(bounds, &Value::Bytes(b"abc")), b"\x3A\x02ab");
        let pairs = [("long key".into(), "abc".into())];
        let inner = [Value::Map(&pairs), Value::Int(12345)];
        let whole = [("long key".into(), "ab".into())];
        let expected = [Value::Map(&whole), Value::Int(12345)];
        assert_eq!(written(bounds, &Value::Array(&inner)), written(Bounds::NONE, &Value::Array(&expected)));
        assert_eq!(written(Bounds::new(0, 64), &"abc".into()), b"\x0A\x00");
    }

    #[test]
    fn what_is_deeper_than_the_bound_is_empty() {
        let leaf = [Value::Int(1)];
        let two = [Value::Array(&leaf), Value::Int(2)];
        let cut = [Value::Empty, Value::Int(2)];
        let nothing = [Value::Empty];
        let deep = Value::Array(&two);
        assert_eq!(written(Bounds::new(u32::MAX, 2), &deep), written(Bounds::NONE, &deep));
        assert_eq!(written(Bounds::new(u32::MAX, 1), &deep), written(Bounds::NONE, &Value::Array(&cut)));
        assert_eq!(written(Bounds::new(u32::MAX, 0), &deep), b"");
        assert_eq!(written(Bounds::NONE, &Value::Array(&nothing)), b"\x2A\x02\x0A\x00");
    }

    #[test]
    fn of_equal_keys_in_a_map_the_last_counts() {
        let pairs = [("a".into(), 1.into()), ("b".into(), 2.into()), ("a".into(), 3.into())];
        assert_eq!(
            written(Bounds::NONE, &Value::Map(&pairs)),
            b"\x32\x12\x0A\x07\x0A\x01b\x12\x02\x18\x02\x0A\x07\x0A\x01a\x12\x02\x18\x03"
        );
    }

    /// Calls `f` with a value of `levels` arrays or maps within each other.
    fn nested(levels: usize, maps: bool, value: Value<'_>, f: &mut dyn FnMut(Value<'_>)) {
        match (levels, maps) {
            (0, _) => f(value),
            (_, true) => nested(levels - 1, maps, Value::Map(&[("k".into(), value)]), f),
            (_, false) => nested(levels - 1, maps, Value::Array(&[value]), f),
        }
    }

    #[test]
    fn no_value_nests_deeper_than_decoders_read() {
        for (maps, most) in [(false, 46), (true, 30)] {
            let mut shortest = 0;
            for levels in [most, most + 1, 5_000] {
                nested(levels, maps, Value::Int(7), &mut |value| {
                    let len = written(Bounds::new(u32::MAX, 64), &value).len();
                    match levels {
                        _ if levels == most => shortest = len,
                        _ => assert!(len <= shortest + 4, "{levels} levels take {len} bytes"),
                    }
                });
            }
            assert!(shortest > 2 * most);
        }
    }
}
