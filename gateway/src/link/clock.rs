//! From a device's uptime to Unix time.

use std::time::SystemTime;

use smoltel::Signal;
use smoltel_core::time::{Bounds, Offset};

/// What a device's clock is behind Unix time by, as far as the link has shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    offset: Option<Offset>,
}

impl Clock {
    /// From the first word of a session. It was under way for a time that is not known yet.
    pub(super) fn hello(uptime: u64) -> Self {
        Self { offset: Bounds::exactly(now(), uptime).map(Bounds::middle) }
    }

    /// From a STATUS: it has seen `told` and was heard now.
    pub(super) fn status(&mut self, told: (u64, u64), uptime: u64) {
        if let Some(bounds) = Bounds::both(told, (now(), uptime)) {
            self.offset = Some(bounds.narrow(self.offset));
        }
    }

    /// `None` for a device that has the true time itself.
    pub(super) fn offset(self) -> Option<Offset> {
        self.offset
    }
}

/// How the times of a run of records are made true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repair {
    /// They are true, or nothing is known.
    Keep,
    Add(Offset),
    /// They are of a boot that is over and that was never met: they were before this Unix time.
    Before(u64),
}

impl Repair {
    /// The offset to add to records of which `latest` is the highest uptime, and the bound if it is no more than that.
    pub(super) fn offset(self, latest: u64) -> (Option<Offset>, Option<u64>) {
        match self {
            Self::Keep => (None, None),
            Self::Add(offset) => (Some(offset), None),
            Self::Before(bound) => (Bounds::exactly(bound, latest).map(Bounds::middle), Some(bound)),
        }
    }
}

/// The highest uptime in a record; 0 if there is none.
pub(super) fn latest(signal: Signal, record: &[u8]) -> u64 {
    Offset::ZERO.repair(signal, record, &mut record.to_vec())
}

/// Unix time in nanoseconds; 0 before 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
