//! What happened, in one order with the disk's operations.

use smoltel_spool::vfs::Site;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A sync said that it had done its work.
    Synced(Site),
    /// A slot of CURSOR was written.
    CursorWritten,
    /// The completion of this record said that it is stored.
    Acknowledged(u32),
    /// A destination is about to let go of these records.
    Releasing(usize, Vec<u32>),
    /// It did.
    Released(usize, Vec<u32>),
    /// A destination is there.
    Joined(usize),
    /// The process was killed.
    Killed,
    /// A destination is about to be forgotten.
    Retiring(usize),
}
