//! The first thing of a boot: what the reset left.

use core::ops::DerefMut;

use super::mark::Mark;
use super::twice::Twice;
use super::words::{Held, identity};
use super::{Image, Memory, Reset, Words};
use crate::batch::{Lane, Source};
use crate::counters::Loss;
use crate::id::Seed;
use crate::otlp::Signal;
use crate::otlp::trace::START;
use crate::pipeline::{Pipeline, Stored};
use crate::platform::{Device, Priority, TABLE};
use crate::processor::Processor;
use crate::record::{aborted_span, fatal};
use crate::ring::{Header, Ring};
use crate::sampler::Sampler;
use crate::wire::{FIXED32, FIXED64, LEN, Payload, Reader, VARINT, varint};

type Bytes = &'static mut [u8];

/// The scope of log records that tell of a crash.
const SCOPE: &str = "smoltel.recorder";
/// A span's ids, with which its bytes begin.
const IDS: usize = 28;

impl<C, S> Pipeline<Device<C, S>>
where
    C: Processor + Send + Sync + 'static,
    S: Sampler + Send + Sync + 'static,
{
    /// [`init`](Self::init) over memory that survives a reset. What is in it goes on; spans that were open when the device was
    /// reset are ended as failed, and evidence of a crash becomes a log record of severity FATAL.
    ///
    /// `build` is the firmware's build id, or what else changes with it: memory of another one is refused. `reset` is what the part's
    /// reset register says; evidence says it better. The number of resets is mixed into `seed`.
    ///
    /// Make tracers, loggers and meters before anything is sent: what an earlier boot recorded has no scope's name until it is declared.
    pub fn init_recorder<const M: usize>(
        &'static self,
        memory: Memory<M>,
        seed: Seed,
        build: [u8; 8],
        reset: Reset,
    ) -> Image {
        let Memory { words, ring, slots } = memory;
        let slots = slots.get_mut(..slots.len().min(TABLE)).unwrap_or_default();
        let identity = identity(build, [ring.len(), slots.len(), M]);
        let ring_len = ring.len();
        let keep = ring_len / 4;
        let (keep, low) = ring.split_at_mut(keep);
        let held = words.held(identity);
        let lanes = match held {
            Held::Ours => {
                words.count_boot();
                [(low, &words.lanes[0]), (keep, &words.lanes[1])].map(|lane| self.resume(lane))
            }
            Held::Nothing | Held::Foreign(_) => {
                if let Held::Foreign(len) = held {
                    let lanes = [(&mut *low, &words.lanes[0]), (&mut *keep, &words.lanes[1])];
                    self.refuse(words, lanes, slots, len == ring_len);
                }
                words.empty();
                slots.iter_mut().for_each(|slot| Mark::Free.write(slot));
                let lanes = [Ring::begin(low, &words.lanes[0]), Ring::begin(keep, &words.lanes[1])];
                words.begin(identity, ring_len);
                lanes
            }
        };
        self.survive(lanes, words, seed.of_boot(words.boots()));
        self.recover(words, slots, reset);
        match held {
            Held::Nothing => Image::Fresh,
            Held::Foreign(_) => Image::Refused,
            Held::Ours => Image::Survived,
        }
    }

    fn resume(&self, (bytes, journal): (Bytes, &'static Twice<10>)) -> Ring<Bytes> {
        let (ring, lost) = Ring::resume(bytes, journal, is_whole);
        if lost {
            self.add_lost(Signal::Logs, Loss::Damaged, 1);
        }
        ring
    }

    /// Counts what another firmware left, as far as it can be known.
    fn refuse<const M: usize>(
        &self,
        words: &Words,
        lanes: [(&mut [u8], &'static Twice<10>); 2],
        slots: &[[u8; M]],
        is_as_long: bool,
    ) {
        self.add_lost(Signal::Logs, Loss::Damaged, words.evidence.find().is_some().into());
        if !is_as_long {
            return self.add_lost(Signal::Logs, Loss::Damaged, 1);
        }
        // Slots of other lengths have no marks in these places, and hardly ever what looks like one.
        let is_open = |slot: &&[u8; M]| matches!(Mark::read(*slot), Mark::Open(..) | Mark::Ending);
        self.add_lost(Signal::Traces, Loss::Damaged, slots.iter().filter(is_open).count() as u64);
        for (bytes, journal) in lanes {
            let (ring, lost) = Ring::resume(bytes, journal, is_whole);
            self.add_lost(Signal::Logs, Loss::Damaged, lost.into());
            for (_, header) in ring.records(0) {
                if let Some(signal) = Signal::from_number(header.kind) {
                    self.add_lost(signal, Loss::Damaged, header.items.into());
                }
            }
        }
    }

    /// Gives the pipeline its slots, and puts into its rings what is to be told of the reset. `docs/RECORDER.md` says why it may
    /// be interrupted.
    fn recover<const M: usize>(
        &'static self,
        words: &'static Words,
        slots: &'static mut [[u8; M]],
        reset: Reset,
    ) {
        if matches!(reset, Reset::Watchdog | Reset::Panic | Reset::HardFault) {
            words.leave(reset, ("", 0), format_args!("reset: {}", reset.name()));
        }
        let evidence = words.evidence.find();
        let (mut alive, mut open) = (words.last_alive(), heapless::Vec::<_, TABLE>::new());
        let next = words.next_item(self.ends());
        for (item, slot) in slots.iter_mut().enumerate() {
            match Mark::read(slot) {
                Mark::Free => self.give_back(slot),
                mark => {
                    alive = alive.max(start(mark.of(slot)));
                    // There are no more slots.
                    let _ = open.push((item as u8, mark, slot));
                }
            }
        }
        let what = (alive, evidence.as_ref().map_or(reset, |found| found.cause));
        for (item, mark, slot) in open {
            if item >= next {
                words.adding(item, self.ends());
                self.abort(mark, slot, what);
            }
            self.give_back(slot);
        }
        words.renumber();
        if let Some(found) = evidence.filter(|_| next <= TABLE as u8) {
            words.adding(TABLE as u8, self.ends());
            let mut log = fatal::<Device<C, S>>(self, self.declare(SCOPE.into()), what);
            log = log.set("exception.type", what.1.name());
            if found.line > 0 {
                log = log.set("code.file.path", found.file()).set("code.line.number", i64::from(found.line));
            }
            log.text(found.text()).emit();
        }
        words.evidence.clear();
        words.alive(0);
        for lane in 0..2 {
            self.with_lane(lane, Ring::begin_boot);
        }
        words.added_all();
    }

    /// Where the lanes end: it grows with each record.
    fn ends(&self) -> u64 {
        let end = |lane| self.with_lane(lane, |ring| ring.place().position + ring.len() as u64).unwrap_or(0);
        end(0).wrapping_add(end(1))
    }

    /// Exports what was open in `slot`, unless it is in a ring already.
    fn abort(&'static self, mark: Mark, slot: &[u8], what: (u64, Reset)) {
        if self.has(slot.get(..IDS).unwrap_or_default()) {
            return;
        }
        let ended = match (mark, self.take_slot()) {
            (Mark::Open(_, scope), Some(free)) => {
                aborted_span(free, mark.of(slot), what, self.platform()).map(|ended| (scope, ended))
            }
            (_, Some(free)) => Err(free),
            (_, None) => return self.add_lost(Signal::Traces, Loss::Damaged, 1),
        };
        match ended {
            Ok((scope, (slot, len))) => {
                let (signal, priority, scope, time) = (Signal::Traces, Priority::Keep, scope.into(), what.0);
                self.store(Stored { signal, priority, scope, items: 1, time }, slot, len);
            }
            Err(free) => {
                self.give_back(free);
                self.add_lost(Signal::Traces, Loss::Damaged, 1);
            }
        }
    }

    /// Whether a span of those ids is in a ring.
    fn has(&self, ids: &[u8]) -> bool {
        (0..2).any(|number| {
            let lane = Lane { pipeline: self, number };
            let mut at = 0;
            while let Some((header, next)) = Source::record(&lane, at) {
                let mut found = [0; IDS];
                Source::read(&lane, at + Header::LEN, &mut found);
                if header.kind == Signal::Traces as u8 && found == ids {
                    return true;
                }
                at = next;
            }
            false
        })
    }
}

/// When a span started, by its fields. Those of no span never did.
fn start(written: &[u8]) -> u64 {
    let mut start = 0;
    for field in Reader::new(written) {
        match field {
            Ok((START, Payload::Fixed64(time))) => start = time,
            Ok(_) => {}
            Err(_) => return 0,
        }
    }
    start
}

/// Whether the record at `offset` may be one: of a signal, and its bytes are fields.
fn is_whole<B: DerefMut<Target = [u8]>>(ring: &Ring<B>, offset: usize, header: Header) -> bool {
    let (mut at, end) = (offset + Header::LEN, offset + header.record_len());
    while at < end {
        // A field's tag, and its length or its varint.
        let mut front = [0; 15];
        let read = front.len().min(end - at);
        let front = front.get_mut(..read).unwrap_or_default();
        ring.read(at, front);
        let Some(len) = field_len(front) else { return false };
        at = at.saturating_add(len);
    }
    at == end && Signal::from_number(header.kind).is_some()
}

/// Bytes of the field that begins so.
fn field_len(front: &[u8]) -> Option<usize> {
    let (key, tag) = varint::decode(front).filter(|(key, _)| key >> 3 != 0)?;
    let rest = || varint::decode(front.get(tag..)?);
    Some(match (key & 7) as u32 {
        VARINT => tag + rest()?.1,
        FIXED64 => tag + 8,
        FIXED32 => tag + 4,
        LEN => tag + rest()?.1 + usize::try_from(rest()?.0).ok().filter(|len| *len <= u16::MAX.into())?,
        _ => return None,
    })
}
