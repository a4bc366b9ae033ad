use core::cell::Cell;
use core::fmt;

use critical_section::Mutex;

use crate::context::SpanContext;

/// The span that is being worked on, so that what is called need not be told.
///
/// A thread of control has one of its own: the main loop, a task, an interrupt handler. Contexts that are
/// passed on explicitly need none.
///
/// ```
/// use smoltel_core::{Current, Logger, Severity, Tracer};
/// static MAIN_LOOP: Current = Current::new();
///
/// fn adjust(tracer: &Tracer, logger: &Logger) {
///     let span = tracer.span("adjust").parent(MAIN_LOOP.get()).start();
///     let _entered = MAIN_LOOP.enter(span.context());
///     read(logger);
/// }
/// fn read(logger: &Logger) {
///     logger.log(Severity::Info).context(MAIN_LOOP.get()).text("21.5 °C").emit();
/// }
/// ```
pub struct Current(Mutex<Cell<Option<SpanContext>>>);

impl Current {
    /// No span yet.
    pub const fn new() -> Self {
        Self(Mutex::new(Cell::new(None)))
    }

    /// The span that was entered last and is not left yet.
    pub fn get(&self) -> Option<SpanContext> {
        critical_section::with(|cs| self.0.borrow(cs).get())
    }

    /// Makes a span the current one until the answer is dropped; then the one before it is current again.
    pub fn enter(&self, context: SpanContext) -> Entered<'_> {
        Entered { current: self, before: self.replace(Some(context)) }
    }

    fn replace(&self, context: Option<SpanContext>) -> Option<SpanContext> {
        critical_section::with(|cs| self.0.borrow(cs).replace(context))
    }
}

impl Default for Current {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Current").field(&self.get()).finish()
    }
}

/// A span is the [`Current`] one while this lives.
///
/// ```
/// use smoltel_core::{Current, SpanContext, SpanId, TraceId};
/// static CURRENT: Current = Current::new();
/// let span = SpanContext { trace_id: TraceId([1; 16]), span_id: SpanId([2; 8]), flags: 1, is_remote: false };
/// let entered = CURRENT.enter(span);
/// assert_eq!(CURRENT.get(), Some(span));
/// drop(entered);
/// assert_eq!(CURRENT.get(), None);
/// ```
#[derive(Debug)]
#[must_use = "the span is current while this lives"]
pub struct Entered<'a> {
    current: &'a Current,
    before: Option<SpanContext>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.current.replace(self.before);
    }
}
