//! What identifies a span to its children, on this machine and across others.

use core::fmt;

/// A trace's id: 16 bytes, not all zero.
///
/// ```
/// use smoltel_core::TraceId;
/// assert_eq!(TraceId([0xAB; 16]).to_string(), "abababababababababababababababab");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(pub [u8; 16]);

/// A span's id: 8 bytes, not all zero.
///
/// ```
/// use smoltel_core::SpanId;
/// assert_eq!(SpanId([0, 1, 2, 3, 4, 5, 6, 7]).to_string(), "0001020304050607");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(pub [u8; 8]);

/// The part of a span that its children need: ids and W3C flags.
///
/// ```
/// use smoltel_core::{SpanContext, SpanId, TraceId};
/// let remote = SpanContext {
///     trace_id: TraceId([1; 16]),
///     span_id: SpanId([2; 8]),
///     flags: SpanContext::SAMPLED,
///     is_remote: true,
/// };
/// assert!(remote.is_valid());
/// assert_eq!(remote.span_id.to_string(), "0202020202020202");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct SpanContext {
    /// The trace that the span belongs to.
    pub trace_id: TraceId,
    /// The span itself.
    pub span_id: SpanId,
    /// W3C trace flags: [`SAMPLED`](Self::SAMPLED), [`RANDOM`](Self::RANDOM); and [`DEBUG`](Self::DEBUG).
    pub flags: u8,
    /// Whether it came from another process.
    pub is_remote: bool,
}

impl SpanContext {
    /// The span is sampled.
    pub const SAMPLED: u8 = 0x01;
    /// The trace id's low 56 bits are random.
    pub const RANDOM: u8 = 0x02;
    /// B3's debug flag, which children inherit. It is none of W3C's flags, and goes out by [`B3`](crate::propagation::B3)
    /// alone.
    pub const DEBUG: u8 = 0x80;

    /// Whether the span goes to whom it concerns: the flag [`SAMPLED`](Self::SAMPLED).
    #[inline]
    pub const fn is_sampled(&self) -> bool {
        self.flags & Self::SAMPLED != 0
    }

    #[inline]
    pub(crate) fn set_sampled(&mut self, sampled: bool) {
        self.flags = self.flags & !Self::SAMPLED | if sampled { Self::SAMPLED } else { 0 };
    }

    /// Whether both ids have a byte that is not zero. Others are no parent and correlate nothing.
    pub fn is_valid(&self) -> bool {
        self.trace_id.0 != [0; 16] && self.span_id.0 != [0; 8]
    }
}

/// Lower-case hex, 32 digits.
impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

/// Lower-case hex, 16 digits.
impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}
