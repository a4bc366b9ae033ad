//! `logs.proto`: log records.

mod complete;

pub use complete::CompleteLog;

use core::fmt;

use super::common::Value;
use crate::context::SpanContext;
use crate::wire::{FIXED64, Full, LEN, SMALL, VARINT, Writer, len_field, slide, tag, text};

mod field {
    pub(super) mod log_record {
        pub(in super::super) const TIME: u32 = 1;
        pub(in super::super) const SEVERITY_NUMBER: u32 = 2;
        pub(in super::super) const SEVERITY_TEXT: u32 = 3;
        pub(in super::super) const BODY: u32 = 5;
        pub(in super::super) const ATTRIBUTES: u32 = 6;
        pub(in super::super) const DROPPED_ATTRIBUTES: u32 = 7;
        pub(in super::super) const FLAGS: u32 = 8;
        pub(in super::super) const TRACE_ID: u32 = 9;
        pub(in super::super) const SPAN_ID: u32 = 10;
        pub(in super::super) const OBSERVED_TIME: u32 = 11;
        pub(in super::super) const EVENT_NAME: u32 = 12;
    }
    pub(super) mod any_value {
        pub(in super::super) const STRING: u32 = 1;
    }
}

/// The number of a log record's attributes field.
pub(crate) const ATTRIBUTES: u32 = field::log_record::ATTRIBUTES;

/// The number of a log record's severity text field.
pub(crate) const SEVERITY_TEXT: u32 = field::log_record::SEVERITY_TEXT;
/// The number of a log record's event name field.
pub(crate) const EVENT_NAME: u32 = field::log_record::EVENT_NAME;
/// The number of a log record's time field.
pub(crate) const TIME: u32 = field::log_record::TIME;

/// How severe an event is: OTLP's `SeverityNumber`, six groups of four. From [`Error`](Self::Error) on
/// it tells of something that went wrong.
///
/// ```
/// use smoltel_core::Severity;
/// assert!(Severity::Error > Severity::Warn4);
/// assert_eq!((Severity::Info2 as u8, Severity::Info2.text()), (10, "INFO2"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[repr(u8)]
#[expect(missing_docs, reason = "the groups' names are the whole of what they mean")]
pub enum Severity {
    Unspecified = 0,
    Trace,
    Trace2,
    Trace3,
    Trace4,
    Debug,
    Debug2,
    Debug3,
    Debug4,
    Info,
    Info2,
    Info3,
    Info4,
    Warn,
    Warn2,
    Warn3,
    Warn4,
    Error,
    Error2,
    Error3,
    Error4,
    Fatal,
    Fatal2,
    Fatal3,
    Fatal4,
}

impl Severity {
    /// The short name of the specification, which goes out as the severity's text; nothing for
    /// [`Unspecified`](Self::Unspecified).
    pub const fn text(self) -> &'static str {
        TEXTS[self as usize]
    }

    /// The severity of that number, if there is one.
    ///
    /// ```
    /// use smoltel_core::Severity;
    /// assert_eq!((Severity::from_number(9), Severity::from_number(25)), (Some(Severity::Info), None));
    /// ```
    pub const fn from_number(number: u8) -> Option<Self> {
        use Severity::*;
        const ALL: [Severity; 25] = [
            Unspecified,
            Trace,
            Trace2,
            Trace3,
            Trace4,
            Debug,
            Debug2,
            Debug3,
            Debug4,
            Info,
            Info2,
            Info3,
            Info4,
            Warn,
            Warn2,
            Warn3,
            Warn4,
            Error,
            Error2,
            Error3,
            Error4,
            Fatal,
            Fatal2,
            Fatal3,
            Fatal4,
        ];
        if (number as usize) < ALL.len() { Some(ALL[number as usize]) } else { None }
    }
}

/// What each severity is called.
const TEXTS: [&str; 25] = [
    "", "TRACE", "TRACE2", "TRACE3", "TRACE4", "DEBUG", "DEBUG2", "DEBUG3", "DEBUG4", "INFO", "INFO2",
    "INFO3", "INFO4", "WARN", "WARN2", "WARN3", "WARN4", "ERROR", "ERROR2", "ERROR3", "ERROR4", "FATAL",
    "FATAL2", "FATAL3", "FATAL4",
];

/// The same as fields: number, text, its length; what is behind the text does not matter.
const SEVERITIES: [[u8; SEVERITY]; 25] = {
    let mut fields = [[0; SEVERITY]; 25];
    let mut number = 0;
    while number < fields.len() {
        let text = TEXTS[number].as_bytes();
        let one = &mut fields[number];
        one[0] = tag(field::log_record::SEVERITY_NUMBER, VARINT) as u8;
        one[1] = number as u8;
        one[2] = tag(field::log_record::SEVERITY_TEXT, LEN) as u8;
        one[3] = text.len() as u8;
        one.split_at_mut(4).1.split_at_mut(text.len()).0.copy_from_slice(text);
        number += 1;
    }
    fields
};
const SEVERITY: usize = 4 + 6;

/// Writes times and severity.
pub(crate) fn start(w: &mut Writer<'_>, time: u64, severity: Severity) -> Result<(), Full> {
    use field::log_record as number;
    // One piece of a fixed length, of which the end may be left out.
    let written = w.within::<{ TIMES + SEVERITY }>(|fixed| {
        fixed[0] = tag(number::TIME, FIXED64) as u8;
        fixed[1..9].copy_from_slice(&time.to_le_bytes());
        fixed[9] = tag(number::OBSERVED_TIME, FIXED64) as u8;
        fixed[10..TIMES].copy_from_slice(&time.to_le_bytes());
        let severity = &SEVERITIES[severity as usize];
        fixed[TIMES..].copy_from_slice(severity);
        let text_len = usize::from(severity[3]);
        Some(if text_len == 0 { TIMES } else { TIMES + 4 + text_len })
    });
    written.ok_or(Full)
}

const TIMES: usize = 2 * (1 + 8);

/// Writes what the record's source calls its severity.
pub(crate) fn severity_text(w: &mut Writer<'_>, text: &str) -> Result<(), Full> {
    w.string(field::log_record::SEVERITY_TEXT, text)
}

/// Writes when it happened.
pub(crate) fn time(w: &mut Writer<'_>, time: u64) -> Result<(), Full> {
    w.fixed64(field::log_record::TIME, time)
}

/// Writes the name that makes the record an event.
pub(crate) fn event_name(w: &mut Writer<'_>, name: &str) -> Result<(), Full> {
    w.string(field::log_record::EVENT_NAME, name)
}

/// Writes a body of any type.
pub(crate) fn body_value(w: &mut Writer<'_>, value: &Value<'_>) -> Result<(), Full> {
    w.head(field::log_record::BODY, value.encoded_len())?;
    value.encode(w)
}

/// Bytes that [`end`] takes at the most.
pub(crate) const END_MAX: usize = 6;

/// Writes what is known only when the record is complete.
pub(crate) fn end(w: &mut Writer<'_>, dropped_attributes: u32) -> Result<(), Full> {
    if dropped_attributes > 0 {
        w.varint_field(field::log_record::DROPPED_ATTRIBUTES, dropped_attributes.into())?;
    }
    Ok(())
}

/// Bytes that [`span_context`] takes.
pub(crate) const CONTEXT_LEN: usize = 5 + 18 + 10;

/// Writes the ids and flags of the span that the record belongs to.
pub(crate) fn span_context(w: &mut Writer<'_>, context: &SpanContext) -> Result<(), Full> {
    use field::log_record as number;
    w.fixed32(number::FLAGS, (context.flags & !SpanContext::DEBUG).into())?;
    w.bytes(number::TRACE_ID, &context.trace_id.0)?;
    w.bytes(number::SPAN_ID, &context.span_id.0)
}

/// Writes the body from format arguments, without a buffer between: the text goes behind the largest
/// head that it can need and moves up to the head that it got. Text that does not fit is cut at a
/// character; the answer says whether it was.
pub(crate) fn body(buf: &mut [u8], at: usize, args: fmt::Arguments<'_>) -> Result<(usize, bool), Full> {
    const HEAD_MAX: usize = 2 * (1 + 3);
    let (len, cut) = text::format(buf.get_mut(at + HEAD_MAX..).ok_or(Full)?, args);
    let mut w = Writer::resume(buf, at);
    w.head(field::log_record::BODY, len_field(len))?;
    w.head(field::any_value::STRING, len)?;
    let end = w.len() + len;
    slide(buf, at + HEAD_MAX..at + HEAD_MAX + len, end - len);
    Ok((end, cut))
}

/// Writes a body that is text already, cut at a character when it does not fit.
pub(crate) fn body_text(w: &mut Writer<'_>, body: &str) -> Result<bool, Full> {
    const SHORT: usize = 0x80 - 2;
    if !SMALL && body.len() < SHORT {
        let len = body.len() as u8;
        let (outer, inner) =
            (tag(field::log_record::BODY, LEN) as u8, tag(field::any_value::STRING, LEN) as u8);
        if w.put_behind([outer, len + 2, inner, len], body.as_bytes()).is_ok() {
            return Ok(false);
        }
    }
    let kept = text::cut(body, w.room().checked_sub(2 * (1 + 3)).ok_or(Full)?);
    w.head(field::log_record::BODY, len_field(kept.len()))?;
    w.string(field::any_value::STRING, kept)?;
    Ok(kept.len() < body.len())
}

const _: () = assert!(tag(field::log_record::BODY, LEN) == 42);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_moved_up_to_its_head() {
        let mut buf = [0xEE; 32];
        let (end, cut) = body(&mut buf, 1, format_args!("{}-{}", "a", 7)).unwrap();
        assert_eq!((&buf[..end], cut), (&b"\xEE\x2A\x05\x0A\x03a-7"[..], false));
    }

    #[test]
    fn a_long_body_is_cut_at_a_character() {
        let mut buf = [0; 13];
        let (end, cut) = body(&mut buf, 0, format_args!("{}", "ab\u{e9}\u{e9}")).unwrap();
        assert_eq!((&buf[..end], cut), ("\x2A\x06\x0A\x04ab\u{e9}".as_bytes(), true));
        assert_eq!(body(&mut buf[..7], 0, format_args!("x")), Err(Full));
    }
}
