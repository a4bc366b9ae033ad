//! A JSON number, string or boolean as a value of a field's kind.

use super::text;
use crate::table::Kind;

/// What JSON can give for one value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scalar<'a> {
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a str),
}

/// A value ready for the wire.
#[derive(Debug, PartialEq)]
pub(super) enum Raw<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Text(&'a str),
    Bytes(Vec<u8>),
}

impl Raw<'_> {
    pub(super) fn is_default(&self) -> bool {
        match self {
            Raw::Varint(value) | Raw::Fixed64(value) => *value == 0,
            Raw::Fixed32(value) => *value == 0,
            Raw::Text(text) => text.is_empty(),
            Raw::Bytes(bytes) => bytes.is_empty(),
        }
    }
}

/// Makes the value, or says what is expected instead.
pub(super) fn convert(kind: Kind, scalar: Scalar<'_>) -> Result<Raw<'_>, &'static str> {
    match kind {
        Kind::Bool => match scalar {
            Scalar::Bool(value) => Ok(Raw::Varint(value.into())),
            _ => Err("expected true or false"),
        },
        Kind::Enum => match scalar {
            Scalar::Text(_) => Err("expected an integer: OTLP/JSON writes enums as numbers, not names"),
            _ => signed32(scalar),
        },
        Kind::Int32 => signed32(scalar),
        Kind::Sint32 => {
            let value = i32::try_from(integer(scalar)?).map_err(|_| "out of range of 32 bits")?;
            Ok(Raw::Varint(u64::from((value << 1 ^ value >> 31) as u32)))
        }
        Kind::Uint32 => unsigned32(scalar).map(|value| Raw::Varint(value.into())),
        Kind::Fixed32 => unsigned32(scalar).map(Raw::Fixed32),
        Kind::Int64 => signed64(scalar).map(Raw::Varint),
        Kind::Sfixed64 => signed64(scalar).map(Raw::Fixed64),
        Kind::Uint64 => unsigned64(scalar).map(Raw::Varint),
        Kind::Fixed64 => unsigned64(scalar).map(Raw::Fixed64),
        Kind::Double => double(scalar).map(|value| Raw::Fixed64(value.to_bits())),
        Kind::String => match scalar {
            Scalar::Text(text) => Ok(Raw::Text(text)),
            _ => Err("expected a string"),
        },
        Kind::Id => match scalar {
            Scalar::Text(text) => {
                text::hex(text).map(Raw::Bytes).ok_or("expected pairs of hexadecimal digits")
            }
            _ => Err("expected a string of hexadecimal digits"),
        },
        Kind::Bytes => match scalar {
            Scalar::Text(text) => text::base64(text).map(Raw::Bytes).ok_or("expected base64"),
            _ => Err("expected a string of base64"),
        },
        Kind::Message(_) => Err("expected an object"),
    }
}

fn signed32(scalar: Scalar<'_>) -> Result<Raw<'_>, &'static str> {
    let value = i32::try_from(integer(scalar)?).map_err(|_| "out of range of 32 bits")?;
    Ok(Raw::Varint(i64::from(value) as u64))
}

fn unsigned32(scalar: Scalar<'_>) -> Result<u32, &'static str> {
    u32::try_from(integer(scalar)?).map_err(|_| "out of range of 32 bits without sign")
}

fn signed64(scalar: Scalar<'_>) -> Result<u64, &'static str> {
    i64::try_from(integer(scalar)?).map(|value| value as u64).map_err(|_| "out of range of 64 bits")
}

fn unsigned64(scalar: Scalar<'_>) -> Result<u64, &'static str> {
    u64::try_from(integer(scalar)?).map_err(|_| "out of range of 64 bits without sign")
}

fn integer(scalar: Scalar<'_>) -> Result<i128, &'static str> {
    match scalar {
        Scalar::Unsigned(value) => Ok(value.into()),
        Scalar::Signed(value) => Ok(value.into()),
        Scalar::Float(value) => whole(value),
        Scalar::Text(text) if text.starts_with('+') => Err("expected an integer"),
        Scalar::Text(text) => match text.parse() {
            Ok(value) => Ok(value),
            Err(_) => text::double(text).ok_or("expected an integer").and_then(whole),
        },
        Scalar::Bool(_) => Err("expected an integer"),
    }
}

/// A number with a point or an exponent can be an integer; beyond 2^53 it may have lost digits already.
fn whole(value: f64) -> Result<i128, &'static str> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() != 0.0 {
        Err("expected an integer")
    } else if value.abs() > EXACT {
        Err("out of range, or not exact: write large integers without point or exponent")
    } else {
        Ok(value as i128)
    }
}

fn double(scalar: Scalar<'_>) -> Result<f64, &'static str> {
    match scalar {
        Scalar::Unsigned(value) => Ok(value as f64),
        Scalar::Signed(value) => Ok(value as f64),
        Scalar::Float(value) => Ok(value),
        Scalar::Text(text) => text::double(text).ok_or("expected a number, NaN, Infinity or -Infinity"),
        Scalar::Bool(_) => Err("expected a number"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_exact_or_refused() {
        let text = |text| convert(Kind::Int64, Scalar::Text(text));
        assert_eq!(text("9007199254740993"), Ok(Raw::Varint(9_007_199_254_740_993)));
        assert_eq!(text("-9223372036854775808"), Ok(Raw::Varint(1 << 63)));
        assert_eq!(text("1e3"), Ok(Raw::Varint(1000)));
        for wrong in ["", "1.5", "9223372036854775808", "1e18", "NaN", "+1", "one"] {
            assert!(text(wrong).is_err(), "{wrong}");
        }
        assert_eq!(convert(Kind::Uint64, Scalar::Float(3.0)), Ok(Raw::Varint(3)));
        assert!(convert(Kind::Uint64, Scalar::Signed(-1)).is_err());
        assert!(convert(Kind::Uint32, Scalar::Unsigned(1 << 32)).is_err());
        assert_eq!(convert(Kind::Sint32, Scalar::Signed(i32::MIN.into())), Ok(Raw::Varint(u32::MAX.into())));
    }

    #[test]
    fn an_enum_is_never_a_name() {
        assert_eq!(convert(Kind::Enum, Scalar::Unsigned(99)), Ok(Raw::Varint(99)));
        assert!(convert(Kind::Enum, Scalar::Text("SPAN_KIND_CLIENT")).is_err());
        assert!(convert(Kind::Enum, Scalar::Text("3")).is_err());
    }
}
