use core::fmt;

use super::open::Open;
use crate::context::SpanContext;
use crate::otlp::Signal;
use crate::otlp::common::{Attributes, Key, Value, exception};
use crate::otlp::trace::{self, Dropped, NAME, STATUS, StatusCode, TRACE_STATE};
use crate::pipeline::Stored;
use crate::platform::{Device, Platform, Priority};
use crate::propagation::{TraceState, TraceStateEdit};
use crate::wire::Full;

/// An operation with a beginning and an end. It is written into its slot as it goes; ending it moves
/// the bytes into the ring.
///
/// Dropping a span ends it; where threads can unwind, one that a panic drops has failed. Forgetting one (`mem::forget`) keeps its slot for ever.
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
    /// A span that is not recorded has one too if it has a trace state: its children inherit it.
    open: Option<Open<P>>,
    recording: bool,
    /// Whether it surely has no trace state.
    is_stateless: bool,
    start: u64,
    status: StatusCode,
    scope: u16,
    events: Count,
    links: Count,
}

/// How many were added, and how many went over the limit or found no room.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    kept: u32,
    dropped: u32,
}

impl Count {
    /// Adds one if there may be one more and `write` succeeds.
    fn add(&mut self, most: u16, write: impl FnOnce() -> Result<(), Full>) {
        if self.kept < most.into() && write().is_ok() {
            self.kept += 1;
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }
}

impl<P: Platform> Span<P> {
    #[inline]
    pub(super) fn new(
        pipeline: P::Handle,
        scope: u16,
        context: SpanContext,
        open: Option<Open<P>>,
        (recording, is_stateless): (bool, bool),
        start: u64,
    ) -> Self {
        let ((events, links), status) = (Default::default(), StatusCode::Unset);
        Self { pipeline, context, open, recording, is_stateless, start, status, scope, events, links }
    }

    /// The span with what few begin with.
    #[inline(never)]
    pub(super) fn begun_with(
        mut self,
        state: TraceStateEdit<'_>,
        attributes: &[(Key<'_>, Value<'_>)],
    ) -> Self {
        const HEAD: usize = 3;
        let Some(open) = &mut self.open else { return self };
        if !self.recording {
            open.close();
        }
        if !self.is_stateless {
            let (room, at) = open.room();
            let most = room.len().saturating_sub(at + HEAD);
            let _ = open.write(|w| trace::trace_state(w, &state.fit(most)));
        }
        attributes.iter().for_each(|(key, value)| open.set(key, value));
        self
    }

    /// What a child, a log record or another process needs to refer to this span.
    #[inline]
    pub fn context(&self) -> SpanContext {
        self.context
    }

    /// The W3C trace state that goes on to children and other services.
    pub fn trace_state(&self) -> TraceState<'_> {
        if self.is_stateless {
            return TraceState::EMPTY;
        }
        let bytes = self.open.as_ref().and_then(|open| open.find(TRACE_STATE)).unwrap_or_default();
        TraceState::parse(bytes).unwrap_or_default()
    }

    /// Makes the span this thread's current one until the answer is dropped: spans that start here meanwhile are
    /// its children, log records and exemplars refer to it, unless they are told otherwise. Then the one before it
    /// is current again. The answer does not borrow the span, which may end first.
    ///
    /// Threads belong to an operating system. A device has a [`Current`](crate::Current) for each thread of control,
    /// and this does not compile there.
    #[must_use = "the span is current while the answer lives"]
    pub fn enter(&self) -> P::Entered {
        const { assert!(P::HAS_CURRENT, "there are no threads here: keep a Current and enter that") };
        P::enter(Some(self.context), self.trace_state())
    }

    /// Whether what is set on the span goes anywhere.
    pub fn is_recording(&self) -> bool {
        self.recording
    }

    /// Its slot, as a reset leaves it.
    #[cfg(all(test, feature = "recorder"))]
    pub(crate) fn slot(&self) -> &[u8] {
        self.open.as_ref().map_or(&[], Open::slot)
    }

    /// The record, if anybody will see it.
    #[inline]
    fn recorded(&mut self) -> Option<&mut Open<P>> {
        self.open.as_mut().filter(|_| self.recording)
    }

    /// Sets an attribute; the same key replaces. One that finds no room is counted in the span's
    /// `dropped_attributes_count`.
    #[inline]
    pub fn set<'a>(&mut self, key: impl Into<Key<'a>>, value: impl Into<Value<'a>>) -> &mut Self {
        // One that is not recorded is closed to attributes.
        if let Some(open) = &mut self.open {
            open.set(&key.into(), &value.into());
        }
        self
    }

    /// Adds an event that happens now. One that finds no room, or is beyond [`Limits::events`], is
    /// counted in `dropped_events_count`.
    ///
    /// [`Limits::events`]: crate::Limits::events
    #[inline]
    pub fn event(&mut self, name: &str, attributes: &[(Key<'_>, Value<'_>)]) -> &mut Self {
        if self.recording {
            self.event_at(self.pipeline.now(), name, attributes);
        }
        self
    }

    /// Adds an event that happened at `time`, in the nanoseconds of the pipeline's clock. It may be
    /// outside the span's own time.
    pub fn event_at(&mut self, time: u64, name: &str, attributes: &[(Key<'_>, Value<'_>)]) -> &mut Self {
        let limits = self.pipeline.limits();
        if let Some(open) = self.open.as_mut().filter(|_| self.recording) {
            let attributes = Attributes::new(attributes, limits.event_attributes, limits.span);
            self.events.add(limits.events, || open.write(|w| trace::event(w, time, name, &attributes)));
        }
        self
    }

    /// Adds an event that tells of an exception: `exception.type`, `exception.message` and, unless it is
    /// empty, `exception.stacktrace`. Attributes of the same keys win over these.
    /// [Exceptions](https://opentelemetry.io/docs/specs/otel/trace/exceptions/) that end the span are
    /// reported with [`fail`](Self::fail) as well.
    pub fn exception(
        &mut self,
        kind: &str,
        message: &str,
        stacktrace: &str,
        attributes: &[(Key<'_>, Value<'_>)],
    ) -> &mut Self {
        let limits = *self.pipeline.limits();
        let now = self.pipeline.now();
        let mut events = self.events;
        if let Some(open) = self.recorded() {
            let own = exception(kind, message, stacktrace);
            let own = own.get(..if stacktrace.is_empty() { 2 } else { 3 }).unwrap_or_default();
            let attributes = Attributes::behind(own, attributes, limits.event_attributes, limits.span);
            events.add(limits.events, || open.write(|w| trace::event(w, now, "exception", &attributes)));
        }
        self.events = events;
        self
    }

    /// Links to another span, of this trace or any. One that finds no room, or is beyond
    /// [`Limits::links`], is counted in `dropped_links_count`; so is one that says nothing: no valid ids,
    /// no trace state and no attributes.
    ///
    /// [`Limits::links`]: crate::Limits::links
    pub fn link(
        &mut self,
        context: &SpanContext,
        trace_state: TraceState<'_>,
        attributes: &[(Key<'_>, Value<'_>)],
    ) -> &mut Self {
        let limits = *self.pipeline.limits();
        let mut links = self.links;
        if let Some(open) = self.recorded() {
            let attributes = Attributes::new(attributes, limits.link_attributes, limits.span);
            let says_something = context.is_valid() || !trace_state.is_empty() || !attributes.is_empty();
            let most = if says_something { limits.links } else { 0 };
            links.add(most, || open.write(|w| trace::link(w, context, trace_state, &attributes)));
        }
        self.links = links;
        self
    }

    /// Gives the span another name. One that does not fit leaves the old one, and counts as an
    /// attribute that was dropped.
    pub fn rename(&mut self, name: &str) -> &mut Self {
        if let Some(open) = self.recorded() {
            open.dropped += u32::from(open.replace(NAME, |w| trace::name(w, name)).is_err());
        }
        self
    }

    /// Marks the span as failed, with what `error` displays as the reason. The last reason stays; a
    /// span that was judged [`StatusCode::Ok`] stays so. A reason that does not fit is cut at a
    /// character, and counted as one in `dropped_attributes_count`.
    pub fn fail(&mut self, error: &(impl fmt::Display + ?Sized)) -> &mut Self {
        if self.set_status(StatusCode::Error)
            && let Some(open) = self.recorded()
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
            && let Some(open) = self.recorded()
        {
            let _ = open.write(|w| trace::status(w, StatusCode::Ok));
        }
        self
    }

    /// Ends the span now. What it was stays as it is from here on: there is no span any more to change.
    ///
    /// ```compile_fail,E0382
    /// # fn adjust(tracer: &smoltel_core::Tracer) {
    /// let mut span = tracer.start("adjust");
    /// span.end();
    /// span.set("too", "late");
    /// # }
    /// ```
    #[inline]
    pub fn end(self) {
        drop(self);
    }

    /// Ends the span at `time`, in the nanoseconds of the pipeline's clock; not before it started.
    pub fn end_at(mut self, time: u64) {
        self.finish(time);
    }

    #[inline]
    fn finish(&mut self, time: u64) {
        // A clock that was set back gives no span of negative length.
        let time = time.max(self.start);
        let Some(open) = &mut self.open else { return };
        let dropped =
            Dropped { attributes: open.dropped, events: self.events.dropped, links: self.links.dropped };
        let is_sampled = self.context.is_sampled();
        let len = if is_sampled { open.finish(|w| trace::end(w, time, dropped)) } else { 0 };
        let Some(slot) = self.open.take().map(Open::into_slot) else { return };
        if !is_sampled {
            return self.pipeline.end_unsampled(slot, self.recording);
        }
        let priority = if self.status == StatusCode::Error { Priority::Keep } else { Priority::Low };
        let record = Stored { signal: Signal::Traces, priority, scope: self.scope, items: 1, time };
        self.pipeline.store(record, slot, len);
    }

    /// Takes away a status that is to be replaced; whether the new one may take its place.
    fn set_status(&mut self, code: StatusCode) -> bool {
        if code < self.status || self.status == StatusCode::Ok {
            return false;
        }
        if self.status != StatusCode::Unset
            && let Some(open) = self.recorded()
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
        if self.open.is_some() {
            if P::is_unwinding() && self.status == StatusCode::Unset {
                self.fail("panicked");
            }
            self.finish(self.pipeline.now());
        }
    }
}

crate::opaque_debug!(Span<P>);
