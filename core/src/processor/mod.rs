//! What may change or drop a record between its end and its lane.
//!
//! ```text
//!  slot ──▶ Record ──▶ A ──▶ B ──▶ C ──▶ lane          (A, B, C)
//!                      │     │     └─ what one changes, the next sees
//!                      └─────┴─ Drop(reason): counted, and the slot is free again
//! ```
//!
//! Processors are composed at compile time: a tuple runs its members in order, `()` does nothing, and
//! `Option<P>`, `&P` and `&dyn Processor` are processors as `P` is. They run on the thread that records,
//! outside the pipeline's lock, on bytes that are encoded already: what they leave alone costs a look at
//! most, and what they change is changed in place.
//!
//! ```
//! use smoltel_core::Severity;
//! use smoltel_core::processor::{Deny, MinimumSeverity, Processor, RateLimit};
//!
//! static PROCESSOR: (MinimumSeverity, RateLimit, Deny<'_>) =
//!     (MinimumSeverity::new(Severity::Info), RateLimit::new(50), Deny::new(&["password", "http.request.header.*"]));
//! let processor: &dyn Processor = &PROCESSOR;
//! # let _ = processor;
//! ```

mod bucket;
mod bytes_per_hour;
mod edit;
mod keys;
mod only;
mod rate_limit;
mod ratio;
mod record;
mod redact;
mod severity;

pub use bytes_per_hour::BytesPerHour;
pub use edit::{Attribute, Edit, HashKey};
pub use keys::{Allow, Deny};
pub use only::Only;
pub use rate_limit::RateLimit;
pub use ratio::{Ratio, TraceBased};
pub use record::Record;
pub use redact::Redact;
pub use severity::{MinimumSeverity, PriorityBySeverity};

use crate::counters::Loss;

/// Looks at every complete record, and may change it or keep it from going on.
///
/// It is called from everywhere that records, at once from several threads or interrupts: it must not
/// block, and must not record.
///
/// ```
/// use smoltel_core::processor::{Processor, Record, Verdict};
/// use smoltel_core::{Loss, Signal};
///
/// /// Sends log records only.
/// struct LogsOnly;
/// impl Processor for LogsOnly {
///     fn process(&self, record: &mut Record<'_>) -> Verdict {
///         if record.signal() == Signal::Logs { Verdict::Keep } else { Verdict::Drop(Loss::Filtered) }
///     }
/// }
/// # use smoltel_core::platform::Priority;
/// # let mut span = Record::new(Signal::Traces, 0, Priority::Low, &mut [], 0);
/// assert_eq!(LogsOnly.process(&mut span), Verdict::Drop(Loss::Filtered));
/// ```
pub trait Processor {
    /// Decides on `record`, and changes it in place as needed.
    fn process(&self, record: &mut Record<'_>) -> Verdict;
}

/// What becomes of a record.
///
/// ```
/// use smoltel_core::processor::{Processor, Record, Verdict};
/// # use smoltel_core::{Signal, platform::Priority};
/// # let mut record = Record::new(Signal::Traces, 0, Priority::Low, &mut [], 0);
/// assert_eq!(().process(&mut record), Verdict::Keep);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
#[must_use = "a record that is dropped has to be counted"]
pub enum Verdict {
    /// It goes on, as it is now.
    Keep,
    /// It ends here, and its items are counted as lost for that reason.
    Drop(Loss),
}

impl Verdict {
    /// A record that does not hold stays out, by choice.
    pub(crate) fn keep_if(holds: bool) -> Self {
        if holds { Self::Keep } else { Self::Drop(Loss::Filtered) }
    }
}

impl<P: Processor + ?Sized> Processor for &P {
    fn process(&self, record: &mut Record<'_>) -> Verdict {
        (**self).process(record)
    }
}

impl<P: Processor> Processor for Option<P> {
    fn process(&self, record: &mut Record<'_>) -> Verdict {
        self.as_ref().map_or(Verdict::Keep, |processor| processor.process(record))
    }
}

macro_rules! tuples {
    ($($member:ident)*) => {
        impl<$($member: Processor),*> Processor for ($($member,)*) {
            #[inline]
            fn process(&self, _record: &mut Record<'_>) -> Verdict {
                #[expect(non_snake_case, reason = "a member is named after its type")]
                let ($($member,)*) = self;
                $(if let dropped @ Verdict::Drop(_) = $member.process(_record) {
                    return dropped;
                })*
                Verdict::Keep
            }
        }
    };
}

/// No processor.
impl Processor for () {
    #[inline]
    fn process(&self, _: &mut Record<'_>) -> Verdict {
        Verdict::Keep
    }
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::Signal;
    use crate::platform::Priority;

    fn run(processor: &impl Processor) -> Verdict {
        let mut slot = *b"\x4A\x05\x0A\x03pin";
        processor.process(&mut Record::new(Signal::Traces, 0, Priority::Low, &mut slot, 7))
    }

    /// Drops records that have attributes, or a certain priority.
    struct Refuse(Priority);
    impl Processor for Refuse {
        fn process(&self, record: &mut Record<'_>) -> Verdict {
            Verdict::keep_if(record.priority != self.0 && !record.bytes().is_empty())
        }
    }

    struct Promote;
    impl Processor for Promote {
        fn process(&self, record: &mut Record<'_>) -> Verdict {
            record.priority = Priority::Keep;
            Verdict::Keep
        }
    }

    #[test]
    fn what_one_changes_the_next_sees() {
        let dropped = Verdict::Drop(Loss::Filtered);
        assert_eq!(run(&(Promote, Refuse(Priority::Keep))), dropped);
        assert_eq!(run(&(Refuse(Priority::Keep), Promote)), Verdict::Keep);
        assert_eq!(run(&(Deny::new(&["pin"]), Refuse(Priority::Keep))), dropped, "nothing is left of it");
    }

    #[test]
    fn processors_nest_may_be_missing_and_may_be_chosen_at_run_time() {
        let refuse: &dyn Processor = &Refuse(Priority::Low);
        assert_eq!(run(&refuse), Verdict::Drop(Loss::Filtered));
        assert_eq!(run(&(None::<Promote>, refuse)), Verdict::Drop(Loss::Filtered));
        assert_eq!(run(&((), (Some(Promote), (refuse,)))), Verdict::Keep);
    }
}
