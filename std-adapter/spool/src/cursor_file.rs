//! CURSOR: two slots, of which one is always as durable as the last sync.

use std::io;
use std::path::Path;

use crate::format::cursor::{Cursor, PEEK_LEN};
use crate::format::{BLOCK, Parsed};
use crate::vfs::{Site, Vfs, VfsFile, read_full, write_full};

pub(crate) struct CursorFile {
    file: Box<dyn VfsFile>,
    slot_len: u64,
    /// The slot that the next write goes to: never the one that the last sync made durable.
    slot: u64,
    counter: u64,
}

/// What was found in CURSOR.
#[derive(Default)]
pub(crate) struct Loaded {
    pub(crate) cursor: Option<Cursor>,
    pub(crate) newer: Option<u16>,
    /// A slot that has been written to cannot be read.
    pub(crate) damaged: bool,
    slot: u64,
}

impl CursorFile {
    /// Reads CURSOR; an absent or unreadable one is an empty result, never an error.
    pub(crate) fn load(vfs: &dyn Vfs, dir: &Path) -> Loaded {
        let mut loaded = Loaded::default();
        let Ok(file) = vfs.open_read(Site::CursorOpen, &dir.join("CURSOR")) else { return loaded };
        let slot_len = file.len(Site::CursorOpen).unwrap_or(0) / 2;
        for slot in [0, 1] {
            match read_slot(vfs, &*file, slot * slot_len, slot_len) {
                Parsed::Good(cursor) => {
                    if loaded.cursor.as_ref().is_none_or(|best| best.counter < cursor.counter) {
                        loaded.cursor = Some(cursor);
                        loaded.slot = slot;
                    }
                }
                Parsed::Newer(version) => loaded.newer = Some(version),
                Parsed::Bad => loaded.damaged |= !is_unused(&*file, slot * slot_len),
            }
        }
        loaded
    }

    /// Opens CURSOR for writing, with room for `slot_len` bytes a slot; makes it anew, with `cursor` in it, if it has less.
    pub(crate) fn open(
        vfs: &dyn Vfs,
        dir: &Path,
        slot_len: u64,
        loaded: &Loaded,
        cursor: &mut Cursor,
    ) -> io::Result<CursorFile> {
        let counter = loaded.cursor.as_ref().map_or(0, |cursor| cursor.counter);
        let path = dir.join("CURSOR");
        if let Ok(file) = vfs.open(Site::CursorOpen, &path, false) {
            let len = file.len(Site::CursorOpen)?;
            if loaded.cursor.is_some() && len >= 2 * slot_len && len % 2 == 0 {
                return Ok(CursorFile { file, slot_len: len / 2, slot: 1 - loaded.slot, counter });
            }
        }
        Self::make(vfs, dir, slot_len, counter, cursor)
    }

    fn make(
        vfs: &dyn Vfs,
        dir: &Path,
        slot_len: u64,
        counter: u64,
        cursor: &mut Cursor,
    ) -> io::Result<CursorFile> {
        let new = dir.join("CURSOR.new");
        let file = vfs.open(Site::CursorMake, &new, true)?;
        file.set_len(Site::CursorMake, 0)?;
        for at in (0..2 * slot_len).step_by(BLOCK as usize) {
            write_full(&*file, Site::CursorMake, &[0; BLOCK as usize], at)?;
        }
        let mut made = CursorFile { file, slot_len, slot: 0, counter };
        made.write(cursor)?;
        made.file.sync_data(Site::CursorMakeSync)?;
        // Its name is made durable with the others, when the spool is open.
        vfs.rename(Site::CursorRename, &new, &dir.join("CURSOR"))?;
        made.slot = 1;
        Ok(made)
    }

    /// Writes without sync.
    pub(crate) fn write(&mut self, cursor: &mut Cursor) -> io::Result<()> {
        self.counter += 1;
        cursor.counter = self.counter;
        let bytes = cursor.encode(self.slot_len as usize);
        if bytes.len() as u64 > self.slot_len {
            return Err(io::ErrorKind::StorageFull.into());
        }
        write_full(&*self.file, Site::CursorWrite, &bytes, self.slot * self.slot_len)
    }

    /// Makes the last write durable; the next one goes to the other slot.
    pub(crate) fn sync(&mut self, site: Site) -> io::Result<()> {
        self.file.sync_data(site)?;
        self.slot = 1 - self.slot;
        Ok(())
    }
}

fn is_unused(file: &dyn VfsFile, at: u64) -> bool {
    let mut head = [0; PEEK_LEN];
    read_full(file, Site::CursorRead, &mut head, at).is_ok() && head == [0; PEEK_LEN]
}

fn read_slot(vfs: &dyn Vfs, file: &dyn VfsFile, at: u64, slot_len: u64) -> Parsed<Cursor> {
    let mut head = [0; PEEK_LEN];
    let length = match read_full(file, Site::CursorRead, &mut head, at) {
        Ok(_) => Cursor::peek(&head).filter(|length| *length as u64 <= slot_len),
        Err(_) => None,
    };
    let Some(length) = length else { return Parsed::Bad };
    let mut bytes = vec![0; length];
    match read_full(file, Site::CursorRead, &mut bytes, at) {
        Ok(_) => Cursor::decode(&bytes, vfs),
        Err(_) => Parsed::Bad,
    }
}
