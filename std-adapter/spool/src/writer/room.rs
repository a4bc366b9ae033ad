//! Finding room for records: the class's open segment, or another one.

use std::sync::Arc;

use super::Writer;
use crate::error::AppendError;
use crate::format::index::SegmentIndex;
use crate::format::segment::{HEADER_LEN, Previous, SegmentHeader};
use crate::group::{Group, Open, Stamp};
use crate::index::Segment;
use crate::options::Full;
use crate::record::Class;
use crate::shared::Arriving;
use crate::vfs::Site;

impl Writer {
    /// Lays out one record, in a new segment if need be.
    pub(super) fn place(
        &mut self,
        group: &mut Group,
        sequence: u64,
        arriving: &Arriving,
    ) -> Result<(), AppendError> {
        let read_only = self.shared.inbox().read_only.clone();
        if let Some(reason) = read_only {
            return Err(AppendError::ReadOnly(reason));
        }
        let (class, size) = (arriving.record.class, self.shared.segment_size);
        let fits = |open: &Open| group.fits(open, class, arriving.record.payload.len(), size);
        if !self.open[class as usize].as_ref().is_some_and(fits) {
            self.open_segment(group, class, sequence)?;
        }
        let (durable, now, boot) = (self.durable, self.shared.vfs.now(), self.shared.boot);
        let stamp = Stamp { sequence, durable, now, boot };
        if let Some(open) = &mut self.open[class as usize] {
            group.push(open, arriving, &stamp);
        }
        Ok(())
    }

    pub(super) fn open_segment(
        &mut self,
        group: &mut Group,
        class: Class,
        sequence: u64,
    ) -> Result<(), AppendError> {
        let slot = self.free_slot(group, class)?;
        let mut salt = [0; 8];
        if let Err(error) = self.shared.vfs.random(&mut salt) {
            self.slots.free.insert(slot);
            self.fail(&format!("no randomness for a segment: {error}"));
            return Err(self.read_only());
        }
        if let Some(full) = self.open[class as usize].take() {
            self.previous[class as usize] = Some(Previous {
                slot: full.slot,
                generation: full.generation,
                records: full.durable_records,
                items: full.durable_items,
            });
            group.fill_up(class, &full, self.shared.segment_size);
        }
        self.generation += 1;
        let key = self.shared.options.key.as_ref();
        let key = key.map(|key| Arc::new(key.segment(self.uuid, salt, self.generation)));
        let key_check = key.as_ref().map(|key| key.check());
        let header = SegmentHeader { key_check, ..self.header(class, slot, salt, sequence) };
        let mut segment = Segment::new(slot, self.generation, class, salt, self.boot_id);
        segment.key.clone_from(&key);
        self.shared.index().open_segment(segment);
        self.open[class as usize] = Some(Open {
            slot,
            generation: self.generation,
            salt,
            key,
            header: header.encode(),
            end: HEADER_LEN,
            records: 0,
            items: 0,
            durable_records: 0,
            durable_items: 0,
            index: SegmentIndex::new(sequence),
        });
        Ok(())
    }

    fn header(&self, class: Class, slot: u32, salt: [u8; 8], first_sequence: u64) -> SegmentHeader {
        SegmentHeader {
            class,
            segment_size: self.shared.segment_size,
            uuid: self.uuid,
            generation: self.generation,
            salt,
            first_sequence,
            floor: self.shared.index().floor(),
            settled: self.settled,
            boot_id: self.boot_id,
            slot,
            previous: self.previous[class as usize],
            key_check: None,
        }
    }

    /// A slot that may be written: a free one, one let go, a new one, or, if the policy is so, one dropped for it.
    pub(super) fn free_slot(&mut self, group: &Group, class: Class) -> Result<u32, AppendError> {
        loop {
            if let Some(slot) = self.slots.free.pop_first() {
                return Ok(slot);
            }
            let now = self.shared.vfs.now().boot;
            let waiting = self.shared.index().let_go.len();
            let gathering = waiting > 0 && waiting < self.slots.worth_a_sync();
            if gathering && self.slots.may_grow(now) && self.grow(now) {
                continue;
            }
            if self.shared.index().let_go.is_empty() && !self.slots.may_grow(now) {
                self.sync_written();
            }
            let let_go = !self.shared.index().let_go.is_empty();
            if let_go || self.close_drained(group) {
                self.sync_cursor(Site::RecycleSync).map_err(AppendError::ReadOnly)?;
                continue;
            }
            let grown = self.slots.may_grow(now) && self.grow(now);
            if !grown && !self.evict(group, class) {
                return Err(AppendError::Full);
            }
        }
    }

    /// Adds slots; false if the disk would not.
    pub(super) fn grow(&mut self, now: u64) -> bool {
        self.slots.grow(&self.shared, now).unwrap_or_else(|error| {
            self.lose_unsynced(&error);
            false
        })
    }

    /// Closes segments that everybody is done with; true if one was let go.
    fn close_drained(&mut self, group: &Group) -> bool {
        let busy = group.generations();
        let mut index = self.shared.index();
        for open in &mut self.open {
            let drained =
                |open: &mut Open| !busy.contains(&open.generation) && index.drained(open.generation);
            if let Some(open) = open.take_if(drained) {
                index.close_segment(open.generation);
            }
        }
        !index.let_go.is_empty()
    }

    fn evict(&mut self, group: &Group, class: Class) -> bool {
        if self.shared.options.full != Full::DropOldest {
            return false;
        }
        let evicted = self.shared.index().evict(class, &group.generations());
        for open in &mut self.open {
            _ = open.take_if(|open| Some(open.generation) == evicted);
        }
        evicted.is_some()
    }
}
