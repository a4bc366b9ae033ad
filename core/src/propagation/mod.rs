//! Context across processes: W3C Trace Context (Level 2) and Baggage, and Zipkin's [`B3`], over borrowed header bytes.
//!
//! Parsing borrows the header and judges it once. What was judged is a value whose members can be looked
//! up, changed and written again, without an allocator:
//!
//! | header | read | changed | written |
//! |---|---|---|---|
//! | `traceparent` | [`SpanContext::from_traceparent`] | | [`SpanContext::traceparent`] |
//! | `tracestate` | [`TraceState::parse`] | [`TraceState::set`], [`TraceState::remove`] | [`TraceState::write`] |
//! | `baggage` | [`Baggage::parse`] | [`Baggage::set`], [`Baggage::remove`] | [`Baggage::write`] |
//!
//! A [`Propagator`] does it for a whole carrier: `(TraceContext, W3cBaggage)` is what most use.
//!
//! [`SpanContext::from_traceparent`]: crate::SpanContext::from_traceparent
//! [`SpanContext::traceparent`]: crate::SpanContext::traceparent

mod b3;
mod baggage;
mod carrier;
mod ot;
mod percent;
mod traceparent;
mod tracestate;

pub use b3::{B3, B3_MULTI, B3_SINGLE};
pub use baggage::{Baggage, BaggageEdit, BaggageEntry};
pub use carrier::{
    BAGGAGE, Context, Propagator, TRACEPARENT, TRACESTATE, TraceContext, W3cBaggage, env_name,
};
pub use ot::{Threshold, ThresholdChange};
pub use percent::BaggageValue;
pub use traceparent::Traceparent;
pub use tracestate::{TraceState, TraceStateEdit};

use core::fmt;

use crate::wire::{Full, Writer};

/// A header, name or value that does not follow its grammar.
///
/// ```
/// use smoltel_core::propagation::{Invalid, TraceState};
/// assert_eq!(TraceState::parse(b"UPPER=1"), Err(Invalid));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Invalid;

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not in the form that its W3C specification asks for")
    }
}

impl core::error::Error for Invalid {}

/// Optional whitespace of HTTP: spaces and tabs at both ends.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// The lines of one header as one, which is what they mean.
fn join<'h, 'a>(lines: impl IntoIterator<Item = &'h [u8]>, room: &'a mut [u8]) -> Result<&'a [u8], Full> {
    let mut w = Writer::new(room);
    for line in lines {
        w.put(line)?;
        w.put(b",")?;
    }
    let len = w.len();
    Ok(room.get(..len).unwrap_or_default())
}
