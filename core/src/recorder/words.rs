use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

use super::Reset;
use super::evidence::Evidence;
use super::twice::{Twice, store};
use crate::crc::Crc;
use crate::platform::TABLE;

/// `SmR1`.
const MAGIC: u32 = u32::from_le_bytes(*b"SmR1");

/// The words that say what of the memory counts, after a reset too. Any bits are some.
///
/// ```
/// use smoltel_core::recorder::{Reset, Words};
/// static WORDS: Words = Words::new(); // on a device, where the linker script says
/// WORDS.alive(1_000_000);
/// WORDS.leave(Reset::Panic, ("src/main.rs", 42), format_args!("no valve"));
/// ```
#[derive(Debug)]
#[repr(C)]
pub struct Words {
    magic: AtomicU32,
    identity: AtomicU32,
    ring_len: AtomicU32,
    boots: AtomicU32,
    /// How far the evidence of a reset was put into the ring: an item, and where the ring ended before it.
    added: AtomicU32,
    /// By their number in the ring.
    scopes: [AtomicU32; TABLE],
    /// By their number in this boot: that in the ring, and 1.
    numbers: [AtomicU32; TABLE],
    pub(super) lanes: [Twice<10>; 2],
    alive: Twice<2>,
    pub(super) evidence: Evidence,
}

impl Default for Words {
    fn default() -> Self {
        Self::new()
    }
}

/// What the words say of the memory beside them.
pub(super) enum Held {
    /// Nothing.
    Nothing,
    /// Something of another firmware, in a ring of that length.
    Foreign(usize),
    /// What this firmware left.
    Ours,
}

impl Words {
    /// Words that say nothing.
    pub const fn new() -> Self {
        Self {
            magic: AtomicU32::new(0),
            identity: AtomicU32::new(0),
            ring_len: AtomicU32::new(0),
            boots: AtomicU32::new(0),
            added: AtomicU32::new(0),
            scopes: [const { AtomicU32::new(0) }; TABLE],
            numbers: [const { AtomicU32::new(0) }; TABLE],
            lanes: [const { Twice::new() }; 2],
            alive: Twice::new(),
            evidence: Evidence::new(),
        }
    }

    /// The device is alive at that uptime, in nanoseconds. The main loop says so where it feeds the watchdog; what a reset cuts
    /// short is given that time.
    pub fn alive(&self, now: u64) {
        self.alive.write(halves(now));
    }

    /// The last sign of life before the reset.
    pub(super) fn last_alive(&self) -> u64 {
        self.alive.read().map_or(0, whole)
    }

    /// Leaves evidence for the next boot: why the device is about to be reset, the file and line where that came from (or nothing and 0),
    /// and what there is to say; 192 bytes of text in all. If there is some already, that stays: it is the cause.
    ///
    /// For panic and fault handlers: it takes no lock, calls nothing of the pipeline's, and needs some 100 bytes of stack beside what
    /// formatting takes.
    pub fn leave(&self, cause: Reset, place: (&str, u32), text: fmt::Arguments<'_>) {
        self.evidence.leave(cause, place, text);
    }

    /// How many resets the memory has survived: with a serial number, what makes ids and nonces that do not repeat.
    pub fn boots(&self) -> u32 {
        self.boots.load(Ordering::Relaxed)
    }

    pub(super) fn held(&self, identity: u32) -> Held {
        let ours = self.identity.load(Ordering::Relaxed);
        match self.magic.load(Ordering::Relaxed) {
            MAGIC if ours == identity => Held::Ours,
            MAGIC if ours != 0 => Held::Foreign(self.ring_len.load(Ordering::Relaxed) as usize),
            _ => Held::Nothing,
        }
    }

    /// Says that there is nothing, until [`begin`](Self::begin).
    pub(super) fn empty(&self) {
        let all = [&self.identity, &self.boots, &self.added].into_iter();
        all.chain(&self.scopes).chain(&self.numbers).for_each(|word| store(word, 0));
        self.alive(0);
        self.evidence.clear();
    }

    pub(super) fn begin(&self, identity: u32, ring_len: usize) {
        store(&self.ring_len, ring_len as u32);
        store(&self.magic, MAGIC);
        store(&self.identity, identity);
    }

    /// The memory has survived a reset.
    pub(super) fn count_boot(&self) {
        store(&self.boots, self.boots().wrapping_add(1));
    }

    /// Forgets the numbers of the last boot's scopes.
    pub(super) fn renumber(&self) {
        self.numbers.iter().for_each(|number| store(number, 0));
    }

    /// Takes note that item `item` is to be added to the ring, which ends at `end`.
    pub(super) fn adding(&self, item: u8, end: u64) {
        store(&self.added, (u32::from(item) + 1) << 24 | end as u32 & END);
    }

    /// Everything was added.
    pub(super) fn added_all(&self) {
        store(&self.added, 0);
    }

    /// The first item that is still to be added to a ring that ends at `end`.
    pub(super) fn next_item(&self, end: u64) -> u8 {
        let added = self.added.load(Ordering::Relaxed);
        match ((added >> 24) as u8).checked_sub(1) {
            None => 0,
            Some(item) => item.saturating_add(u8::from(added & END != end as u32 & END)),
        }
    }

    /// Gives scope `number` of this boot, of that signature, a number in the ring.
    pub(crate) fn declare(&self, number: u16, signature: u32) {
        let signature = signature.max(1);
        let known = |word: &AtomicU32| [signature, 0].contains(&word.load(Ordering::Relaxed));
        let of_ring = self.scopes.iter().position(|word| word.load(Ordering::Relaxed) == signature);
        let of_ring = of_ring.or_else(|| self.scopes.iter().position(known));
        let place =
            of_ring.and_then(|at| Some((at, self.scopes.get(at)?, self.numbers.get(usize::from(number))?)));
        if let Some((at, scope, number)) = place {
            store(scope, signature);
            store(number, at as u32 + 1);
        }
    }

    /// The number in the ring of scope `number` of this boot.
    pub(crate) fn of_ring(&self, number: u16) -> u16 {
        let found = self.numbers.get(usize::from(number)).map(|found| found.load(Ordering::Relaxed));
        found.and_then(|found| u16::try_from(found.checked_sub(1)?).ok()).unwrap_or(u16::MAX)
    }

    /// The number in this boot of the scope that has `number` in the ring.
    pub(crate) fn of_boot(&self, number: u16) -> u16 {
        let wanted = u32::from(number) + 1;
        let found = self.numbers.iter().position(|found| found.load(Ordering::Relaxed) == wanted);
        found.map_or(u16::MAX, |found| found as u16)
    }
}

/// Of a position, in `added`.
const END: u32 = 0x00FF_FFFF;

/// What memory has to be of to be ours.
pub(super) fn identity(build: [u8; 8], lens: [usize; 3]) -> u32 {
    let lens = lens.iter().fold(Crc::new().add(&build), |crc, len| crc.add(&(*len as u32).to_le_bytes()));
    lens.value().max(1)
}

pub(crate) const fn halves(whole: u64) -> [u32; 2] {
    [whole as u32, (whole >> 32) as u32]
}

pub(crate) const fn whole([low, high]: [u32; 2]) -> u64 {
    (high as u64) << 32 | low as u64
}
