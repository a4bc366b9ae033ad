//! The bytes on disk, as docs/SPOOL.md has them: encoding and checked decoding, no input or output.

pub(crate) mod bytes;
pub(crate) mod cursor;
pub(crate) mod index;
pub(crate) mod marks;
pub(crate) mod record;
pub(crate) mod segment;
pub(crate) mod slot;

/// Groups start at multiples of this, and nothing smaller is written.
pub(crate) const BLOCK: u32 = 4096;

/// The format's version. It is frozen: a change of what is on disk is another version.
pub(crate) const VERSION: u16 = 1;

/// Rounds up to a multiple of `unit`, a power of two.
pub(crate) fn round_up(value: u32, unit: u32) -> u32 {
    (value + unit - 1) & !(unit - 1)
}

/// A structure read from disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parsed<T> {
    /// It holds.
    Good(T),
    /// It holds, and is of a version that is not ours to read.
    Newer(u16),
    /// It does not hold.
    Bad,
}
