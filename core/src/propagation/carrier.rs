//! Context into and out of whatever carries it: the headers of a request, the environment of a child.

use super::{Baggage, TraceState};
use crate::context::SpanContext;
use crate::wire::{Full, Writer};

/// The field that names the calling span.
pub const TRACEPARENT: &str = "traceparent";
/// The field of tracing systems.
pub const TRACESTATE: &str = "tracestate";
/// The field of the application.
pub const BAGGAGE: &str = "baggage";

/// What goes from one process to the next.
///
/// ```
/// use smoltel_core::propagation::{Context, Propagator, TraceContext, W3cBaggage};
///
/// let request = [("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), ("Baggage", "a=1")];
/// let header = |name: &str| {
///     let found = request.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
///     found.map(|(_, value)| value.as_bytes())
/// };
/// let propagator = (TraceContext, W3cBaggage);
/// let mut context = Context::default();
/// propagator.extract(&mut context, &header);
///
/// let mut sent = Vec::new();
/// propagator.inject(&context, &mut [0; 512], &mut |name, value| sent.push(format!("{name}: {value}")));
/// assert_eq!(sent, ["traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "baggage: a=1"]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Context<'a> {
    /// The calling span: the parent of what the callee does.
    pub span: Option<SpanContext>,
    /// What came with it.
    pub trace_state: TraceState<'a>,
    /// What the application sends along.
    pub baggage: Baggage<'a>,
}

/// Reads and writes fields of a carrier. A tuple of propagators runs its members in order; `()` does
/// nothing, and neither does `None`.
///
/// ```
/// use smoltel_core::propagation::{Context, Propagator, TraceContext};
/// let header = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let mut context = Context::default();
/// TraceContext.extract(&mut context, &|name| (name == "traceparent").then_some(&header[..]));
/// assert!(context.span.is_some_and(|span| span.is_remote));
/// ```
pub trait Propagator {
    /// Takes into `context` what the carrier has; what is missing or invalid leaves it as it was.
    ///
    /// `get` gives the value of a field. Names of HTTP headers are compared without case; when a name
    /// comes several times its values are one, in their order, with commas between.
    fn extract<'a>(&self, context: &mut Context<'a>, get: &dyn Fn(&str) -> Option<&'a [u8]>);

    /// Gives `set` the name, in lower case, and the value of each field that `context` has something for.
    /// A value is written in `room` before: what is too long for it is left out, by whole members.
    fn inject(&self, context: &Context<'_>, room: &mut [u8], set: &mut dyn FnMut(&'static str, &str));
}

/// W3C Trace Context, Level 2: `traceparent` and `tracestate`.
///
/// An invalid `traceparent` makes `tracestate` worthless; not the other way round.
///
/// ```
/// # use smoltel_core::propagation::{Context, Propagator, TraceContext};
/// let mut context = Context::default();
/// TraceContext.extract(&mut context, &|name| (name == "tracestate").then_some(b"a=1"));
/// assert_eq!(context, Context::default());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceContext;

impl Propagator for TraceContext {
    fn extract<'a>(&self, context: &mut Context<'a>, get: &dyn Fn(&str) -> Option<&'a [u8]>) {
        let parent = get(TRACEPARENT).and_then(|value| SpanContext::from_traceparent(value).ok());
        if let Some(span) = parent {
            context.span = Some(span);
            let state = get(TRACESTATE).and_then(|value| TraceState::parse(value).ok());
            context.trace_state = state.unwrap_or_default();
        }
    }

    fn inject(&self, context: &Context<'_>, room: &mut [u8], set: &mut dyn FnMut(&'static str, &str)) {
        let Some(span) = context.span.filter(SpanContext::is_valid) else { return };
        set(TRACEPARENT, span.traceparent().as_str());
        let state = context.trace_state.fit(room.len());
        set_written(room, |w| state.write(w), &mut |value| set(TRACESTATE, value));
    }
}

/// W3C Baggage: the field `baggage`.
///
/// ```
/// # use smoltel_core::propagation::{Context, Propagator, W3cBaggage};
/// let mut context = Context::default();
/// W3cBaggage.extract(&mut context, &|_| Some(b"user=alice"));
/// assert_eq!(context.baggage.to_string(), "user=alice");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct W3cBaggage;

impl Propagator for W3cBaggage {
    fn extract<'a>(&self, context: &mut Context<'a>, get: &dyn Fn(&str) -> Option<&'a [u8]>) {
        let baggage = get(BAGGAGE).map(Baggage::parse).filter(|baggage| !baggage.is_empty());
        context.baggage = baggage.unwrap_or(context.baggage);
    }

    fn inject(&self, context: &Context<'_>, room: &mut [u8], set: &mut dyn FnMut(&'static str, &str)) {
        let baggage = context.baggage.fit(room.len());
        set_written(room, |w| baggage.write(w), &mut |value| set(BAGGAGE, value));
    }
}

/// Hands on what `write` writes, unless it is nothing.
fn set_written(
    room: &mut [u8],
    write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    set: &mut dyn FnMut(&str),
) {
    let mut w = Writer::new(room);
    let written = write(&mut w).ok().and_then(|()| core::str::from_utf8(w.written()).ok());
    if let Some(value) = written.filter(|value| !value.is_empty()) {
        set(value);
    }
}

impl Propagator for () {
    fn extract<'a>(&self, _: &mut Context<'a>, _: &dyn Fn(&str) -> Option<&'a [u8]>) {}

    fn inject(&self, _: &Context<'_>, _: &mut [u8], _: &mut dyn FnMut(&'static str, &str)) {}
}

impl<P: Propagator> Propagator for Option<P> {
    fn extract<'a>(&self, context: &mut Context<'a>, get: &dyn Fn(&str) -> Option<&'a [u8]>) {
        if let Some(propagator) = self {
            propagator.extract(context, get);
        }
    }

    fn inject(&self, context: &Context<'_>, room: &mut [u8], set: &mut dyn FnMut(&'static str, &str)) {
        if let Some(propagator) = self {
            propagator.inject(context, room, set);
        }
    }
}

impl<A: Propagator, B: Propagator> Propagator for (A, B) {
    fn extract<'a>(&self, context: &mut Context<'a>, get: &dyn Fn(&str) -> Option<&'a [u8]>) {
        self.0.extract(context, get);
        self.1.extract(context, get);
    }

    fn inject(&self, context: &Context<'_>, room: &mut [u8], set: &mut dyn FnMut(&'static str, &str)) {
        self.0.inject(context, room, set);
        self.1.inject(context, room, set);
    }
}

/// The environment variable that carries a field: upper case, `_` for what is no letter or digit, and
/// `_` before a leading digit. `traceparent` is `TRACEPARENT`.
///
/// # Errors
/// [`Full`] when `room` is shorter than the name and one more.
///
/// ```
/// use smoltel_core::propagation::env_name;
/// assert_eq!(env_name("traceparent", &mut [0; 16]), Ok("TRACEPARENT"));
/// assert_eq!(env_name("x-b3.id", &mut [0; 16]), Ok("X_B3_ID"));
/// ```
pub fn env_name<'r>(field: &str, room: &'r mut [u8]) -> Result<&'r str, Full> {
    let mut w = Writer::new(room);
    if field.bytes().next().is_none_or(|first| first.is_ascii_digit()) {
        w.put(b"_")?;
    }
    for character in field.chars() {
        let plain = if character.is_ascii_alphanumeric() { character as u8 } else { b'_' };
        w.put(&[plain.to_ascii_uppercase()])?;
    }
    let len = w.len();
    let name = room.get(..len).ok_or(Full)?;
    core::str::from_utf8(name).map_err(|_| Full)
}
