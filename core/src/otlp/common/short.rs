//! Attributes whose key and value are short: nearly all are. Writing them is most of what recording costs,
//! so nothing is computed here but where the pieces go, every length is one byte, and nothing is called.

use super::{Value, field};
use crate::wire::{FIXED64, LEN, SHORT, SMALL, VARINT, copy_short, equal, tag, varint};

const KEY: u8 = tag(field::key_value::KEY, LEN) as u8;
const VALUE: u8 = tag(field::key_value::VALUE, LEN) as u8;
const TEXT: u8 = tag(field::any_value::STRING, LEN) as u8;
const BOOL: u8 = tag(field::any_value::BOOL, VARINT) as u8;
const INT: u8 = tag(field::any_value::INT, VARINT) as u8;
const DOUBLE: u8 = tag(field::any_value::DOUBLE, FIXED64) as u8;

/// The most bytes that a short attribute takes: two heads, a key and a text.
pub(crate) const ROOM: usize = 4 + SHORT + 4 + SHORT;

/// Writes a `KeyValue` under `tag` at the front of `out` and returns its length; `None` when it is not short, and
/// nothing is written.
#[inline(always)]
pub(crate) fn attribute(out: &mut [u8; ROOM], tag: u8, key: &str, value: &Value<'_>) -> Option<usize> {
    // First all that may refuse; what is written then is known to have room.
    if !is_short(key, value) {
        return None;
    }
    let key = key.as_bytes();
    let (head, rest) = out.split_first_chunk_mut::<4>()?;
    let (name, rest) = rest.split_at_mut_checked(key.len())?;
    let rest = rest.first_chunk_mut::<MOST>()?;
    copy_short(name, key);
    let content = match *value {
        Value::Str(text) => self::text(rest, text.as_bytes())?,
        Value::Bool(value) => scalar(rest, BOOL, value.into())?,
        Value::Int(value) => scalar(rest, INT, value as u64)?,
        Value::Double(value) => double(rest, value)?,
        _ => return None,
    };
    *head = [tag, (key.len() + content) as u8 + 4, KEY, key.len() as u8];
    Some(key.len() + content + 6)
}

/// A value's head and a text.
const MOST: usize = 4 + SHORT;

/// Writes a value, and returns the length of its content.
#[inline(always)]
fn text(out: &mut [u8; MOST], text: &[u8]) -> Option<usize> {
    let (head, rest) = out.split_first_chunk_mut::<4>()?;
    // [VALUE, length + 2, TEXT, length] in one go.
    const HEAD: u32 = u32::from_le_bytes([VALUE, 2, TEXT, 0]);
    *head = HEAD.wrapping_add((text.len() as u32).wrapping_mul(0x0100_0100)).to_le_bytes();
    copy_short(rest.get_mut(..text.len())?, text);
    Some(2 + text.len())
}

#[inline(always)]
fn double(out: &mut [u8; MOST], value: f64) -> Option<usize> {
    let (head, rest) = out.split_first_chunk_mut::<3>()?;
    *head = [VALUE, 9, DOUBLE];
    *rest.first_chunk_mut()? = value.to_bits().to_le_bytes();
    Some(9)
}

/// Writes what is a varint, whose field has the tag `kind`.
#[inline(always)]
fn scalar(out: &mut [u8; MOST], kind: u8, value: u64) -> Option<usize> {
    let (first, second) = (value as u8 | 0x80, (value >> 7) as u8);
    if !SMALL && value < 0x80 {
        *out.first_chunk_mut()? = [VALUE, 2, kind, value as u8];
        return Some(2);
    }
    if !SMALL && value < 0x4000 {
        *out.first_chunk_mut()? = [VALUE, 3, kind, first, second];
        return Some(3);
    }
    let (head, rest) = out.split_first_chunk_mut::<3>()?;
    let len = 1 + varint::encode(value, rest.first_chunk_mut()?);
    *head = [VALUE, len as u8, kind];
    Some(len)
}

/// Whether [`attribute`] writes these.
#[inline(always)]
pub(crate) fn is_short(key: &str, value: &Value<'_>) -> bool {
    (1..=SHORT).contains(&key.len())
        && match value {
            Value::Str(text) => text.len() <= SHORT,
            Value::Bool(_) | Value::Int(_) | Value::Double(_) => true,
            _ => false,
        }
}

/// The length of the `KeyValue` at the front of `bytes`, if it is the one that [`attribute`] writes for these.
#[inline(always)]
pub(crate) fn same(bytes: &[u8; ROOM], tag: u8, key: &str, value: &Value<'_>) -> Option<usize> {
    let key = key.as_bytes();
    let (head, rest) = bytes.split_first_chunk()?;
    let (name, rest) = rest.split_at_checked(key.len())?;
    if !is_head(*head, [tag, 0, KEY, key.len() as u8]) || !equal(name, key) {
        return None;
    }
    let content = match *value {
        Value::Str(text) => same_text(rest, text.as_bytes())?,
        Value::Bool(value) => same_scalar(rest, BOOL, value.into())?,
        Value::Int(value) => same_scalar(rest, INT, value as u64)?,
        Value::Double(value) => same_double(rest, value)?,
        _ => return None,
    };
    (usize::from(head[1]) == key.len() + content + 4).then_some(key.len() + content + 6)
}

/// Whether they are equal but for the second byte, as one number: arrays are compared byte by byte.
#[inline(always)]
fn is_head(found: [u8; 4], expected: [u8; 4]) -> bool {
    const ALL_BUT_SECOND: u32 = u32::from_le_bytes([0xFF, 0, 0xFF, 0xFF]);
    u32::from_le_bytes(found) & ALL_BUT_SECOND == u32::from_le_bytes(expected)
}

/// The length of the value's content, if it is the one at the front of `bytes`.
#[inline(always)]
fn same_text(bytes: &[u8], text: &[u8]) -> Option<usize> {
    let (head, rest) = bytes.split_first_chunk()?;
    let same = is_head(*head, [VALUE, 0, TEXT, text.len() as u8]) && equal(rest.get(..text.len())?, text);
    same.then_some(2 + text.len())
}

#[inline(always)]
fn same_double(bytes: &[u8], value: f64) -> Option<usize> {
    let (head, rest) = bytes.split_first_chunk::<3>()?;
    let found = u64::from_le_bytes(*rest.first_chunk()?);
    (*head == [VALUE, 9, DOUBLE] && found == value.to_bits()).then_some(9)
}

#[inline(always)]
fn same_scalar(bytes: &[u8], kind: u8, value: u64) -> Option<usize> {
    let ([value_tag, len, found], digits) = bytes.split_first_chunk()?;
    let mut left = value;
    let mut at = 0;
    while left >= 0x80 {
        if digits.get(at) != Some(&(left as u8 | 0x80)) {
            return None;
        }
        (left, at) = (left >> 7, at + 1);
    }
    let same = [*value_tag, *found] == [VALUE, kind] && digits.get(at) == Some(&(left as u8));
    (same && usize::from(*len) == at + 2).then_some(at + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_short_is_left_to_others() {
        let mut out = [0; ROOM];
        let mut attribute = |key: &str, value: Value<'_>| super::attribute(&mut out, 0x4A, key, &value);
        let long = std::string::String::from_utf8(std::vec![b'x'; SHORT + 1]).unwrap();
        let short = &long[1..];
        for value in [Value::Str(&long), Value::Empty, Value::Bytes(b""), Value::Array(&[]), Value::Map(&[])]
        {
            assert_eq!(attribute("k", value), None);
        }
        assert_eq!(attribute(&long, true.into()), None);
        assert_eq!(attribute("", true.into()), None);
        assert_eq!(attribute("k", "ab".into()), Some(11));
        assert_eq!(attribute(short, Value::Int(-1)), Some(17 + SHORT));
        assert_eq!(attribute(short, short.into()), Some(ROOM));
    }
}
