//! Dropping what came before, by its origin.

use super::{Writer, answer};
use crate::group::Group;
use crate::record::Stored;
use crate::shared::{Arriving, Counters};
use crate::sync::{self, atomic::Ordering};

impl Writer {
    /// Gives the record back unless one of its origin is stored, or is in the group already.
    pub(super) fn drop_duplicate(&self, group: &mut Group, arriving: Arriving) -> Option<Arriving> {
        let Some(origin) = arriving.record.origin else { return Some(arriving) };
        if sync::lock(&self.marks.marks).seen(&origin) {
            self.duplicate(arriving);
            return None;
        }
        match group.same(&origin) {
            Some(first) => first.again.push(arriving),
            None => return Some(arriving),
        }
        None
    }

    pub(super) fn duplicate(&self, arriving: Arriving) {
        Counters::add(&self.shared.counters.duplicates, 1);
        Counters::add(&self.shared.counters.duplicate_items, arriving.record.items.into());
        self.left(arriving.record.payload.len());
        answer(arriving, Ok(Stored::Duplicate));
    }

    /// Remembers the origins of a group that is stored.
    pub(super) fn mark(&mut self, group: &Group) {
        for member in &group.members {
            if let Some(origin) = &member.arriving.record.origin {
                sync::lock(&self.marks.marks).add(origin, member.sequence);
                self.marks.last = self.marks.last.max(member.sequence);
            }
        }
        self.count_devices();
    }

    fn count_devices(&self) {
        let counters = &self.shared.counters;
        let marks = sync::lock(&self.marks.marks);
        counters.devices.store(marks.len() as u64, Ordering::Relaxed);
        counters.devices_forgotten.store(marks.forgotten, Ordering::Relaxed);
    }

    /// Makes the marks durable of records whose segments may be used again from now on. If the disk does not let it, the spool goes
    /// on: after a restart a duplicate may pass, and nothing is lost.
    pub(super) fn save_marks(&mut self) {
        if self.shared.index().origin_let_go <= self.marks.covered {
            return;
        }
        // A mark must not outlast the record that it stands for.
        self.sync_written();
        Counters::add(&self.shared.counters.marks_syncs, 1);
        _ = self.marks.save(&*self.shared.vfs, &self.shared.dir, self.uuid, self.written);
    }
}
