use super::{Severity, body_value, event_name, field, severity_text, span_context, time};
use crate::context::SpanContext;
use crate::limits::AttributeLimits;
use crate::otlp::common::{Attributes, Key, Value};
use crate::wire::{Full, VARINT, Writer, tag};

/// A log record that was made elsewhere: all of it at once. Times are in nanoseconds.
///
/// ```
/// use smoltel_core::otlp::logs::CompleteLog;
/// use smoltel_core::{Severity, Value, wire::Writer};
/// let body = Some(Value::Str("ready"));
/// let log = CompleteLog { time: 7, severity: Severity::Info, body, ..CompleteLog::default() };
/// let mut buf = [0; 64];
/// let mut w = Writer::new(&mut buf);
/// log.encode(&mut w)?;
/// assert!(!w.is_empty());
/// # Ok::<(), smoltel_core::wire::Full>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CompleteLog<'a> {
    /// When it happened; zero if that is not known.
    pub time: u64,
    /// When it was first seen.
    pub observed_time: u64,
    /// How severe it is.
    pub severity: Severity,
    /// What its source calls the severity, or empty.
    pub severity_text: &'a str,
    /// What it says.
    pub body: Option<Value<'a>>,
    /// The attributes; of equal keys the last counts.
    pub attributes: &'a [(Key<'a>, Value<'a>)],
    /// How many attributes were left out before.
    pub dropped_attributes: u32,
    /// The span that it belongs to.
    pub context: Option<SpanContext>,
    /// What makes it an event, or empty.
    pub event_name: &'a str,
}

impl Default for CompleteLog<'_> {
    fn default() -> Self {
        Self {
            time: 0,
            observed_time: 0,
            severity: Severity::Unspecified,
            severity_text: "",
            body: None,
            attributes: &[],
            dropped_attributes: 0,
            context: None,
            event_name: "",
        }
    }
}

impl CompleteLog<'_> {
    /// Writes the fields of the `LogRecord` message. An attribute with an empty key is left out and counted.
    ///
    /// # Errors
    /// [`Full`] when it does not fit; a part may have been written.
    pub fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        use field::log_record as number;
        if self.time > 0 {
            time(w, self.time)?;
        }
        w.fixed64(number::OBSERVED_TIME, self.observed_time)?;
        if self.severity != Severity::Unspecified {
            w.put(&[tag(number::SEVERITY_NUMBER, VARINT) as u8, self.severity as u8])?;
        }
        if !self.severity_text.is_empty() {
            severity_text(w, self.severity_text)?;
        }
        if let Some(body) = &self.body {
            body_value(w, body)?;
        }
        let attributes = Attributes::new(self.attributes, u16::MAX, AttributeLimits::DEFAULT);
        let dropped = attributes.and_dropped(self.dropped_attributes).encode(w, number::ATTRIBUTES)?;
        if let Some(context) = &self.context {
            span_context(w, context)?;
        }
        if !self.event_name.is_empty() {
            event_name(w, self.event_name)?;
        }
        super::end(w, dropped)
    }
}
