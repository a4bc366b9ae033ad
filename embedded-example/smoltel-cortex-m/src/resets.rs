//! A reset before any store, and in the middle of anything that is written between two: what the next boot tells is what was there,
//! or what was just added, whole and once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::vec::Vec;

use smoltel_core::recorder::{Words, cut};
use smoltel_core::{Logger, Pipeline, Severity, Span, Tracer};

use crate::ram::{M, RING, Ram, SLOTS, Told, told};

/// Images of the memory, one before each store, and what `work` returns. The last is of its end.
fn images<R>(ram: Ram, work: impl FnOnce() -> R) -> (Vec<Vec<u8>>, R) {
    let images = Rc::new(RefCell::new(Vec::new()));
    let seen = images.clone();
    let done = cut::before_each(move || seen.borrow_mut().push(ram.image()), work);
    let mut images = images.take();
    images.push(ram.image());
    (images, done)
}

/// Where a byte is one that is copied in any order; a word that a single store writes comes before all of these.
fn is_copied(at: usize) -> bool {
    let slots = size_of::<Words>() + RING;
    let in_slot = |at: usize| at < SLOTS * M && at % M < M - 4;
    at >= size_of::<Words>() && at.checked_sub(slots).is_none_or(in_slot)
}

/// What may be in memory between two stores: the first one's word, and some of what is copied behind it.
fn between<'a>(before: &'a [u8], after: &'a [u8]) -> impl Iterator<Item = Vec<u8>> + 'a {
    let changed = |copied| move |at: &usize| before[*at] != after[*at] && is_copied(*at) == copied;
    let copied: Vec<usize> = (0..before.len()).filter(changed(true)).collect();
    let mut stored = before.to_vec();
    (0..before.len()).filter(changed(false)).for_each(|at| stored[at] = after[at]);
    // From the front, from the back, and every second one.
    let parts = (1..copied.len()).step_by(copied.len() / 4 + 1).flat_map({
        let copied = copied.clone();
        move |n| [copied[..n].to_vec(), copied[n..].to_vec()]
    });
    let every_second = copied.iter().copied().step_by(2).collect();
    parts.chain([every_second]).map(move |part| {
        let mut image = stored.clone();
        part.into_iter().for_each(|at| image[at] = after[at]);
        image
    })
}

/// All that a reset may leave while something is done.
fn left(images: &[Vec<u8>]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let pairs = images.windows(2).flat_map(|pair| between(&pair[0], &pair[1]));
    images.iter().cloned().chain(pairs)
}

/// Memory as a crash leaves it: records, open spans, evidence.
fn crashed(ram: Ram) -> Vec<u8> {
    let (pipeline, _) = ram.boot();
    let (tracer, logger) = (pipeline.tracer("valve"), pipeline.logger("pump"));
    (0..3).for_each(|_| logger.info("ready"));
    logger.warn("late");
    tracer.start("ended").end();
    let mut open = [tracer.start("adjust"), tracer.start("turn")];
    open[0].set("mode", "eco").set("mode", "off").event("stuck", &[]);
    open[1].fail("no valve");
    let words = ram.words();
    words.alive(9);
    words.leave(smoltel_core::recorder::Reset::Panic, ("src/valve.rs", 42), format_args!("no valve"));
    let image = ram.image();
    open.into_iter().for_each(core::mem::forget);
    image
}

#[test]
fn a_reset_anywhere_in_the_boot_after_a_crash_costs_nothing_and_doubles_nothing() {
    let ram = Ram::new();
    let image = crashed(ram);
    ram.restore(&image);
    let expected = told(ram.boot().0);
    assert_eq!(expected.len(), 8, "4 log records, 3 spans, the evidence: {expected:#?}");
    let mut boots = 0;
    let mut check = |image: &[u8]| {
        ram.restore(image);
        let (first, (pipeline, _)) = images(ram, || ram.boot());
        assert_eq!((told(pipeline), pipeline.counters().lost_in_all()), (expected.clone(), 0));
        boots += 1;
        first
    };
    let first = check(&image);
    for (n, image) in left(&first).enumerate() {
        let second = check(&image);
        // A third reset, in the boot after the second one: for some, as each has hundreds.
        if n % 101 == 0 || std::env::var_os("PROVE").is_some() && n % 7 == 0 {
            left(&second).for_each(|image| _ = check(&image));
        }
    }
    println!("proved: evidence arrives whole and once over {boots} boots, cut short {} stores", first.len());
}

/// A device, and what it has open.
struct Life {
    pipeline: &'static Pipeline,
    tracer: Tracer,
    logger: Logger,
    spans: Vec<Span>,
    ram: Ram,
}

impl Life {
    fn begin(ram: Ram) -> Self {
        let (pipeline, _) = ram.boot();
        let (tracer, logger) = (pipeline.tracer("valve"), pipeline.logger("pump"));
        Self { pipeline, tracer, logger, spans: Vec::new(), ram }
    }

    /// The ids of spans that are open.
    fn open(&self) -> BTreeSet<Vec<u8>> {
        self.spans.iter().map(|span| span.context().span_id.0.to_vec()).collect()
    }

    fn span(&mut self) -> &mut Span {
        self.spans.last_mut().expect("one is open")
    }

    fn release(&self, lane: usize) {
        self.pipeline.with_lane(lane, |ring| ring.release(ring.record(0).map_or(0, |(_, next)| next)));
    }
}

type Step = fn(&mut Life);

const LONG: &str = "one of many that fill the ring and push the oldest out of it, each of some length";

const STEPS: &[Step] = &[
    |life| life.logger.info("ready"),
    |life| life.logger.warn("late"),
    |life| life.spans.push(life.tracer.start("adjust")),
    |life| _ = life.span().set("mode", "eco"),
    |life| _ = life.span().set("valve.id", 3),
    |life| _ = life.span().set("mode", "a longer one than the one before it"),
    |life| _ = life.span().event("stuck", &[]),
    |life| life.spans.push(life.tracer.start("turn")),
    |life| _ = life.span().fail("no valve"),
    |life| _ = life.span().fail("no valve at all"),
    |life| _ = life.span().rename("turned"),
    |life| life.ram.words().alive(11),
    |life| _ = life.spans.pop(),
    |life| _ = life.pipeline.with_lane(0, |ring| ring.set_epoch(77)),
    |life| life.release(0),
    |life| life.release(1),
    |life| _ = life.pipeline.logger("a scope that is new"),
    |life| life.pipeline.logger("a scope that is new").log(Severity::Error).set("n", 1).text("x").emit(),
    // Until the oldest give way; in the lane that what is open goes to when nothing is.
    |life| (0..20).for_each(|_| life.logger.info(LONG)),
    |life| _ = life.spans.pop(),
    |life| (0..6).for_each(|_| life.logger.warn(LONG)),
];

/// Attributes, events and statuses as they are when they are whole.
fn vocabulary() -> BTreeMap<u32, BTreeSet<Vec<u8>>> {
    let mut words: BTreeMap<u32, BTreeSet<Vec<u8>>> = BTreeMap::new();
    let mut life = Life::begin(Ram::new());
    for step in STEPS {
        step(&mut life);
    }
    for set in ["eco", "a longer one than the one before it"] {
        life.tracer.start("x").set("mode", set);
    }
    life.tracer.start("x").set("valve.id", 3).set("smoltel.reset.reason", "software").event("stuck", &[]);
    for record in told(life.pipeline).iter().filter(|record| record.kind == 0) {
        for number in [9, 11] {
            words.entry(number).or_default().extend(record.fields(number).into_iter().map(<[u8]>::to_vec));
        }
    }
    words
}

/// What was there before a step, and is there after it.
struct Known {
    before: Vec<Told>,
    after: Vec<Told>,
    open_before: BTreeSet<Vec<u8>>,
    open_after: BTreeSet<Vec<u8>>,
}

impl Known {
    fn check(&self, found: &[Told], lost: u64, words: &BTreeMap<u32, BTreeSet<Vec<u8>>>) {
        let is_aborted = |record: &&Told| record.kind == 0 && record.says("reset: software");
        let (aborted, whole): (Vec<&Told>, Vec<&Told>) = found.iter().partition(is_aborted);
        for record in &whole {
            assert!(self.before.contains(record) || self.after.contains(record), "made up: {record:?}");
        }
        let count = |of: &[Told], record: &Told| of.iter().filter(|known| *known == record).count();
        for record in &self.before {
            let kept = count(&self.before, record).min(count(&self.after, record));
            assert!(count(found, record) >= kept, "lost: {record:?}");
        }
        let mut ids: Vec<_> = found.iter().filter_map(Told::id).collect();
        for id in self.open_before.intersection(&self.open_after) {
            assert!(aborted.iter().any(|span| span.id() == Some(id)), "an open span is not told");
        }
        // While processors change it in place, a span is neither open nor a record.
        let ending = self.open_before.difference(&self.open_after);
        let missing = ending.filter(|id| !ids.contains(&id.as_slice())).count() as u64;
        assert_eq!(lost, missing, "a span that ends is told or counted, and nothing else is lost");
        ids.sort_unstable();
        assert!(ids.is_sorted_by(|a, b| a < b), "twice: {ids:?}");
        for span in aborted {
            let allowed = |(number, allowed): (&u32, &BTreeSet<Vec<u8>>)| {
                span.fields(*number).into_iter().all(|field| allowed.contains(field))
            };
            assert!(words.iter().all(allowed), "rubbish in {span:?}");
            let keys = span.fields(9).into_iter().map(|field| field.get(2..2 + usize::from(field[1])));
            let distinct: BTreeSet<_> = keys.collect();
            assert_eq!(span.fields(9).len(), distinct.len(), "a key twice in {span:?}");
        }
    }
}

#[test]
fn a_reset_anywhere_in_recording_leaves_what_was_there_and_perhaps_what_was_being_added() {
    let (words, other) = (vocabulary(), Ram::new());
    let mut life = Life::begin(Ram::new());
    let (mut boots, mut stores) = (0, 0);
    for step in STEPS {
        let (before, open_before) = (told(life.pipeline), life.open());
        let (images, ()) = images(life.ram, || step(&mut life));
        let known = Known { before, after: told(life.pipeline), open_before, open_after: life.open() };
        for image in left(&images) {
            other.restore(&image);
            let (pipeline, _) = other.boot();
            pipeline.logger("a scope that is new");
            known.check(&told(pipeline), pipeline.counters().lost_in_all(), &words);
            boots += 1;
        }
        stores += images.len() - 1;
    }
    println!(
        "proved: {boots} resets in {} kinds of recording, at {stores} stores and in between",
        STEPS.len()
    );
}
