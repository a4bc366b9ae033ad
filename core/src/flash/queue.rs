use embedded_storage::nor_flash::NorFlash;

use super::format::{EntryHead, Items, State};
use super::medium::{Medium, Programming};
use super::walk::Spot;
use super::{Refused, Wear};
use crate::counters::Loss;
use crate::otlp::Signal;
use crate::ring::Header;

/// Records on flash, first in, first out. The [module](super) has an example.
///
/// Offsets count from its head, as a ring's do: a record takes [`Header::LEN`] bytes more than its own.
///
/// ```
/// use embedded_storage::nor_flash::NorFlash;
/// use smoltel_core::flash::FlashQueue;
/// /// How many bytes of records wait for the link.
/// fn waiting<F: NorFlash>(queue: &FlashQueue<F>) -> u64 {
///     queue.len()
/// }
/// ```
#[derive(Debug)]
pub struct FlashQueue<F> {
    pub(super) medium: Medium<F>,
    /// Where the head is, and the positions' name.
    pub(super) state: State,
    /// Whether flash does not say so yet.
    pub(super) state_due: bool,
    /// Whether flash must say so before anything that the epoch names is sent.
    pub(super) epoch_due: bool,
    /// Whether an append found no room.
    pub(super) wanted: bool,
    /// The sequence of the page that is begun next; the one before is the tail.
    pub(super) next: u32,
    /// Where the next entry goes in the tail; a page's length if nowhere.
    pub(super) offset: usize,
    /// The position behind the last record.
    pub(super) end: u64,
    /// Of the last record of the tail found at the start, where it lies: it belongs to the next page.
    pub(super) carry: Option<(u32, usize)>,
    /// At the head, or before it in its page.
    pub(super) head: Spot,
    /// What was looked at last.
    pub(super) look: Spot,
    /// What is before this was checked, and can be read.
    pub(super) checked: u64,
    /// The page to check next.
    pub(super) check: Option<u32>,
    /// What is before this is in flight.
    pub(super) pinned: u64,
    /// From here on, records are of this boot.
    pub(super) boot: u64,
    pub(super) stored: Items,
    /// What gave way and nobody was told of yet; and what was found damaged.
    pub(super) evicted: Items,
    pub(super) damaged: Items,
    /// Of the tail.
    pub(super) erases: u32,
}

/// A record leaves room for so many states behind it.
const STATES: usize = 2;

impl<F> FlashQueue<F> {
    /// The flash, for another use.
    pub fn into_inner(self) -> F {
        self.medium.flash
    }

    /// The flash; what is done to it by this is not known to the queue.
    pub fn flash_mut(&mut self) -> &mut F {
        &mut self.medium.flash
    }

    /// Whether it holds no record.
    pub fn is_empty(&self) -> bool {
        self.state.released >= self.end && self.carry.is_none()
    }

    /// Bytes of all records in it, also of those that cannot be read yet, with a ring's headers.
    pub fn len(&self) -> u64 {
        self.end.saturating_sub(self.state.released)
    }

    /// Bytes of the records at the head that can be read now.
    pub fn readable(&self) -> u64 {
        let waits = self.carry.is_some() || self.epoch_due && !self.is_full();
        if waits { 0 } else { self.checked.saturating_sub(self.state.released) }
    }

    /// The position of the head: [`Place::position`](crate::ring) of a ring.
    pub const fn position(&self) -> u64 {
        self.state.released
    }

    /// The position from which on records are of this boot.
    pub const fn boot(&self) -> u64 {
        self.boot
    }

    /// Another clock begins: records that are there have times of the one before.
    pub fn begin_boot(&mut self) {
        self.boot = self.end;
    }

    /// The positions' name; 0 while they have none.
    pub const fn epoch(&self) -> u64 {
        self.state.epoch
    }

    /// Keeps the first `len` readable bytes from giving way: they are in flight. Zero lets go of them.
    pub fn pin(&mut self, len: u64) {
        self.pinned = self.state.released.saturating_add(len);
    }

    /// Items of that signal that gave way to newer ones since the flash holds a queue.
    pub const fn overwritten(&self, signal: Signal) -> u32 {
        self.state.overwritten[signal as usize]
    }

    /// Tells of all losses since the last call, for [`Pipeline::add_lost`](crate::Pipeline::add_lost): what gave way
    /// to newer records, and what could not be read any more.
    pub fn take_losses(&mut self, mut lost: impl FnMut(Signal, Loss, u64)) {
        for (items, reason) in [(&mut self.evicted, Loss::Evicted), (&mut self.damaged, Loss::Damaged)] {
            for (signal, items) in Signal::ALL.into_iter().zip(core::mem::take(items)) {
                if items > 0 {
                    lost(signal, reason, items.into());
                }
            }
        }
    }

    /// The sequence of the last page that was begun, if there is one.
    pub(super) fn tail(&self) -> Option<u32> {
        self.next.checked_sub(1)
    }

    /// Whether the page that comes next holds records that are still wanted.
    pub(super) fn is_full(&self) -> bool {
        let gone = self.next.checked_sub(self.medium.geometry.pages);
        self.state.released < self.end && gone.is_some_and(|gone| self.head.sequence <= gone)
    }
}

impl<F: NorFlash> FlashQueue<F> {
    /// Appends a record of that ring's header. `scope` is [`Scope::signature`](crate::Scope::signature) of the scope
    /// that it belongs to; `read` copies its bytes out, from an offset on. When this returns, the record is in flash.
    ///
    /// # Errors
    ///
    /// The record is not in flash, and [`Refused`] says what to do.
    pub fn append(
        &mut self,
        header: Header,
        scope: u32,
        mut read: impl FnMut(usize, &mut [u8]),
    ) -> Result<(), Refused<F::Error>> {
        let geometry = self.medium.geometry;
        let len = geometry.padded(EntryHead::around(header.len.into()));
        let room = len + STATES * geometry.padded(EntryHead::around(State::LEN));
        if self.medium.front() + room > geometry.page {
            return Err(Refused::TooLarge);
        }
        if self.carry.is_some() || self.offset + room > geometry.page {
            self.wanted = true;
            return Err(Refused::NoRoom);
        }
        let head = EntryHead::record(header, scope);
        self.program(head, |at, out| read(at, out)).map_err(Refused::Flash)?;
        self.count_stored(head);
        Ok(())
    }

    /// Takes in a record that was programmed at the end.
    pub(super) fn count_stored(&mut self, head: EntryHead) {
        if let Some(stored) = self.stored.get_mut(head.signal()) {
            *stored = stored.wrapping_add(head.items().into());
        }
        let end = self.end.saturating_add(head.advance());
        if self.check.is_none() && self.checked == self.end {
            self.checked = end;
        }
        self.end = end;
    }

    /// Programs an entry at the end of the tail. If that fails, the tail takes no more.
    fn program(&mut self, head: EntryHead, read: impl FnMut(usize, &mut [u8])) -> Result<(), F::Error> {
        let at = (self.tail().unwrap_or(0), self.offset);
        self.offset = self.medium.geometry.page;
        write_entry(&mut self.medium, at, head, read)?;
        self.offset = at.1 + self.medium.geometry.padded(EntryHead::around(head.len.into()));
        Ok(())
    }

    /// Writes the state if it is due and there is room; whether it did.
    pub(super) fn write_state(&mut self) -> Result<bool, F::Error> {
        let geometry = self.medium.geometry;
        let len = geometry.padded(EntryHead::around(State::LEN));
        if !(self.state_due || self.epoch_due) || self.offset + len > geometry.page {
            return Ok(false);
        }
        let state = self.state.encode();
        self.program(EntryHead::STATE, |at, out| {
            out.iter_mut().zip(state.iter().skip(at)).for_each(|(to, from)| *to = *from);
        })?;
        (self.state_due, self.epoch_due) = (false, false);
        Ok(true)
    }

    /// Names the positions, durably if there is room; else nothing can be read until [`poll`](Self::poll) has made
    /// some. 0 forgets the name.
    ///
    /// # Errors
    ///
    /// Programming failed; `poll` will try again.
    pub fn set_epoch(&mut self, epoch: u64) -> Result<(), F::Error> {
        if epoch == self.state.epoch {
            return Ok(());
        }
        self.state.epoch = epoch;
        self.epoch_due = true;
        self.write_state().map(|_| ())
    }

    /// Lets go of the first `len` readable bytes, which have to end at a record's end. Flash learns of it by
    /// [`poll`](Self::poll).
    ///
    /// # Errors
    ///
    /// Reading failed; nothing was let go.
    pub fn release(&mut self, len: u64) -> Result<(), F::Error> {
        let len = len.min(self.readable());
        if len == 0 {
            return Ok(());
        }
        self.seek(self.state.released + len)?;
        self.state.released += len;
        self.head = self.look;
        self.state_due = true;
        Ok(())
    }

    /// The record that begins at `offset`, with the number that `scope` gives for its scope's signature, and the
    /// offset behind it. `None` when none that can be read begins there.
    ///
    /// # Errors
    ///
    /// Reading failed.
    pub fn record(
        &mut self,
        offset: u64,
        scope: impl FnOnce(u32) -> u16,
    ) -> Result<Option<(Header, u64)>, F::Error> {
        if offset >= self.readable() {
            return Ok(None);
        }
        let position = self.state.released + offset;
        let found = self.seek(position)?.filter(|_| self.look.position == position);
        Ok(found.map(|head| (head.header(scope(head.scope)), offset + head.advance())))
    }

    /// Copies bytes of one record out, from `offset` on, and returns how many there were.
    ///
    /// # Errors
    ///
    /// Reading failed.
    pub fn read(&mut self, offset: u64, out: &mut [u8]) -> Result<usize, F::Error> {
        if offset >= self.readable() {
            return Ok(0);
        }
        let position = self.state.released + offset;
        let Some(head) = self.seek(position)? else { return Ok(0) };
        let Some(within) = (position - self.look.position).checked_sub(Header::LEN as u64) else {
            return Ok(0);
        };
        let within = within as usize;
        let n = out.len().min(usize::from(head.len).saturating_sub(within));
        let at = self.look.offset + EntryHead::LEN + within;
        self.medium.read(self.look.sequence, at, out.get_mut(..n).unwrap_or_default())?;
        Ok(n)
    }

    /// How often pages were erased, by their headers.
    ///
    /// # Errors
    ///
    /// Reading failed.
    pub fn wear(&mut self) -> Result<Wear, F::Error> {
        let mut wear = Wear { least: u32::MAX, most: 0 };
        for index in 0..self.medium.geometry.pages {
            let erases = self.medium.header(index)?.map_or(0, |header| header.erases);
            wear = Wear { least: wear.least.min(erases), most: wear.most.max(erases) };
        }
        Ok(wear)
    }
}

/// Programs one entry.
fn write_entry<F: NorFlash>(
    medium: &mut Medium<F>,
    at: (u32, usize),
    head: EntryHead,
    mut read: impl FnMut(usize, &mut [u8]),
) -> Result<(), F::Error> {
    let mut entry = Programming::entry(medium, at, head)?;
    let (mut done, mut piece) = (0, [0; 32]);
    while done < usize::from(head.len) {
        let n = piece.len().min(usize::from(head.len) - done);
        let piece = piece.get_mut(..n).unwrap_or_default();
        read(done, piece);
        entry.bytes(medium, piece)?;
        done += n;
    }
    entry.commit(medium, true)
}
