//! How a spool behaves.

use std::time::Duration;

use crate::cipher::{Key, TAG_LEN};
use crate::error::OpenError;
use crate::format::segment::SIZES;
use crate::format::{record, segment};
use crate::gap::Gap;
use crate::record::{Codec, Record};

/// The fewest segments a spool may have: one open in each class, and one to recycle.
const MIN_SEGMENTS: u64 = 4;
/// The most segments: it bounds CURSOR.
const MAX_SEGMENTS: u64 = 1 << 16;

/// How a spool behaves. Start from [`Options::default`] and change fields.
///
/// ```
/// use smoltel_spool::{Full, Options};
///
/// let options = Options { capacity: 32 << 20, full: Full::DropOldest, ..Options::default() };
/// assert!(options.in_flight > 0);
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    /// The most bytes that spool.dat may take on the disk. At least four segments: 16 KiB of the smallest. The
    /// default is 256 MiB. The file starts with two segments and grows as needed; it does not shrink.
    pub capacity: u64,
    /// Bytes in a segment: a power of two from 4 KiB to 64 MiB. It bounds the largest record, see
    /// [`Spool::max_record`](crate::Spool::max_record). The default, `None`, is a 64th of the capacity, but
    /// from 4 KiB to 4 MiB. A spool that exists keeps the size it was made with.
    pub segment_size: Option<u32>,
    /// When a record counts as stored. The default is [`Sync::Always`].
    pub sync: Sync,
    /// What happens to a record for which there is no room. The default is [`Full::RefuseNewest`].
    pub full: Full,
    /// What payloads are compressed with, on the thread that hands them over, where that makes them smaller. It needs the
    /// feature of its name. The default is [`Codec::Identity`]: not at all.
    pub codec: Codec,
    /// What payloads are encrypted with, from now on. Records that were stored without a key stay as they are; those that were
    /// stored with one can only be read with it: to change it, drain the spool first. The default is `None`.
    pub key: Option<Key>,
    /// Makes a record of each gap that is found, which is stored like any other: so every destination is told in band what it
    /// will not get. If the machine dies at that moment the record may be lost; the ledger is not. The default, `None`, is
    /// [`Stats`](crate::Stats) and [`Spool::gaps`](crate::Spool::gaps) alone.
    pub report: Option<fn(&Gap) -> Record>,
    /// The most payload bytes that may be handed over and not yet answered. The default is 16 MiB.
    pub in_flight: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            capacity: 256 << 20,
            segment_size: None,
            sync: Sync::Always,
            full: Full::RefuseNewest,
            codec: Codec::Identity,
            key: None,
            report: None,
            in_flight: 16 << 20,
        }
    }
}

impl Options {
    /// Refuses what this build cannot do.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        if self.codec.is_supported() {
            return Ok(());
        }
        let name = self.codec.name();
        Err(OpenError::Options(format!("codec {name}: it needs smoltel-spool's feature `{name}`")))
    }

    /// The longest payload, compressed, that a segment of `size` has room for.
    pub(crate) fn max_record(&self, size: u32) -> usize {
        let tag = self.key.as_ref().map_or(0, |_| TAG_LEN);
        (size - 2 * segment::HEADER_LEN - record::HEADER_LEN - tag) as usize
    }

    /// The segment size to make a new spool with.
    pub(crate) fn new_segment_size(&self) -> Result<u32, OpenError> {
        let size = self.segment_size.unwrap_or_else(|| default_segment_size(self.capacity));
        if !size.is_power_of_two() || !SIZES.contains(&size) {
            let problem = format!("segment size {size}: it must be a power of two from 4096 to 67108864");
            return Err(OpenError::Options(problem));
        }
        self.segments(size)?;
        Ok(size)
    }

    /// How many segments of `size` the capacity allows.
    pub(crate) fn segments(&self, size: u32) -> Result<u32, OpenError> {
        let count = self.capacity / u64::from(size);
        if !(MIN_SEGMENTS..=MAX_SEGMENTS).contains(&count) {
            let problem = format!(
                "capacity {}: with segments of {size} bytes it must be from {} to {}",
                self.capacity,
                MIN_SEGMENTS * u64::from(size),
                MAX_SEGMENTS * u64::from(size)
            );
            return Err(OpenError::Options(problem));
        }
        Ok(count as u32)
    }
}

fn default_segment_size(capacity: u64) -> u32 {
    let share = (capacity / 64).clamp(4096, 4 << 20) as u32;
    1 << share.ilog2()
}

/// When a record counts as stored, and its completion runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// When a sync has made it durable. Records that come together share a sync; a lone one waits for nobody.
    #[default]
    Always,
    /// When the operating system has it; a sync follows at most this much later. A power cut may take as much.
    Interval(Duration),
    /// When the operating system has it; it decides when the disk gets it.
    Os,
}

/// What happens to a record for which there is no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Full {
    /// It is refused, and counted.
    #[default]
    RefuseNewest,
    /// It waits until a destination has released enough.
    Block,
    /// The oldest segment of the lowest class, not above the record's own, is dropped, and counted.
    DropOldest,
}
