//! Zipkin's B3, for services that do not speak W3C's headers yet.
//!
//! ```text
//! b3: 80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1          one header
//!     trace id, 16 or 32 digits        span id          0, 1, d
//!
//! x-b3-traceid, x-b3-spanid, x-b3-sampled: 0 or 1, x-b3-flags: 1   several; d is flags
//! ```

use super::carrier::{Context, Propagator};
use super::traceparent::{hex, unhex};
use super::{TraceState, trim};
use crate::context::{SpanContext, SpanId, TraceId};

/// The field that has everything.
pub const B3_SINGLE: &str = "b3";
/// The fields that have a part each: trace id, span id, sampling decision, debug flag.
pub const B3_MULTI: [&str; 4] = ["x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags"];

/// Zipkin's B3. Both forms are read, the single header first; this says which one is written.
///
/// A trace id of 64 bits gets zeros in front. The debug flag is kept as [`SpanContext::DEBUG`] and passed on; a parent's id is
/// neither read nor written. Headers with a sampling decision but no ids name no span, and leave the context as it was.
///
/// ```
/// use smoltel_core::propagation::{B3, Context, Propagator};
/// let mut context = Context::default();
/// let header = b"80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90";
/// B3::Single.extract(&mut context, &|name| (name == "b3").then_some(&header[..]));
/// let mut sent = Vec::new();
/// B3::Multi.inject(&context, &mut [], &mut |name, value| sent.push(format!("{name}: {value}")));
/// assert_eq!(
///     sent,
///     ["x-b3-traceid: 80f198ee56343ba864fe8b2a57d3eff7", "x-b3-spanid: e457b5a2e4d86bd1", "x-b3-sampled: 1"]
/// );
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum B3 {
    /// One header is written.
    #[default]
    Single,
    /// Several are.
    Multi,
}

impl Propagator for B3 {
    fn extract<'a>(&self, context: &mut Context<'a>, get: &dyn Fn(&str) -> Option<&'a [u8]>) {
        let get = |name: &'static str| core::str::from_utf8(get(name)?).ok().map(trim);
        let Some(span) = get(B3_SINGLE).and_then(single).or_else(|| multi(get)) else { return };
        // The state that came by another header with the same span is its state.
        let same = |known: &SpanContext| (known.trace_id, known.span_id) == (span.trace_id, span.span_id);
        if !context.span.as_ref().is_some_and(same) {
            context.trace_state = TraceState::EMPTY;
        }
        context.span = Some(span);
    }

    fn inject(&self, context: &Context<'_>, _: &mut [u8], set: &mut dyn FnMut(&'static str, &str)) {
        let Some(span) = context.span.filter(SpanContext::is_valid) else { return };
        let text = Text::of(&span);
        match self {
            Self::Single => set(B3_SINGLE, text.part(0..51)),
            Self::Multi => {
                let [trace_id, span_id, sampled, flags] = B3_MULTI;
                set(trace_id, text.part(0..32));
                set(span_id, text.part(33..49));
                // The debug flag says that it is sampled.
                match text.part(50..51) {
                    "d" => set(flags, "1"),
                    decision => set(sampled, decision),
                }
            }
        }
    }
}

fn single(header: &str) -> Option<SpanContext> {
    let mut parts = header.split('-');
    let (trace_id, span_id, state) = (parts.next()?, parts.next()?, parts.next());
    let flags = match state {
        Some("d") => DEBUG,
        Some("1") => SpanContext::SAMPLED,
        // Whoever leaves it open leaves it to us, and our samplers follow their parents.
        Some("0") | None => 0,
        Some(_) => return None,
    };
    let parent = parts.next();
    let is_id = |id: &str| unhex::<8>(id.as_bytes()).is_some();
    (parent.is_none_or(is_id) && parts.next().is_none()).then(|| span(trace_id, span_id, flags))?
}

fn multi<'a>(get: impl Fn(&'static str) -> Option<&'a str>) -> Option<SpanContext> {
    let [trace_id, span_id, sampled, debug] = B3_MULTI.map(get);
    let flags = match (debug, sampled) {
        (Some("1"), _) => DEBUG,
        (_, Some("1" | "true")) => SpanContext::SAMPLED,
        _ => 0,
    };
    span(trace_id?, span_id?, flags)
}

/// What is debugged is sampled.
const DEBUG: u8 = SpanContext::DEBUG | SpanContext::SAMPLED;

fn span(trace_id: &str, span_id: &str, flags: u8) -> Option<SpanContext> {
    let mut id = [0; 16];
    match trace_id.len() {
        16 => id.last_chunk_mut::<8>()?.copy_from_slice(&unhex::<8>(trace_id.as_bytes())?),
        _ => id = unhex(trace_id.as_bytes())?,
    }
    let span_id = SpanId(unhex(span_id.as_bytes())?);
    Some(SpanContext { trace_id: TraceId(id), span_id, flags, is_remote: true }).filter(SpanContext::is_valid)
}

/// The single header, of which the others are parts.
struct Text([u8; 51]);

impl Text {
    fn of(span: &SpanContext) -> Self {
        let mut text = *b"00000000000000000000000000000000-0000000000000000-0";
        hex(&span.trace_id.0, text.get_mut(..32));
        hex(&span.span_id.0, text.get_mut(33..49));
        if let Some(state) = text.last_mut() {
            *state = match span.flags {
                flags if flags & SpanContext::DEBUG != 0 => b'd',
                flags if flags & SpanContext::SAMPLED != 0 => b'1',
                _ => b'0',
            };
        }
        Self(text)
    }

    fn part(&self, range: core::ops::Range<usize>) -> &str {
        self.0.get(range).and_then(|part| core::str::from_utf8(part).ok()).unwrap_or_default()
    }
}
