//! Attributes whose lengths all are below 128, and so one byte: nearly all are. Writing them is most of
//! what recording costs, so nothing is computed here but where the pieces go.

use super::{Value, field};
use crate::wire::{FIXED64, LEN, VARINT, copy, equal, tag, varint};

const KEY: u8 = tag(field::key_value::KEY, LEN) as u8;
const VALUE: u8 = tag(field::key_value::VALUE, LEN) as u8;
const TEXT: u8 = tag(field::any_value::STRING, LEN) as u8;
const BOOL: u8 = tag(field::any_value::BOOL, VARINT) as u8;
const INT: u8 = tag(field::any_value::INT, VARINT) as u8;
const DOUBLE: u8 = tag(field::any_value::DOUBLE, FIXED64) as u8;

/// Writes a `KeyValue` under `tag` at the front of `out` and returns its length; 0 when it is not short,
/// or `out` is.
#[inline]
pub(crate) fn attribute(out: &mut [u8], tag: u8, key: &str, value: &Value<'_>) -> usize {
    // Texts and scalars have little in common, and apart each needs few registers.
    match *value {
        Value::Str(value) => text(out, tag, key, value).unwrap_or(0),
        _ => scalar(out, tag, key, value).unwrap_or(0),
    }
}

#[inline(never)]
fn scalar(out: &mut [u8], tag: u8, key: &str, value: &Value<'_>) -> Option<usize> {
    /// The longest: a negative integer.
    const ROOM: usize = 3 + varint::MAX_LEN;
    if key.len() + ROOM + 2 >= 0x80 {
        return None;
    }
    let (head, rest) = out.split_first_chunk_mut::<4>()?;
    let (name, rest) = rest.split_at_mut_checked(key.len())?;
    let rest = rest.first_chunk_mut::<ROOM>()?;
    let content = match *value {
        Value::Int(value) => int(rest, value),
        Value::Double(value) => {
            rest[2] = DOUBLE;
            rest[3..11].copy_from_slice(&value.to_bits().to_le_bytes());
            9
        }
        Value::Bool(value) => {
            rest[2..4].copy_from_slice(&[BOOL, value.into()]);
            2
        }
        _ => return None,
    };
    rest[..2].copy_from_slice(&[VALUE, content as u8]);
    copy(name, key.as_bytes());
    let total = key.len() + content + 4;
    *head = [tag, total as u8, KEY, key.len() as u8];
    Some(2 + total)
}

#[inline]
fn int(rest: &mut [u8; 3 + varint::MAX_LEN], value: i64) -> usize {
    rest[2] = INT;
    rest[3] = value as u8;
    if (0..0x80).contains(&value) {
        return 2;
    }
    let mut left = value as u64;
    let mut at = 3;
    while left >= 0x80 && at < rest.len() - 1 {
        rest[at] = left as u8 | 0x80;
        left >>= 7;
        at += 1;
    }
    rest[at] = left as u8;
    at - 1
}

#[inline(always)]
fn text(out: &mut [u8], tag: u8, key: &str, value: &str) -> Option<usize> {
    let total = key.len() + value.len() + 6;
    if total >= 0x80 {
        return None;
    }
    let (head, rest) = out.split_first_chunk_mut::<4>()?;
    *head = [tag, total as u8, KEY, key.len() as u8];
    let (name, rest) = rest.split_at_mut_checked(key.len())?;
    copy(name, key.as_bytes());
    let (head, rest) = rest.split_first_chunk_mut::<4>()?;
    *head = [VALUE, value.len() as u8 + 2, TEXT, value.len() as u8];
    copy(rest.get_mut(..value.len())?, value.as_bytes());
    Some(2 + total)
}

/// Bytes of the value's `AnyValue`, if it is one of those that are written here and surely below 128.
#[inline(always)]
pub(crate) fn len(value: &Value<'_>) -> Option<usize> {
    match *value {
        Value::Str(text) if text.len() < 0x78 => Some(2 + text.len()),
        Value::Int(value) => Some(1 + varint::len(value as u64)),
        Value::Bool(_) => Some(2),
        Value::Double(_) => Some(9),
        _ => None,
    }
}

/// What is behind the `KeyValue` at the front of `bytes`, if it is the one that [`attribute`] writes for
/// these.
#[inline(always)]
pub(crate) fn skip<'a>(
    bytes: &'a [u8],
    tag: u8,
    key: &str,
    value: &Value<'_>,
    value_len: usize,
) -> Option<&'a [u8]> {
    let total = key.len() + value_len + 4;
    let rest = expect(bytes, [tag, total as u8, KEY, key.len() as u8])?;
    let (name, rest) = rest.split_at_checked(key.len())?;
    if !equal(name, key.as_bytes()) {
        return None;
    }
    let len = value_len as u8;
    match *value {
        Value::Str(text) => {
            let rest = expect(rest, [VALUE, len, TEXT, text.len() as u8])?;
            let (content, behind) = rest.split_at_checked(text.len())?;
            equal(content, text.as_bytes()).then_some(behind)
        }
        Value::Int(value) if len == 2 => expect(rest, [VALUE, len, INT, value as u8]),
        Value::Int(value) => {
            let (found, digits) = varint::decode(expect(rest, [VALUE, len, INT])?)?;
            rest.get(3 + digits..).filter(|_| found == value as u64)
        }
        Value::Double(value) => expect(expect(rest, [VALUE, len, DOUBLE])?, value.to_bits().to_le_bytes()),
        Value::Bool(value) => expect(rest, [VALUE, len, BOOL, value.into()]),
        _ => None,
    }
}

/// What is behind those bytes, if they are at the front.
#[inline(always)]
fn expect<const N: usize>(bytes: &[u8], expected: [u8; N]) -> Option<&[u8]> {
    let (front, behind) = bytes.split_first_chunk::<N>()?;
    // As one number: comparing arrays compares them byte by byte.
    (number(*front) == number(expected)).then_some(behind)
}

#[inline(always)]
fn number<const N: usize>(bytes: [u8; N]) -> u64 {
    let mut wide = [0; 8];
    wide[..N].copy_from_slice(&bytes);
    u64::from_le_bytes(wide)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_short_or_does_not_fit_is_left_to_others() {
        let mut out = [0; 200];
        let long = std::string::String::from_utf8(std::vec![b'x'; 130]).unwrap();
        for value in [Value::Str(&long), Value::Empty, Value::Bytes(b""), Value::Array(&[]), Value::Map(&[])]
        {
            assert_eq!(attribute(&mut out, 0x4A, "k", &value), 0);
        }
        assert_eq!(attribute(&mut out, 0x4A, &long, &Value::Bool(true)), 0);
        assert_eq!(attribute(&mut out[..8], 0x4A, "k", &"v".into()), 0);
        assert_eq!(attribute(&mut out[..10], 0x4A, "k", &"v".into()), 10);
    }
}
