//! Waiting for something to do: records, commands, releases, timers.

use std::collections::VecDeque;
use std::time::Duration;

use super::{CURSOR_SYNC, CURSOR_WRITE, Writer};
use crate::options::Sync;
use crate::shared::{Arriving, Command, Inbox, Shared};
use crate::sync::MutexGuard;

/// The longest that a group waits for the callers of the last ones, in nanoseconds.
const MAX_PATIENCE: u64 = 1_000_000;
/// A group takes no more records once it has this many payload bytes.
const GROUP_BYTES: usize = 4 << 20;

/// What [`Writer::wait`] found.
pub(super) struct Work {
    pub(super) batch: VecDeque<Arriving>,
    pub(super) commands: Vec<Command>,
    pub(super) closing: bool,
}

impl Writer {
    pub(super) fn wait(&mut self) -> Work {
        let shared = self.shared.clone();
        let mut inbox = shared.inbox();
        loop {
            if std::mem::take(&mut inbox.released) {
                self.blocked = false;
                self.touch_cursor();
            }
            // Who waits for room is answered when none will come any more.
            self.blocked &= !inbox.closing && inbox.read_only.is_none();
            let records = !self.blocked && !inbox.queue.is_empty();
            // Those that found no room came before.
            if records && inbox.callers.max(1) < self.expected {
                inbox = self.gather(&shared, inbox);
            }
            let now = shared.vfs.now().boot;
            let due = self.due();
            if records || !inbox.commands.is_empty() || inbox.closing || due.is_some_and(|due| due <= now) {
                let batch = if records { self.take_batch(&mut inbox) } else { VecDeque::new() };
                return Work { batch, commands: std::mem::take(&mut inbox.commands), closing: inbox.closing };
            }
            inbox.will_look = self.cursor_dirty && !self.blocked;
            inbox = shared.wait_work(inbox, due.map(|due| Duration::from_nanos(due - now)));
            inbox.will_look = false;
        }
    }

    /// Under load the callers of the last groups are about to come again, and the first of them alone would cost a sync. So waits for as many
    /// as there were, but no longer than that sync would take; a lone caller waits for nobody.
    fn gather<'a>(&self, shared: &'a Shared, mut inbox: MutexGuard<'a, Inbox>) -> MutexGuard<'a, Inbox> {
        let until = shared.vfs.now().boot + self.sync_time.min(MAX_PATIENCE);
        // Being woken for each of them would hold them up.
        (inbox.enough, inbox.will_look) = (self.expected, true);
        while inbox.callers < self.expected && !inbox.closing {
            let left = until.saturating_sub(shared.vfs.now().boot);
            if left == 0 {
                break;
            }
            inbox = shared.wait_work(inbox, Some(Duration::from_nanos(left)));
        }
        (inbox.enough, inbox.will_look) = (0, false);
        inbox
    }

    fn take_batch(&mut self, inbox: &mut Inbox) -> VecDeque<Arriving> {
        let mut bytes = 0;
        let more = |arriving: &&Arriving| {
            let go_on = bytes < GROUP_BYTES;
            bytes += arriving.record.payload.len();
            go_on
        };
        let count = inbox.queue.iter().take_while(more).count();
        let batch = inbox.queue.drain(..count).collect();
        self.callers = inbox.callers;
        if inbox.queue.is_empty() {
            inbox.callers = 0;
        }
        batch
    }

    /// When the next timer ends.
    fn due(&self) -> Option<u64> {
        let write = self.cursor_dirty.then_some(self.cursor_written + CURSOR_WRITE);
        let sync = self.cursor_changed.map(|since| since + CURSOR_SYNC);
        let expiry = self.shared.index().expiry.map(|expiry| expiry.saturating_sub(self.shared.boot));
        [write, sync, self.data_due(), expiry].into_iter().flatten().min()
    }

    pub(super) fn data_due(&self) -> Option<u64> {
        match self.shared.options.sync {
            Sync::Interval(every) if !self.unsynced.is_empty() => {
                Some(self.unsynced_since.saturating_add(every.as_nanos().try_into().unwrap_or(u64::MAX)))
            }
            _ => None,
        }
    }
}
