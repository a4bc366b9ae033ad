//! Memory that holds anything at all: the boot comes to its end, what it tells is records, and it goes on.

use smoltel_core::Loss;
use smoltel_core::recorder::{Image, Reset, Words};
use smoltel_core::{Pipeline, Signal};

use crate::ram::{Ram, told};

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte = self.next() as u8);
    }
}

/// How many images of each sort are tried.
const IMAGES: u64 = if cfg!(miri) { 2 } else { 2_000 };
/// Words of which the memory is ours: magic, identity, the ring's length.
const OURS: usize = 12;

/// Memory with records, open spans and evidence.
fn sound(ram: Ram) -> Vec<u8> {
    let (pipeline, _) = ram.boot();
    pipeline.logger("valve").info("ready");
    pipeline.logger("valve").warn("late");
    pipeline.tracer("valve").start("ended").end();
    let mut open = pipeline.tracer("valve").start("adjust");
    open.set("mode", "eco");
    core::mem::forget(open);
    ram.words().leave(Reset::Panic, ("src/valve.rs", 42), format_args!("no valve"));
    ram.image()
}

/// Boots over that image and once more, and looks at what both tell.
fn boot(ram: Ram, image: &[u8]) -> (&'static Pipeline, Image) {
    ram.restore(image);
    let (pipeline, found) = ram.boot();
    for record in told(pipeline) {
        assert!(record.kind <= 2);
        record.fields(1);
    }
    let lost = pipeline.counters().lost_in_all();
    pipeline.logger("valve").warn("it goes on");
    pipeline.tracer("valve").start("as before").end();
    assert_eq!(pipeline.counters().lost_in_all(), lost, "what is new finds its place");
    let (next, again) = ram.boot();
    assert_eq!((again, next.counters().lost_in_all()), (Image::Survived, 0));
    assert!(told(next).iter().any(|record| record.says("it goes on")));
    assert!(told(next).iter().any(|record| record.says("as before")));
    (pipeline, found)
}

fn damaged(pipeline: &Pipeline) -> u64 {
    Signal::ALL.into_iter().map(|signal| pipeline.counters().lost(signal, Loss::Damaged)).sum()
}

#[test]
fn noise_is_no_memory_of_ours() {
    let (ram, mut random) = (Ram::new(), Random(1));
    let mut image = ram.image();
    for _ in 0..IMAGES {
        random.fill(&mut image);
        let (pipeline, found) = boot(ram, &image);
        assert_eq!((found, damaged(pipeline)), (Image::Fresh, 0));
    }
}

#[test]
fn noise_that_says_it_is_ours_is_counted() {
    let (ram, mut random) = (Ram::new(), Random(2));
    let sound = sound(ram);
    for _ in 0..IMAGES {
        for from in [OURS, size_of::<Words>()] {
            let mut image = sound.clone();
            random.fill(&mut image[from..]);
            let (pipeline, found) = boot(ram, &image);
            assert_eq!(found, Image::Survived);
            assert!(damaged(pipeline) >= 2, "both lanes");
        }
    }
}

#[test]
fn a_few_wrong_bits_anywhere_harm_nothing_that_comes_later() {
    let (ram, mut random) = (Ram::new(), Random(3));
    let sound = sound(ram);
    for n in 0..IMAGES {
        let mut image = sound.clone();
        for _ in 0..=n % 8 {
            let at = random.next() as usize % image.len();
            image[at] ^= 1 << (random.next() % 8);
        }
        boot(ram, &image);
    }
}

#[test]
fn what_an_older_firmware_left_is_counted_item_by_item() {
    let ram = Ram::new();
    let sound = sound(ram);
    ram.restore(&sound);
    let (pipeline, found) = ram.boot_of(*b"build 18");
    assert_eq!((found, told(pipeline).len()), (Image::Refused, 0));
    let lost = |signal| pipeline.counters().lost(signal, Loss::Damaged);
    assert_eq!((lost(Signal::Logs), lost(Signal::Traces)), (3, 2), "the evidence and the open span, too");
}
