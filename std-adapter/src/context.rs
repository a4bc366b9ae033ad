//! The span that a thread works on, so that what is called need not be told.
//!
//! [`Span::enter`](smoltel_core::Span::enter) makes a span the current one of its thread. Until the answer is
//! dropped, spans that start there are its children, log records belong to it, and measurements may become its
//! exemplars. What is told otherwise stays as it is told: `parent(…)`, `root()`, `context(…)`, `add_in(…)`.
//!
//! ```
//! use smoltel::{Telemetry, Tracer, Logger};
//!
//! fn handle(tracer: &Tracer, logger: &Logger) {
//!     let span = tracer.start("request");
//!     let _current = span.enter();
//!     query(tracer);
//!     logger.info("answered"); // belongs to "request"
//! }
//! fn query(tracer: &Tracer) {
//!     tracer.start("query").end(); // a child of "request"
//!     tracer.span("housekeeping").root().start().end(); // a trace of its own
//! }
//! # let telemetry = Telemetry::builder("doc").endpoint("http://127.0.0.1:9").build()?;
//! # handle(&telemetry.tracer("t"), &telemetry.logger("l"));
//! # assert_eq!(smoltel::context::current(), None);
//! # telemetry.shutdown(std::time::Duration::ZERO);
//! # Ok::<(), smoltel::ConfigError>(())
//! ```
//!
//! It is the thread's, whichever [`Telemetry`](crate::Telemetry) the span is of. Another thread has its own: take
//! [`current`] along and [`attach`] it there.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::sync::Arc;

use smoltel_core::SpanContext;
use smoltel_core::propagation::TraceState;
use smoltel_core::wire::Writer;

thread_local! {
    /// Whether there is a current span, which is asked at every start of one.
    static IS_CURRENT: Cell<bool> = const { Cell::new(false) };
    /// The current span, and whether it has a trace state.
    static CURRENT: Cell<(Option<SpanContext>, bool)> = const { Cell::new((None, false)) };
    /// Everything that was entered, outermost first.
    static ENTERED: RefCell<Vec<Place>> = const { RefCell::new(Vec::new()) };
}

/// One that was entered. It stays until those above it are left as well, so that a place belongs to one guard.
struct Place {
    context: Option<SpanContext>,
    trace_state: Option<Arc<[u8]>>,
    left: bool,
}

/// Keeps a span the current one of its thread. Dropping it makes the one before current again; those entered
/// later and still held stay above it, in whichever order they are dropped.
///
/// It cannot go to another thread. Forgetting one keeps its span current for as long as the thread lives.
///
/// ```compile_fail,E0277
/// # fn other_thread(span: smoltel::Span) {
/// let entered = span.enter();
/// std::thread::spawn(move || drop(entered));
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the span is current while this lives"]
pub struct Entered {
    /// None if the thread is ending and has no current span any more.
    place: Option<usize>,
    stays_here: PhantomData<*const ()>,
}

/// The span that this thread works on.
///
/// ```
/// use smoltel::context;
/// let here = context::current();
/// std::thread::spawn(move || {
///     let _entered = context::attach(here);
///     // goes on with the work of the thread that started it
/// })
/// .join()
/// .unwrap();
/// ```
pub fn current() -> Option<SpanContext> {
    with(|context, _| context.copied())
}

/// Makes a context the current one of this thread until the answer is dropped: that of another thread or of
/// another service, or with `None` no span. One that is not valid is none.
///
/// ```
/// use smoltel::{SpanContext, context};
/// let remote = SpanContext::from_traceparent(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").ok();
/// let entered = context::attach(remote);
/// assert_eq!(context::current(), remote);
/// drop(entered);
/// assert_eq!(context::current(), None);
/// ```
pub fn attach(context: impl Into<Option<SpanContext>>) -> Entered {
    enter(context.into(), TraceState::EMPTY)
}

/// The same with the trace state that came with it, which its children inherit and pass on.
///
/// ```
/// use smoltel::{SpanContext, context, propagation::TraceState};
/// # fn handle(traceparent: &[u8], tracestate: &[u8]) {
/// let parent = SpanContext::from_traceparent(traceparent).ok();
/// let _entered = context::attach_with(parent, TraceState::parse(tracestate).unwrap_or_default());
/// # }
/// ```
pub fn attach_with(context: impl Into<Option<SpanContext>>, trace_state: TraceState<'_>) -> Entered {
    enter(context.into(), trace_state)
}

pub(crate) fn enter(context: Option<SpanContext>, trace_state: TraceState<'_>) -> Entered {
    let context = context.filter(SpanContext::is_valid);
    let trace_state = (context.is_some() && !trace_state.is_empty()).then(|| written(trace_state));
    let place = Place { context, trace_state, left: false };
    let place = places(|places| {
        places.push(place);
        places.len() - 1
    });
    Entered { place, stays_here: PhantomData }
}

/// Calls `f` with the current span and its trace state. Nothing is borrowed meanwhile: `f` may enter spans.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(Option<&SpanContext>, TraceState<'_>) -> R) -> R {
    let (context, has_state) = if IS_CURRENT.get() { CURRENT.get() } else { (None, false) };
    let state = if has_state { state() } else { None };
    let state = state.as_deref().map(|bytes| TraceState::parse(bytes).unwrap_or_default());
    f(context.as_ref(), state.unwrap_or_default())
}

#[cold]
fn state() -> Option<Arc<[u8]>> {
    let state = ENTERED.try_with(|places| places.try_borrow().ok()?.last()?.trace_state.clone());
    state.ok().flatten()
}

fn written(trace_state: TraceState<'_>) -> Arc<[u8]> {
    let mut bytes = vec![0; trace_state.len()];
    // Fits: the room was computed from the same state.
    let _ = trace_state.write(&mut Writer::new(&mut bytes));
    bytes.into()
}

/// Changes what is entered; `None` when the thread is ending.
fn places<R>(change: impl FnOnce(&mut Vec<Place>) -> R) -> Option<R> {
    let changed = ENTERED.try_with(|places| {
        let mut places = places.try_borrow_mut().ok()?;
        let result = change(&mut places);
        let top = places.last().map_or((None, false), |top| (top.context, top.trace_state.is_some()));
        IS_CURRENT.set(top.0.is_some());
        CURRENT.set(top);
        Some(result)
    });
    changed.ok().flatten()
}

impl Drop for Entered {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        places(|places| {
            if let Some(place) = places.get_mut(place) {
                place.left = true;
            }
            while places.pop_if(|place| place.left).is_some() {}
        });
    }
}
