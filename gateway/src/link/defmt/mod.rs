//! A device's defmt stream, as log records: channel 0 of docs/LINK.md.
//!
//! ```text
//!  CHANNEL ─▶ Frames ─▶ a task ─▶ Decoders ─▶ smoltel-defmt, one process for a build ─▶ spool
//! ```

mod decoders;
mod frames;
mod stream;

pub(crate) use decoders::{Decoders, PROGRAM};
use frames::Frames;
pub(super) use stream::Stream;

/// The channel of the link that it comes in.
pub(super) const CHANNEL: u8 = 0;

/// Why something of it is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lost {
    /// Bytes on the way, or that the device dropped.
    Gap,
    /// Frames behind a gap, of which the beginning may be gone.
    Torn,
    TooLong,
    /// No directory of ELFs is configured.
    Off,
    UnknownBuild,
    Malformed,
    /// The decoder died of it, or took too long.
    Decoder,
    /// Too many waited, or the spool did not take the record.
    Full,
}

impl Lost {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Torn => "torn",
            Self::TooLong => "too_long",
            Self::Off => "off",
            Self::UnknownBuild => "unknown_build",
            Self::Malformed => "malformed",
            Self::Decoder => "decoder",
            Self::Full => "full",
        }
    }
}
