//! Context across processes: W3C Trace Context (Level 2) and Baggage, over borrowed header bytes.
//!
//! Parsing borrows the header and judges it once; what was judged is a value whose members can be looked
//! up, changed and written again, without an allocator.
//!
//! | header | parsed | written |
//! |---|---|---|
//! | `traceparent` | [`SpanContext::from_traceparent`](crate::SpanContext::from_traceparent) | [`SpanContext::traceparent`](crate::SpanContext::traceparent) |
//! | `tracestate` | [`TraceState::parse`] | [`TraceState::write`], [`TraceStateEdit::write`] |

mod ot;
mod traceparent;
mod tracestate;

pub use ot::{Threshold, ThresholdChange};
pub use traceparent::Traceparent;
pub use tracestate::{TraceState, TraceStateEdit};

use core::fmt;

/// A header, name or value that does not follow its grammar.
///
/// ```
/// use smoltel_core::propagation::{Invalid, TraceState};
/// assert_eq!(TraceState::parse(b"UPPER=1"), Err(Invalid));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
