//! What a destination puts up with.

use std::time::Duration;

use crate::record::Signal;

/// Which, how old, how many and in which order a destination gets its records. The default is: everything, oldest first.
///
/// They hold for this destination alone; others keep what it gives up. They are not stored: set them each time the
/// spool is opened. See [`Destination::limit`](crate::Destination::limit).
///
/// ```
/// use smoltel_spool::Limits;
/// use std::time::Duration;
///
/// // A day at most; and after an outage every fourth lease is of the newest, so that a dashboard is not hours behind.
/// let limits = Limits { age: Some(Duration::from_secs(86_400)), newest: 25, ..Limits::default() };
/// assert_eq!(limits.lag, None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Records that are older are given up and counted as [`Loss::Expired`](crate::Loss::Expired). Ages are counted
    /// in spool time, which only the boot clock moves: a wall clock that jumps expires nothing, and while the
    /// machine is off nothing grows old. The default, `None`, is any age.
    pub age: Option<Duration>,
    /// The most payload bytes that may wait, leased ones included. Beyond it the oldest records of the lowest class are given
    /// up and counted as [`Loss::Lagged`](crate::Loss::Lagged). The default, `None`, is what the spool holds.
    pub lag: Option<u64>,
    /// Of a hundred leases, this many are taken from the newest records instead of the oldest: 0, the default, is
    /// oldest first, 100 and more newest first.
    pub newest: u8,
    /// Each lease is of the highest class that waits, and of that alone: for a destination that cannot get everything at once.
    /// The default, `false`, is the order in which records were stored.
    pub dearest_first: bool,
    /// By signal, in the order of [`Signal::ALL`]: what this destination does not take. It is released for it as it is stored, and what
    /// waits at once; that is no loss. The default is none.
    pub unwanted: [bool; Signal::ALL.len()],
}
