//! `trace.proto`: spans. The message is written in pieces while the span is open: `start` first, then
//! attributes and events as they come, `end` last.

mod complete;

pub use complete::{CompleteSpan, Event, Link};

use core::fmt;

use super::common::Attributes;
use crate::context::SpanContext;
use crate::propagation::{TraceState, TraceStateEdit};
use crate::wire::{FIXED32, FIXED64, Full, LEN, SMALL, VARINT, Writer, len_field, slide, tag, text};

mod field {
    pub(super) mod span {
        pub(in super::super) const TRACE_ID: u32 = 1;
        pub(in super::super) const SPAN_ID: u32 = 2;
        pub(in super::super) const TRACE_STATE: u32 = 3;
        pub(in super::super) const PARENT_SPAN_ID: u32 = 4;
        pub(in super::super) const NAME: u32 = 5;
        pub(in super::super) const KIND: u32 = 6;
        pub(in super::super) const START: u32 = 7;
        pub(in super::super) const END: u32 = 8;
        pub(in super::super) const ATTRIBUTES: u32 = 9;
        pub(in super::super) const DROPPED_ATTRIBUTES: u32 = 10;
        pub(in super::super) const EVENTS: u32 = 11;
        pub(in super::super) const DROPPED_EVENTS: u32 = 12;
        pub(in super::super) const LINKS: u32 = 13;
        pub(in super::super) const DROPPED_LINKS: u32 = 14;
        pub(in super::super) const STATUS: u32 = 15;
        pub(in super::super) const FLAGS: u32 = 16;
    }
    pub(super) mod event {
        pub(in super::super) const TIME: u32 = 1;
        pub(in super::super) const NAME: u32 = 2;
        pub(in super::super) const ATTRIBUTES: u32 = 3;
        pub(in super::super) const DROPPED_ATTRIBUTES: u32 = 4;
    }
    pub(super) mod link {
        pub(in super::super) const TRACE_ID: u32 = 1;
        pub(in super::super) const SPAN_ID: u32 = 2;
        pub(in super::super) const TRACE_STATE: u32 = 3;
        pub(in super::super) const ATTRIBUTES: u32 = 4;
        pub(in super::super) const DROPPED_ATTRIBUTES: u32 = 5;
        pub(in super::super) const FLAGS: u32 = 6;
    }
    pub(super) mod status {
        pub(in super::super) const MESSAGE: u32 = 2;
        pub(in super::super) const CODE: u32 = 3;
    }
}

/// The number of a span's attributes field, by which they are found again in an open span.
pub(crate) const ATTRIBUTES: u32 = field::span::ATTRIBUTES;
/// The number of a span's status field.
pub(crate) const STATUS: u32 = field::span::STATUS;
/// The number of a span's start field.
#[cfg(feature = "recorder")]
pub(crate) const START: u32 = field::span::START;
/// The number of a span's name field.
pub(crate) const NAME: u32 = field::span::NAME;
/// The number of a span's trace state field.
pub(crate) const TRACE_STATE: u32 = field::span::TRACE_STATE;

/// How a span relates to its parent and children.
///
/// ```
/// use smoltel_core::SpanKind;
/// assert_eq!((SpanKind::default(), SpanKind::Client as u8), (SpanKind::Internal, 3));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[repr(u8)]
pub enum SpanKind {
    /// Work within an application; the default.
    #[default]
    Internal = 1,
    /// The handling of a remote request.
    Server = 2,
    /// A request to a remote service.
    Client = 3,
    /// The sending of a message that is handled later.
    Producer = 4,
    /// The handling of a message that was sent earlier.
    Consumer = 5,
}

/// How a span ended. `Unset < Error < Ok`: a lower one never replaces a higher one.
///
/// ```
/// use smoltel_core::StatusCode;
/// assert!(StatusCode::Unset < StatusCode::Error && StatusCode::Error < StatusCode::Ok);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[repr(u8)]
pub enum StatusCode {
    /// Nothing was said; the default.
    #[default]
    Unset = 0,
    /// The operation failed.
    Error = 1,
    /// A person or program has judged it a success, finally.
    Ok = 2,
}

impl StatusCode {
    const fn number(self) -> u8 {
        match self {
            Self::Unset => 0,
            Self::Ok => 1,
            Self::Error => 2,
        }
    }
}

/// Bits 0 to 7 are W3C's; these say that the parent's remoteness is known, and that it is remote.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// What is known when a span starts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'a> {
    pub(crate) context: &'a SpanContext,
    pub(crate) parent: Option<&'a SpanContext>,
    pub(crate) kind: SpanKind,
    pub(crate) name: &'a str,
    pub(crate) time: u64,
}

/// Writes ids, flags, kind, name and start time.
pub(crate) fn start(w: &mut Writer<'_>, span: &Start<'_>) -> Result<(), Full> {
    use field::span as number;
    // What every span has is one piece of a fixed length.
    let fixed = w.reserve(FIXED)?.first_chunk_mut::<FIXED>().ok_or(Full)?;
    fixed[..2].copy_from_slice(&[tag(number::TRACE_ID, LEN) as u8, 16]);
    fixed[2..18].copy_from_slice(&span.context.trace_id.0);
    fixed[18..20].copy_from_slice(&[tag(number::SPAN_ID, LEN) as u8, 8]);
    fixed[20..28].copy_from_slice(&span.context.span_id.0);
    fixed[28..30].copy_from_slice(&[tag(number::KIND, VARINT) as u8, span.kind as u8]);
    fixed[30] = tag(number::START, FIXED64) as u8;
    fixed[31..39].copy_from_slice(&span.time.to_le_bytes());
    fixed[39..41].copy_from_slice(&FLAGS_TAG);
    let flags = flags(span.context.flags, span.parent.is_some_and(|parent| parent.is_remote));
    fixed[41..45].copy_from_slice(&flags.to_le_bytes());
    if let Some(parent) = span.parent {
        w.bytes(number::PARENT_SPAN_ID, &parent.span_id.0)?;
    }
    name(w, span.name)
}

const FIXED: usize = 2 + 16 + 2 + 8 + 2 + 1 + 8 + 2 + 4;
/// 16 and above take two bytes.
const FLAGS_TAG: [u8; 2] = {
    let tag = tag(field::span::FLAGS, FIXED32);
    [tag as u8 | 0x80, (tag >> 7) as u8]
};

/// Writes a name.
pub(crate) fn name(w: &mut Writer<'_>, name: &str) -> Result<(), Full> {
    if !SMALL && name.len() < 0x80 {
        return w.put_behind([tag(field::span::NAME, LEN) as u8, name.len() as u8], name.as_bytes());
    }
    w.string(field::span::NAME, name)
}

/// Writes a trace state, if there is any.
pub(crate) fn trace_state(w: &mut Writer<'_>, trace_state: &TraceStateEdit<'_>) -> Result<(), Full> {
    let len = trace_state.len();
    if len == 0 {
        return Ok(());
    }
    w.head(field::span::TRACE_STATE, len)?;
    trace_state.write(w)
}

/// Bytes that [`end`] takes at the most; an open span keeps them free, so that ending cannot fail.
pub(crate) const END_MAX: usize = 9 + 3 * 6;

/// Writes what is known only when the span ends.
pub(crate) fn end(w: &mut Writer<'_>, time: u64, dropped: Dropped) -> Result<(), Full> {
    use field::span as number;
    w.fixed64(number::END, time)?;
    let Dropped { attributes, events, links } = dropped;
    if attributes | events | links == 0 {
        return Ok(());
    }
    count(w, number::DROPPED_ATTRIBUTES, attributes)?;
    count(w, number::DROPPED_EVENTS, events)?;
    count(w, number::DROPPED_LINKS, links)
}

/// What an open span had no room for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dropped {
    pub(crate) attributes: u32,
    pub(crate) events: u32,
    pub(crate) links: u32,
}

/// Writes a status without a message, whole or not at all.
pub(crate) fn status(w: &mut Writer<'_>, code: StatusCode) -> Result<(), Full> {
    w.put(&[tag(field::span::STATUS, LEN) as u8, 2, tag(field::status::CODE, VARINT) as u8, code.number()])
}

/// Writes a status with a formatted message, cut at a character when it does not fit; returns where
/// it ends and whether it was cut.
pub(crate) fn status_message(
    buf: &mut [u8],
    at: usize,
    code: StatusCode,
    args: fmt::Arguments<'_>,
) -> Result<(usize, bool), Full> {
    const HEAD_MAX: usize = 2 * (1 + 3);
    const CODE_LEN: usize = 2;
    let room = buf.len().checked_sub(CODE_LEN).and_then(|end| buf.get_mut(at + HEAD_MAX..end));
    let (len, cut) = text::format(room.ok_or(Full)?, args);
    let mut w = Writer::resume(buf, at);
    w.head(field::span::STATUS, len_field(len) + CODE_LEN)?;
    w.head(field::status::MESSAGE, len)?;
    let end = w.len() + len;
    slide(buf, at + HEAD_MAX..at + HEAD_MAX + len, end - len);
    let mut w = Writer::resume(buf, end);
    w.put(&[tag(field::status::CODE, VARINT) as u8, code.number()])?;
    Ok((w.len(), cut))
}

/// Writes one event.
#[inline]
pub(crate) fn event(
    w: &mut Writer<'_>,
    time: u64,
    name: &str,
    attributes: &Attributes<'_>,
) -> Result<(), Full> {
    use field::event as number;
    let rest = |w: &mut Writer<'_>| {
        let dropped = attributes.encode(w, number::ATTRIBUTES)?;
        count(w, number::DROPPED_ATTRIBUTES, dropped)
    };
    if SMALL || name.len() >= 0x80 {
        return w.message(field::span::EVENTS, |w| {
            w.fixed64(number::TIME, time)?;
            w.string(number::NAME, name)?;
            rest(w)
        });
    }
    // All that is before the name in one piece.
    const EVENT: u8 = tag(field::span::EVENTS, LEN) as u8;
    const TIME: u8 = tag(number::TIME, FIXED64) as u8;
    const NAME: u8 = tag(number::NAME, LEN) as u8;
    let start = w.len() + 2;
    let [a, b, c, d, e, f, g, h] = time.to_le_bytes();
    w.put_behind([EVENT, 0, TIME, a, b, c, d, e, f, g, h, NAME, name.len() as u8], name.as_bytes())?;
    rest(w)?;
    w.end_message(start)
}

/// Writes one link.
pub(crate) fn link(
    w: &mut Writer<'_>,
    context: &SpanContext,
    trace_state: TraceState<'_>,
    attributes: &Attributes<'_>,
) -> Result<(), Full> {
    use field::link as number;
    w.message(field::span::LINKS, |w| {
        w.bytes(number::TRACE_ID, &context.trace_id.0)?;
        w.bytes(number::SPAN_ID, &context.span_id.0)?;
        if !trace_state.is_empty() {
            w.head(number::TRACE_STATE, trace_state.len())?;
            trace_state.write(w)?;
        }
        let dropped = attributes.encode(w, number::ATTRIBUTES)?;
        count(w, number::DROPPED_ATTRIBUTES, dropped)?;
        w.fixed32(number::FLAGS, flags(context.flags, context.is_remote))
    })
}

/// W3C's flags, and that the remoteness of a parent or a linked span is known.
fn flags(w3c: u8, is_remote: bool) -> u32 {
    u32::from(w3c & !SpanContext::DEBUG) | HAS_IS_REMOTE | if is_remote { IS_REMOTE } else { 0 }
}

#[inline]
fn count(w: &mut Writer<'_>, number: u32, count: u32) -> Result<(), Full> {
    if count > 0 { w.varint_field(number, count.into()) } else { Ok(()) }
}

const _: () = assert!(tag(field::span::FLAGS, FIXED32) == 133 && tag(field::span::STATUS, LEN) == 122);
