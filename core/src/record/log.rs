use core::fmt;

use super::open::Open;
use crate::context::SpanContext;
use crate::counters::Loss;
use crate::otlp::Signal;
use crate::otlp::common::{Key, Value, exception};
use crate::otlp::logs::{self, Severity};
use crate::pipeline::Stored;
use crate::platform::{Device, Platform, Priority};

/// A log record while it is written. [`emit`](Self::emit) sends it on its way; dropping it does not.
///
/// ```
/// use smoltel_core::{Logger, Severity, SpanContext, Value};
/// fn report(logger: &Logger, request: SpanContext) {
///     logger
///         .log(Severity::Warn)
///         .event_name("tank.low")
///         .context(request)
///         .set("tank.level", 0.07)
///         .value(&Value::Map(&[("tank".into(), 3.into()), ("pumps".into(), Value::Array(&[Value::Empty]))]))
///         .emit();
/// }
/// ```
#[must_use = "a record goes nowhere until emit()"]
pub struct Log<P: Platform = Device> {
    pipeline: P::Handle,
    open: Option<Open<P>>,
    /// Why there is nothing to write into, to be counted when the record is emitted.
    lost: Option<Loss>,
    severity: Severity,
    scope: u16,
    /// When it was observed.
    time: u64,
    has_body: bool,
    /// Whether it was said which span it belongs to, if any.
    has_context: bool,
    /// Whether it goes nowhere when it belongs to a span that is not sampled.
    trace_based: bool,
}

impl<P: Platform> Log<P> {
    #[inline]
    pub(super) fn new(pipeline: P::Handle, scope: u16, severity: Severity, trace_based: bool) -> Self {
        let now = pipeline.now();
        let mut log = Self::at(pipeline, scope, severity, now);
        log.trace_based = trace_based;
        log
    }

    /// A record that was observed at `now`.
    #[inline]
    pub(super) fn at(pipeline: P::Handle, scope: u16, severity: Severity, now: u64) -> Self {
        let (attributes, tail) = ((logs::ATTRIBUTES, pipeline.limits().log), Self::TAIL);
        let opened = pipeline
            .take_slot()
            .map(|slot| Open::new(slot, attributes, tail, |w| logs::start(w, now, severity)));
        let (open, lost) = match opened {
            Some(Ok(open)) => (Some(open), None),
            Some(Err(slot)) => {
                pipeline.give_back(slot);
                (None, Some(Loss::TooLarge))
            }
            None => (None, Some(Loss::NoSlot)),
        };
        let (has_body, has_context, trace_based) = (false, false, false);
        Self { pipeline, open, lost, severity, scope, time: now, has_body, has_context, trace_based }
    }

    /// A record that its logger does not want.
    pub(super) fn nowhere(pipeline: P::Handle, scope: u16, severity: Severity, trace_based: bool) -> Self {
        let (open, lost, time) = (None, None, 0);
        let (has_body, has_context) = (false, false);
        Self { pipeline, open, lost, severity, scope, time, has_body, has_context, trace_based }
    }

    /// Sets an attribute; the same key replaces. One that finds no room is counted in the record's
    /// `dropped_attributes_count`.
    #[inline]
    pub fn set<'a>(mut self, key: impl Into<Key<'a>>, value: impl Into<Value<'a>>) -> Self {
        if let Some(open) = &mut self.open {
            open.set(&key.into(), &value.into());
        }
        self
    }

    /// [`set`](Self::set) for loops, where giving the record away and taking it back would cost more than the attribute.
    #[inline]
    pub fn add<'a>(&mut self, key: impl Into<Key<'a>>, value: impl Into<Value<'a>>) -> &mut Self {
        if let Some(open) = &mut self.open {
            open.set(&key.into(), &value.into());
        }
        self
    }

    /// Ties the record to a span, or with `None` to no span; else it belongs to the one that is current where
    /// it is emitted, if threads have one. A context that is not valid is none. The first counts.
    pub fn context(mut self, context: impl Into<Option<SpanContext>>) -> Self {
        if core::mem::replace(&mut self.has_context, true) {
            return self;
        }
        let Some(context) = context.into().filter(SpanContext::is_valid) else { return self };
        if self.trace_based && !context.is_sampled() {
            self.discard();
        }
        if let Some(open) = &mut self.open {
            let written = open.write(|w| logs::span_context(w, &context));
            open.dropped += u32::from(written.is_err());
        }
        self
    }

    /// Says when it happened, in the nanoseconds of the pipeline's clock; without it, it happened when it
    /// was observed: now. Zero is unknown.
    pub fn time(mut self, time: u64) -> Self {
        if let Some(open) = &mut self.open {
            // It takes the place of one of the same length.
            let _ = open.replace(logs::TIME, |w| logs::time(w, time));
        }
        self
    }

    /// Says what the source of the record calls its severity, in place of [`Severity::text`].
    pub fn severity_text(mut self, text: &str) -> Self {
        if let Some(open) = &mut self.open {
            let written = open.replace(logs::SEVERITY_TEXT, |w| logs::severity_text(w, text));
            open.dropped += u32::from(written.is_err());
        }
        self
    }

    /// Makes the record an [event](https://opentelemetry.io/docs/specs/semconv/general/events/): a name
    /// that tells its shape, without anything that changes from one to the next, of 256 characters at
    /// most. The last name counts.
    pub fn event_name(mut self, name: &str) -> Self {
        if let Some(open) = &mut self.open {
            let written = open.replace(logs::EVENT_NAME, |w| logs::event_name(w, name));
            open.dropped += u32::from(written.is_err());
        }
        self
    }

    /// Tells of an exception: sets `exception.type`, `exception.message` and, unless it is empty,
    /// `exception.stacktrace`, where they are not set already.
    pub fn exception(mut self, kind: &str, message: &str, stacktrace: &str) -> Self {
        let attributes = exception(kind, message, stacktrace);
        let told = attributes.get(..if stacktrace.is_empty() { 2 } else { 3 }).unwrap_or_default();
        if let Some(open) = &mut self.open {
            for (key, value) in told {
                if !open.has(key) {
                    open.set(key, value);
                }
            }
        }
        self
    }

    /// Writes the body, without a buffer between. Text that does not fit is cut at a character, and
    /// counted as one in the record's `dropped_attributes_count`. The first body counts.
    pub fn body(mut self, body: fmt::Arguments<'_>) -> Self {
        if let Some(text) = body.as_str() {
            return self.text(text);
        }
        if let Some(open) = self.open.as_mut().filter(|_| !self.has_body) {
            let (room, at) = open.room();
            let written = logs::body(room, at, body);
            if let Ok((len, _)) = written {
                open.set_len(len);
                self.has_body = true;
            }
            open.dropped += u32::from(written.is_ok_and(|(_, cut)| cut) || written.is_err());
        }
        self
    }

    /// Writes a body that is text already.
    #[inline]
    pub fn text(mut self, text: &str) -> Self {
        if let Some(open) = self.open.as_mut().filter(|_| !self.has_body) {
            let mut cut = false;
            self.has_body = open.write(|w| logs::body_text(w, text).map(|was_cut| cut = was_cut)).is_ok();
            open.dropped += u32::from(cut || !self.has_body);
        }
        self
    }

    /// Writes a body of any type: arrays and maps are borrowed where they are. One that does not fit is
    /// left out, and counted as one in the record's `dropped_attributes_count`. The first body counts.
    pub fn value(mut self, body: &Value<'_>) -> Self {
        if let Some(open) = self.open.as_mut().filter(|_| !self.has_body) {
            self.has_body = open.write(|w| logs::body_value(w, body)).is_ok();
            open.dropped += u32::from(!self.has_body);
        }
        self
    }

    /// Sends the record on its way.
    #[inline]
    pub fn emit(mut self) {
        let Some(open) = &mut self.open else {
            if let Some(reason) = self.lost {
                self.pipeline.add_unrecorded(Signal::Logs, reason);
            }
            return;
        };
        let dropped = open.dropped;
        let context = if self.has_context { None } else { P::with_current(|current, _| current.copied()) };
        if self.trace_based && context.is_some_and(|context| !context.is_sampled()) {
            return;
        }
        let len = open.finish(|w| {
            context.as_ref().map_or(Ok(()), |context| logs::span_context(w, context))?;
            logs::end(w, dropped)
        });
        let Some(slot) = self.open.take().map(Open::into_slot) else { return };
        let time = self.time;
        let priority = if self.severity >= Severity::Warn { Priority::Keep } else { Priority::Low };
        let record = Stored { signal: Signal::Logs, priority, scope: self.scope, items: 1, time };
        self.pipeline.store(record, slot, len);
    }
}

impl<P: Platform> Log<P> {
    /// Bytes that are kept free for what is written at the end.
    const TAIL: usize = logs::END_MAX + if P::HAS_CURRENT { logs::CONTEXT_LEN } else { 0 };

    fn discard(&mut self) {
        self.lost = None;
        if let Some(open) = self.open.take() {
            self.pipeline.give_back(open.into_slot());
        }
    }
}

impl<P: Platform> Drop for Log<P> {
    fn drop(&mut self) {
        self.discard();
    }
}

crate::opaque_debug!(Log<P>);
