//! The structural check: one walk over bytes from outside, by the field table.

use core::fmt;

use crate::table::{Cardinality, Field, Kind, Message, WireType};
use crate::wire::{delimited, short_varint, skip_unknown, varint};

/// How deep messages and groups may lie within the root.
pub const MAX_DEPTH: usize = 100;

/// What the check saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Spans, log records, data points or profiles below the root.
    pub items: u64,
    /// Whether the root has fields that the table does not know. Such a request must not be merged with another.
    pub unknown_top_level: bool,
}

/// Why bytes are not the message they should be. Send `400 Bad Request` or `INVALID_ARGUMENT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalid {
    /// Where the field at fault starts, in bytes from the start.
    pub offset: usize,
    /// What is wrong.
    pub fault: Fault,
    /// The full name of the message it is in.
    pub message: &'static str,
    /// The field's name in JSON, if it is a known one.
    pub field: Option<&'static str>,
}

/// What can be wrong with a message's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The bytes end within a field.
    Truncated,
    /// A varint is too long or too large for its place.
    Varint,
    /// A length is beyond what any implementation takes.
    Length,
    /// Field number 0.
    FieldZero,
    /// A known field has another wire type, or the wire type does not exist.
    WireType,
    /// A group ends that has not begun, or does not end.
    Group,
    /// More than [`MAX_DEPTH`] messages or groups within each other.
    Depth,
    /// A string is not UTF-8.
    Utf8,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.fault {
            Fault::Truncated => "the bytes end too early",
            Fault::Varint => "a varint is too long",
            Fault::Length => "a length is too large",
            Fault::FieldZero => "field number 0",
            Fault::WireType => "wrong wire type",
            Fault::Group => "a group does not match",
            Fault::Depth => "nested too deep",
            Fault::Utf8 => "a string is not UTF-8",
        };
        write!(f, "byte {}: {what}, in {}", self.offset, self.message)?;
        self.field.map_or(Ok(()), |field| write!(f, ".{field}"))
    }
}

impl core::error::Error for Invalid {}

/// Accepts bytes that prost, Go and C++ all decode as `root`, and counts the items in them.
///
/// Takes time linear in the bytes, a fixed amount of stack and no allocation. Unknown fields are skipped.
///
/// ```
/// use smoltel_proto::{check, table};
/// assert_eq!(check(&table::EXPORT_TRACE_SERVICE_REQUEST, &[]).unwrap().items, 0);
/// let refused = check(&table::EXPORT_TRACE_SERVICE_REQUEST, &[0x0a, 5]).unwrap_err();
/// assert_eq!(refused.to_string(), "byte 0: the bytes end too early, in \
///     opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest.resourceSpans");
/// ```
///
/// # Errors
/// [`Invalid`] says where and what. The bytes can never be decoded: sending them again is of no use.
pub fn check(root: &'static Message, bytes: &[u8]) -> Result<Summary, Invalid> {
    // The messages around the one the walk is in, with what is left of each after it.
    let mut outer: [(&[u8], &'static Message); MAX_DEPTH] = [(&[], root); MAX_DEPTH];
    let (mut rest, mut message, mut depth) = (bytes, root, 0);
    let mut summary = Summary::default();
    let fault = loop {
        if rest.is_empty() {
            if depth == 0 {
                return Ok(summary);
            }
            depth -= 1;
            (rest, message) = outer[depth];
            continue;
        }
        match step(message, rest) {
            Ok(Step::Over(after)) => rest = after,
            Ok(Step::Into(inner, body, after)) => {
                let Some(slot) = outer.get_mut(depth) else { break Fault::Depth };
                *slot = (after, message);
                depth += 1;
                summary.items += u64::from(inner.item);
                (rest, message) = (body, inner);
            }
            Ok(Step::Unknown(tag, after)) => match skip_unknown(tag, after, depth) {
                Ok(after) => {
                    summary.unknown_top_level |= depth == 0;
                    rest = after;
                }
                Err(fault) => break fault,
            },
            Err(fault) => break fault,
        }
    };
    let left = outer[..depth].iter().map(|(after, _)| after.len()).sum::<usize>() + rest.len();
    Err(explain(fault, message, rest, bytes.len() - left))
}

#[cold]
fn explain(fault: Fault, message: &'static Message, rest: &[u8], offset: usize) -> Invalid {
    let number = short_varint(rest).map_or(0, |(tag, _)| tag >> 3);
    let field = message.field(number).map(|field| field.json_name);
    Invalid { offset, fault, message: message.name, field }
}

enum Step<'a> {
    /// The field is done; what comes after it.
    Over(&'a [u8]),
    /// The field is a message: its type, its body, what comes after it.
    Into(&'static Message, &'a [u8], &'a [u8]),
    /// The table does not know the field: its tag, what comes after the tag.
    Unknown(u32, &'a [u8]),
}

/// Looks at one field. Inlined, for the walk's state to stay in registers.
#[inline(always)]
fn step<'a>(message: &'static Message, rest: &'a [u8]) -> Result<Step<'a>, Fault> {
    let (tag, after) = short_varint(rest)?;
    let Some(field) = message.field(tag >> 3) else { return Ok(Step::Unknown(tag, after)) };
    if field.wire as u32 != tag & 7 {
        return packed(field, tag, after).map(Step::Over);
    }
    let after = match field.wire {
        WireType::Varint => varint(after)?.1,
        WireType::Fixed64 => after.get(8..).ok_or(Fault::Truncated)?,
        WireType::Fixed32 => after.get(4..).ok_or(Fault::Truncated)?,
        WireType::Length => {
            let (body, after) = delimited(after)?;
            match field.kind {
                Kind::Message(inner) => return Ok(Step::Into(inner, body, after)),
                Kind::String if !is_utf8(body) => return Err(Fault::Utf8),
                _ => after,
            }
        }
    };
    Ok(Step::Over(after))
}

/// Skips a known field whose wire type is not that of one value: a packed block, or a fault.
fn packed<'a>(field: &Field, tag: u32, after: &'a [u8]) -> Result<&'a [u8], Fault> {
    if field.cardinality != Cardinality::Packed || tag & 7 != WireType::Length as u32 {
        return Err(Fault::WireType);
    }
    let (mut block, after) = delimited(after)?;
    match field.wire {
        WireType::Fixed64 if block.len() % 8 != 0 => return Err(Fault::Truncated),
        WireType::Fixed32 if block.len() % 4 != 0 => return Err(Fault::Truncated),
        WireType::Varint => {
            while !block.is_empty() {
                block = varint(block)?.1;
            }
        }
        _ => {}
    }
    Ok(after)
}

/// Most strings are ASCII and short: a few loads tell, and the last may overlap the one before.
#[inline]
fn is_utf8(text: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let bits = if let (chunks, Some(last)) = (text.as_chunks().0, text.last_chunk()) {
        chunks.iter().fold(u64::from_le_bytes(*last), |bits, chunk| bits | u64::from_le_bytes(*chunk))
    } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        u64::from(u32::from_le_bytes(*first) | u32::from_le_bytes(*last))
    } else {
        text.iter().fold(0, |bits, byte| bits | u64::from(*byte))
    };
    bits & HIGH == 0 || core::str::from_utf8(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{ANY_VALUE, EXPORT_TRACE_SERVICE_REQUEST, HISTOGRAM_DATA_POINT, SPAN};

    fn fault(root: &'static Message, bytes: &[u8]) -> Fault {
        check(root, bytes).unwrap_err().fault
    }

    /// `depth` lists within each other.
    fn nested(depth: usize, core: &[u8]) -> Vec<u8> {
        let mut bytes = core.to_vec();
        for level in 0..depth {
            let mut outer = vec![if level % 2 != depth % 2 { 0x2a } else { 0x0a }];
            crate::wire::put_varint(&mut outer, bytes.len() as u64);
            outer.append(&mut bytes);
            bytes = outer;
        }
        bytes
    }

    #[test]
    fn spans_are_counted_and_nothing_is_zero() {
        let none = check(&EXPORT_TRACE_SERVICE_REQUEST, &[]).unwrap();
        assert_eq!(none, Summary::default());
        let two_spans = [0x0a, 6, 0x12, 4, 0x12, 0, 0x12, 0];
        assert_eq!(check(&EXPORT_TRACE_SERVICE_REQUEST, &two_spans).unwrap().items, 2);
    }

    #[test]
    fn only_unknown_fields_of_the_root_forbid_merging() {
        let root = check(&EXPORT_TRACE_SERVICE_REQUEST, &[0x0a, 0, 0x78, 1]).unwrap();
        assert!(root.unknown_top_level);
        let within = check(&EXPORT_TRACE_SERVICE_REQUEST, &[0x0a, 2, 0x78, 1]).unwrap();
        assert!(!within.unknown_top_level);
    }

    #[test]
    fn a_fault_names_its_place() {
        let error =
            check(&EXPORT_TRACE_SERVICE_REQUEST, &[0x0a, 2, 0x1a, 0, 0x0a, 3, 0x1a, 1, 0xff]).unwrap_err();
        let expected = Invalid {
            offset: 6,
            fault: Fault::Utf8,
            message: "opentelemetry.proto.trace.v1.ResourceSpans",
            field: Some("schemaUrl"),
        };
        assert_eq!(error, expected);
    }

    #[test]
    fn faults_are_told_apart() {
        assert_eq!(fault(&SPAN, &[0x00, 0]), Fault::FieldZero);
        assert_eq!(fault(&SPAN, &[0x08, 0]), Fault::WireType);
        assert_eq!(fault(&SPAN, &[0x7e, 0]), Fault::WireType);
        assert_eq!(fault(&SPAN, &[0x0a, 1]), Fault::Truncated);
        assert_eq!(fault(&SPAN, &[0x2a, 1, 0xff]), Fault::Utf8);
        assert_eq!(fault(&SPAN, &[0x0b, 0x0c]), Fault::WireType);
        assert_eq!(fault(&SPAN, &[0x9c, 1]), Fault::Group);
        assert_eq!(fault(&SPAN, &[0x9b, 1, 0xa4, 1]), Fault::Group);
        assert_eq!(fault(&SPAN, &[0x9b, 1]), Fault::Truncated);
        assert_eq!(
            fault(&SPAN, &[0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]),
            Fault::Varint
        );
    }

    #[test]
    fn unknown_fields_of_every_wire_type_are_skipped() {
        let bytes = [0x98, 1, 5, 0x99, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x9a, 1, 1, 0xff, 0x9d, 1, 0, 0, 0, 0];
        assert!(check(&SPAN, &bytes).is_ok());
        assert!(check(&SPAN, &[0x9b, 1, 0x0b, 0x10, 1, 0x0c, 0x9c, 1]).is_ok());
    }

    #[test]
    fn numbers_come_packed_or_one_by_one() {
        let packed = [0x32, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        let single = [0x31, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(check(&HISTOGRAM_DATA_POINT, &packed).is_ok());
        assert!(check(&HISTOGRAM_DATA_POINT, &single).is_ok());
        assert_eq!(fault(&HISTOGRAM_DATA_POINT, &[0x32, 1, 0]), Fault::Truncated);
    }

    #[test]
    fn depth_ends_at_one_hundred() {
        assert!(check(&ANY_VALUE, &nested(100, &[])).is_ok());
        assert_eq!(fault(&ANY_VALUE, &nested(101, &[])), Fault::Depth);
        assert!(check(&ANY_VALUE, &nested(99, &[0x7b, 0x7c])).is_ok());
        assert_eq!(fault(&ANY_VALUE, &nested(99, &[0x7b, 0x7b, 0x7c, 0x7c])), Fault::Depth);
        assert_eq!(fault(&ANY_VALUE, &nested(100, &[0x78, 0])), Fault::Depth);
        assert_eq!(fault(&SPAN, &[0x7b; 1 << 20]), Fault::WireType);
        assert_eq!(fault(&ANY_VALUE, &[0x7b; 1 << 20]), Fault::Depth);
    }

    #[test]
    fn ascii_is_seen_at_every_length() {
        for length in 0..40 {
            let mut text = vec![b'a'; length];
            assert!(is_utf8(&text));
            for at in 0..length {
                text[at] = 0xff;
                assert!(!is_utf8(&text), "{length} {at}");
                text[at] = b'a';
            }
        }
        assert!(is_utf8("grüße".as_bytes()));
    }
}
