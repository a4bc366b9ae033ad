//! Where in a record things are that are looked for in its bytes: times, attributes, the body, and the
//! messages that hold more of them.

use super::Signal;
use crate::wire::{FIXED64, LEN};

/// The messages of a record that hold something that is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Message {
    #[default]
    Span,
    Event,
    Link,
    LogRecord,
    Metric,
    /// `Gauge` and `Sum`.
    Numbers,
    Histogram,
    ExponentialHistogram,
    Summary,
    NumberPoint,
    HistogramPoint,
    ExponentialHistogramPoint,
    SummaryPoint,
    Exemplar,
}

/// What a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A time in nanoseconds, `fixed64`.
    Time,
    /// A `KeyValue` of the message.
    Attribute,
    /// A log record's body, an `AnyValue`.
    Body,
    /// A message that holds more.
    Inner(Message),
    /// Nothing that is looked for.
    Other,
}

impl Message {
    /// The deepest message within a record: metric, its data, a point, an exemplar.
    pub(crate) const DEPTH: usize = 4;

    /// The message that a record of that signal is.
    pub(crate) const fn of(signal: Signal) -> Self {
        match signal {
            Signal::Traces => Self::Span,
            Signal::Logs => Self::LogRecord,
            Signal::Metrics => Self::Metric,
        }
    }

    /// The role of the field of that number, if it has the wire type of that role.
    pub(crate) const fn role(self, number: u32, wire_type: u32) -> Role {
        match wire_type {
            FIXED64 if self.is_time(number) => Role::Time,
            LEN => self.inner(number),
            _ => Role::Other,
        }
    }

    const fn is_time(self, number: u32) -> bool {
        match self {
            Self::Span => matches!(number, 7 | 8),
            Self::Event => number == 1,
            Self::LogRecord => matches!(number, 1 | 11),
            Self::NumberPoint
            | Self::HistogramPoint
            | Self::ExponentialHistogramPoint
            | Self::SummaryPoint => matches!(number, 2 | 3),
            Self::Exemplar => number == 2,
            _ => false,
        }
    }

    const fn inner(self, number: u32) -> Role {
        match (self, number) {
            (Self::Span, 11) => Role::Inner(Self::Event),
            (Self::Span, 13) => Role::Inner(Self::Link),
            (Self::Metric, 5 | 7) => Role::Inner(Self::Numbers),
            (Self::Metric, 9) => Role::Inner(Self::Histogram),
            (Self::Metric, 10) => Role::Inner(Self::ExponentialHistogram),
            (Self::Metric, 11) => Role::Inner(Self::Summary),
            (Self::Numbers, 1) => Role::Inner(Self::NumberPoint),
            (Self::Histogram, 1) => Role::Inner(Self::HistogramPoint),
            (Self::ExponentialHistogram, 1) => Role::Inner(Self::ExponentialHistogramPoint),
            (Self::Summary, 1) => Role::Inner(Self::SummaryPoint),
            (Self::NumberPoint, 5) | (Self::HistogramPoint, 8) | (Self::ExponentialHistogramPoint, 11) => {
                Role::Inner(Self::Exemplar)
            }
            (Self::LogRecord, 5) => Role::Body,
            (Self::Span, 9)
            | (Self::Event, 3)
            | (Self::Link, 4)
            | (Self::LogRecord, 6)
            | (Self::NumberPoint | Self::SummaryPoint | Self::Exemplar, 7)
            | (Self::HistogramPoint, 9)
            | (Self::ExponentialHistogramPoint, 1) => Role::Attribute,
            _ => Role::Other,
        }
    }
}
