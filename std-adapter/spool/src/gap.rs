//! What was stored and can no longer be read.

use std::ops::RangeInclusive;

/// Stored data that the disk no longer has, found when the spool was opened, when its turn came, or by
/// [`Spool::scrub`](crate::Spool::scrub). It is counted as [`Loss::Corrupt`](crate::Loss::Corrupt).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Where in spool.dat, if that is known: a position in units of segments.
    pub slot: Option<u32>,
    /// The sequences among which the lost ones are, as far as what is left tells.
    pub sequences: Option<RangeInclusive<u64>>,
    /// How many records are lost that somebody still waited for.
    pub records: u64,
    /// Their items.
    pub items: u64,
}

/// How many are remembered.
pub(crate) const KEPT: usize = 64;
