//! What is there after a start.

use embedded_storage::nor_flash::NorFlash;

use super::format::{EntryHead, PageHeader, State};
use super::medium::Medium;
use super::queue::FlashQueue;
use super::walk::Spot;
use super::{OpenError, Unknown};

impl<F: NorFlash> FlashQueue<F> {
    /// The queue that is on `flash`, or a new one if it is blank. Nothing is programmed or erased yet.
    ///
    /// It reads every page's header and all of the last page; the others are checked by [`poll`](Self::poll). Does not
    /// compile for a flash whose words have more than 32 bytes or whose pages have less than 256.
    ///
    /// # Errors
    ///
    /// The flash comes back untouched, with the reason.
    pub fn open(flash: F, unknown: Unknown) -> Result<Self, (OpenError<F::Error>, F)> {
        let medium = Medium::new(flash).map_err(|flash| (OpenError::Pages, flash))?;
        let mut queue = Self::blank(medium);
        match queue.find(unknown) {
            Ok(()) => Ok(queue),
            Err(error) => Err((error, queue.into_inner())),
        }
    }

    /// A new queue.
    fn blank(medium: Medium<F>) -> Self {
        let front = Spot { sequence: 0, offset: medium.front(), position: 0, until: u64::MAX };
        let offset = medium.geometry.page;
        let (stored, evicted, damaged) = Default::default();
        Self {
            medium,
            state: State::default(),
            state_due: false,
            epoch_due: false,
            wanted: false,
            next: 0,
            offset,
            end: 0,
            carry: None,
            head: front,
            look: front,
            checked: 0,
            check: None,
            pinned: 0,
            boot: 0,
            stored,
            evicted,
            damaged,
            erases: 0,
        }
    }

    fn find(&mut self, unknown: Unknown) -> Result<(), OpenError<F::Error>> {
        let mut newest: Option<PageHeader> = None;
        for index in 0..self.medium.geometry.pages {
            let header = self.medium.header(index).map_err(OpenError::Flash)?;
            newest = header.into_iter().chain(newest).max_by_key(|header| header.sequence);
        }
        let Some(newest) = newest else {
            return match unknown {
                Unknown::TakeOver => Ok(()),
                Unknown::Refuse => self.refuse_unless_blank(),
            };
        };
        self.next = newest.sequence + 1;
        self.read_tail(&newest).map_err(OpenError::Flash)
    }

    fn refuse_unless_blank(&mut self) -> Result<(), OpenError<F::Error>> {
        for index in 0..self.medium.geometry.pages {
            if !self.medium.is_blank(index).map_err(OpenError::Flash)? {
                return Err(OpenError::Foreign);
            }
        }
        Ok(())
    }

    /// Reads the last page: where the queue ends, and what was released.
    fn read_tail(&mut self, header: &PageHeader) -> Result<(), F::Error> {
        (self.state, self.stored) = (header.state, header.stored);
        (self.end, self.erases) = (header.position, header.erases);
        let mut spot = Spot {
            sequence: header.sequence,
            offset: self.medium.front(),
            position: header.position,
            until: u64::MAX,
        };
        let mut last = None;
        while let Some((head, state)) = self.whole_entry(&spot)? {
            self.state = state.unwrap_or(self.state);
            if let Some((_, head)) = last.replace((spot, head)) {
                self.count_found(head);
            }
            self.step(&mut spot, head);
        }
        let mut doubt = None;
        match last {
            Some((_, head)) if head.is_state() => self.epoch_due = true,
            Some((spot, head)) => {
                // If it was released, it was whole.
                doubt = Some((spot, head)).filter(|_| spot.position >= self.state.released);
                self.carry = doubt.map(|_| (spot.sequence, spot.offset));
                if doubt.is_none() {
                    self.count_found(head);
                }
            }
            None => {}
        }
        // Whatever it was that was released: its positions are taken.
        self.end = self.end.max(self.state.released);
        self.boot = spot.position.max(self.end);
        self.find_head()?;
        // Nothing gives way for a doubt.
        if let Some((_, head)) = doubt.filter(|_| self.is_full()) {
            self.carry = None;
            self.count_found(head);
        }
        Ok(())
    }

    fn count_found(&mut self, head: EntryHead) {
        if let Some(stored) = self.stored.get_mut(head.signal()) {
            *stored = stored.wrapping_add(head.items().into());
        }
        self.end = self.end.saturating_add(head.advance());
    }

    /// The entry at `spot` if it passes its check; and what it says if it is a state.
    pub(super) fn whole_entry(
        &mut self,
        spot: &Spot,
    ) -> Result<Option<(EntryHead, Option<State>)>, F::Error> {
        let Some(head) = self.medium.head(spot.sequence, spot.offset)? else { return Ok(None) };
        let mut bytes = [0; State::LEN];
        let whole = self.medium.check(spot.sequence, spot.offset, head, |_, piece| {
            bytes.iter_mut().zip(piece).for_each(|(to, from)| *to = *from);
            Ok(())
        })?;
        let state = head.is_state().then(|| State::decode(bytes));
        let sane = whole && state != Some(None);
        Ok(sane.then_some((head, state.flatten())))
    }

    /// The page that the head is in: the last one that begins at it or before; else the first there is.
    fn find_head(&mut self) -> Result<(), F::Error> {
        let mut found = None;
        for sequence in self.next.saturating_sub(self.medium.geometry.pages)..self.next {
            let Some(header) = self.page(sequence)? else { continue };
            if found.is_some() && header.position > self.state.released {
                break;
            }
            found = Some(header);
        }
        if let Some(header) = found {
            self.head = self.front(&header)?;
            self.look = self.head;
            self.state.released = self.state.released.max(header.position);
            self.checked = header.position;
            self.check = Some(header.sequence);
        }
        Ok(())
    }
}
