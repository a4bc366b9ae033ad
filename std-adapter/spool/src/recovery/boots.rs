//! Spool time: the boot clocks of all boots end to end, so that ages can be told without a wall clock.

use super::found::Found;

/// The boots that wrote what is stored, as far as that shows. Where boots have no ids, all count as one: then records may
/// seem too young, but never too old.
#[derive(Default)]
pub(super) struct Boots {
    id: [u8; 16],
    /// When the last of them began, in spool time.
    began: u64,
    /// The highest boot time seen of it.
    latest: u64,
}

impl Boots {
    /// When, in spool time, the boot began that wrote the segment. Segments come in the order of their generations.
    pub(super) fn began(&mut self, found: &Found) -> u64 {
        let began = self.turn(found.header.boot_id);
        let last = found.records.iter().map(|record| record.boot_time).max().unwrap_or(0);
        self.latest = self.latest.max(last);
        began
    }

    /// The same of the boot with this id.
    pub(super) fn turn(&mut self, id: [u8; 16]) -> u64 {
        if id != self.id {
            self.began = self.began.saturating_add(self.latest);
            self.latest = 0;
            self.id = id;
        }
        self.began
    }
}
