//! Samplers that keep a share of the traces, and agree on which.

use core::fmt;

use super::{Decision, Sampler, SamplingInput, SamplingResult};
use crate::propagation::{Threshold, ThresholdChange};

/// Keeps traces with a given probability, all of a trace or nothing of it, and says in `tracestate` by
/// which threshold, so that receivers know how many spans each stands for.
///
/// The randomness that decides is the trace's: explicit in `tracestate` (`rv`), or the low 56 bits of its
/// id. So it needs trace ids that are random there: [`Seed::Random`](crate::Seed::Random).
///
/// ```
/// use smoltel_core::sampler::{ParentBased, Probability};
/// const ONE_IN_TEN: Probability = Probability::new(0.1).expect("between 2^-56 and 1");
/// let sampler = ParentBased::new(ONE_IN_TEN);
/// # let _ = sampler;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Probability {
    threshold: Threshold,
}

impl Probability {
    /// Keeps that share of all traces, 2^-56 to 1; `None` for any other number.
    pub const fn new(probability: f64) -> Option<Self> {
        match Threshold::from_probability(probability) {
            Some(threshold) => Some(Self { threshold }),
            None => None,
        }
    }
}

impl Sampler for Probability {
    fn should_sample(&self, span: &SamplingInput<'_>) -> SamplingResult {
        if self.threshold.admits(span.randomness()) {
            SamplingResult {
                decision: Decision::RecordAndSample,
                threshold: ThresholdChange::Set(self.threshold),
            }
        } else {
            // What sampled the parent does not hold for this span.
            SamplingResult { decision: Decision::Drop, threshold: ThresholdChange::Erase }
        }
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProbabilitySampler{{{}}}", 1.0 / self.threshold.adjusted_count())
    }
}

/// Keeps a share of the traces without saying so; [`Probability`] is its better successor.
///
/// The last eight bytes of the trace id, as a big-endian number, have to be below the ratio times 2^64.
/// The parent does not matter, and a higher ratio keeps all that a lower one keeps.
///
/// ```
/// use smoltel_core::sampler::TraceIdRatioBased;
/// let sampler = TraceIdRatioBased::new(0.25).expect("between 0 and 1");
/// assert_eq!(sampler.to_string(), "TraceIdRatioBased{0.25}");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TraceIdRatioBased {
    ratio: f64,
    below: u64,
}

impl TraceIdRatioBased {
    /// Keeps that share of all traces, 0 to 1; `None` for any other number.
    pub const fn new(ratio: f64) -> Option<Self> {
        /// 2^64.
        const END: f64 = 18_446_744_073_709_551_616.0;
        if ratio >= 0.0 && ratio <= 1.0 { Some(Self { ratio, below: (ratio * END) as u64 }) } else { None }
    }
}

impl Sampler for TraceIdRatioBased {
    fn should_sample(&self, span: &SamplingInput<'_>) -> SamplingResult {
        if self.ratio >= 1.0 || span.trace_id_low() < self.below {
            Decision::RecordAndSample.into()
        } else {
            Decision::Drop.into()
        }
    }
}

impl fmt::Display for TraceIdRatioBased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceIdRatioBased{{{}}}", self.ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{SpanContext, SpanId, TraceId};
    use crate::otlp::trace::SpanKind;
    use crate::propagation::TraceState;
    use std::string::ToString;

    fn input(low: u64, trace_state: &str) -> SamplingInput<'_> {
        let mut id = [0xEE; 16];
        id[8..].copy_from_slice(&low.to_be_bytes());
        SamplingInput {
            parent: None,
            trace_id: TraceId(id),
            name: "x",
            kind: SpanKind::Internal,
            trace_state: TraceState::parse(trace_state.as_bytes()).unwrap(),
            attributes: &[],
        }
    }

    fn keeps(sampler: &impl Sampler, low: u64) -> bool {
        sampler.should_sample(&input(low, "")).decision.is_sampled()
    }

    /// Numbers spread over all of `u64`.
    fn spread() -> impl Iterator<Item = u64> {
        (0..4096u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    #[test]
    fn a_probability_keeps_its_share_and_says_so() {
        let quarter = Probability::new(0.25).unwrap();
        let kept = spread().filter(|low| keeps(&quarter, *low)).count();
        assert!((960..1090).contains(&kept), "{kept}");
        let result = quarter.should_sample(&input(u64::MAX, ""));
        assert_eq!(result.threshold, ThresholdChange::Set(Threshold::new(0xC0 << 48).unwrap()));
        let dropped = quarter.should_sample(&input(0, "ot=th:0"));
        assert_eq!(dropped, SamplingResult { decision: Decision::Drop, threshold: ThresholdChange::Erase });
        assert_eq!(quarter.to_string(), "ProbabilitySampler{0.25}");
    }

    #[test]
    fn the_threshold_itself_is_kept_and_what_is_above_56_bits_does_not_matter() {
        let half = Probability::new(0.5).unwrap();
        assert!(keeps(&half, 1 << 55) && keeps(&half, 0xFF << 56 | 1 << 55));
        assert!(!keeps(&half, (1 << 55) - 1) && !keeps(&half, 0xFF << 56 | ((1 << 55) - 1)));
    }

    #[test]
    fn explicit_randomness_decides_before_the_trace_id() {
        let half = Probability::new(0.5).unwrap();
        let decision = |low, state| half.should_sample(&input(low, state)).decision;
        assert_eq!(decision(0, "ot=rv:80000000000000"), Decision::RecordAndSample);
        assert_eq!(decision(u64::MAX, "ot=rv:7fffffffffffff"), Decision::Drop);
        assert_eq!(decision(u64::MAX, "ot=rv:7fff"), Decision::RecordAndSample, "not randomness: too short");
    }

    #[test]
    fn a_higher_share_keeps_all_that_a_lower_one_keeps() {
        let shares = [0.001, 0.01, 0.1, 1.0 / 3.0, 0.5, 0.999, 1.0];
        for pair in shares.windows(2) {
            let [low, high] = [pair[0], pair[1]].map(|share| Probability::new(share).unwrap());
            assert!(spread().all(|id| !keeps(&low, id) || keeps(&high, id)), "{pair:?}");
            let [low, high] = [pair[0], pair[1]].map(|share| TraceIdRatioBased::new(share).unwrap());
            assert!(spread().all(|id| !keeps(&low, id) || keeps(&high, id)), "{pair:?}");
        }
    }

    #[test]
    fn a_ratio_is_of_the_last_eight_bytes_and_ignores_the_parent() {
        let half = TraceIdRatioBased::new(0.5).unwrap();
        assert!(keeps(&half, (1 << 63) - 1) && !keeps(&half, 1 << 63));
        assert!(keeps(&TraceIdRatioBased::new(1.0).unwrap(), u64::MAX));
        assert!(!keeps(&TraceIdRatioBased::new(0.0).unwrap(), 0));
        for flags in [0, SpanContext::SAMPLED] {
            let parent =
                SpanContext { trace_id: TraceId([1; 16]), span_id: SpanId([1; 8]), flags, is_remote: true };
            let child = SamplingInput { parent: Some(&parent), ..input(0, "a=1") };
            assert_eq!(half.should_sample(&child), Decision::RecordAndSample.into());
        }
        for none in [-0.1, 1.1, f64::NAN] {
            assert!(TraceIdRatioBased::new(none).is_none() && Probability::new(none).is_none());
        }
        assert_eq!(TraceIdRatioBased::new(0.0001).unwrap().to_string(), "TraceIdRatioBased{0.0001}");
    }
}
