use super::{Processor, Record, Verdict};
use crate::otlp::Signal;

/// A processor for one signal: records of the others pass it by.
///
/// ```
/// use smoltel_core::processor::{Only, Processor, RateLimit, Record, Verdict};
/// use smoltel_core::{Signal, platform::Priority};
///
/// static QUIET: Only<RateLimit> = Only::new(Signal::Logs, RateLimit::new(0));
/// let pass = |signal| QUIET.process(&mut Record::new(signal, 0, Priority::Low, &mut [], 0)) == Verdict::Keep;
/// assert_eq!(Signal::ALL.map(pass), [true, true, false]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Only<P> {
    signal: Signal,
    processor: P,
}

impl<P> Only<P> {
    /// `processor` for records of `signal`.
    pub const fn new(signal: Signal, processor: P) -> Self {
        Self { signal, processor }
    }
}

impl<P: Processor> Processor for Only<P> {
    fn process(&self, record: &mut Record<'_>) -> Verdict {
        if record.signal() == self.signal { self.processor.process(record) } else { Verdict::Keep }
    }
}
