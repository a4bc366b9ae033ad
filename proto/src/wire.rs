//! Protobuf's bytes: varints, tags, lengths, groups.

use crate::check::{Fault, MAX_DEPTH};

/// The longest length that every implementation takes (C++ is the strictest).
const MAX_LENGTH: u32 = i32::MAX as u32 - 16;

/// Splits a varint of up to ten bytes off; the tenth must not go beyond 64 bits.
#[inline]
pub(crate) fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), Fault> {
    match bytes {
        [only, rest @ ..] if *only < 0x80 => Ok((u64::from(*only), rest)),
        [low, high, rest @ ..] if *high < 0x80 => Ok((u64::from(low & 0x7f) | u64::from(*high) << 7, rest)),
        _ => long_varint(bytes),
    }
}

fn long_varint(bytes: &[u8]) -> Result<(u64, &[u8]), Fault> {
    let mut value = 0;
    for (index, &byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            let fits = index < 9 || byte == 1;
            return if fits { Ok((value, &bytes[index + 1..])) } else { Err(Fault::Varint) };
        }
    }
    Err(if bytes.len() < 10 { Fault::Truncated } else { Fault::Varint })
}

/// Splits off a varint of up to five bytes that fits 32 bits: what tags and lengths may be.
#[inline]
pub(crate) fn short_varint(bytes: &[u8]) -> Result<(u32, &[u8]), Fault> {
    match bytes {
        [only, rest @ ..] if *only < 0x80 => Ok((u32::from(*only), rest)),
        [low, high, rest @ ..] if *high < 0x80 => Ok((u32::from(low & 0x7f) | u32::from(*high) << 7, rest)),
        _ => long_short_varint(bytes),
    }
}

fn long_short_varint(bytes: &[u8]) -> Result<(u32, &[u8]), Fault> {
    let (value, rest) = long_varint(bytes)?;
    match u32::try_from(value) {
        Ok(value) if bytes.len() - rest.len() <= 5 => Ok((value, rest)),
        _ => Err(Fault::Varint),
    }
}

/// Splits off a length and as many bytes.
#[inline]
pub(crate) fn delimited(bytes: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let (length, rest) = short_varint(bytes)?;
    if length > MAX_LENGTH {
        return Err(Fault::Length);
    }
    rest.split_at_checked(length as usize).ok_or(Fault::Truncated)
}

/// Skips the value of a field that nobody knows; `depth` counts the messages and groups around it.
pub(crate) fn skip_unknown(tag: u32, bytes: &[u8], depth: usize) -> Result<&[u8], Fault> {
    let mut open = [0; MAX_DEPTH];
    let mut level = depth;
    let (mut tag, mut rest) = (tag, bytes);
    loop {
        if tag >> 3 == 0 {
            return Err(Fault::FieldZero);
        }
        if tag & 7 == 4 {
            if level == depth || open.get(level - 1) != Some(&(tag >> 3)) {
                return Err(Fault::Group);
            }
            level -= 1;
        } else if level >= MAX_DEPTH {
            return Err(Fault::Depth);
        } else if tag & 7 == 3 {
            open[level] = tag >> 3;
            level += 1;
        } else {
            rest = skip_value(tag & 7, rest)?;
        }
        if level == depth {
            return Ok(rest);
        }
        (tag, rest) = short_varint(rest)?;
    }
}

fn skip_value(wire: u32, bytes: &[u8]) -> Result<&[u8], Fault> {
    match wire {
        0 => Ok(varint(bytes)?.1),
        1 => bytes.get(8..).ok_or(Fault::Truncated),
        2 => Ok(delimited(bytes)?.1),
        5 => bytes.get(4..).ok_or(Fault::Truncated),
        _ => Err(Fault::WireType),
    }
}

/// A field as it stands in bytes that have passed the check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) number: u32,
    pub(crate) value: Value<'a>,
    /// Where it starts, counted from the start of the entries.
    pub(crate) start: usize,
}

/// A value by its wire type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Length(&'a [u8]),
    Group,
}

/// The fields of a message, one level deep. Ends early at bytes that the check would have refused.
#[derive(Debug, Clone)]
pub(crate) struct Entries<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> Entries<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, at: 0 }
    }

    fn read(&mut self) -> Result<Entry<'a>, Fault> {
        let (tag, after) = short_varint(self.rest)?;
        let (value, rest) = value(tag, after)?;
        let entry = Entry { number: tag >> 3, value, start: self.at };
        self.at += self.rest.len() - rest.len();
        self.rest = rest;
        Ok(entry)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() { None } else { self.read().ok() }
    }
}

fn value(tag: u32, bytes: &[u8]) -> Result<(Value<'_>, &[u8]), Fault> {
    match tag & 7 {
        0 => varint(bytes).map(|(value, rest)| (Value::Varint(value), rest)),
        1 => fixed64(bytes).map(|(value, rest)| (Value::Fixed64(value), rest)),
        2 => delimited(bytes).map(|(value, rest)| (Value::Length(value), rest)),
        5 => fixed32(bytes).map(|(value, rest)| (Value::Fixed32(value), rest)),
        _ => skip_unknown(tag, bytes, 0).map(|rest| (Value::Group, rest)),
    }
}

/// Splits eight little-endian bytes off.
pub(crate) fn fixed64(bytes: &[u8]) -> Result<(u64, &[u8]), Fault> {
    let (value, rest) = bytes.split_first_chunk().ok_or(Fault::Truncated)?;
    Ok((u64::from_le_bytes(*value), rest))
}

/// Splits four little-endian bytes off.
pub(crate) fn fixed32(bytes: &[u8]) -> Result<(u32, &[u8]), Fault> {
    let (value, rest) = bytes.split_first_chunk().ok_or(Fault::Truncated)?;
    Ok((u32::from_le_bytes(*value), rest))
}

/// Appends a varint.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_has_ten_bytes_and_64_bits_at_most() {
        let largest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(varint(&largest), Ok((u64::MAX, &[][..])));
        assert_eq!(varint(&[0x80, 0]), Ok((0, &[][..])));
        assert_eq!(varint(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]), Err(Fault::Varint));
        assert_eq!(varint(&[0x80; 11]), Err(Fault::Varint));
        assert_eq!(varint(&[0x80; 9]), Err(Fault::Truncated));
        assert_eq!(varint(&[]), Err(Fault::Truncated));
    }

    #[test]
    fn a_tag_or_length_has_five_bytes_and_32_bits_at_most() {
        assert_eq!(short_varint(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Ok((u32::MAX, &[][..])));
        assert_eq!(short_varint(&[0xff, 0xff, 0xff, 0xff, 0x1f]), Err(Fault::Varint));
        assert_eq!(short_varint(&[0x80, 0x80, 0x80, 0x80, 0x80, 0]), Err(Fault::Varint));
        assert_eq!(delimited(&[0xff, 0xff, 0xff, 0xff, 0x07]), Err(Fault::Length));
    }

    #[test]
    fn varints_round_trip() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(varint(&out), Ok((value, &[][..])));
        }
    }
}
