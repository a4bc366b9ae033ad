//! What can be seen of a spool from outside.

use std::time::Duration;

use crate::format::bytes::{Get, Put};
use crate::record::{Loss, Signal};

/// A spool at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// The most bytes spool.dat may have.
    pub capacity: u64,
    /// The bytes spool.dat has now.
    pub file_bytes: u64,
    /// The bytes of segments that hold records.
    pub used_bytes: u64,
    /// Records in those segments, released ones included until their segment is let go.
    pub records: u64,
    /// Items of those records.
    pub items: u64,
    /// Bytes handed over by callers and not yet answered.
    pub in_flight: u64,
    /// Each destination, in the order they were made.
    pub destinations: Vec<DestinationStats>,
    /// What the spool lost before some destination had it, or turned away.
    pub losses: Losses,
    /// Damaged places found in what was stored, since the spool was made. Their records are among `losses`.
    pub gaps: u64,
    /// Unreadable segments copied to quarantine when this spool was opened.
    pub quarantined: u64,
    /// Segments that the disk could not read in full when this spool was opened. They are kept as they are, and out of use, until an
    /// opening that can read them; what could be read is delivered.
    pub unread: u64,
    /// Records set aside until the next opening, because reading them failed.
    pub set_aside: u64,
    /// Why nothing more is accepted, if a disk error has made the spool read-only.
    pub read_only: Option<String>,
    /// Why a sync on this file system means nothing, if so.
    pub warning: Option<String>,
    /// Syncs that made records durable, since the spool was opened.
    pub data_syncs: u64,
    /// Syncs of new segments since it was opened.
    pub growth_syncs: u64,
    /// Syncs of CURSOR since it was opened.
    pub cursor_syncs: u64,
    /// Syncs of MARKS since it was opened.
    pub marks_syncs: u64,
    /// Records dropped since it was opened, because one of the same origin was stored already.
    pub duplicates: u64,
    /// Their items.
    pub duplicate_items: u64,
    /// Devices whose origins are remembered.
    pub devices: u64,
    /// Devices forgotten since it was opened, because there were more than 16,384.
    pub devices_forgotten: u64,
    /// Bytes written to spool.dat since it was opened, growth included.
    pub bytes_written: u64,
}

/// What one destination has before it, and what it lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DestinationStats {
    /// Its id.
    pub id: String,
    /// What it has not released, by signal, in the order of [`Signal::ALL`].
    pub signals: [Pending; 4],
    /// What it will never get, or has given up, by reason.
    pub losses: Losses,
}

impl DestinationStats {
    /// What it has not released of one signal.
    pub fn pending(&self, signal: Signal) -> Pending {
        self.signals[signal.index()]
    }
}

/// Records that wait for a destination, leased ones included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// How many.
    pub records: u64,
    /// Their spans, log records and data points.
    pub items: u64,
    /// Their payloads' bytes.
    pub bytes: u64,
    /// The age of the oldest; time in which the machine was off does not count, see [`Limits::age`](crate::Limits::age).
    pub oldest: Option<Duration>,
}

impl Pending {
    pub(crate) fn add(&mut self, items: u32, bytes: u32) {
        self.records += 1;
        self.items += u64::from(items);
        self.bytes += u64::from(bytes);
    }

    pub(crate) fn remove(&mut self, items: u32, bytes: u32) {
        self.records = self.records.saturating_sub(1);
        self.items = self.items.saturating_sub(u64::from(items));
        self.bytes = self.bytes.saturating_sub(u64::from(bytes));
    }
}

/// Losses by reason. They are kept across restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses([(u64, u64); Loss::ALL.len()]);

impl Losses {
    pub(crate) const LEN: usize = Loss::ALL.len() * 16;

    /// Records lost for this reason.
    pub fn records(&self, reason: Loss) -> u64 {
        self.0[reason as usize].0
    }

    /// Spans, log records and data points lost for this reason.
    pub fn items(&self, reason: Loss) -> u64 {
        self.0[reason as usize].1
    }

    pub(crate) fn add(&mut self, reason: Loss, records: u64, items: u64) {
        let (all_records, all_items) = &mut self.0[reason as usize];
        *all_records = all_records.saturating_add(records);
        *all_items = all_items.saturating_add(items);
    }

    pub(crate) fn put(&self, put: &mut Put) {
        for (records, items) in self.0 {
            put.u64(records).u64(items);
        }
    }

    pub(crate) fn get(get: &mut Get<'_>) -> Option<Losses> {
        let mut losses = Losses::default();
        for (records, items) in &mut losses.0 {
            (*records, *items) = (get.u64()?, get.u64()?);
        }
        Some(losses)
    }
}
