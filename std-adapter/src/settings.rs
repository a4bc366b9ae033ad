//! What can be set of one signal alone. [`Builder::traces`](crate::Builder::traces) and its like give it to a closure, filled with
//! what the environment says: what code sets wins, field by field.

use std::fmt;
use std::time::Duration;

use smoltel_core::processor::{Processor, Record, Verdict};
use smoltel_core::propagation::{B3, Context, Propagator, TraceContext, TraceState, W3cBaggage};
use smoltel_core::sampler::{AlwaysOn, ParentBased, Sampler, SamplingInput, SamplingResult};
use smoltel_core::{AttributeLimits, Key, Limits, SpanContext, SpanKind, TraceId, Value};

use crate::platform::LANE;

/// How spans are made, and when they leave.
///
/// ```
/// use smoltel::{Telemetry, sampler::{ParentBased, TraceIdRatioBased}};
/// let tenth = TraceIdRatioBased::new(0.1).unwrap();
/// let telemetry = Telemetry::builder("thermostat")
///     .endpoint("http://127.0.0.1:9")
///     .traces(move |traces| {
///         traces.sampler(ParentBased::new(tenth));
///         traces.events = 32;
///     })
///     .build()?;
/// # telemetry.shutdown(std::time::Duration::ZERO);
/// # Ok::<(), smoltel::ConfigError>(())
/// ```
///
/// Log records have no sampler:
///
/// ```compile_fail
/// use smoltel::{Telemetry, sampler::AlwaysOff};
/// Telemetry::builder("thermostat").logs(|logs| { logs.sampler(AlwaysOff); });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct TraceSettings {
    pub(crate) sampler: ChosenSampler,
    /// For attributes of spans, and the values of those of events and links. Environment:
    /// `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`, `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`, else `OTEL_ATTRIBUTE_…`; default: 128
    /// attributes, values of any length.
    pub attributes: AttributeLimits,
    /// The most events of a span. Environment: `OTEL_SPAN_EVENT_COUNT_LIMIT`; default: 128.
    pub events: u16,
    /// The most links of a span. Environment: `OTEL_SPAN_LINK_COUNT_LIMIT`; default: 128.
    pub links: u16,
    /// The most attributes of an event. Environment: `OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT`; default: 128.
    pub event_attributes: u16,
    /// The most attributes of a link. Environment: `OTEL_LINK_ATTRIBUTE_COUNT_LIMIT`; default: 128.
    pub link_attributes: u16,
    /// When spans leave. Environment: `OTEL_BSP_…`; default delay: 5 s.
    pub batch: BatchSettings,
}

impl TraceSettings {
    /// Chooses which spans are recorded and sent. Environment: `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`; default:
    /// all whose parent is sampled, and all without a parent.
    pub fn sampler(&mut self, sampler: impl Sampler + Send + Sync + 'static) -> &mut Self {
        self.sampler = ChosenSampler(Some(Box::new(sampler)));
        self
    }
}

impl Default for TraceSettings {
    fn default() -> Self {
        let Limits { span, events, links, event_attributes, link_attributes, .. } = Limits::DEFAULT;
        let batch = BatchSettings::after(Duration::from_secs(5));
        let sampler = ChosenSampler(None);
        Self { sampler, attributes: span, events, links, event_attributes, link_attributes, batch }
    }
}

/// How log records are made, and when they leave.
///
/// ```
/// use smoltel::Telemetry;
/// use std::time::Duration;
/// let telemetry = Telemetry::builder("thermostat")
///     .endpoint("http://127.0.0.1:9")
///     .logs(|logs| logs.batch.delay = Duration::from_millis(200))
///     .build()?;
/// # telemetry.shutdown(Duration::ZERO);
/// # Ok::<(), smoltel::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LogSettings {
    /// For attributes of log records. Environment: `OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT`,
    /// `OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT`, else `OTEL_ATTRIBUTE_…`; default: 128 attributes, values of any length.
    pub attributes: AttributeLimits,
    /// When log records leave. Environment: `OTEL_BLRP_…`; default delay: 1 s.
    pub batch: BatchSettings,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { attributes: Limits::DEFAULT.log, batch: BatchSettings::after(Duration::from_secs(1)) }
    }
}

/// When the records of a signal leave: after their delay, when half of their queue is full, when somebody asks, or when one of
/// them is urgent.
///
/// ```
/// let mut batch = smoltel::BatchSettings::after(std::time::Duration::from_secs(1));
/// batch.urgent = false;
/// assert_eq!(batch.max_items, u32::MAX);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchSettings {
    /// The longest that a record waits for company; with none, each leaves at once. Environment: `OTEL_BSP_SCHEDULE_DELAY`, `OTEL_BLRP_SCHEDULE_DELAY`.
    pub delay: Duration,
    /// The longest that one export may take. Environment: `OTEL_BSP_EXPORT_TIMEOUT`, `OTEL_BLRP_EXPORT_TIMEOUT`; default: 30 s.
    /// The endpoint's own timeout, 10 s, is for one attempt.
    pub timeout: Duration,
    /// The most records of one request, at least 1. Environment: `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`,
    /// `OTEL_BLRP_MAX_EXPORT_BATCH_SIZE`; default: as many as fit into a MiB.
    pub max_items: u32,
    /// The most bytes that wait in memory, at least 64 KiB; while some are sent, as many again may wait. What finds no room is
    /// dropped, and counted as [`Loss::Full`](crate::Loss::Full). Default: 1 MiB, some 2,900 spans of eight attributes.
    pub queue_bytes: usize,
    /// Whether failed spans, and log records of `WARN` and above, leave at once, with all that waits. Default: they do.
    pub urgent: bool,
}

impl BatchSettings {
    /// The defaults, with that delay.
    pub const fn after(delay: Duration) -> Self {
        Self { delay, timeout: Duration::from_secs(30), max_items: u32::MAX, queue_bytes: LANE, urgent: true }
    }

    /// Every record leaves at once, in a request of its own, as by OpenTelemetry's simple processors: to look at what a program
    /// does, not for one that is in use.
    pub const fn simple() -> Self {
        Self { max_items: 1, ..Self::after(Duration::ZERO) }
    }
}

/// The program's sampler, if it chose one.
pub struct ChosenSampler(Option<Box<dyn Sampler + Send + Sync>>);

impl Sampler for ChosenSampler {
    #[inline]
    fn should_sample(&self, span: &SamplingInput<'_>) -> SamplingResult {
        match &self.0 {
            None => const { ParentBased::new(AlwaysOn) }.should_sample(span),
            Some(sampler) => {
                let SamplingInput { parent, trace_id, name, kind, trace_state, attributes } = *span;
                ask(&**sampler, (parent, trace_id, kind), (name, trace_state, attributes))
            }
        }
    }
}

/// Asks a sampler. What it is asked about comes in parts, so that the input is not put together in memory where nobody asks.
#[cold]
#[inline(never)]
fn ask<'a>(
    sampler: &dyn Sampler,
    (parent, trace_id, kind): (Option<&'a SpanContext>, TraceId, SpanKind),
    (name, trace_state, attributes): (&'a str, TraceState<'a>, &'a [(Key<'a>, Value<'a>)]),
) -> SamplingResult {
    sampler.should_sample(&SamplingInput { parent, trace_id, name, kind, trace_state, attributes })
}

impl fmt::Display for ChosenSampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => ParentBased::new(AlwaysOn).fmt(f),
            Some(sampler) => sampler.fmt(f),
        }
    }
}

impl fmt::Debug for ChosenSampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The program's processor, if it chose one.
#[derive(Default)]
pub struct ChosenProcessor(pub(crate) Option<Box<dyn Processor + Send + Sync>>);

impl Processor for ChosenProcessor {
    #[inline]
    fn process(&self, record: &mut Record<'_>) -> Verdict {
        self.0.as_ref().map_or(Verdict::Keep, |processor| processor.process(record))
    }
}

impl fmt::Debug for ChosenProcessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ChosenProcessor").field(&self.0.is_some()).finish()
    }
}

/// The propagators that a program uses: a [`Propagator`] itself. Environment: `OTEL_PROPAGATORS`; default: W3C's.
///
/// Where headers of several kinds name different spans, W3C's count.
///
/// ```
/// use smoltel::{Propagators, Telemetry};
/// let telemetry = Telemetry::builder("thermostat")
///     .endpoint("http://127.0.0.1:9")
///     .propagators(Propagators { baggage: false, ..Propagators::default() })
///     .build()?;
/// assert!(telemetry.propagators().trace_context);
/// # telemetry.shutdown(std::time::Duration::ZERO);
/// # Ok::<(), smoltel::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Propagators {
    /// W3C Trace Context: `traceparent` and `tracestate`.
    pub trace_context: bool,
    /// W3C Baggage: `baggage`.
    pub baggage: bool,
    /// Zipkin's B3 in one header. Both forms are read if one of them is chosen.
    pub b3: bool,
    /// Zipkin's B3 in several headers.
    pub b3_multi: bool,
}

impl Default for Propagators {
    fn default() -> Self {
        Self { trace_context: true, baggage: true, ..Self::NONE }
    }
}

impl Propagators {
    /// None at all: nothing is read and nothing written.
    pub const NONE: Self = Self { trace_context: false, baggage: false, b3: false, b3_multi: false };

    fn chosen(self) -> impl Propagator {
        let b3 = (self.b3.then_some(B3::Single), self.b3_multi.then_some(B3::Multi));
        (b3, (self.trace_context.then_some(TraceContext), self.baggage.then_some(W3cBaggage)))
    }
}

impl Propagator for Propagators {
    fn extract<'a>(&self, context: &mut Context<'a>, get: &dyn Fn(&str) -> Option<&'a [u8]>) {
        self.chosen().extract(context, get);
    }

    fn inject(&self, context: &Context<'_>, room: &mut [u8], set: &mut dyn FnMut(&'static str, &str)) {
        self.chosen().inject(context, room, set);
    }
}
