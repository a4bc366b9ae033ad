//! The room in spool.dat: slots that are free, and growth.

use std::collections::BTreeSet;
use std::io;

use crate::format::BLOCK;
use crate::shared::{Counters, Shared};
use crate::sync::atomic::Ordering;
use crate::vfs::{Site, write_full};

/// How many free slots to have ahead of need.
pub(crate) const AHEAD: u32 = 2;
/// How many slots let go are gathered before CURSOR is synced for them, where the capacity allows for it.
const TOGETHER: u32 = 8;
/// After a growth that failed, another is tried no sooner than this, in nanoseconds.
const RETRY: u64 = 10_000_000_000;

#[derive(Default)]
pub(crate) struct Slots {
    /// Slots in the file.
    pub(crate) count: u32,
    /// Slots that the capacity allows.
    pub(crate) max: u32,
    /// Slots that may be used at once.
    pub(crate) free: BTreeSet<u32>,
    retry_at: u64,
}

impl Slots {
    pub(crate) fn new(count: u32, max: u32, free: BTreeSet<u32>) -> Slots {
        Slots { count, max, free, retry_at: 0 }
    }

    pub(crate) fn may_grow(&self, now: u64) -> bool {
        self.count < self.max && now >= self.retry_at
    }

    /// How many slots let go are worth a sync of CURSOR: an eighth of all.
    pub(crate) fn worth_a_sync(&self) -> usize {
        (self.max / 8).clamp(1, TOGETHER) as usize
    }

    /// Adds zeroed, durable slots until [`AHEAD`] are free; false if the disk would not. An error is a sync that failed:
    /// it may have been that of records, too.
    pub(crate) fn grow(&mut self, shared: &Shared, now: u64) -> io::Result<bool> {
        let wanted = (AHEAD.saturating_sub(self.free.len() as u32)).clamp(1, AHEAD);
        let end = self.max.min(self.count + wanted);
        let filled = fill(shared, self.count, end).is_ok();
        let synced = if filled { shared.file.sync_data(Site::GrowSync) } else { Ok(()) };
        let grown = filled && synced.is_ok();
        if grown {
            self.free.extend(self.count..end);
            self.count = end;
        } else {
            let len = u64::from(self.count) * u64::from(shared.segment_size);
            _ = shared.file.set_len(Site::Trim, len);
            self.retry_at = now.saturating_add(RETRY);
        }
        let bytes = u64::from(self.count) * u64::from(shared.segment_size);
        shared.counters.file_bytes.store(bytes, Ordering::Relaxed);
        synced.map(|()| grown)
    }
}

fn fill(shared: &Shared, from: u32, to: u32) -> io::Result<()> {
    let size = u64::from(shared.segment_size);
    let (from, to) = (u64::from(from) * size, u64::from(to) * size);
    // Block by block: after larger writes some file systems write back more than is overwritten later.
    for at in (from..to).step_by(BLOCK as usize) {
        write_full(&*shared.file, Site::Grow, &[0; BLOCK as usize], at)?;
    }
    Counters::add(&shared.counters.bytes_written, to - from);
    Counters::add(&shared.counters.growth_syncs, 1);
    Ok(())
}
