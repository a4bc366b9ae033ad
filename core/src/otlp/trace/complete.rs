use super::{Dropped, Start, StatusCode, end, event, field, link, start, trace_state};
use crate::context::SpanContext;
use crate::limits::AttributeLimits;
use crate::otlp::common::{Attributes, Key, Value};
use crate::otlp::trace::SpanKind;
use crate::propagation::TraceState;
use crate::wire::{Full, VARINT, Writer, tag};

/// A span that was made elsewhere and is over: all of it at once. Times are in nanoseconds.
///
/// ```
/// use smoltel_core::otlp::trace::CompleteSpan;
/// use smoltel_core::wire::Writer;
/// use smoltel_core::{SpanContext, SpanId, TraceId};
/// let context = SpanContext { trace_id: TraceId([1; 16]), span_id: SpanId([2; 8]), flags: 1, is_remote: false };
/// let span = CompleteSpan { name: "adjust", start: 7, end: 9, ..CompleteSpan::new(context) };
/// let mut buf = [0; 128];
/// let mut w = Writer::new(&mut buf);
/// span.encode(&mut w)?;
/// assert!(!w.is_empty());
/// # Ok::<(), smoltel_core::wire::Full>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CompleteSpan<'a> {
    /// Its ids and flags.
    pub context: SpanContext,
    /// What goes on to children and other services.
    pub trace_state: TraceState<'a>,
    /// The span that it is a child of: its id, and whether it is remote.
    pub parent: Option<SpanContext>,
    /// The name.
    pub name: &'a str,
    /// How it relates to its parent and children.
    pub kind: SpanKind,
    /// When it began.
    pub start: u64,
    /// When it ended.
    pub end: u64,
    /// The attributes; of equal keys the last counts.
    pub attributes: &'a [(Key<'a>, Value<'a>)],
    /// How many attributes were left out before.
    pub dropped_attributes: u32,
    /// What happened meanwhile.
    pub events: &'a [Event<'a>],
    /// How many events were left out before.
    pub dropped_events: u32,
    /// Other spans that it has to do with.
    pub links: &'a [Link<'a>],
    /// How many links were left out before.
    pub dropped_links: u32,
    /// How it ended.
    pub status: StatusCode,
    /// Why it failed, if it did.
    pub reason: &'a str,
}

/// Something that happened at one time of a span.
///
/// ```
/// use smoltel_core::otlp::trace::Event;
/// let opened = Event { time: 7, name: "valve opened", attributes: &[], dropped_attributes: 0 };
/// assert_eq!(opened.time, 7);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// When it happened.
    pub time: u64,
    /// What happened.
    pub name: &'a str,
    /// The attributes; of equal keys the last counts.
    pub attributes: &'a [(Key<'a>, Value<'a>)],
    /// How many attributes were left out before.
    pub dropped_attributes: u32,
}

/// A span's reference to another one.
///
/// ```
/// use smoltel_core::otlp::trace::Link;
/// use smoltel_core::propagation::TraceState;
/// use smoltel_core::{SpanContext, SpanId, TraceId};
/// let context = SpanContext { trace_id: TraceId([1; 16]), span_id: SpanId([2; 8]), flags: 1, is_remote: true };
/// let cause = Link { context, trace_state: TraceState::EMPTY, attributes: &[], dropped_attributes: 0 };
/// assert!(cause.context.is_valid());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// The other span.
    pub context: SpanContext,
    /// Its trace state.
    pub trace_state: TraceState<'a>,
    /// The attributes; of equal keys the last counts.
    pub attributes: &'a [(Key<'a>, Value<'a>)],
    /// How many attributes were left out before.
    pub dropped_attributes: u32,
}

impl<'a> CompleteSpan<'a> {
    /// A span of which only its context is known.
    pub const fn new(context: SpanContext) -> Self {
        Self {
            context,
            trace_state: TraceState::EMPTY,
            parent: None,
            name: "",
            kind: SpanKind::Internal,
            start: 0,
            end: 0,
            attributes: &[],
            dropped_attributes: 0,
            events: &[],
            dropped_events: 0,
            links: &[],
            dropped_links: 0,
            status: StatusCode::Unset,
            reason: "",
        }
    }

    /// Writes the fields of the `Span` message. An attribute with an empty key is left out and counted.
    ///
    /// # Errors
    /// [`Full`] when it does not fit; a part may have been written.
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        let Self { context, parent, kind, name, .. } = self;
        start(w, &Start { context, parent: parent.as_ref(), kind: *kind, name, time: self.start })?;
        trace_state(w, &self.trace_state.into())?;
        let attributes = unlimited(self.attributes, self.dropped_attributes);
        let dropped = attributes.encode(w, field::span::ATTRIBUTES)?;
        for Event { time, name, attributes, dropped_attributes } in self.events {
            event(w, *time, name, &unlimited(attributes, *dropped_attributes))?;
        }
        for Link { context, trace_state, attributes, dropped_attributes } in self.links {
            link(w, context, *trace_state, &unlimited(attributes, *dropped_attributes))?;
        }
        self.encode_status(w)?;
        let (events, links) = (self.dropped_events, self.dropped_links);
        end(w, self.end, Dropped { attributes: dropped, events, links })
    }

    fn encode_status(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        if self.status == StatusCode::Unset && self.reason.is_empty() {
            return Ok(());
        }
        w.message(field::span::STATUS, |w| {
            if !self.reason.is_empty() {
                w.string(field::status::MESSAGE, self.reason)?;
            }
            w.put(&[tag(field::status::CODE, VARINT) as u8, self.status.number()])
        })
    }
}

/// Whoever made the record has had limits of their own.
fn unlimited<'a>(attributes: &'a [(Key<'a>, Value<'a>)], dropped: u32) -> Attributes<'a> {
    Attributes::new(attributes, u16::MAX, AttributeLimits::DEFAULT).and_dropped(dropped)
}
