//! The thread that owns the files.

mod cursor;
mod marks;
mod room;
mod wait;

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::error::AppendError;
use crate::format::segment::Previous;
use crate::group::{Group, Member, Open};
use crate::marks_file::MarksFile;
use crate::options::{Full, Sync};
use crate::record::{Class, Stored};
use crate::shared::{Arriving, Command, Counters, Shared};
use crate::slots::{AHEAD, Slots};
use crate::two_slots::TwoSlots;
use crate::vfs::Site;

/// CURSOR is written no more often than this, in nanoseconds.
const CURSOR_WRITE: u64 = 20_000_000;
/// CURSOR is synced no later than this after a change, in nanoseconds.
const CURSOR_SYNC: u64 = 5_000_000_000;
pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) cursor: TwoSlots,
    pub(crate) marks: MarksFile,
    pub(crate) slots: Slots,
    pub(crate) uuid: [u8; 16],
    pub(crate) boot_id: [u8; 16],
    /// The highest generation and the next sequence to give out.
    pub(crate) generation: u64,
    pub(crate) next_sequence: u64,
    /// Sequences up to this were accounted for when the spool was opened.
    pub(crate) settled: u64,
    /// Highest durable sequence.
    pub(crate) durable: u64,
    /// Highest sequence written, durable or not.
    pub(crate) written: u64,
    pub(crate) open: [Option<Open>; Class::ALL.len()],
    pub(crate) previous: [Option<Previous>; Class::ALL.len()],
    /// Segments written to since the last sync, and since when.
    pub(crate) unsynced: Vec<u64>,
    pub(crate) unsynced_since: u64,
    /// CURSOR is out of date; when it was written; when a change that no sync covers was made.
    pub(crate) cursor_dirty: bool,
    pub(crate) cursor_written: u64,
    pub(crate) cursor_changed: Option<u64>,
    /// The oldest waiting record found no room and waits for a release.
    pub(crate) blocked: bool,
    /// How many calls brought what was taken last, how many the next group waits for, and how long the last sync took, in nanoseconds.
    pub(crate) callers: usize,
    pub(crate) expected: usize,
    pub(crate) sync_time: u64,
    /// Held until the writer ends.
    pub(crate) lock: Option<Box<dyn Send + std::marker::Sync>>,
}

impl Writer {
    pub(crate) fn run(&mut self) {
        loop {
            let work = self.wait();
            self.commit(work.batch, work.closing);
            for Command(answer) in work.commands {
                _ = answer.send(self.sync_cursor(Site::CursorSync));
            }
            if work.closing && self.shared.inbox().queue.is_empty() {
                break;
            }
            self.timers();
        }
        self.finish();
    }

    fn timers(&mut self) {
        let now = self.shared.vfs.now().boot;
        if self.data_due().is_some_and(|due| due <= now) {
            self.sync_written();
        }
        self.shared.enforce();
        if self.cursor_changed.is_some_and(|since| since + CURSOR_SYNC <= now) {
            _ = self.sync_cursor(Site::CursorSync);
        } else if self.cursor_dirty && self.cursor_written + CURSOR_WRITE <= now {
            self.write_cursor(now);
        }
        let let_go = Some(self.shared.index().let_go.len()).filter(|n| *n >= self.slots.worth_a_sync());
        let spare = self.slots.free.len() + let_go.unwrap_or(0);
        if (spare as u32) < AHEAD && self.slots.may_grow(now) {
            self.grow(now);
        }
    }

    fn finish(&mut self) {
        self.sync_written();
        // Those that everybody is done with are let go: an empty spool may be opened with another key.
        for open in self.open.iter_mut().filter_map(Option::take) {
            self.shared.index().close_segment(open.generation);
        }
        let synced = self.sync_cursor(Site::CursorSync);
        self.lock = None;
        let mut inbox = self.shared.inbox();
        let result = inbox.read_only.clone().map_or(synced, Err);
        inbox.stopped = Some(result);
        inbox.commands.clear();
        drop(inbox);
        self.shared.room.notify_all();
    }

    /// Stores a batch, or says why not.
    fn commit(&mut self, mut batch: VecDeque<Arriving>, closing: bool) {
        let mut group = Group::default();
        while let Some(arriving) = batch.pop_front() {
            let Some(arriving) = self.drop_duplicate(&mut group, arriving) else { continue };
            match self.place(&mut group, self.next_sequence, &arriving) {
                Ok(()) => {
                    group.add(Member { sequence: self.next_sequence, arriving, again: Vec::new() });
                    self.next_sequence += 1;
                }
                Err(AppendError::Full) if !closing && self.room_will_come(&group) => {
                    batch.push_front(arriving);
                    self.blocked = true;
                    break;
                }
                Err(error) => self.refuse(arriving, error),
            }
        }
        let mut inbox = self.shared.inbox();
        while let Some(arriving) = batch.pop_back() {
            inbox.queue.push_front(arriving);
        }
        drop(inbox);
        self.store(group);
    }

    /// Whether a record waits for room: that is the policy, and there is something that can be released. Segments abandoned after a
    /// failure stay out of use until the next opening.
    fn room_will_come(&self, group: &Group) -> bool {
        let held = || self.shared.index().segments.values().any(|s| !s.suspect && s.held() > 0);
        self.shared.options.full == Full::Block && (!group.members.is_empty() || held())
    }

    fn store(&mut self, mut group: Group) {
        if group.members.is_empty() {
            return;
        }
        match self.write(&mut group) {
            Ok(()) => self.settle(group),
            Err(error) => self.store_elsewhere(group, &error),
        }
    }

    /// A write or sync failed. The group is still here: it goes to other segments, with the same sequences.
    fn store_elsewhere(&mut self, group: Group, error: &io::Error) {
        let full = is_full(error);
        let last = group.last_sequence();
        self.abandon(&group, !full);
        let mut second = Group::default();
        for member in group.members {
            let placed = match full {
                true => Err(AppendError::Full),
                false => self.place(&mut second, member.sequence, &member.arriving),
            };
            match placed {
                Ok(()) => second.add(member),
                Err(error) => self.refuse_member(member, &error),
            }
        }
        match self.write(&mut second) {
            Ok(()) => self.settle(second),
            Err(again) => {
                self.abandon(&second, true);
                self.fail(&format!("storing records failed twice: {error}; {again}"));
                for member in second.members {
                    self.refuse_member(member, &self.read_only());
                }
            }
        }
        self.sync_written();
        // Refused sequences will never be durable: say so before a later record claims it.
        self.settled = last;
        // Of what was refused nobody will release anything.
        self.blocked = false;
        self.durable = self.durable.max(last);
        self.shared.index().watermark = self.durable;
        _ = self.sync_cursor(Site::CursorSync);
    }

    fn write(&mut self, group: &mut Group) -> io::Result<()> {
        if group.members.is_empty() {
            return Ok(());
        }
        group.write(&self.shared, &mut self.open)?;
        if self.shared.options.sync == Sync::Always {
            let before = self.shared.vfs.now().boot;
            Counters::add(&self.shared.counters.data_syncs, 1);
            self.shared.file.sync_data(Site::GroupSync)?;
            self.sync_time = self.shared.vfs.now().boot.saturating_sub(before);
            self.expected = self.callers.max(self.expected * 3 / 4);
        }
        Ok(())
    }

    /// Closes the group's segments as they were before it.
    fn abandon(&mut self, group: &Group, suspect: bool) {
        let generations = group.generations();
        for open in &mut self.open {
            _ = open.take_if(|open| generations.contains(&open.generation));
        }
        let mut index = self.shared.index();
        for generation in generations {
            if let Some(segment) = index.segments.get_mut(&generation) {
                segment.suspect = suspect;
            }
            index.close_segment(generation);
        }
    }

    /// The group is stored: shows it to the destinations and answers the callers.
    fn settle(&mut self, group: Group) {
        if group.members.is_empty() {
            return;
        }
        let last = group.last_sequence();
        {
            let mut index = self.shared.index();
            for run in &group.runs {
                // Who waits for room may find some.
                self.blocked &= !index.publish(run.generation, &run.metas);
            }
        }
        self.written = last;
        if self.unsynced.is_empty() {
            self.unsynced_since = self.shared.vfs.now().boot;
        }
        self.unsynced.extend(group.generations());
        if self.shared.options.sync == Sync::Always {
            self.mark_durable(last);
        }
        {
            let mut index = self.shared.index();
            group.closing.iter().for_each(|generation| index.close_segment(*generation));
        }
        self.touch_cursor();
        self.shared.ready.notify_all();
        self.mark(&group);
        let bytes = group.members.iter().map(|member| member.arriving.record.payload.len()).sum();
        // Before the answers: who has been answered may hand over as much again at once.
        self.left(bytes);
        for member in group.members {
            answer(member.arriving, Ok(Stored::New(member.sequence)));
            member.again.into_iter().for_each(|arriving| self.duplicate(arriving));
        }
    }

    /// Everything written so far, up to a sequence, is durable.
    fn mark_durable(&mut self, sequence: u64) {
        self.durable = self.durable.max(sequence);
        let mut index = self.shared.index();
        index.durable(&std::mem::take(&mut self.unsynced), self.durable);
        // Not `open.records`: a group that is being laid out is counted there already.
        for open in self.open.iter_mut().flatten() {
            if let Some(segment) = index.segments.get(&open.generation) {
                open.durable_records = segment.durable_records;
                open.durable_items = segment.durable_items;
            }
        }
    }

    /// The sync of the policies that answer before it.
    fn sync_written(&mut self) {
        if self.unsynced.is_empty() {
            return;
        }
        Counters::add(&self.shared.counters.data_syncs, 1);
        match self.shared.file.sync_data(Site::GroupSync) {
            Ok(()) => self.mark_durable(self.written),
            Err(error) => self.lose_unsynced(&error),
        }
        self.touch_cursor();
    }

    /// A sync failed, and no later one says anything about what was written before it. Those records are answered and
    /// forgotten: there is nothing to write again.
    fn lose_unsynced(&mut self, error: &io::Error) {
        if !self.unsynced.is_empty() {
            self.unsynced.clear();
            self.fail(&format!("a sync of spool.dat failed: {error}"));
        }
    }

    /// Accepts nothing more until the spool is opened again.
    fn fail(&self, reason: &str) {
        let mut inbox = self.shared.inbox();
        inbox.read_only.get_or_insert_with(|| reason.into());
        drop(inbox);
        self.shared.room.notify_all();
    }

    fn read_only(&self) -> AppendError {
        AppendError::ReadOnly(self.shared.inbox().read_only.clone().unwrap_or_default())
    }

    fn refuse_member(&self, member: Member, error: &AppendError) {
        self.refuse(member.arriving, error.clone());
        member.again.into_iter().for_each(|arriving| self.refuse(arriving, error.clone()));
    }

    fn refuse(&self, arriving: Arriving, error: AppendError) {
        if error == AppendError::Full {
            self.shared.count_refused(arriving.record.items);
        }
        self.left(arriving.record.payload.len());
        answer(arriving, Err(error));
    }

    /// Payload bytes are no longer in flight.
    fn left(&self, bytes: usize) {
        let mut inbox = self.shared.inbox();
        inbox.bytes = inbox.bytes.saturating_sub(bytes);
        drop(inbox);
        self.shared.room.notify_all();
    }
}

/// A completion that panics must not take the writer, and everybody's records, with it.
fn answer(arriving: Arriving, result: Result<Stored, AppendError>) {
    _ = catch_unwind(AssertUnwindSafe(|| (arriving.done)(result)));
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
