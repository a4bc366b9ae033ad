//! A small file that is always whole: two slots, of which one is as durable as the last sync. CURSOR and MARKS are such files.

use std::io;
use std::path::Path;

use crate::error::OpenError;
use crate::format::slot::{self, HEADER_LEN};
use crate::format::{BLOCK, Parsed};
use crate::recovery::io_error;
use crate::vfs::{Site, Vfs, VfsFile, read_full, write_full};

/// One kind of such a file.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) magic: [u8; 8],
    pub(crate) open: Site,
    pub(crate) open_sync: Site,
    pub(crate) read: Site,
    pub(crate) crc: Site,
    pub(crate) write: Site,
    pub(crate) make: Site,
    pub(crate) make_sync: Site,
    pub(crate) rename: Site,
}

pub(crate) const CURSOR: Kind = Kind {
    name: "CURSOR",
    magic: *b"smolcur\n",
    open: Site::CursorOpen,
    open_sync: Site::CursorOpenSync,
    read: Site::CursorRead,
    crc: Site::CursorCrc,
    write: Site::CursorWrite,
    make: Site::CursorMake,
    make_sync: Site::CursorMakeSync,
    rename: Site::CursorRename,
};

pub(crate) const MARKS: Kind = Kind {
    name: "MARKS",
    magic: *b"smolmrk\n",
    open: Site::MarksOpen,
    open_sync: Site::MarksOpenSync,
    read: Site::MarksRead,
    crc: Site::MarksCrc,
    write: Site::MarksWrite,
    make: Site::MarksMake,
    make_sync: Site::MarksMakeSync,
    rename: Site::MarksRename,
};

/// What was found in one.
#[derive(Default)]
pub(crate) struct Loaded {
    /// The body of the newest slot that holds, and the spool it belongs to.
    pub(crate) newest: Option<([u8; 16], Vec<u8>)>,
    pub(crate) newer: Option<u16>,
    /// A slot that has been written to cannot be read.
    pub(crate) damaged: bool,
    counter: u64,
    slot: u64,
}

pub(crate) struct TwoSlots {
    kind: &'static Kind,
    file: Box<dyn VfsFile>,
    uuid: [u8; 16],
    slot_len: u64,
    /// The slot that the next write goes to: never the one that the last sync made durable.
    slot: u64,
    counter: u64,
}

impl Kind {
    /// Reads the file; an absent or damaged one is an empty result. One that cannot be opened, or of which nothing can be read, is an
    /// error: to go on without it would be to forget it.
    pub(crate) fn load(&self, vfs: &dyn Vfs, dir: &Path) -> Result<Loaded, OpenError> {
        let mut loaded = Loaded::default();
        let path = dir.join(self.name);
        let file = match vfs.open_read(self.open, &path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(loaded),
            file => file.map_err(io_error("open", &path))?,
        };
        let slot_len = file.len(self.open).map_err(io_error("read the length of", &path))? / 2;
        let mut unread = None;
        for slot in [0, 1] {
            let once = || self.read_slot(vfs, &*file, slot * slot_len, slot_len);
            let parsed = once().or_else(|_| once()).or_else(|_| once()).unwrap_or_else(|error| {
                unread = Some(error);
                Parsed::Bad
            });
            match parsed {
                Parsed::Good(found) if loaded.newest.is_none() || loaded.counter < found.counter => {
                    loaded.newest = Some((found.uuid, found.body));
                    (loaded.counter, loaded.slot) = (found.counter, slot);
                }
                Parsed::Good(_) => {}
                Parsed::Newer(version) => loaded.newer = Some(version),
                Parsed::Bad => loaded.damaged |= !self.is_unused(&*file, slot * slot_len),
            }
        }
        match unread.filter(|_| loaded.newest.is_none()) {
            Some(error) => Err(io_error("read", &path)(error)),
            None => Ok(loaded),
        }
    }

    fn read_slot(
        &self,
        vfs: &dyn Vfs,
        file: &dyn VfsFile,
        at: u64,
        room: u64,
    ) -> io::Result<Parsed<slot::Slot>> {
        let mut head = [0; HEADER_LEN];
        read_full(file, self.read, &mut head, at)?;
        let length = slot::length(&head, &self.magic).filter(|length| *length as u64 <= room);
        let Some(length) = length else { return Ok(Parsed::Bad) };
        let mut bytes = vec![0; length];
        read_full(file, self.read, &mut bytes, at)?;
        Ok(slot::decode(&bytes, &self.magic, |holds| vfs.holds(self.crc, holds)))
    }

    fn is_unused(&self, file: &dyn VfsFile, at: u64) -> bool {
        let mut head = [0; HEADER_LEN];
        read_full(file, self.read, &mut head, at).is_ok() && head == [0; HEADER_LEN]
    }

    /// Opens the file for writing if it is there, holds something and has room for `body_len` bytes a slot.
    pub(crate) fn open(
        &'static self,
        vfs: &dyn Vfs,
        dir: &Path,
        uuid: [u8; 16],
        body_len: usize,
        loaded: &Loaded,
    ) -> io::Result<Option<TwoSlots>> {
        let Ok(file) = vfs.open(self.open, &dir.join(self.name), false) else { return Ok(None) };
        let len = file.len(self.open)?;
        if loaded.newest.is_none() || len < 2 * slot_len(body_len) || !len.is_multiple_of(2) {
            return Ok(None);
        }
        // A process that was killed may have left the newest slot unsynced: until it is, the other is the only sure one.
        file.sync_data(self.open_sync)?;
        let (slot_len, slot, counter) = (len / 2, 1 - loaded.slot, loaded.counter);
        Ok(Some(TwoSlots { kind: self, file, uuid, slot_len, slot, counter }))
    }

    /// Makes the file anew, with `body` in it and room for `body_len` bytes a slot, in the place of an old one whose slots count up to
    /// `counter`. It is synced; its name is when the caller syncs the directory.
    pub(crate) fn make(
        &'static self,
        vfs: &dyn Vfs,
        dir: &Path,
        uuid: [u8; 16],
        body_len: usize,
        counter: u64,
        body: &[u8],
    ) -> io::Result<TwoSlots> {
        let new = dir.join(format!("{}.new", self.name));
        let file = vfs.open(self.make, &new, true)?;
        file.set_len(self.make, 0)?;
        let slot_len = slot_len(body_len.max(body.len()));
        for at in (0..2 * slot_len).step_by(BLOCK as usize) {
            write_full(&*file, self.make, &[0; BLOCK as usize], at)?;
        }
        let mut made = TwoSlots { kind: self, file, uuid, slot_len, slot: 0, counter };
        made.write(body)?;
        made.file.sync_data(self.make_sync)?;
        vfs.rename(self.rename, &new, &dir.join(self.name))?;
        made.slot = 1;
        Ok(made)
    }
}

impl Loaded {
    /// The spool that it belongs to.
    pub(crate) fn uuid(&self) -> Option<[u8; 16]> {
        self.newest.as_ref().map(|(uuid, _)| *uuid)
    }

    /// The counter of the newest slot.
    pub(crate) fn counter(&self) -> u64 {
        self.counter
    }
}

impl TwoSlots {
    /// The longest body that fits.
    pub(crate) fn room(&self) -> usize {
        self.slot_len as usize - slot::OVERHEAD
    }

    pub(crate) fn counter(&self) -> u64 {
        self.counter
    }

    /// Writes without sync.
    pub(crate) fn write(&mut self, body: &[u8]) -> io::Result<()> {
        if body.len() > self.room() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.counter += 1;
        let bytes = slot::encode(&self.kind.magic, self.uuid, self.counter, body);
        write_full(&*self.file, self.kind.write, &bytes, self.slot * self.slot_len)
    }

    /// Makes the last write durable; the next one goes to the other slot.
    pub(crate) fn sync(&mut self, vfs: &dyn Vfs, site: Site) -> io::Result<()> {
        self.file.sync_data(site)?;
        if vfs.keeps(Site::OtherSlot) {
            self.slot = 1 - self.slot;
        }
        Ok(())
    }
}

fn slot_len(body_len: usize) -> u64 {
    (body_len + slot::OVERHEAD).next_multiple_of(BLOCK as usize) as u64
}
