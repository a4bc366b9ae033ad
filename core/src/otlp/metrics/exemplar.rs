use super::number::Number;
use super::parts::Attributes;
use crate::context::SpanContext;
use crate::wire::{Full, Writer};

mod field {
    pub(super) const TIME: u32 = 2;
    pub(super) const AS_DOUBLE: u32 = 3;
    pub(super) const SPAN_ID: u32 = 4;
    pub(super) const TRACE_ID: u32 = 5;
    pub(super) const AS_INT: u32 = 6;
    pub(super) const FILTERED_ATTRIBUTES: u32 = 7;
}

/// One measurement of those that went into a point.
///
/// ```
/// use smoltel_core::otlp::metrics::{Exemplar, Number};
/// let slowest = Exemplar { time: 7, value: Number::Double(1.5), ..Exemplar::default() };
/// assert!(slowest.context.is_none());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Exemplar<'a> {
    /// Attributes of the measurement that the point does not have.
    pub filtered_attributes: Attributes<'a>,
    /// When it was measured, in nanoseconds.
    pub time: u64,
    /// What was measured.
    pub value: Number,
    /// The span in which it was measured.
    pub context: Option<SpanContext>,
}

impl Default for Exemplar<'_> {
    fn default() -> Self {
        Self { filtered_attributes: Attributes::NONE, time: 0, value: Number::Int(0), context: None }
    }
}

impl Exemplar<'_> {
    /// The number of the filtered attributes' field.
    pub(crate) const FILTERED_ATTRIBUTES: u32 = field::FILTERED_ATTRIBUTES;
    /// Bytes of the message without filtered attributes, at the most.
    pub(crate) const MAX: usize = 9 + 9 + 10 + 18;

    /// Bytes of the message, without its tag and length.
    pub(crate) fn encoded_len(&self) -> usize {
        let ids = if self.context.is_some() { 10 + 18 } else { 0 };
        self.filtered_attributes.encoded_len() + 9 + 9 + ids
    }

    /// Writes the message as field `number` of its point.
    pub(crate) fn encode_as(&self, number: u32, w: &mut Writer<'_>) -> Result<(), Full> {
        w.head(number, self.encoded_len())?;
        self.filtered_attributes.encode(field::FILTERED_ATTRIBUTES, w)?;
        w.fixed64(field::TIME, self.time)?;
        self.value.encode(field::AS_INT, field::AS_DOUBLE, w)?;
        let Some(context) = &self.context else { return Ok(()) };
        w.bytes(field::SPAN_ID, &context.span_id.0)?;
        w.bytes(field::TRACE_ID, &context.trace_id.0)
    }
}
