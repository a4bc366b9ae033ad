use super::{Processor, Record, Verdict};
use crate::otlp::Signal;
use crate::otlp::logs::Severity;
use crate::platform::Priority;

/// Drops log records that are less severe. Those that do not say how severe they are stay.
///
/// ```
/// use smoltel_core::processor::{MinimumSeverity, Processor, Record, Verdict};
/// use smoltel_core::{Loss, Severity, Signal, platform::Priority};
///
/// let mut debug = *b"\x10\x05"; // severity_number: DEBUG
/// let mut record = Record::new(Signal::Logs, 0, Priority::Low, &mut debug, 2);
/// assert_eq!(MinimumSeverity::new(Severity::Info).process(&mut record), Verdict::Drop(Loss::Filtered));
/// assert_eq!(MinimumSeverity::new(Severity::Debug).process(&mut record), Verdict::Keep);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MinimumSeverity(Severity);

impl MinimumSeverity {
    /// Keeps `minimum` and above.
    pub const fn new(minimum: Severity) -> Self {
        Self(minimum)
    }
}

impl Processor for MinimumSeverity {
    fn process(&self, record: &mut Record<'_>) -> Verdict {
        let severity = record.severity();
        Verdict::keep_if(severity == 0 || severity >= self.0 as u8)
    }
}

/// Gives log records their priority by how severe they are; those that do not say, and other records,
/// keep the one they have.
///
/// ```
/// use smoltel_core::processor::{PriorityBySeverity, Processor, Record, Verdict};
/// use smoltel_core::{Severity, Signal, platform::Priority};
///
/// let mut info = *b"\x10\x09"; // severity_number: INFO
/// let mut record = Record::new(Signal::Logs, 0, Priority::Low, &mut info, 2);
/// assert_eq!(PriorityBySeverity::new(Severity::Info).process(&mut record), Verdict::Keep);
/// assert_eq!(record.priority, Priority::Keep);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PriorityBySeverity(Severity);

impl PriorityBySeverity {
    /// [`Priority::Keep`] from `threshold` on, [`Priority::Low`] below.
    pub const fn new(threshold: Severity) -> Self {
        Self(threshold)
    }
}

impl Processor for PriorityBySeverity {
    fn process(&self, record: &mut Record<'_>) -> Verdict {
        let severity = record.severity();
        if record.signal() == Signal::Logs && severity > 0 {
            record.priority = if severity >= self.0 as u8 { Priority::Keep } else { Priority::Low };
        }
        Verdict::Keep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_log_records_that_say_how_severe_they_are_are_judged() {
        let mut unspecified = *b"\x2A\x00";
        // A span's field of that number is another thing.
        let mut span = *b"\x10\x01";
        for (signal, bytes) in [(Signal::Logs, &mut unspecified), (Signal::Traces, &mut span)] {
            let mut record = Record::new(signal, 0, Priority::Low, bytes, 2);
            let processors =
                (MinimumSeverity::new(Severity::Fatal4), PriorityBySeverity::new(Severity::Trace));
            assert_eq!(processors.process(&mut record), Verdict::Keep);
            assert_eq!(record.priority, Priority::Low);
        }
    }
}
