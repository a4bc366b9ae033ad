//! Whether a new span is recorded, and whether it is sent.
//!
//! Samplers are composed at compile time; where the choice is made at run time, a `&dyn Sampler` is a
//! sampler too. [`ParentBased`] over [`AlwaysOn`] is the default.

mod parent_based;
mod probability;

pub use parent_based::ParentBased;
pub use probability::{Probability, TraceIdRatioBased};

use core::fmt;

use crate::context::{SpanContext, TraceId};
use crate::otlp::common::{Key, Value};
use crate::otlp::trace::SpanKind;
use crate::propagation::{ThresholdChange, TraceState};

/// Decides about a span when it starts. It is asked once for every span, so it should be quick.
///
/// `Display` is its description, by which operators know it.
///
/// ```
/// use core::fmt;
/// use smoltel_core::SpanKind;
/// use smoltel_core::sampler::{Decision, Sampler, SamplingInput, SamplingResult};
///
/// /// Leaves out what clients do.
/// struct NoClients;
///
/// impl Sampler for NoClients {
///     fn should_sample(&self, span: &SamplingInput<'_>) -> SamplingResult {
///         match span.kind {
///             SpanKind::Client => Decision::Drop.into(),
///             _ => Decision::RecordAndSample.into(),
///         }
///     }
/// }
///
/// impl fmt::Display for NoClients {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         f.write_str("NoClients")
///     }
/// }
/// ```
pub trait Sampler: fmt::Display {
    /// The decision about a span with these properties.
    fn should_sample(&self, span: &SamplingInput<'_>) -> SamplingResult;
}

impl<S: Sampler + ?Sized> Sampler for &S {
    fn should_sample(&self, span: &SamplingInput<'_>) -> SamplingResult {
        (**self).should_sample(span)
    }
}

/// What is known of a span that is about to start.
///
/// ```
/// use smoltel_core::propagation::TraceState;
/// use smoltel_core::sampler::{AlwaysOn, Decision, Sampler, SamplingInput};
/// use smoltel_core::{SpanKind, TraceId};
///
/// let span = SamplingInput {
///     parent: None,
///     trace_id: TraceId([7; 16]),
///     name: "adjust",
///     kind: SpanKind::Internal,
///     trace_state: TraceState::EMPTY,
///     attributes: &[],
/// };
/// assert_eq!(AlwaysOn.should_sample(&span).decision, Decision::RecordAndSample);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SamplingInput<'a> {
    /// The parent, if there is a valid one.
    pub parent: Option<&'a SpanContext>,
    /// The trace that the span will belong to: the parent's, or a new one.
    pub trace_id: TraceId,
    /// The span's name.
    pub name: &'a str,
    /// The span's kind.
    pub kind: SpanKind,
    /// What the parent's `tracestate` says, or what was given for a new trace.
    pub trace_state: TraceState<'a>,
    /// The attributes that were given before the start.
    pub attributes: &'a [(Key<'a>, Value<'a>)],
}

impl SamplingInput<'_> {
    /// The 56 bits that decide alike wherever in the trace they are asked: explicit randomness, or the
    /// low bits of the trace id.
    pub fn randomness(&self) -> u64 {
        self.trace_state.randomness().unwrap_or(self.trace_id_low() & (u64::MAX >> 8))
    }

    /// The last eight bytes of the trace id, as a number.
    fn trace_id_low(&self) -> u64 {
        let [.., a, b, c, d, e, f, g, h] = self.trace_id.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// What becomes of a span.
///
/// ```
/// use smoltel_core::sampler::Decision;
/// assert!(Decision::RecordOnly.is_recording() && !Decision::RecordOnly.is_sampled());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[repr(u8)]
pub enum Decision {
    /// It is not recorded. Its context still goes on, without the `sampled` flag.
    Drop = 0,
    /// It is recorded, without the `sampled` flag: it is not exported.
    RecordOnly = 1,
    /// It is recorded and exported, and has the `sampled` flag.
    RecordAndSample = 2,
}

impl Decision {
    /// Whether the span is recorded.
    pub const fn is_recording(self) -> bool {
        !matches!(self, Self::Drop)
    }

    /// Whether the span has the `sampled` flag.
    pub const fn is_sampled(self) -> bool {
        matches!(self, Self::RecordAndSample)
    }
}

/// A sampler's answer.
///
/// ```
/// use smoltel_core::sampler::{Decision, SamplingResult};
/// use smoltel_core::propagation::ThresholdChange;
/// let result = SamplingResult::from(Decision::Drop);
/// assert_eq!(result.threshold, ThresholdChange::Keep);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct SamplingResult {
    /// What becomes of the span.
    pub decision: Decision,
    /// What becomes of its `tracestate`: see [`TraceState::change_threshold`].
    pub threshold: ThresholdChange,
}

/// The `tracestate` stays as it is.
impl From<Decision> for SamplingResult {
    fn from(decision: Decision) -> Self {
        Self { decision, threshold: ThresholdChange::Keep }
    }
}

/// Samples every span.
///
/// ```
/// assert_eq!(smoltel_core::sampler::AlwaysOn.to_string(), "AlwaysOnSampler");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AlwaysOn;

impl Sampler for AlwaysOn {
    fn should_sample(&self, _: &SamplingInput<'_>) -> SamplingResult {
        Decision::RecordAndSample.into()
    }
}

impl fmt::Display for AlwaysOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AlwaysOnSampler")
    }
}

/// Drops every span.
///
/// ```
/// assert_eq!(smoltel_core::sampler::AlwaysOff.to_string(), "AlwaysOffSampler");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AlwaysOff;

impl Sampler for AlwaysOff {
    fn should_sample(&self, _: &SamplingInput<'_>) -> SamplingResult {
        Decision::Drop.into()
    }
}

impl fmt::Display for AlwaysOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AlwaysOffSampler")
    }
}

/// Records what another sampler drops, for processors that want to see every span.
///
/// ```
/// use smoltel_core::sampler::{AlwaysOff, AlwaysRecord};
/// assert_eq!(AlwaysRecord(AlwaysOff).to_string(), "AlwaysRecord{AlwaysOffSampler}");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AlwaysRecord<S>(pub S);

impl<S: Sampler> Sampler for AlwaysRecord<S> {
    fn should_sample(&self, span: &SamplingInput<'_>) -> SamplingResult {
        let result = self.0.should_sample(span);
        match result.decision {
            Decision::Drop => SamplingResult { decision: Decision::RecordOnly, ..result },
            Decision::RecordOnly | Decision::RecordAndSample => result,
        }
    }
}

impl<S: Sampler> fmt::Display for AlwaysRecord<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlwaysRecord{{{}}}", self.0)
    }
}
