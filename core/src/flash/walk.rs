//! From record to record, and from page to page.

use embedded_storage::nor_flash::NorFlash;

use super::format::{EntryHead, PageHeader};
use super::queue::FlashQueue;

/// A place between two entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) sequence: u32,
    pub(super) offset: usize,
    pub(super) position: u64,
    /// Where the records of its page end: where the next page begins.
    pub(super) until: u64,
}

impl<F: NorFlash> FlashQueue<F> {
    /// The header of that page, if it is there.
    pub(super) fn page(&mut self, sequence: u32) -> Result<Option<PageHeader>, F::Error> {
        let header = self.medium.header(self.medium.geometry.index(sequence))?;
        Ok(header.filter(|header| header.sequence == sequence))
    }

    /// The first page behind that one that is there.
    pub(super) fn page_behind(&mut self, sequence: u32) -> Result<Option<PageHeader>, F::Error> {
        for sequence in sequence.saturating_add(1)..self.next {
            if let Some(header) = self.page(sequence)? {
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    /// The front of that page.
    pub(super) fn front(&mut self, header: &PageHeader) -> Result<Spot, F::Error> {
        let until = self.page_behind(header.sequence)?.map_or(u64::MAX, |behind| behind.position);
        let (sequence, position) = (header.sequence, header.position);
        Ok(Spot { sequence, offset: self.medium.front(), position, until })
    }

    /// Looks at `position`, which is checked or the end of what is: the record that it is in, if there is one, begins at
    /// `look`.
    pub(super) fn seek(&mut self, position: u64) -> Result<Option<EntryHead>, F::Error> {
        let mut spot = if self.look.position <= position { self.look } else { self.head };
        loop {
            let found = self.settle(&mut spot)?;
            self.look = spot;
            let Some(head) = found else { return Ok(None) };
            if spot.position + head.advance() > position {
                return Ok(Some(head));
            }
            self.step(&mut spot, head);
        }
    }

    /// The record at `spot`, which moves to it: over states, and into the next page.
    pub(super) fn settle(&mut self, spot: &mut Spot) -> Result<Option<EntryHead>, F::Error> {
        while spot.position < self.checked {
            if spot.position >= spot.until {
                let Some(behind) = self.page_behind(spot.sequence)? else { return Ok(None) };
                *spot = self.front(&behind)?;
                continue;
            }
            match self.medium.head(spot.sequence, spot.offset)? {
                Some(head) if head.is_state() => self.step(spot, head),
                found => return Ok(found),
            }
        }
        Ok(None)
    }

    /// Moves behind the entry at `spot`.
    pub(super) fn step(&self, spot: &mut Spot, head: EntryHead) {
        spot.offset += self.medium.geometry.padded(EntryHead::around(head.len.into()));
        spot.position = spot.position.saturating_add(head.advance());
    }
}
