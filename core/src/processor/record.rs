use core::fmt;

use crate::otlp::Signal;
use crate::platform::Priority;
use crate::wire::{Payload, Reader};

/// A complete record in its slot, before it enters its lane: the bytes of a `Span`, `LogRecord` or
/// `Metric` message, and what is known of it.
///
/// ```
/// use smoltel_core::platform::Priority;
/// use smoltel_core::processor::{Edit, Record};
/// use smoltel_core::wire::Malformed;
/// use smoltel_core::{Severity, Signal};
///
/// // severity_number: WARN; attributes: pin = "1234"
/// let mut slot = *b"\x10\x0D\x32\x0D\x0A\x03pin\x12\x06\x0A\x041234";
/// let len = slot.len();
/// let mut record = Record::new(Signal::Logs, 0, Priority::Keep, &mut slot, len);
/// assert_eq!(record.severity(), Severity::Warn as u8);
/// record.edit_attributes(|attribute| if attribute.key == "pin" { Edit::Mask } else { Edit::Keep })?;
/// assert_eq!(record.bytes(), b"\x10\x0D\x32\x0C\x0A\x03pin\x12\x05\x0A\x03***");
/// # Ok::<(), Malformed>(())
/// ```
pub struct Record<'a> {
    /// Which lane it goes to.
    pub priority: Priority,
    pub(super) buffer: &'a mut [u8],
    pub(super) len: usize,
    signal: Signal,
    now: u64,
}

/// Where a record says what processors ask for.
mod field {
    pub(super) const SPAN_STATUS: u32 = 15;
    pub(super) const STATUS_CODE: u32 = 3;
    pub(super) const SPAN_FLAGS: u32 = 16;
    pub(super) const LOG_SEVERITY: u32 = 2;
    pub(super) const LOG_FLAGS: u32 = 8;
    pub(super) const LOG_SPAN_ID: u32 = 10;
}

/// `STATUS_CODE_ERROR`.
const ERROR: u64 = 2;
/// W3C's bit that says a trace is recorded.
const SAMPLED: u32 = 1;

impl<'a> Record<'a> {
    /// The most bytes of a record: no lane takes more.
    pub(crate) const MAX: usize = u16::MAX as usize;

    /// The record in the first `len` bytes of `buffer`; the rest is room that edits may use. `now` is the
    /// pipeline's clock, in nanoseconds.
    pub fn new(signal: Signal, now: u64, priority: Priority, buffer: &'a mut [u8], len: usize) -> Self {
        // Lengths of at most three bytes keep the sums of `edit` small, too.
        let end = buffer.len().min(Self::MAX);
        let buffer = buffer.get_mut(..end).unwrap_or_default();
        let len = len.min(buffer.len());
        Self { priority, buffer, len, signal, now }
    }

    /// What it is.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// The pipeline's clock when it was complete, in nanoseconds: uptime on a device.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// The message, without a tag and length of its own.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    /// A log record's severity number, 1 to 24; 0 when it has none, and for other signals.
    pub fn severity(&self) -> u8 {
        match (self.signal, self.field(field::LOG_SEVERITY)) {
            (Signal::Logs, Some(Payload::Varint(number))) => u8::try_from(number).unwrap_or(0),
            _ => 0,
        }
    }

    /// Whether it is a span whose status is an error.
    pub fn is_failed(&self) -> bool {
        self.signal == Signal::Traces
            && matches!(self.field(field::SPAN_STATUS), Some(Payload::Len(status))
                if find(status, field::STATUS_CODE) == Some(Payload::Varint(ERROR)))
    }

    /// Whether the span that it is, or the one that a log record belongs to, is sampled; `None` when there
    /// is no span.
    pub fn is_sampled(&self) -> Option<bool> {
        let flags = match self.signal {
            Signal::Traces => self.field(field::SPAN_FLAGS),
            Signal::Logs => {
                self.field(field::LOG_SPAN_ID)?;
                self.field(field::LOG_FLAGS)
            }
            Signal::Metrics => return None,
        };
        Some(matches!(flags, Some(Payload::Fixed32(flags)) if flags & SAMPLED != 0))
    }

    fn field(&self, number: u32) -> Option<Payload<'_>> {
        find(self.bytes(), number)
    }
}

fn find(message: &[u8], number: u32) -> Option<Payload<'_>> {
    Reader::new(message)
        .map_while(Result::ok)
        .find_map(|(found, payload)| (found == number).then_some(payload))
}

/// Without its bytes: they are a user's.
impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signal, priority, len, now, .. } = self;
        f.debug_struct("Record")
            .field("signal", signal)
            .field("priority", priority)
            .field("len", len)
            .field("now", now)
            .finish_non_exhaustive()
    }
}
