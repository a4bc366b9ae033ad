//! The `traceparent` header: version, trace id, span id, flags.

use core::fmt;

use super::Invalid;
use crate::context::{SpanContext, SpanId, TraceId};

/// The length of version 00, and of what later versions begin with.
const LEN: usize = 55;

impl SpanContext {
    /// The remote span that a `traceparent` header names, whitespace around it allowed.
    ///
    /// Of version 00 the `sampled` and `random` flags are taken, of later versions `sampled` alone, since
    /// the rest may mean something else there. Whoever gets an error starts a new trace and does not
    /// look at `tracestate`.
    ///
    /// # Errors
    /// [`Invalid`] for another length or upper-case digits, an id of zeros, version `ff`.
    ///
    /// ```
    /// use smoltel_core::SpanContext;
    /// let header = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// let parent = SpanContext::from_traceparent(header)?;
    /// assert!(parent.is_remote && parent.flags == SpanContext::SAMPLED);
    /// assert_eq!(parent.traceparent().as_str().as_bytes(), header);
    /// # Ok::<(), smoltel_core::propagation::Invalid>(())
    /// ```
    pub fn from_traceparent(header: &[u8]) -> Result<Self, Invalid> {
        parse(header).filter(Self::is_valid).ok_or(Invalid)
    }

    /// The header, of version 00, that names this span to another process. Flags that have no meaning
    /// in that version are left out.
    pub fn traceparent(&self) -> Traceparent {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        hex(&self.trace_id.0, text.get_mut(3..35));
        hex(&self.span_id.0, text.get_mut(36..52));
        hex(&[self.flags & (Self::SAMPLED | Self::RANDOM)], text.get_mut(53..));
        Traceparent(text)
    }
}

fn parse(header: &[u8]) -> Option<SpanContext> {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = header.iter().position(|byte| !space(byte))?;
    let end = header.iter().rposition(|byte| !space(byte))?;
    let (fields, future) = header.get(start..=end)?.split_first_chunk::<LEN>()?;
    let dashes = [2, 35, 52].iter().all(|&at| fields.get(at) == Some(&b'-'));
    let [version] = unhex(fields.get(..2)?)?;
    let known = match version {
        0 if future.is_empty() => SpanContext::SAMPLED | SpanContext::RANDOM,
        0x01..=0xfe if matches!(future, [] | [b'-', ..]) => SpanContext::SAMPLED,
        _ => return None,
    };
    let [flags] = unhex(fields.get(53..)?)?;
    dashes.then_some(SpanContext {
        trace_id: TraceId(unhex(fields.get(3..35)?)?),
        span_id: SpanId(unhex(fields.get(36..52)?)?),
        flags: flags & known,
        is_remote: true,
    })
}

/// Exactly `N` bytes from lower-case digits.
pub(super) fn unhex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            *byte = *byte << 4 | super::ot::hex_digit(*digit)?;
        }
    }
    Some(bytes)
}

pub(super) fn hex(bytes: &[u8], text: Option<&mut [u8]>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    for (digit, nibble) in text.unwrap_or_default().iter_mut().zip(nibbles) {
        *digit = DIGITS[usize::from(nibble)];
    }
}

/// A `traceparent` header's value, 55 characters.
///
/// ```
/// # use smoltel_core::{SpanContext, SpanId, TraceId};
/// # let span = SpanContext { trace_id: TraceId([1; 16]), span_id: SpanId([2; 8]), flags: 0, is_remote: false };
/// assert_eq!(span.traceparent().as_str(), "00-01010101010101010101010101010101-0202020202020202-00");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Traceparent([u8; LEN]);

impl Traceparent {
    /// The value as text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    const IDS: &str = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";

    fn parsed(header: &str) -> Result<SpanContext, Invalid> {
        SpanContext::from_traceparent(header.as_bytes())
    }

    #[test]
    fn version_00_is_fifty_five_characters_and_no_other() {
        let header = format!("00-{IDS}-01");
        let context = parsed(&header).unwrap();
        assert_eq!(context.trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.span_id.to_string(), "00f067aa0ba902b7");
        assert!(context.is_remote);
        assert_eq!(context.traceparent().to_string(), header);
        for wrong in [
            format!("00-{IDS}-01-"),
            format!("00-{IDS}-01."),
            format!("00-{IDS}-01-more"),
            format!("00-{IDS}-1"),
            format!("00-{IDS}-001"),
            format!("00-{IDS}"),
            format!("0-{IDS}-01"),
            format!("000-{IDS}-01"),
            format!("00_{IDS}-01"),
            format!("00-{IDS}_01"),
            format!("00-{}-01", IDS.replace('-', "_")),
            format!("00-{}-01", &IDS[1..]),
            format!("00-0{IDS}-01"),
            format!("00-{IDS}0-01"),
            "".into(),
            " \t ".into(),
        ] {
            assert_eq!(parsed(&wrong), Err(Invalid), "{wrong}");
        }
    }

    #[test]
    fn only_lower_case_digits_are_hex() {
        for at in (0..55).filter(|at| ![2, 35, 52].contains(at)) {
            for wrong in ["A", "F", ".", "g", "-", " ", "\0"] {
                let mut header = format!("00-{IDS}-01");
                header.replace_range(at..=at, wrong);
                assert_eq!(parsed(&header), Err(Invalid), "{header:?}");
            }
        }
    }

    #[test]
    fn ids_of_zeros_name_nothing() {
        assert_eq!(parsed("00-00000000000000000000000000000000-00f067aa0ba902b7-01"), Err(Invalid));
        assert_eq!(parsed("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"), Err(Invalid));
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known_and_written_as_00() {
        for header in [format!("cc-{IDS}-03"), format!("01-{IDS}-ff-future"), format!("fe-{IDS}-01-")] {
            let context = parsed(&header).unwrap();
            assert_eq!(context.flags, SpanContext::SAMPLED, "{header}");
            assert_eq!(context.traceparent().to_string(), format!("00-{IDS}-01"));
        }
        for wrong in [format!("cc-{IDS}-01.future"), format!("cc-{IDS}-0"), format!("ff-{IDS}-01")] {
            assert_eq!(parsed(&wrong), Err(Invalid), "{wrong}");
        }
    }

    #[test]
    fn flags_are_bits_and_unknown_ones_end_here() {
        for (given, kept) in [("00", 0), ("01", 1), ("02", 2), ("03", 3), ("fc", 0), ("ff", 3)] {
            let context = parsed(&format!("00-{IDS}-{given}")).unwrap();
            assert_eq!(context.flags, kept, "{given}");
        }
        let odd = SpanContext { flags: 0xff, ..parsed(&format!("00-{IDS}-00")).unwrap() };
        assert_eq!(odd.traceparent().to_string(), format!("00-{IDS}-03"));
    }

    #[test]
    fn whitespace_around_the_header_is_http_s_and_not_ours() {
        let header = format!("\t 00-{IDS}-01 \t");
        assert_eq!(parsed(&header), parsed(header.trim()));
    }
}
