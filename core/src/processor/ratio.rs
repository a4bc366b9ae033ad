use core::cell::Cell;
use core::fmt;

use critical_section::Mutex;

use super::{Processor, Record, Verdict};
use crate::otlp::Signal;
use crate::platform::Priority;

/// Lets one in so many log records of [`Priority::Low`] through. Others pass, and are not counted among
/// them: set priorities first, with [`PriorityBySeverity`](super::PriorityBySeverity).
///
/// ```
/// use smoltel_core::processor::{Processor, Ratio, Record, Verdict};
/// use smoltel_core::{Signal, platform::Priority};
///
/// static THIRD: Ratio = Ratio::one_in(3);
/// let pass = |priority| THIRD.process(&mut Record::new(Signal::Logs, 0, priority, &mut [], 0)) == Verdict::Keep;
/// assert_eq!([(); 4].map(|()| pass(Priority::Low)), [true, false, false, true]);
/// assert!(pass(Priority::Keep));
/// ```
pub struct Ratio {
    one_in: u32,
    /// Records until the next that passes.
    left: Mutex<Cell<u32>>,
}

impl Ratio {
    /// One in `n`, the first of them; 0 and 1 let all through.
    pub const fn one_in(n: u32) -> Self {
        Self { one_in: n, left: Mutex::new(Cell::new(0)) }
    }
}

impl Processor for Ratio {
    fn process(&self, record: &mut Record<'_>) -> Verdict {
        if record.signal() != Signal::Logs || record.priority != Priority::Low {
            return Verdict::Keep;
        }
        Verdict::keep_if(critical_section::with(|cs| {
            let left = self.left.borrow(cs);
            let before = left.get();
            left.set(before.checked_sub(1).unwrap_or(self.one_in.saturating_sub(1)));
            before == 0
        }))
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ratio").field("one_in", &self.one_in).finish_non_exhaustive()
    }
}

/// Drops log records of spans that are not sampled. Those without a span pass.
///
/// ```
/// use smoltel_core::processor::{Processor, Record, TraceBased, Verdict};
/// use smoltel_core::{Loss, Signal, platform::Priority};
///
/// // flags: 0; span_id
/// let mut log = *b"\x45\0\0\0\0\x52\x0812345678";
/// let mut record = Record::new(Signal::Logs, 0, Priority::Low, &mut log, 15);
/// assert_eq!(TraceBased.process(&mut record), Verdict::Drop(Loss::Filtered));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TraceBased;

impl Processor for TraceBased {
    fn process(&self, record: &mut Record<'_>) -> Verdict {
        Verdict::keep_if(record.signal() != Signal::Logs || record.is_sampled() != Some(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_of_sampled_traces_and_of_none_pass() {
        let pass = |signal, bytes: &[u8]| {
            let mut slot = [0; 32];
            slot[..bytes.len()].copy_from_slice(bytes);
            TraceBased.process(&mut Record::new(signal, 0, Priority::Low, &mut slot, bytes.len()))
                == Verdict::Keep
        };
        assert!(pass(Signal::Logs, b"\x45\x01\0\0\0\x52\x0812345678"), "sampled");
        assert!(pass(Signal::Logs, b"\x45\0\0\0\0"), "no span");
        assert!(!pass(Signal::Logs, b"\x52\x0812345678"), "flags that are zero may be left out");
        assert!(pass(Signal::Metrics, b"\x52\x0812345678"));
    }
}
