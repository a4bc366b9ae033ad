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
        let mut cursor = self.shared.index().cursor();
        self.fill_in(&mut cursor);
        _ = self.cursor.write(&mut cursor);
        self.cursor_dirty = false;
        self.cursor_written = now;
    }

    /// Makes CURSOR durable, so that segments let go may be used again. Tries twice, then makes the spool read-only.
    pub(super) fn sync_cursor(&mut self, site: Site) -> Result<(), String> {
        let now = self.shared.vfs.now().boot;
        let (mut cursor, let_go) = {
            let mut index = self.shared.index();
            (index.cursor(), std::mem::take(&mut index.let_go))
        };
        self.fill_in(&mut cursor);
        let once = |writer: &mut Writer, cursor: &mut _| {
            writer.cursor.write(cursor)?;
            Counters::add(&writer.shared.counters.cursor_syncs, 1);
            writer.cursor.sync(site)
        };
        let result = once(self, &mut cursor).or_else(|_| once(self, &mut cursor));
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

    fn fill_in(&self, cursor: &mut Cursor) {
        cursor.uuid = self.uuid;
        cursor.segment_size = self.shared.segment_size;
        cursor.generation = self.generation;
        cursor.next_sequence = self.next_sequence;
    }
}
