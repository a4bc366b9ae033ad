use core::fmt;

use super::open::Open;
use crate::context::SpanContext;
use crate::otlp::Signal;
use crate::otlp::common::{Key, Value};
use crate::otlp::trace::{self, Dropped, STATUS, StatusCode};
use crate::pipeline::Stored;
use crate::platform::{Device, Platform, Priority};

/// An operation with a beginning and an end. It is written into its slot as it goes; ending it moves
/// the bytes into the ring.
///
/// Dropping a span ends it. Forgetting one (`mem::forget`) keeps its slot for ever.
///
/// ```
/// # use smoltel_core::Tracer;
/// fn adjust(tracer: &Tracer) {
///     let mut span = tracer.start("adjust");
///     span.set("target.celsius", 21.5);
///     span.event("valve opened", &[("valve", 3.into())].map(|(k, v): (&str, _)| (k.into(), v)));
///     span.end();
/// }
/// ```
pub struct Span<P: Platform = Device> {
    pipeline: P::Handle,
    context: SpanContext,
    open: Option<Open<P>>,
    dropped_events: u32,
    status: StatusCode,
    scope: u16,
}

impl<P: Platform> Span<P> {
    #[inline]
    pub(super) fn new(pipeline: P::Handle, scope: u16, context: SpanContext, open: Option<Open<P>>) -> Self {
        Self { pipeline, context, open, dropped_events: 0, status: StatusCode::Unset, scope }
    }

    /// What a child, a log record or another process needs to refer to this span.
    #[inline]
    pub fn context(&self) -> SpanContext {
        self.context
    }

    /// Whether what is set on the span goes anywhere.
    pub fn is_recording(&self) -> bool {
        self.open.is_some()
    }

    /// Sets an attribute; the same key replaces. One that finds no room is counted in the span's
    /// `dropped_attributes_count`.
    #[inline]
    pub fn set<'a>(&mut self, key: impl Into<Key<'a>>, value: impl Into<Value<'a>>) -> &mut Self {
        if let Some(open) = &mut self.open {
            open.set(&key.into(), &value.into());
        }
        self
    }

    /// Adds an event that happens now. One that finds no room is counted in `dropped_events_count`.
    #[inline]
    pub fn event(&mut self, name: &str, attributes: &[(Key<'_>, Value<'_>)]) -> &mut Self {
        if let Some(open) = &mut self.open {
            let now = self.pipeline.now();
            if open.write(|w| trace::event(w, now, name, attributes)).is_err() {
                self.dropped_events = self.dropped_events.saturating_add(1);
            }
        }
        self
    }

    /// Marks the span as failed, with what `error` displays as the reason. The last reason stays; a
    /// span that was judged [`StatusCode::Ok`] stays so. A reason that does not fit is cut at a
    /// character, and counted as one in `dropped_attributes_count`.
    pub fn fail(&mut self, error: &(impl fmt::Display + ?Sized)) -> &mut Self {
        if self.set_status(StatusCode::Error)
            && let Some(open) = &mut self.open
        {
            let (room, at) = open.room();
            match trace::status_message(room, at, StatusCode::Error, format_args!("{error}")) {
                Ok((len, cut)) => {
                    open.set_len(len);
                    open.dropped += u32::from(cut);
                }
                // No room for a reason: say at least that it failed.
                Err(_) => {
                    open.dropped += 1;
                    let _ = open.write(|w| trace::status(w, StatusCode::Error));
                }
            }
        }
        self
    }

    /// Judges the span a success, finally.
    pub fn succeed(&mut self) -> &mut Self {
        if self.set_status(StatusCode::Ok)
            && let Some(open) = &mut self.open
        {
            let _ = open.write(|w| trace::status(w, StatusCode::Ok));
        }
        self
    }

    /// Ends the span now.
    #[inline]
    pub fn end(self) {
        drop(self);
    }

    /// Takes away a status that is to be replaced; whether the new one may take its place.
    fn set_status(&mut self, code: StatusCode) -> bool {
        if code < self.status || self.status == StatusCode::Ok {
            return false;
        }
        if self.status != StatusCode::Unset
            && let Some(open) = &mut self.open
        {
            open.remove(STATUS, |_| true);
        }
        self.status = code;
        true
    }
}

impl<P: Platform> Drop for Span<P> {
    #[inline]
    fn drop(&mut self) {
        let Some(open) = self.open.take() else { return };
        let dropped = Dropped { attributes: open.dropped, events: self.dropped_events };
        let now = self.pipeline.now();
        let (slot, len) = open.finish(|w| trace::end(w, now, dropped));
        let priority = if self.status == StatusCode::Error { Priority::Keep } else { Priority::Low };
        let record = Stored { signal: Signal::Traces, priority, scope: self.scope, items: 1 };
        self.pipeline.store(&record, slot, len);
    }
}

crate::opaque_debug!(Span<P>);
