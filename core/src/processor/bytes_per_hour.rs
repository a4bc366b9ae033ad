use core::fmt;

use super::bucket::Bucket;
use super::{Processor, Record, Verdict};
use crate::counters::Loss;
use crate::platform::Priority;
use crate::wire::len_field;

const HOUR: u64 = 3_600_000_000_000;
/// What records of [`Priority::Low`] may spend; the last quarter is for the others.
const LOW: u64 = HOUR / 4 * 3;

/// Keeps within a budget of bytes, as a metered line has one: records of [`Priority::Low`] stop when
/// three quarters of it are spent, the others when all is. What is not let through is counted as
/// [`Loss::RateLimited`].
///
/// What was spent comes back evenly, so `n` hours in a row see at most `n + 1` budgets. Bytes are those of
/// records within a request; the request's head, the transport's, and what is sent again are not counted.
/// A record larger than the budget never passes. Put it last: what another processor removes costs
/// nothing then.
///
/// ```
/// use smoltel_core::processor::{BytesPerHour, Processor, Record, Verdict};
/// use smoltel_core::{Signal, platform::Priority};
///
/// static BUDGET: BytesPerHour = BytesPerHour::new(40);
/// let pass = |priority| {
///     let mut log = *b"\x10\x09\x1A\x04INFO"; // 8 bytes, and 2 before them in a request
///     BUDGET.process(&mut Record::new(Signal::Logs, 0, priority, &mut log, 8)) == Verdict::Keep
/// };
/// assert_eq!([(); 5].map(|()| pass(Priority::Low)), [true, true, true, false, false]);
/// assert_eq!([(); 2].map(|()| pass(Priority::Keep)), [true, false]);
/// ```
pub struct BytesPerHour {
    bucket: Bucket,
    ns_per_byte: u64,
}

impl BytesPerHour {
    /// A budget of `bytes` an hour; 0 lets nothing through.
    pub const fn new(bytes: u64) -> Self {
        let ns_per_byte = if bytes == 0 { u64::MAX } else { HOUR.div_ceil(bytes) };
        Self { bucket: Bucket::new(), ns_per_byte }
    }
}

impl Processor for BytesPerHour {
    fn process(&self, record: &mut Record<'_>) -> Verdict {
        let cost = self.ns_per_byte.saturating_mul(len_field(record.bytes().len()) as u64);
        let brim = if record.priority == Priority::Low { LOW } else { HOUR };
        match self.bucket.pour(record.now(), cost, brim, HOUR) {
            true => Verdict::Keep,
            false => Verdict::Drop(Loss::RateLimited),
        }
    }
}

impl fmt::Debug for BytesPerHour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BytesPerHour").field("ns_per_byte", &self.ns_per_byte).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::Signal;

    #[test]
    fn a_day_of_too_much_takes_what_the_hours_give() {
        let budget = BytesPerHour::new(10_000);
        let mut slot = [0; 198];
        let mut spent = 0;
        for second in 0..24 * 3600 {
            let mut record =
                Record::new(Signal::Metrics, second * 1_000_000_000, Priority::Keep, &mut slot, 198);
            spent += if budget.process(&mut record) == Verdict::Keep { len_field(198) } else { 0 };
        }
        assert!((24 * 10_000..=25 * 10_000).contains(&spent), "{spent}");
    }

    #[test]
    fn nothing_or_all_is_a_budget_too() {
        let mut slot = [0; 8];
        let mut pass = |budget: &BytesPerHour| {
            budget.process(&mut Record::new(Signal::Logs, 5, Priority::Keep, &mut slot, 8)) == Verdict::Keep
        };
        assert!(!pass(&BytesPerHour::new(0)));
        assert!(!pass(&BytesPerHour::new(9)), "larger than the budget");
        assert!(pass(&BytesPerHour::new(u64::MAX)));
    }
}
