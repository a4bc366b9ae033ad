//! What a gateway's owner hears from its end.

use super::key::Key;
use super::piece::Pieces;
use super::{Fields, VERSION};
use crate::counters::Loss;
use crate::otlp::Signal;
use crate::ring::Place;

/// How a device may connect.
///
/// ```
/// use smoltel_core::link::{Access, GatewayEnd};
/// let _end = GatewayEnd::new(|id: &[u8]| if id == b"00042" { Access::Plain } else { Access::Refused }, 4096);
/// ```
#[derive(Clone, Debug)]
pub enum Access {
    /// Not at all.
    Refused,
    /// Without a key.
    Plain,
    /// With this one.
    Sealed(Key),
}

/// What a device says of itself.
///
/// ```
/// use smoltel_core::link::Hello;
/// let hello = Hello { id: b"00042", build: [0; 8], uptime: 5, sealed: false };
/// assert_eq!(hello.id, b"00042");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Hello<'a> {
    /// Its id, 1 to 15 bytes.
    pub id: &'a [u8],
    /// The first bytes of its firmware's build id, or zeros.
    pub build: [u8; 8],
    /// Its clock when it said so, in nanoseconds.
    pub uptime: u64,
    /// Whether the session is sealed with its key.
    pub sealed: bool,
}

/// Why a HELLO is not answered.
///
/// ```
/// use smoltel_core::link::Refusal;
/// assert_eq!(Refusal::Unknown.to_string(), "no access is configured for it");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum Refusal {
    /// It speaks that version of the link, and this end another.
    Version(u8),
    /// It may not connect.
    Unknown,
    /// It has a key and should have none, or the other way round.
    Mode,
    /// It has another key.
    Forged,
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Version(version) => write!(f, "it speaks version {version} of the link, not {VERSION}"),
            Self::Unknown => f.write_str("no access is configured for it"),
            Self::Mode => f.write_str("one side has a key for it and the other has none"),
            Self::Forged => f.write_str("it has another key than the one that is configured"),
        }
    }
}

/// A device's clock and its losses.
///
/// ```
/// use smoltel_core::link::Event;
/// fn lost(event: &Event<'_>) -> u32 {
///     let Event::Status(status) = event else { return 0 };
///     status.losses.clone().map(|(_, _, count)| count).sum()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Status<'a> {
    /// Its clock when it said so, in nanoseconds.
    pub uptime: u64,
    /// The last time that it was told, and its clock then; zeros if it does not remember.
    pub seen: (u64, u64),
    /// What it lost since it started.
    pub losses: Losses<'a>,
}

/// Losses by signal and reason, with their count in items; a reason that is not known is passed over.
///
/// ```
/// use smoltel_core::link::Losses;
/// use smoltel_core::{Loss, Signal};
/// fn evicted_logs(mut losses: Losses<'_>) -> u32 {
///     let found = losses.find(|(signal, reason, _)| (*signal, *reason) == (Signal::Logs, Loss::Evicted));
///     found.map_or(0, |(_, _, count)| count)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Losses<'a>(pub(super) &'a [u8]);

impl Iterator for Losses<'_> {
    type Item = (Signal, Loss, u32);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut fields = Fields(self.0);
            let (what, count) = (fields.u8()?, fields.u32()?);
            self.0 = fields.0;
            let reason = Loss::ALL.get(usize::from(what & 15));
            if let (Some(signal), Some(&reason)) = (Signal::from_number(what >> 4), reason) {
                return Some((signal, reason, count));
            }
        }
    }
}

/// What has come from a device.
///
/// ```
/// use smoltel_core::link::Event;
/// fn describe(event: &Event<'_>) -> &'static str {
///     match event {
///         Event::Hello(_) => "a device",
///         Event::Data { .. } => "records",
///         _ => "something else",
///     }
/// }
/// ```
#[derive(Debug)]
pub enum Event<'a> {
    /// A device that may connect: call [`GatewayEnd::welcome`](super::GatewayEnd::welcome).
    Hello(Hello<'a>),
    /// One that may not.
    Refused(Hello<'a>, Refusal),
    /// The device has been welcomed and speaks: what was before with another session is over.
    Begun,
    /// Its clock and its losses.
    Status(Status<'a>),
    /// It has records in a stream: call [`GatewayEnd::opened`](super::GatewayEnd::opened), now or later.
    Open {
        /// The stream.
        stream: u8,
        /// The epoch and the position of its first record, and where this boot and the one before begin.
        place: Place,
    },
    /// Records: each byte of a stream comes once and in order. Call [`GatewayEnd::stored`](super::GatewayEnd::stored) when they are on the disk.
    Data {
        /// The stream; [`DECLARATIONS`](super::DECLARATIONS) for the resource and scopes.
        stream: u8,
        /// How many bytes the device lost before them, their heads included.
        gap: u64,
        /// What has come.
        pieces: Pieces<'a>,
    },
    /// Bytes of another stream, which nobody will send again.
    Channel {
        /// Which one, 0 to 15: 0 is defmt's.
        channel: u8,
        /// How many bytes of it were before them since the device started; the lower half.
        position: u32,
        /// The bytes.
        bytes: &'a [u8],
    },
}
