//! What is done bit by bit: checking what was there, states, and new pages.

use embedded_storage::nor_flash::NorFlash;

use super::Progress;
use super::format::{EntryHead, Items, PageHeader};
use super::medium::Programming;
use super::queue::FlashQueue;
use super::walk::Spot;

impl<F: NorFlash> FlashQueue<F> {
    /// Does a bit of what is to be done; call it again until it is [`Idle`](Progress::Idle) or
    /// [`Waiting`](Progress::Waiting). It reads a page at most, or erases one, which may take many milliseconds:
    /// `may_erase` is asked just before.
    ///
    /// # Errors
    ///
    /// The flash failed. Call it again: a page that cannot be erased is passed over.
    pub fn poll(&mut self, may_erase: impl FnOnce() -> bool) -> Result<Progress, F::Error> {
        if self.check_next()? {
            return Ok(Progress::Checked);
        }
        if self.write_state()? {
            return Ok(Progress::Written);
        }
        let full = self.is_full();
        if !self.wanted && (full || !self.needs_page()) {
            return Ok(Progress::Idle);
        }
        if full && self.pinned > self.state.released || !may_erase() {
            return Ok(Progress::Waiting);
        }
        if full {
            self.give_way()?;
            // What gives way is counted in flash before it is erased, if there is room.
            if self.write_state()? {
                return Ok(Progress::Written);
            }
        }
        self.begin_page()?;
        Ok(Progress::Erased)
    }

    /// Whether a page is needed although nothing is to be appended.
    fn needs_page(&self) -> bool {
        let sent = self.state.released >= self.end;
        let told = !self.state_due || self.next == 0;
        self.carry.is_some() || self.epoch_due && !self.is_empty() || sent && !told
    }

    /// Checks the next page that was there at the start; whether there was something to do.
    fn check_next(&mut self) -> Result<bool, F::Error> {
        let reached = self.state.released >= self.checked;
        let Some(sequence) = self.check else {
            // The end could not be read.
            let gap = reached && self.checked < self.end;
            if gap {
                self.head_to_end();
            }
            return Ok(gap);
        };
        let Some(header) = self.page(sequence)? else {
            // It was there a moment ago.
            self.check = self.page_behind(sequence)?.map(|behind| behind.sequence);
            return Ok(true);
        };
        if header.position > self.checked {
            // Something is missing before it: what is before that goes first.
            if !reached {
                return Ok(false);
            }
            self.head = self.front(&header)?;
            self.look = self.head;
            if header.position > self.state.released {
                (self.state.released, self.state_due) = (header.position, true);
            }
        }
        self.check_page(&header)?;
        Ok(true)
    }

    fn check_page(&mut self, header: &PageHeader) -> Result<(), F::Error> {
        let behind = self.page_behind(header.sequence)?;
        let until = behind.map_or(self.end, |behind| behind.position);
        let (mut spot, mut items) = (self.front(header)?, header.stored);
        while spot.position < until {
            let Some((head, _)) = self.whole_entry(&spot)? else { break };
            add(&mut items, head);
            self.step(&mut spot, head);
        }
        self.checked = spot.position;
        self.check = behind.map(|behind| behind.sequence);
        if spot.position < until && until > self.state.released {
            let expected = behind.map_or(self.stored, |behind| behind.stored);
            for (damaged, (all, found)) in self.damaged.iter_mut().zip(expected.into_iter().zip(items)) {
                // No page holds so many: then the headers make no sense.
                let lost = all.wrapping_sub(found);
                *damaged = damaged.saturating_add(if lost < 1 << 20 { lost } else { 0 });
            }
        }
        Ok(())
    }

    /// Gives up the records of the head's page.
    fn give_way(&mut self) -> Result<(), F::Error> {
        self.seek(self.state.released)?;
        let (mut spot, page) = (self.look, self.head.sequence);
        let mut given = Items::default();
        while let Some(head) = self.settle(&mut spot)?.filter(|_| spot.sequence == page) {
            add(&mut given, head);
            self.step(&mut spot, head);
        }
        for (count, given) in
            self.state.overwritten.iter_mut().chain(&mut self.evicted).zip(given.into_iter().chain(given))
        {
            *count = count.wrapping_add(given);
        }
        let Some(behind) = self.page_behind(page)? else {
            self.head_to_end();
            return Ok(());
        };
        self.head = self.front(&behind)?;
        self.look = self.head;
        self.checked = self.checked.max(behind.position);
        self.state.released = self.state.released.max(self.head.position);
        self.state_due = true;
        Ok(())
    }

    /// Gives up all that is left: it cannot be read.
    fn head_to_end(&mut self) {
        let (sequence, offset) = (self.tail().unwrap_or(0), self.medium.geometry.page);
        self.head = Spot { sequence, offset, position: self.end, until: u64::MAX };
        self.look = self.head;
        (self.state.released, self.checked, self.state_due) = (self.end, self.end, true);
    }

    /// Erases the next page and begins it. One that fails is passed over.
    fn begin_page(&mut self) -> Result<(), F::Error> {
        let (sequence, geometry) = (self.next, self.medium.geometry);
        let before = self.medium.header(geometry.index(sequence))?.map(|header| header.erases);
        let erases = before.unwrap_or(if sequence < geometry.pages { 0 } else { self.erases });
        self.erases = erases.saturating_add(1);
        let header = PageHeader {
            sequence,
            position: self.end,
            state: self.state,
            stored: self.stored,
            erases: self.erases,
        };
        (self.next, self.offset) = (sequence.saturating_add(1), geometry.page);
        self.medium.erase(sequence)?;
        // The header is programmed last: until then, the record that it takes over is where it was.
        let mut front = self.medium.front();
        let carried = self.carry_over((sequence, front), &mut front)?;
        if front == geometry.page {
            return Ok(());
        }
        let mut programming = Programming::header(sequence);
        programming.program(&mut self.medium, &header.encode(&geometry))?;
        programming.end(&mut self.medium)?;
        self.offset = front;
        self.behind_new_page(sequence);
        if let Some(head) = carried {
            self.carry = None;
            self.count_stored(head);
        }
        Ok(())
    }

    /// What else is different now that a page was begun.
    fn behind_new_page(&mut self, sequence: u32) {
        (self.state_due, self.epoch_due, self.wanted) = (false, false, false);
        let end = self.end;
        for spot in [&mut self.head, &mut self.look] {
            if spot.sequence < sequence && spot.until == u64::MAX {
                spot.until = end;
            }
        }
        if self.checked != end {
            self.check.get_or_insert(sequence);
        }
    }

    /// Copies the record that the last page could not vouch for, and moves `front` behind it. One that does not pass
    /// its check this time never was; if that is seen too late, the page is passed over.
    fn carry_over(&mut self, to: (u32, usize), front: &mut usize) -> Result<Option<EntryHead>, F::Error> {
        let Some((from, offset)) = self.carry else { return Ok(None) };
        let spot = Spot { sequence: from, offset, position: self.end, until: u64::MAX };
        let Some((head, None)) = self.whole_entry(&spot)? else {
            self.carry = None;
            return Ok(None);
        };
        let mut entry = Programming::entry(&mut self.medium, to, head)?;
        let whole = self.medium.check(from, offset, head, |medium, piece| entry.bytes(medium, piece))?;
        entry.commit(&mut self.medium, whole)?;
        if !whole {
            (self.carry, *front) = (None, self.medium.geometry.page);
            return Ok(None);
        }
        *front += self.medium.geometry.padded(EntryHead::around(head.len.into()));
        Ok(Some(head))
    }
}

fn add(items: &mut Items, head: EntryHead) {
    if let Some(items) = items.get_mut(head.signal()) {
        *items = items.wrapping_add(head.items().into());
    }
}
