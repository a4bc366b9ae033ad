//! A `NorFlash` by pages and offsets, read and programmed in any lengths.

use embedded_storage::nor_flash::NorFlash;

use super::format::{CHECK, EntryHead, Geometry, PageHeader};
use crate::crc::Crc;

/// What is read or programmed at once; every word is a divisor.
const CHUNK: usize = 64;

/// The flash.
#[derive(Debug)]
pub(super) struct Medium<F> {
    pub(super) flash: F,
    pub(super) geometry: Geometry,
}

impl<F: NorFlash> Medium<F> {
    /// The log over `flash`, or the flash back if it is none for a log.
    pub(super) fn new(flash: F) -> Result<Self, F> {
        const {
            assert!(
                F::WRITE_SIZE > 0 && 32usize.is_multiple_of(F::WRITE_SIZE),
                "a word has 1, 2, 4, 8, 16 or 32 bytes"
            );
            assert!(
                F::READ_SIZE > 0 && CHUNK.is_multiple_of(F::READ_SIZE),
                "a word is read in at most 64 bytes"
            );
            assert!(
                F::ERASE_SIZE.is_multiple_of(CHUNK) && F::ERASE_SIZE >= 4 * CHUNK,
                "a page has 256 bytes or more"
            );
        }
        let pages = flash.capacity() / F::ERASE_SIZE;
        match u16::try_from(pages) {
            Ok(2..) => {
                let geometry = Geometry { word: F::WRITE_SIZE, page: F::ERASE_SIZE, pages: pages as u32 };
                Ok(Self { flash, geometry })
            }
            _ => Err(flash),
        }
    }

    /// Where the first entry of a page begins.
    pub(super) fn front(&self) -> usize {
        self.geometry.padded(PageHeader::LEN)
    }

    fn address(&self, sequence: u32, offset: usize) -> u32 {
        self.geometry.index(sequence) * self.geometry.page as u32 + offset as u32
    }

    /// Reads from a page, whatever the alignment.
    pub(super) fn read(&mut self, sequence: u32, offset: usize, out: &mut [u8]) -> Result<(), F::Error> {
        let mut done = 0;
        while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = offset + done;
            let (start, mut chunk) = (at - at % F::READ_SIZE, [0; CHUNK]);
            let len = (at - start + rest.len()).next_multiple_of(F::READ_SIZE).min(CHUNK);
            let window = &mut chunk[..len];
            self.flash.read(self.address(sequence, start), window)?;
            let read = window.get(at - start..).unwrap_or_default();
            let n = read.len().min(rest.len());
            rest.iter_mut().zip(read).for_each(|(to, from)| *to = *from);
            done += n;
        }
        Ok(())
    }

    /// The header of the page of that number, if there is one.
    pub(super) fn header(&mut self, index: u32) -> Result<Option<PageHeader>, F::Error> {
        let mut bytes = [0; PageHeader::LEN];
        self.read(index, 0, &mut bytes)?;
        Ok(PageHeader::decode(&bytes, &self.geometry, index))
    }

    /// The entry that begins there: its head, if it may be one and lies within the page.
    pub(super) fn head(&mut self, sequence: u32, offset: usize) -> Result<Option<EntryHead>, F::Error> {
        if offset + EntryHead::around(0) > self.geometry.page {
            return Ok(None);
        }
        let mut bytes = [0; EntryHead::LEN];
        self.read(sequence, offset, &mut bytes)?;
        let within = |head: &EntryHead| offset + EntryHead::around(head.len.into()) <= self.geometry.page;
        Ok(EntryHead::decode(bytes).filter(within))
    }

    /// Hands the bytes of an entry to `each`, and says whether it passes its check.
    pub(super) fn check(
        &mut self,
        sequence: u32,
        offset: usize,
        head: EntryHead,
        mut each: impl FnMut(&mut Self, &[u8]) -> Result<(), F::Error>,
    ) -> Result<bool, F::Error> {
        let (mut check, mut chunk, mut done) = (head.check(sequence, offset), [0; CHUNK], 0);
        while done < usize::from(head.len) {
            let n = (usize::from(head.len) - done).min(CHUNK);
            let piece = &mut chunk[..n];
            self.read(sequence, offset + EntryHead::LEN + done, piece)?;
            check = check.add(piece);
            each(self, piece)?;
            done += n;
        }
        let mut written = [0; CHECK];
        self.read(sequence, offset + EntryHead::LEN + done, &mut written)?;
        Ok(written == check.value().to_le_bytes())
    }

    /// Erases a page.
    pub(super) fn erase(&mut self, sequence: u32) -> Result<(), F::Error> {
        let from = self.address(sequence, 0);
        self.flash.erase(from, from + self.geometry.page as u32)
    }

    /// Whether a page reads as erased, but for where its header would be.
    pub(super) fn is_blank(&mut self, index: u32) -> Result<bool, F::Error> {
        let (mut chunk, mut offset) = ([0; CHUNK], self.front());
        while offset < self.geometry.page {
            let n = (self.geometry.page - offset).min(CHUNK);
            let piece = &mut chunk[..n];
            self.read(index, offset, piece)?;
            if piece.iter().any(|byte| *byte != 0xFF) {
                return Ok(false);
            }
            offset += n;
        }
        Ok(true)
    }
}

/// An entry or a header while it is programmed, from its front to its end.
#[derive(Debug)]
pub(super) struct Programming {
    sequence: u32,
    /// Where the bytes in `chunk` will be.
    offset: usize,
    chunk: [u8; CHUNK],
    len: usize,
    check: Crc,
}

impl Programming {
    /// At the front of a page.
    pub(super) fn header(sequence: u32) -> Self {
        Self { sequence, offset: 0, chunk: [0; CHUNK], len: 0, check: Crc::new() }
    }

    /// An entry, with its head.
    pub(super) fn entry<F: NorFlash>(
        medium: &mut Medium<F>,
        (sequence, offset): (u32, usize),
        head: EntryHead,
    ) -> Result<Self, F::Error> {
        let check = head.check(sequence, offset);
        let mut entry = Self { sequence, offset, chunk: [0; CHUNK], len: 0, check };
        entry.program(medium, &head.encode())?;
        Ok(entry)
    }

    /// Bytes of the entry, for its check too.
    pub(super) fn bytes<F: NorFlash>(
        &mut self,
        medium: &mut Medium<F>,
        bytes: &[u8],
    ) -> Result<(), F::Error> {
        self.check = self.check.add(bytes);
        self.program(medium, bytes)
    }

    pub(super) fn program<F: NorFlash>(
        &mut self,
        medium: &mut Medium<F>,
        mut bytes: &[u8],
    ) -> Result<(), F::Error> {
        while !bytes.is_empty() {
            let room = self.chunk.get_mut(self.len..).unwrap_or_default();
            let n = room.len().min(bytes.len());
            room.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            self.len += n;
            bytes = bytes.get(n..).unwrap_or_default();
            if self.len == CHUNK {
                self.flush(medium)?;
            }
        }
        Ok(())
    }

    /// Programs the check, spoiled unless the entry is `good`, and fills up the word.
    pub(super) fn commit<F: NorFlash>(mut self, medium: &mut Medium<F>, good: bool) -> Result<(), F::Error> {
        let check = self.check.value() ^ if good { 0 } else { 1 };
        self.program(medium, &check.to_le_bytes())?;
        self.end(medium)
    }

    /// Fills up the word.
    pub(super) fn end<F: NorFlash>(mut self, medium: &mut Medium<F>) -> Result<(), F::Error> {
        let len = medium.geometry.padded(self.len);
        self.chunk.get_mut(self.len..len).unwrap_or_default().fill(0);
        self.len = len;
        self.flush(medium)
    }

    fn flush<F: NorFlash>(&mut self, medium: &mut Medium<F>) -> Result<(), F::Error> {
        let bytes = self.chunk.get(..self.len).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        medium.flash.write(medium.address(self.sequence, self.offset), bytes)?;
        self.offset += self.len;
        self.len = 0;
        Ok(())
    }
}
