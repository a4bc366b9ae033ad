//! Single values as JSON text, and back from it.

use std::io::{self, Write as _};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Padding is written, and not asked for.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends a JSON string; the text is UTF-8.
pub(super) fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    let mut plain = text;
    while let Some(at) = plain.iter().position(|&byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        out.extend_from_slice(&plain[..at]);
        match plain[at] {
            byte @ (b'"' | b'\\') => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&hex_digits(byte));
            }
        }
        plain = &plain[at + 1..];
    }
    out.extend_from_slice(plain);
    out.push(b'"');
}

fn hex_digits(byte: u8) -> [u8; 2] {
    [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]
}

/// Appends an id as a string of lower-case hexadecimal digits.
pub(super) fn put_hex(out: &mut Vec<u8>, id: &[u8]) {
    out.push(b'"');
    for &byte in id {
        out.extend_from_slice(&hex_digits(byte));
    }
    out.push(b'"');
}

/// Reads an id; digits of either case. None when it is not pairs of hexadecimal digits.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Appends bytes as a base64 string, standard alphabet, padded.
pub(super) fn put_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, b'=');
    // The room is exact, so this cannot fail.
    let _ = STANDARD.encode_slice(bytes, &mut out[start..]);
    out.push(b'"');
}

/// Reads base64 of either alphabet, padded or not.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let engine = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    engine.decode(text).ok()
}

/// Appends a double: the shortest digits that read back as the same value, or one of three strings.
pub(super) fn put_double(out: &mut Vec<u8>, value: f64) -> io::Result<()> {
    if value.is_nan() {
        write!(out, "\"NaN\"")
    } else if value.is_infinite() {
        write!(out, "\"{}Infinity\"", if value < 0.0 { "-" } else { "" })
    } else {
        write!(out, "{value:?}")
    }
}

/// Reads a double from a string: a JSON number, `NaN` or an infinity.
pub(super) fn double(text: &str) -> Option<f64> {
    match text {
        "NaN" => return Some(f64::NAN),
        "Infinity" => return Some(f64::INFINITY),
        "-Infinity" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
    let value = text.parse::<f64>().ok().filter(|value| digits && value.is_finite());
    value.filter(|_| !text.starts_with('+'))
}

/// Appends a duration in seconds, with as many digits as it needs of 0, 3, 6 or 9.
pub(super) fn put_duration(out: &mut Vec<u8>, seconds: i64, nanos: i32) {
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    let (seconds, nanos) = (seconds.unsigned_abs(), nanos.unsigned_abs());
    // Writing to a Vec cannot fail.
    let _ = match nanos {
        0 => write!(out, "\"{sign}{seconds}s\""),
        n if n % 1_000_000 == 0 => write!(out, "\"{sign}{seconds}.{:03}s\"", n / 1_000_000),
        n if n % 1_000 == 0 => write!(out, "\"{sign}{seconds}.{:06}s\"", n / 1_000),
        n => write!(out, "\"{sign}{seconds}.{n:09}s\""),
    };
}

/// Reads a duration as seconds and nanoseconds of the same sign.
pub(super) fn duration(text: &str) -> Option<(i64, i32)> {
    let number = text.strip_suffix('s')?;
    let (sign, number) = number.strip_prefix('-').map_or((1, number), |number| (-1, number));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let seconds = whole.parse::<i64>().ok()?;
    let nanos = format!("{fraction:0<9}").parse::<i32>().ok()?;
    Some((i64::from(sign) * seconds, sign * nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(put: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        put(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn strings_are_escaped_where_json_asks() {
        assert_eq!(
            written(|out| put_string(out, "a\"\\\n\u{1}\u{1f}é/".as_bytes())),
            r#""a\"\\\n\u0001\u001fé/""#
        );
    }

    #[test]
    fn base64_is_read_in_all_four_dialects() {
        for text in ["+/8=", "+/8", "-_8=", "-_8"] {
            assert_eq!(base64(text).unwrap(), [0xfb, 0xff]);
        }
        assert_eq!(written(|out| put_base64(out, &[0xfb, 0xff])), "\"+/8=\"");
        assert!(base64("%").is_none());
    }

    #[test]
    fn doubles_are_shortest_and_valid() {
        let cases = [(1.0, "1.0"), (1e300, "1e300"), (-0.0, "-0.0"), (0.1, "0.1"), (5e-324, "5e-324")];
        for (value, text) in cases {
            assert_eq!(written(|out| put_double(out, value).unwrap()), text);
        }
        assert_eq!(written(|out| put_double(out, f64::NEG_INFINITY).unwrap()), "\"-Infinity\"");
    }

    #[test]
    fn numeric_strings_are_doubles_and_other_words_are_not() {
        assert_eq!(double("1.5e3"), Some(1500.0));
        assert!(double("NaN").unwrap().is_nan());
        for text in ["nan", "inf", "infinity", "+1", "1e999", "", " 1", "0x1"] {
            assert!(double(text).is_none(), "{text}");
        }
    }

    #[test]
    fn durations_keep_sign_and_digits() {
        for (seconds, nanos, text) in [(1, 500_000_000, "1.500s"), (0, -1, "-0.000000001s"), (3, 0, "3s")] {
            assert_eq!(written(|out| put_duration(out, seconds, nanos)), format!("\"{text}\""));
            assert_eq!(duration(text), Some((seconds, nanos)));
        }
        for text in ["1", "s", "1.s", "1.0000000001s", "--1s"] {
            assert!(duration(text).is_none(), "{text}");
        }
    }
}
