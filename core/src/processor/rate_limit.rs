use core::fmt;

use super::bucket::Bucket;
use super::{Processor, Record, Verdict};
use crate::counters::Loss;

const SECOND: u64 = 1_000_000_000;

/// Lets through so many records a second, and as many at once after a pause. The others are counted as
/// [`Loss::RateLimited`].
///
/// A metric's record is one, however many points it has. Within [`Only`](super::Only) it limits one
/// signal and leaves the others alone.
///
/// ```
/// use smoltel_core::processor::{Processor, RateLimit, Record, Verdict};
/// use smoltel_core::{Loss, Signal, platform::Priority};
///
/// static LIMIT: RateLimit = RateLimit::new(2);
/// let at = |now| LIMIT.process(&mut Record::new(Signal::Logs, now, Priority::Low, &mut [], 0));
/// assert_eq!([at(0), at(0), at(0)], [Verdict::Keep, Verdict::Keep, Verdict::Drop(Loss::RateLimited)]);
/// assert_eq!(at(500_000_000), Verdict::Keep);
/// ```
pub struct RateLimit {
    bucket: Bucket,
    interval: u64,
}

impl RateLimit {
    /// At most `per_second` records a second; 0 lets nothing through.
    pub const fn new(per_second: u32) -> Self {
        let interval = if per_second == 0 { u64::MAX } else { SECOND / per_second as u64 };
        Self { bucket: Bucket::new(), interval }
    }
}

impl Processor for RateLimit {
    fn process(&self, record: &mut Record<'_>) -> Verdict {
        match self.bucket.pour(record.now(), self.interval, SECOND, SECOND) {
            true => Verdict::Keep,
            false => Verdict::Drop(Loss::RateLimited),
        }
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit").field("interval", &self.interval).finish_non_exhaustive()
    }
}
