//! OTLP's messages, one file per `.proto` file of the protocol, as writers over [`wire`](crate::wire).
//!
//! Only what smoltel itself says is here; a field's number is stated once, in its message's `field`
//! module. The numbers are those of `opentelemetry-proto` 1.11.

pub mod collector;
pub mod common;
pub(crate) mod layout;
pub mod logs;
pub mod metrics;
#[cfg(feature = "profiles")]
pub mod profiles;
pub mod resource;
pub mod trace;

/// The kinds of telemetry that OTLP carries here, each with its own requests.
///
/// ```
/// use smoltel_core::Signal;
/// assert_eq!(Signal::ALL.map(Signal::name), ["traces", "metrics", "logs"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[repr(u8)]
pub enum Signal {
    /// Spans.
    Traces = 0,
    /// Metric points.
    Metrics = 1,
    /// Log records.
    Logs = 2,
}

impl Signal {
    /// Every signal, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// The path of OTLP/HTTP requests, with its leading slash.
    ///
    /// ```
    /// assert_eq!(smoltel_core::Signal::Traces.path(), "/v1/traces");
    /// ```
    pub const fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
            Self::Logs => "/v1/logs",
        }
    }

    /// The name in lower case, as environment variables and file names have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    /// The signal of that number, if there is one.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Traces),
            1 => Some(Self::Metrics),
            2 => Some(Self::Logs),
            _ => None,
        }
    }
}
