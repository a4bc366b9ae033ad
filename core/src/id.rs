//! Trace and span ids from a seed.

use rand_xoshiro::Xoroshiro128PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::context::{SpanContext, SpanId, TraceId};

/// Sixteen bytes from which ids are made. Two machines with one seed make the same ids, so it is
/// mandatory and it has to differ.
///
/// ```
/// use smoltel_core::Seed;
/// let from_a_serial_number = Seed::Unique(*b"serial no. 00042");
/// # let _ = from_a_serial_number;
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum Seed {
    /// From a source of true randomness: trace ids carry W3C's `random` flag.
    Random([u8; 16]),
    /// Only unique, such as a chip's serial number mixed with a boot counter.
    Unique([u8; 16]),
}

#[cfg(feature = "recorder")]
impl Seed {
    /// One for each boot, from one for the device.
    pub(crate) fn of_boot(mut self, boots: u32) -> Self {
        let (Self::Random(seed) | Self::Unique(seed)) = &mut self;
        seed.iter_mut().zip(boots.to_le_bytes()).for_each(|(byte, boot)| *byte ^= boot);
        self
    }
}

/// Makes ids.
#[derive(Debug)]
pub(crate) struct IdGenerator {
    rng: Xoroshiro128PlusPlus,
    flags: u8,
}

impl IdGenerator {
    pub(crate) fn new(seed: Seed) -> Self {
        let (seed, flags) = match seed {
            Seed::Random(seed) => (seed, SpanContext::SAMPLED | SpanContext::RANDOM),
            Seed::Unique(seed) => (seed, SpanContext::SAMPLED),
        };
        let mut rng = Xoroshiro128PlusPlus::from_seed(seed);
        // Seeds with few bits set give their first outputs few bits too.
        for _ in 0..8 {
            rng.next_u64();
        }
        Self { rng, flags }
    }

    /// The context of a new span: in its parent's trace if there is a valid parent, else in a new one.
    pub(crate) fn context(&mut self, parent: Option<&SpanContext>) -> SpanContext {
        let span_id = SpanId(self.nonzero().to_le_bytes());
        let (trace_id, flags) = match parent {
            Some(parent) => (parent.trace_id, parent.flags),
            None => (TraceId(self.trace_id()), self.flags),
        };
        SpanContext { trace_id, span_id, flags, is_remote: false }
    }

    fn trace_id(&mut self) -> [u8; 16] {
        let mut id = [0; 16];
        let (high, low) = id.split_at_mut(8);
        high.copy_from_slice(&self.rng.next_u64().to_le_bytes());
        low.copy_from_slice(&self.nonzero().to_le_bytes());
        id
    }

    #[cfg_attr(target_os = "none", inline(never))]
    fn nonzero(&mut self) -> u64 {
        // Zero once in 2^64: never an id, so anything else will do.
        self.rng.next_u64().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_distinct_valid_ids_and_children_stay_in_their_trace() {
        let mut ids = IdGenerator::new(Seed::Unique([0; 16]));
        let (a, b) = (ids.context(None), ids.context(None));
        assert!(a.is_valid() && b.is_valid() && a.trace_id != b.trace_id);
        let child = ids.context(Some(&a));
        assert_eq!(child.trace_id, a.trace_id);
        assert_ne!(child.span_id, a.span_id);
    }

    #[test]
    fn only_true_entropy_sets_the_random_flag() {
        assert_eq!(IdGenerator::new(Seed::Unique([1; 16])).context(None).flags, 0x01);
        assert_eq!(IdGenerator::new(Seed::Random([1; 16])).context(None).flags, 0x03);
    }
}
