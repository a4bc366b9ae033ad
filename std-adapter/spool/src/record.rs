//! What is stored: records, and the few words that describe them.

use std::borrow::Cow;

use crate::codec::{self, DecodeError};

/// Which of OTLP's signals a payload holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Signal {
    /// Spans.
    Traces = 1,
    /// Metric data points.
    Metrics = 2,
    /// Log records.
    Logs = 3,
    /// Profiles.
    Profiles = 4,
}

impl Signal {
    /// All signals, in the order of their numbers on disk.
    pub const ALL: [Signal; 4] = [Signal::Traces, Signal::Metrics, Signal::Logs, Signal::Profiles];

    pub(crate) fn from_byte(byte: u8) -> Option<Signal> {
        Signal::ALL.into_iter().find(|signal| *signal as u8 == byte)
    }

    pub(crate) fn index(self) -> usize {
        self as usize - 1
    }
}

/// How dearly a record is held when space runs out: the oldest of the lowest class is dropped first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    /// Debug data.
    Low = 0,
    /// Everything ordinary.
    #[default]
    Normal = 1,
    /// Crashes and errors.
    High = 2,
}

impl Class {
    /// All classes, lowest first.
    pub const ALL: [Class; 3] = [Class::Low, Class::Normal, Class::High];

    pub(crate) fn from_byte(byte: u8) -> Option<Class> {
        Class::ALL.into_iter().find(|class| *class as u8 == byte)
    }
}

/// How a payload is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Codec {
    /// As it is.
    #[default]
    Identity = 0,
    /// One gzip member.
    Gzip = 1,
    /// One zstd frame.
    Zstd = 2,
}

impl Codec {
    /// Its name, as `Content-Encoding` has it.
    pub fn name(self) -> &'static str {
        match self {
            Codec::Identity => "identity",
            Codec::Gzip => "gzip",
            Codec::Zstd => "zstd",
        }
    }

    /// Whether this build can compress and decompress with it: it has the feature of that name.
    pub fn is_supported(self) -> bool {
        match self {
            Codec::Identity => true,
            Codec::Gzip => cfg!(feature = "gzip"),
            Codec::Zstd => cfg!(feature = "zstd"),
        }
    }

    pub(crate) fn from_byte(byte: u8) -> Option<Codec> {
        [Codec::Identity, Codec::Gzip, Codec::Zstd].into_iter().find(|codec| *codec as u8 == byte)
    }
}

/// Where a record was first made: a device, one run of it, and its number in that run.
///
/// The spool keeps one record of each origin, over restarts of both sides: what comes again is [`Stored::Duplicate`]. It remembers 16,384
/// devices, of each one epoch, and of that the last 64 sequences; one that is further behind is stored, perhaps for
/// the second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The device's id.
    pub device: [u8; 16],
    /// Names one life of the device's own sequence.
    pub epoch: u64,
    /// The device's number for the record.
    pub sequence: u64,
}

/// A record to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What the payload holds.
    pub signal: Signal,
    /// How dearly to hold it.
    pub class: Class,
    /// How the payload is encoded. One that is compressed already is stored as it is.
    pub codec: Codec,
    /// The caller's number for what may be concatenated with it.
    pub stream: u32,
    /// Spans, log records or data points in the payload: what losses are counted in.
    pub items: u32,
    /// Where it was first made, if that is known.
    pub origin: Option<Origin>,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// What became of a record that was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is stored, under this sequence of the spool.
    New(u64),
    /// A record of the same origin is stored already: this one was dropped. Its sender can let go of it.
    Duplicate,
}

/// A stored record, read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The spool's number for it; grows over the whole spool.
    pub sequence: u64,
    /// What the payload holds.
    pub signal: Signal,
    /// How dearly it is held.
    pub class: Class,
    /// How the payload is encoded.
    pub codec: Codec,
    /// The payload's length, in bytes, before it was encoded; `None` if it came compressed, or empty.
    pub plain_len: Option<u32>,
    /// The caller's number for what may be concatenated with it.
    pub stream: u32,
    /// Spans, log records or data points in the payload.
    pub items: u32,
    /// Where it was first made, if that is known.
    pub origin: Option<Origin>,
    /// The boot in which it was stored; zeros if that was not known.
    pub boot_id: [u8; 16],
    /// When it was stored, in nanoseconds since that boot.
    pub boot_time: u64,
    /// When it was stored, in nanoseconds since 1970 by the wall clock of that moment.
    pub wall_time: u64,
    /// The bytes, compressed as `codec` says; see [`Entry::decode`].
    pub payload: Vec<u8>,
}

impl Entry {
    /// The payload as it was before it was compressed. `limit` bounds its length, and with it the memory that it takes.
    ///
    /// ```
    /// # use smoltel_spool::{DecodeError, Entry};
    /// fn plain(entry: &Entry) -> Result<Vec<u8>, DecodeError> {
    ///     entry.decode(16 << 20).map(|plain| plain.into_owned())
    /// }
    /// ```
    ///
    /// # Errors
    /// It is longer, it is damaged, or the codec's feature is missing.
    pub fn decode(&self, limit: usize) -> Result<Cow<'_, [u8]>, DecodeError> {
        codec::decode(self.codec, &self.payload, self.plain_len, limit)
    }
}

/// Why a record will not be delivered. Losses are counted by reason, in records and items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Loss {
    /// A destination refused it for good.
    Rejected = 0,
    /// Too old to be of use.
    Expired = 1,
    /// Dropped to make room for newer records.
    Evicted = 2,
    /// Stored, and no longer readable.
    Corrupt = 3,
    /// Turned away because the spool was full. The sender was told, and still has it.
    Full = 4,
    /// Anything else.
    Other = 5,
    /// More waited for a destination than it was to have.
    Lagged = 6,
}

impl Loss {
    /// All reasons, in the order of their numbers on disk.
    pub const ALL: [Loss; 7] =
        [Loss::Rejected, Loss::Expired, Loss::Evicted, Loss::Corrupt, Loss::Full, Loss::Other, Loss::Lagged];
}
