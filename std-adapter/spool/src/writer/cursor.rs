//! Keeping CURSOR up to date.

use super::Writer;
use crate::format::cursor::Cursor;
use crate::shared::Counters;
use crate::vfs::Site;

impl Writer {
    pub(super) fn touch_cursor(&mut self) {
        self.cursor_dirty = true;
        self.cursor_changed.get_or_insert_with(|| self.shared.vfs.now().boot);
    }

    /// Writes CURSOR without sync. If that fails, the sync that follows will tell.
    pub(super) fn write_cursor(&mut self, now: u64) {
        let cursor = self.shared.index().cursor();
        let body = self.encode(cursor);
        _ = self.cursor.write(&body);
        self.cursor_dirty = false;
        self.cursor_written = now;
    }

    /// Makes CURSOR durable, so that segments let go may be used again. Tries twice, then makes the spool read-only.
    pub(super) fn sync_cursor(&mut self, site: Site) -> Result<(), String> {
        self.save_marks();
        let now = self.shared.vfs.now().boot;
        let (cursor, let_go) = {
            let mut index = self.shared.index();
            (index.cursor(), std::mem::take(&mut index.let_go))
        };
        let body = self.encode(cursor);
        let once = |writer: &mut Writer| {
            writer.cursor.write(&body)?;
            Counters::add(&writer.shared.counters.cursor_syncs, 1);
            writer.cursor.sync(&*writer.shared.vfs, site)
        };
        let result = once(self).or_else(|_| once(self));
        self.cursor_dirty = false;
        self.cursor_written = now;
        self.cursor_changed = None;
        match result {
            Ok(()) => {
                self.slots.free.extend(let_go);
                Ok(())
            }
            Err(error) => {
                self.shared.index().let_go.extend(let_go);
                let reason = format!("CURSOR could not be made durable: {error}");
                self.fail(&reason);
                Err(reason)
            }
        }
    }

    fn encode(&self, mut cursor: Cursor) -> Vec<u8> {
        cursor.segment_size = self.shared.segment_size;
        cursor.generation = self.generation;
        cursor.next_sequence = self.next_sequence;
        cursor.last_origin = self.marks.last;
        cursor.encode(self.cursor.room())
    }
}
