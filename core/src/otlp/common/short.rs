//! Attributes whose key and value are short: nearly all are. Writing them is most of what recording costs,
//! so nothing is computed here but where the pieces go, every length is one byte, and nothing is called.

use super::{Value, field};
use crate::wire::{FIXED64, LEN, SHORT, VARINT, copy_short, equal, tag, varint};

const KEY: u8 = tag(field::key_value::KEY, LEN) as u8;
const VALUE: u8 = tag(field::key_value::VALUE, LEN) as u8;
const TEXT: u8 = tag(field::any_value::STRING, LEN) as u8;
const BOOL: u8 = tag(field::any_value::BOOL, VARINT) as u8;
const INT: u8 = tag(field::any_value::INT, VARINT) as u8;
const DOUBLE: u8 = tag(field::any_value::DOUBLE, FIXED64) as u8;

/// The most bytes that a short attribute takes: two heads, a key and a text.
pub(crate) const ROOM: usize = 4 + SHORT + 4 + SHORT;

/// Writes a `KeyValue` under `tag` at the front of `out` and returns its length; `None` when the key is not
/// short, or a text is longer than `longest`, which is [`SHORT`] at the most.
#[inline(always)]
pub(crate) fn attribute(
    out: &mut [u8; ROOM],
    tag: u8,
    key: &str,
    value: &Value<'_>,
    longest: u8,
) -> Option<usize> {
    let key = key.as_bytes();
    if !(1..=SHORT).contains(&key.len()) {
        return None;
    }
    let (head, rest) = out.split_first_chunk_mut::<4>()?;
    let (name, rest) = rest.split_at_mut_checked(key.len())?;
    copy_short(name, key);
    let content = match *value {
        Value::Str(text) => self::text(rest, text.as_bytes(), longest)?,
        Value::Bool(value) => scalar(rest, BOOL, value.into())?,
        Value::Int(value) => scalar(rest, INT, value as u64)?,
        Value::Double(value) => double(rest, value)?,
        _ => return None,
    };
    let total = key.len() + content + 4;
    *head = [tag, total as u8, KEY, key.len() as u8];
    Some(2 + total)
}

/// Writes a value, and returns the length of its content.
#[inline(always)]
fn text(out: &mut [u8], text: &[u8], longest: u8) -> Option<usize> {
    if text.len() > longest.into() {
        return None;
    }
    let (head, rest) = out.split_first_chunk_mut::<4>()?;
    *head = [VALUE, text.len() as u8 + 2, TEXT, text.len() as u8];
    copy_short(rest.get_mut(..text.len())?, text);
    Some(2 + text.len())
}

#[inline(always)]
fn double(out: &mut [u8], value: f64) -> Option<usize> {
    let (head, rest) = out.split_first_chunk_mut::<3>()?;
    *head = [VALUE, 9, DOUBLE];
    *rest.first_chunk_mut()? = value.to_bits().to_le_bytes();
    Some(9)
}

/// Writes what is a varint, whose field has the tag `kind`.
#[inline(always)]
fn scalar(out: &mut [u8], kind: u8, value: u64) -> Option<usize> {
    let (head, rest) = out.split_first_chunk_mut::<3>()?;
    let len = 1 + varint::encode(value, rest.first_chunk_mut()?);
    *head = [VALUE, len as u8, kind];
    Some(len)
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
    fn what_is_not_short_is_left_to_others() {
        let mut out = [0; ROOM];
        let mut attribute =
            |key: &str, value: Value<'_>, longest| super::attribute(&mut out, 0x4A, key, &value, longest);
        let long = std::string::String::from_utf8(std::vec![b'x'; SHORT + 1]).unwrap();
        let (short, most) = (&long[1..], SHORT as u8);
        for value in [Value::Str(&long), Value::Empty, Value::Bytes(b""), Value::Array(&[]), Value::Map(&[])]
        {
            assert_eq!(attribute("k", value, most), None);
        }
        assert_eq!(attribute(&long, true.into(), most), None);
        assert_eq!(attribute("", true.into(), most), None);
        assert_eq!(attribute("k", "ab".into(), 1), None);
        assert_eq!(attribute("k", "ab".into(), 2), Some(11));
        assert_eq!(attribute(short, Value::Int(-1), most), Some(17 + SHORT));
        assert_eq!(attribute(short, short.into(), most), Some(ROOM));
    }
}
