//! The sampler that does as the parent was done by.

use core::fmt;

use super::{AlwaysOff, AlwaysOn, Sampler, SamplingInput, SamplingResult};
use crate::context::SpanContext;
use crate::propagation::ThresholdChange;

/// Does as the parent was done by; spans without a parent are `root`'s to decide.
///
/// A threshold in `tracestate` that does not agree with the decisions, the parent's and this one, is
/// erased: it would make the span count for more or less than it should.
///
/// ```
/// use smoltel_core::sampler::{AlwaysOff, AlwaysOn, ParentBased};
/// let by_their_parents = ParentBased::new(AlwaysOn);
/// let whatever_strangers_say = ParentBased {
///     root: AlwaysOn,
///     remote_sampled: AlwaysOff,
///     remote_not_sampled: AlwaysOff,
///     local_sampled: AlwaysOn,
///     local_not_sampled: AlwaysOff,
/// };
/// # let _ = (by_their_parents, whatever_strangers_say);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ParentBased<R, RS = AlwaysOn, RN = AlwaysOff, LS = AlwaysOn, LN = AlwaysOff> {
    /// Decides about spans without a parent.
    pub root: R,
    /// Decides where the parent is of another process, and sampled.
    pub remote_sampled: RS,
    /// Decides where the parent is of another process, and not sampled.
    pub remote_not_sampled: RN,
    /// Decides where the parent is of this process, and sampled.
    pub local_sampled: LS,
    /// Decides where the parent is of this process, and not sampled.
    pub local_not_sampled: LN,
}

impl<R> ParentBased<R> {
    /// Children are sampled if their parents are.
    pub const fn new(root: R) -> Self {
        Self {
            root,
            remote_sampled: AlwaysOn,
            remote_not_sampled: AlwaysOff,
            local_sampled: AlwaysOn,
            local_not_sampled: AlwaysOff,
        }
    }
}

/// The sampler of those who choose none: every trace that begins here, and those that are sampled already.
impl Default for ParentBased<AlwaysOn> {
    fn default() -> Self {
        Self::new(AlwaysOn)
    }
}

impl<R, RS, RN, LS, LN> Sampler for ParentBased<R, RS, RN, LS, LN>
where
    R: Sampler,
    RS: Sampler,
    RN: Sampler,
    LS: Sampler,
    LN: Sampler,
{
    fn should_sample(&self, span: &SamplingInput<'_>) -> SamplingResult {
        let Some(parent) = span.parent else { return self.root.should_sample(span) };
        // A copy, so that one without a parent need not be put together in memory.
        let span = &{ *span };
        let sampled = parent.flags & SpanContext::SAMPLED != 0;
        let mut result = match (parent.is_remote, sampled) {
            (true, true) => self.remote_sampled.should_sample(span),
            (true, false) => self.remote_not_sampled.should_sample(span),
            (false, true) => self.local_sampled.should_sample(span),
            (false, false) => self.local_not_sampled.should_sample(span),
        };
        if result.threshold == ThresholdChange::Keep
            && let Some(threshold) = span.trace_state.threshold()
        {
            let admitted = threshold.admits(span.randomness());
            if admitted != sampled || result.decision.is_sampled() != sampled {
                result.threshold = ThresholdChange::Erase;
            }
        }
        result
    }
}

impl<R, RS, RN, LS, LN> fmt::Display for ParentBased<R, RS, RN, LS, LN>
where
    R: Sampler,
    RS: Sampler,
    RN: Sampler,
    LS: Sampler,
    LN: Sampler,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ParentBased{{root:{}", self.root)?;
        write!(f, ",remoteParentSampled:{}", self.remote_sampled)?;
        write!(f, ",remoteParentNotSampled:{}", self.remote_not_sampled)?;
        write!(f, ",localParentSampled:{}", self.local_sampled)?;
        write!(f, ",localParentNotSampled:{}}}", self.local_not_sampled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{SpanId, TraceId};
    use crate::otlp::trace::SpanKind;
    use crate::propagation::TraceState;
    use crate::sampler::{AlwaysRecord, Decision, Probability};
    use std::string::ToString;

    fn parent(flags: u8, is_remote: bool) -> SpanContext {
        SpanContext { trace_id: TraceId([0x80; 16]), span_id: SpanId([1; 8]), flags, is_remote }
    }

    fn input<'a>(parent: Option<&'a SpanContext>, trace_state: &'a str) -> SamplingInput<'a> {
        SamplingInput {
            parent,
            trace_id: TraceId([0x80; 16]),
            name: "x",
            kind: SpanKind::Internal,
            trace_state: TraceState::parse(trace_state.as_bytes()).unwrap(),
            attributes: &[],
        }
    }

    /// Answers what it was told to, so that a test can see who was asked.
    struct Answers(Decision);

    impl Sampler for Answers {
        fn should_sample(&self, _: &SamplingInput<'_>) -> SamplingResult {
            self.0.into()
        }
    }

    impl fmt::Display for Answers {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{:?}", self.0)
        }
    }

    #[test]
    fn children_follow_their_parents_and_roots_the_root_sampler() {
        let sampler = ParentBased::<AlwaysOn>::default();
        let decision = |parent: Option<&SpanContext>| sampler.should_sample(&input(parent, "")).decision;
        assert_eq!(decision(None), Decision::RecordAndSample);
        for remote in [true, false] {
            assert_eq!(decision(Some(&parent(0x01, remote))), Decision::RecordAndSample);
            assert_eq!(decision(Some(&parent(0x03, remote))), Decision::RecordAndSample);
            assert_eq!(decision(Some(&parent(0x00, remote))), Decision::Drop);
            assert_eq!(decision(Some(&parent(0xFE, remote))), Decision::Drop, "other flags do not matter");
        }
        let off = ParentBased::new(AlwaysOff);
        assert_eq!(off.should_sample(&input(None, "")).decision, Decision::Drop);
        assert_eq!(off.should_sample(&input(Some(&parent(1, true)), "")).decision, Decision::RecordAndSample);
    }

    #[test]
    fn each_kind_of_parent_has_its_own_sampler() {
        for asked in 0..5 {
            let at = |place| Answers(if place == asked { Decision::RecordOnly } else { Decision::Drop });
            let sampler = ParentBased {
                root: at(0),
                remote_sampled: at(1),
                remote_not_sampled: at(2),
                local_sampled: at(3),
                local_not_sampled: at(4),
            };
            let parents = [None, Some((1, true)), Some((0, true)), Some((1, false)), Some((0, false))];
            for (place, given) in parents.into_iter().enumerate() {
                let given = given.map(|(flags, remote)| parent(flags, remote));
                let decision = sampler.should_sample(&input(given.as_ref(), "")).decision;
                assert_eq!(decision == Decision::RecordOnly, place == asked, "{place} {asked}");
            }
        }
    }

    #[test]
    fn a_threshold_that_contradicts_the_decision_is_erased() {
        // The trace's randomness is 0x80808080808080.
        let sampler = ParentBased::new(AlwaysOn);
        let change =
            |flags, state| sampler.should_sample(&input(Some(&parent(flags, true)), state)).threshold;
        assert_eq!(change(1, "ot=th:8"), ThresholdChange::Keep);
        assert_eq!(change(0, "ot=th:c"), ThresholdChange::Keep);
        assert_eq!(change(1, "ot=th:c"), ThresholdChange::Erase);
        assert_eq!(change(0, "ot=th:8"), ThresholdChange::Erase);
        assert_eq!(change(1, "ot=th:c;rv:c0000000000000"), ThresholdChange::Keep, "rv is the randomness");
        assert_eq!(change(1, "a=1"), ThresholdChange::Keep, "nothing to erase");
        let overruled = ParentBased {
            root: AlwaysOn,
            remote_sampled: AlwaysOff,
            remote_not_sampled: AlwaysOff,
            local_sampled: AlwaysOn,
            local_not_sampled: AlwaysOff,
        };
        let result = overruled.should_sample(&input(Some(&parent(1, true)), "ot=th:8"));
        assert_eq!(result, SamplingResult { decision: Decision::Drop, threshold: ThresholdChange::Erase });
    }

    #[test]
    fn a_delegate_s_own_threshold_stays() {
        let half = Probability::new(0.5).unwrap();
        let sampler = ParentBased {
            root: half,
            remote_sampled: half,
            remote_not_sampled: AlwaysOff,
            local_sampled: AlwaysOn,
            local_not_sampled: AlwaysOff,
        };
        let parent = parent(1, true);
        let span = input(Some(&parent), "ot=th:c");
        assert_eq!(sampler.should_sample(&span), half.should_sample(&span));
    }

    #[test]
    fn always_record_turns_drop_into_record_only_and_nothing_else() {
        for (given, becomes) in [
            (Decision::Drop, Decision::RecordOnly),
            (Decision::RecordOnly, Decision::RecordOnly),
            (Decision::RecordAndSample, Decision::RecordAndSample),
        ] {
            let decision = AlwaysRecord(Answers(given)).should_sample(&input(None, "")).decision;
            assert_eq!(decision, becomes);
            assert!(!decision.is_sampled() || decision.is_recording());
        }
    }

    #[test]
    fn samplers_compose_behind_a_reference_too_and_say_what_they_are() {
        let dynamic: &dyn Sampler = &AlwaysRecord(AlwaysOff);
        let sampler = ParentBased::new(dynamic);
        assert_eq!(sampler.should_sample(&input(None, "")).decision, Decision::RecordOnly);
        assert_eq!(
            sampler.to_string(),
            "ParentBased{root:AlwaysRecord{AlwaysOffSampler},remoteParentSampled:AlwaysOnSampler,\
             remoteParentNotSampled:AlwaysOffSampler,localParentSampled:AlwaysOnSampler,\
             localParentNotSampled:AlwaysOffSampler}"
        );
    }
}
