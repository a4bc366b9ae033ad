//! `trace.proto`: spans. The message is written in pieces while the span is open: `start` first, then
//! attributes and events as they come, `end` last.

use core::fmt;

use super::common::{Key, Value, attribute, key_value_len};
use crate::context::SpanContext;
use crate::wire::{FIXED32, Full, LEN, VARINT, Writer, len_field, tag, text};

mod field {
    pub(super) mod span {
        pub(in super::super) const TRACE_ID: u32 = 1;
        pub(in super::super) const SPAN_ID: u32 = 2;
        pub(in super::super) const PARENT_SPAN_ID: u32 = 4;
        pub(in super::super) const NAME: u32 = 5;
        pub(in super::super) const KIND: u32 = 6;
        pub(in super::super) const START: u32 = 7;
        pub(in super::super) const END: u32 = 8;
        pub(in super::super) const ATTRIBUTES: u32 = 9;
        pub(in super::super) const DROPPED_ATTRIBUTES: u32 = 10;
        pub(in super::super) const EVENTS: u32 = 11;
        pub(in super::super) const DROPPED_EVENTS: u32 = 12;
        pub(in super::super) const STATUS: u32 = 15;
        pub(in super::super) const FLAGS: u32 = 16;
    }
    pub(super) mod event {
        pub(in super::super) const TIME: u32 = 1;
        pub(in super::super) const NAME: u32 = 2;
        pub(in super::super) const ATTRIBUTES: u32 = 3;
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

/// How a span relates to its parent and children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
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
    w.bytes(number::TRACE_ID, &span.context.trace_id.0)?;
    w.bytes(number::SPAN_ID, &span.context.span_id.0)?;
    let mut flags = u32::from(span.context.flags) | HAS_IS_REMOTE;
    if let Some(parent) = span.parent {
        w.bytes(number::PARENT_SPAN_ID, &parent.span_id.0)?;
        if parent.is_remote {
            flags |= IS_REMOTE;
        }
    }
    w.fixed32(number::FLAGS, flags)?;
    w.put(&[tag(number::KIND, VARINT) as u8, span.kind as u8])?;
    w.fixed64(number::START, span.time)?;
    w.string(number::NAME, span.name)
}

/// Bytes that [`end`] takes at the most; an open span keeps them free, so that ending cannot fail.
pub(crate) const END_MAX: usize = 9 + 2 * 6;

/// Writes what is known only when the span ends.
pub(crate) fn end(w: &mut Writer<'_>, time: u64, dropped: Dropped) -> Result<(), Full> {
    use field::span as number;
    w.fixed64(number::END, time)?;
    for (number, count) in
        [(number::DROPPED_ATTRIBUTES, dropped.attributes), (number::DROPPED_EVENTS, dropped.events)]
    {
        if count > 0 {
            w.varint_field(number, count.into())?;
        }
    }
    Ok(())
}

/// What an open span had no room for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dropped {
    pub(crate) attributes: u32,
    pub(crate) events: u32,
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
    buf.copy_within(at + HEAD_MAX..at + HEAD_MAX + len, end - len);
    let mut w = Writer::resume(buf, end);
    w.put(&[tag(field::status::CODE, VARINT) as u8, code.number()])?;
    Ok((w.len(), cut))
}

/// Writes one event, whole or not at all.
pub(crate) fn event(
    w: &mut Writer<'_>,
    time: u64,
    name: &str,
    attributes: &[(Key<'_>, Value<'_>)],
) -> Result<(), Full> {
    let attributes_len: usize =
        attributes.iter().map(|(key, value)| len_field(key_value_len(key, value))).sum();
    let total = 9 + len_field(name.len()) + attributes_len;
    if w.room() < len_field(total) {
        return Err(Full);
    }
    w.head(field::span::EVENTS, total)?;
    w.fixed64(field::event::TIME, time)?;
    w.string(field::event::NAME, name)?;
    attributes.iter().try_for_each(|(key, value)| attribute(w, field::event::ATTRIBUTES, key, value))
}

const _: () = assert!(tag(field::span::FLAGS, FIXED32) == 133 && tag(field::span::STATUS, LEN) == 122);
