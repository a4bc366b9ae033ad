//! W3C trace context and baggage, or what else a propagator writes, in the header maps of `http` 1.
//!
//! ```
//! use http::HeaderMap;
//! use smoltel::bridge::http_1;
//! use smoltel::{SpanKind, Tracer};
//!
//! /// A service: its span goes on with the caller's trace.
//! fn handle(tracer: &Tracer, request: &HeaderMap) {
//!     let _caller = http_1::attach(request);
//!     let span = tracer.span("GET /orders").kind(SpanKind::Server).start();
//!     let _current = span.enter();
//!     call();
//! }
//!
//! /// A client: the callee learns which span calls.
//! fn call() {
//!     let mut request = HeaderMap::new();
//!     http_1::inject(&mut request);
//! }
//! ```

use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use smoltel_core::propagation::{
    B3_MULTI, B3_SINGLE, BAGGAGE, Context, Propagator, TRACEPARENT, TRACESTATE, TraceContext, W3cBaggage,
};

use crate::context::{self, Entered};

/// The most bytes of a header that are written: what W3C wants everybody to carry of the longest, baggage.
const ROOM: usize = 8192;

/// All headers that a propagator reads.
const NAMES: [&str; 8] = {
    let [trace_id, span_id, sampled, flags] = B3_MULTI;
    [TRACEPARENT, TRACESTATE, BAGGAGE, B3_SINGLE, trace_id, span_id, sampled, flags]
};

/// W3C's headers, which these functions read and write; [`Headers`] takes others.
const W3C: Headers<(TraceContext, W3cBaggage)> = Headers((TraceContext, W3cBaggage));

/// Makes the span that calls the current one until the answer is dropped, with its trace state. Headers that are missing
/// or not valid are no caller: what starts meanwhile begins a trace of its own.
pub fn attach(headers: &HeaderMap) -> Entered {
    W3C.attach(headers)
}

/// Writes the current span and its trace state into the headers of a request, in place of what is there of another one.
pub fn inject(headers: &mut HeaderMap) {
    W3C.inject(headers);
}

/// Calls `f` with all that the headers carry: the span that calls, its trace state and baggage.
///
/// ```
/// # use smoltel::bridge::http_1;
/// let mut headers = http::HeaderMap::new();
/// headers.insert("baggage", http::HeaderValue::from_static("user=alice"));
/// let user = http_1::extract(&headers, |context| context.baggage.get("user").map(|user| user.value.to_string()));
/// assert_eq!(user.as_deref(), Some("alice"));
/// ```
pub fn extract<R>(headers: &HeaderMap, f: impl FnOnce(&Context<'_>) -> R) -> R {
    W3C.extract(headers, f)
}

/// Writes a context, with its baggage, into the headers of a request, in place of what is there of another one.
pub fn inject_context(context: &Context<'_>, headers: &mut HeaderMap) {
    W3C.inject_context(context, headers);
}

/// The same by other propagators: those that [`Telemetry::propagators`](crate::Telemetry::propagators) gives, say.
///
/// ```
/// use http::HeaderMap;
/// use smoltel::{SpanKind, Telemetry, Tracer, bridge::http_1::Headers};
/// fn handle(telemetry: &Telemetry, tracer: &Tracer, request: &HeaderMap) {
///     let _caller = Headers(telemetry.propagators()).attach(request);
///     tracer.span("GET /orders").kind(SpanKind::Server).start().end();
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Headers<P>(pub P);

impl<P: Propagator> Headers<P> {
    /// As [`attach`].
    pub fn attach(&self, headers: &HeaderMap) -> Entered {
        self.extract(headers, |context| context::attach_with(context.span, context.trace_state))
    }

    /// As [`inject`].
    pub fn inject(&self, headers: &mut HeaderMap) {
        context::with(|span, trace_state| {
            self.inject_context(&Context { span: span.copied(), trace_state, ..Context::default() }, headers);
        });
    }

    /// As [`extract`].
    pub fn extract<R>(&self, headers: &HeaderMap, f: impl FnOnce(&Context<'_>) -> R) -> R {
        let values = NAMES.map(|name| joined(headers, name));
        let value = |name: &str| values.get(NAMES.iter().position(|known| *known == name)?)?.as_deref();
        let mut context = Context::default();
        self.0.extract(&mut context, &value);
        f(&context)
    }

    /// As [`inject_context`].
    pub fn inject_context(&self, context: &Context<'_>, headers: &mut HeaderMap) {
        NAMES.iter().filter(|name| **name != BAGGAGE).for_each(|name| _ = headers.remove(*name));
        self.0.inject(context, &mut [0; ROOM], &mut |name, value| {
            // What a propagator writes is printable ASCII.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        });
    }
}

/// The lines of a header as one, which is what they mean.
fn joined<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, [u8]>> {
    let mut lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let first = lines.next()?;
    Some(lines.fold(Cow::Borrowed(first), |all, line| [&*all, line].join(&b','.to_owned()).into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use smoltel_core::SpanContext;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn a_caller_is_current_and_goes_on_with_its_state() {
        let mut incoming = headers(&[("traceparent", PARENT), ("tracestate", "a=1")]);
        incoming.append("tracestate", HeaderValue::from_static("b=2"));
        let entered = attach(&incoming);
        let span = context::current().unwrap();
        assert!(span.is_remote && span.span_id.to_string() == "b7ad6b7169203331");
        let mut outgoing = headers(&[("tracestate", "of=another"), ("accept", "*/*")]);
        inject(&mut outgoing);
        assert_eq!(outgoing["traceparent"], PARENT);
        assert_eq!((outgoing["tracestate"].as_bytes(), outgoing.len()), (&b"a=1,b=2"[..], 3));
        drop(entered);
        inject(&mut outgoing);
        assert_eq!((outgoing.len(), context::current()), (1, None));
    }

    #[test]
    fn two_parents_are_none() {
        let mut twice = headers(&[("traceparent", PARENT)]);
        twice.append("traceparent", HeaderValue::from_static(PARENT));
        assert_eq!(extract(&twice, |context| context.span), None);
        let opaque = HeaderValue::from_bytes(b"\xFF\xFE").unwrap();
        twice.insert("traceparent", opaque);
        assert_eq!(extract(&twice, |context| context.span), None);
    }

    #[test]
    fn baggage_goes_both_ways() {
        let incoming = headers(&[("traceparent", PARENT), ("baggage", "user=alice")]);
        let mut outgoing = HeaderMap::new();
        extract(&incoming, |context| inject_context(context, &mut outgoing));
        assert_eq!(outgoing, incoming);
        assert!(extract(&outgoing, |context| context.span.as_ref().is_some_and(SpanContext::is_valid)));
    }

    #[test]
    fn other_propagators_read_and_write_their_headers() {
        let b3 = crate::Propagators { b3: true, ..crate::Propagators::NONE };
        let incoming = headers(&[
            ("x-b3-traceid", "0af7651916cd43dd8448eb211c80319c"),
            ("x-b3-spanid", "b7ad6b7169203331"),
            ("x-b3-flags", "1"),
            ("traceparent", "00-11111111111111111111111111111111-b7ad6b7169203331-01"),
        ]);
        let entered = Headers(b3).attach(&incoming);
        let mut outgoing = headers(&[("traceparent", PARENT), ("x-b3-sampled", "0")]);
        Headers(b3).inject(&mut outgoing);
        assert_eq!(outgoing, headers(&[("b3", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-d")]));
        drop(entered);
    }
}
