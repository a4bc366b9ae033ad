use core::fmt;

use super::open::Open;
use crate::context::SpanContext;
use crate::counters::Loss;
use crate::otlp::Signal;
use crate::otlp::common::{Key, Value};
use crate::otlp::logs::{self, Severity};
use crate::pipeline::Stored;
use crate::platform::{Device, Platform, Priority};

/// A log record while it is written. [`emit`](Self::emit) sends it on its way; dropping it does not.
#[must_use = "a record goes nowhere until emit()"]
pub struct Log<P: Platform = Device> {
    pipeline: P::Handle,
    open: Option<Open<P>>,
    severity: Severity,
    scope: u16,
    has_body: bool,
}

impl<P: Platform> Log<P> {
    #[inline]
    pub(super) fn new(pipeline: P::Handle, scope: u16, severity: Severity) -> Self {
        let now = pipeline.now();
        let opened = pipeline
            .open_log()
            .map(|slot| Open::new(slot, logs::ATTRIBUTES, logs::END_MAX, |w| logs::start(w, now, severity)));
        let open = match opened {
            Some(Err(slot)) => {
                pipeline.give_back(slot);
                pipeline.add_unrecorded(Signal::Logs, Loss::TooLarge);
                None
            }
            Some(Ok(open)) => Some(open),
            None => None,
        };
        Self { pipeline, open, severity, scope, has_body: false }
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

    /// Ties the record to a span. A context that is not valid is left out; so is a second one.
    pub fn context(mut self, context: SpanContext) -> Self {
        if let Some(open) = self.open.as_mut().filter(|_| context.is_valid()) {
            let _ = open.write(|w| logs::span_context(w, &context));
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

    /// Sends the record on its way.
    #[inline]
    pub fn emit(mut self) {
        let Some(open) = self.open.take() else { return };
        let dropped = open.dropped;
        let (slot, len) = open.finish(|w| logs::end(w, dropped));
        let priority = if self.severity >= Severity::Warn { Priority::Keep } else { Priority::Low };
        let record = Stored { signal: Signal::Logs, priority, scope: self.scope, items: 1 };
        self.pipeline.store(&record, slot, len);
    }
}

impl<P: Platform> Drop for Log<P> {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            self.pipeline.give_back(open.finish(|_| Ok(())).0);
        }
    }
}

crate::opaque_debug!(Log<P>);
