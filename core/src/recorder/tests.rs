//! Boots, one after the other, over the same memory.

use std::boxed::Box;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::{Image, Memory, Reset, Words};
use crate::batch::{Lane, Source};
use crate::counters::Loss;
use crate::otlp::Signal;
use crate::platform::Device;
use crate::processor::Deny;
use crate::record::Span;
use crate::ring::Header;
use crate::sampler::{AlwaysOn, ParentBased};
use crate::{Limits, Pipeline, Seed};

const RING: usize = 2048;
const M: usize = 192;
const BUILD: [u8; 8] = *b"build 17";
type Telemetry = Pipeline<Device<Deny<'static>>>;

/// What a reset leaves.
struct Ram {
    words: &'static Words,
    ring: Vec<u8>,
    slots: Vec<[u8; M]>,
}

fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

impl Ram {
    fn after_power_came() -> Self {
        Self { words: leak(Words::new()), ring: [0xA5; RING].to_vec(), slots: [[0x5A; M]; 4].to_vec() }
    }

    fn boot_of(&self, build: [u8; 8], reset: Reset) -> (&'static Telemetry, Image) {
        let device = Device {
            clock: || 500,
            limits: Limits::DEFAULT,
            processor: Deny::new(&["password"]),
            sampler: ParentBased::new(AlwaysOn),
        };
        let telemetry: &'static Telemetry = leak(Pipeline::on(device));
        let memory =
            Memory { words: self.words, ring: self.ring.clone().leak(), slots: self.slots.clone().leak() };
        (telemetry, telemetry.init_recorder(memory, Seed::Unique([3; 16]), build, reset))
    }

    fn boot(&self, reset: Reset) -> (&'static Telemetry, Image) {
        self.boot_of(BUILD, reset)
    }

    /// What a reset leaves while these spans are open: the bytes of the lanes and of these slots.
    fn reset(&mut self, telemetry: &'static Telemetry, open: Vec<Span<Device<Deny<'static>>>>) {
        let lane = |number| telemetry.with_lane(number, |ring| ring.bytes().to_vec()).expect("there are two");
        self.ring = [lane(1), lane(0)].concat();
        self.slots.iter_mut().for_each(|slot| *slot = [0; M]);
        for (slot, span) in self.slots.iter_mut().zip(open) {
            slot.copy_from_slice(span.slot());
            core::mem::forget(span);
        }
    }
}

/// The records of both lanes: their scope, and their bytes as far as they are text.
fn told(telemetry: &Telemetry) -> Vec<String> {
    let mut told = Vec::new();
    for number in [1, 0] {
        let (lane, mut at) = (Lane { pipeline: telemetry, number }, 0);
        while let Some((header, next)) = Source::record(&lane, at) {
            let mut bytes = std::vec![0; header.len.into()];
            Source::read(&lane, at + Header::LEN, &mut bytes);
            let text = String::from_utf8_lossy(&bytes);
            let text: String = text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').collect();
            told.push(telemetry.with_scope(header.scope, |scope| format!("{}: {text}", scope.name)));
            at = next;
        }
    }
    told
}

fn says(told: &str, parts: &[&str]) -> bool {
    parts.iter().all(|part| told.contains(part))
}

#[test]
fn records_open_spans_and_evidence_survive_a_reset_and_come_once() {
    let mut ram = Ram::after_power_came();
    let (first, image) = ram.boot(Reset::PowerOn);
    assert_eq!(image, Image::Fresh);
    first.logger("valve").info("ready");
    let tracer = first.tracer("valve");
    let mut adjust = tracer.start("adjust");
    adjust.set("mode", "eco").set("password", "hunter2").set("mode", "off");
    let mut turn = tracer.span("turn").child_of(&adjust).start();
    turn.fail("stuck");
    ram.words.leave(Reset::Panic, ("src/valve.rs", 42), format_args!("no valve at {}", 3));
    ram.reset(first, [adjust, turn].into());

    let (second, image) = ram.boot(Reset::Software);
    assert_eq!(image, Image::Survived);
    second.logger("valve");
    let found = told(second);
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(
        says(&found[0], &["valve: ", "adjust", "off", "reset: panic", "smoltel.reset.reason"]),
        "{found:#?}"
    );
    assert!(!says(&found[0], &["hunter2"]) && !says(&found[0], &["eco"]), "{found:#?}");
    assert!(
        says(&found[1], &["valve: ", "turn", "reset: panic"]) && !says(&found[1], &["stuck"]),
        "{found:#?}"
    );
    assert!(says(&found[2], &["smoltel.recorder: ", "FATAL", "no valve at 3", "src/valve.rs"]), "{found:#?}");
    assert!(says(&found[3], &["valve: ", "ready"]), "{found:#?}");
    let place = second.with_lane(1, |ring| ring.place()).expect("the lane");
    assert!(place.boot > 0, "they are of the boot before");
    assert_eq!(second.counters().lost_in_all(), 0);

    ram.reset(second, Vec::new());
    let (third, _) = ram.boot(Reset::Software);
    third.logger("valve");
    third.logger("smoltel.recorder");
    assert_eq!(told(third), found, "nothing more");
}

#[test]
fn a_scope_keeps_its_name_whatever_its_number_is() {
    let mut ram = Ram::after_power_came();
    let (first, _) = ram.boot(Reset::PowerOn);
    first.logger("valve").info("a");
    first.logger("pump").info("b");
    ram.reset(first, Vec::new());
    let (second, _) = ram.boot(Reset::Software);
    second.logger("pump").info("c");
    assert!(says(&told(second)[0], &[": "]) && !says(&told(second)[0], &["valve"]), "not declared yet");
    second.logger("valve").info("d");
    let scopes: Vec<_> =
        told(second).iter().map(|told| told.split(':').next().unwrap_or("").to_string()).collect();
    assert_eq!(scopes, ["valve", "pump", "pump", "valve"]);
}

#[test]
fn what_another_firmware_left_is_refused_and_counted() {
    let mut ram = Ram::after_power_came();
    let (first, _) = ram.boot(Reset::PowerOn);
    first.logger("valve").info("a");
    first.logger("valve").warn("b");
    let span = first.tracer("valve").start("adjust");
    ram.words.leave(Reset::Panic, ("", 0), format_args!("no valve"));
    ram.reset(first, [span].into());
    let (second, image) = ram.boot_of(*b"build 18", Reset::Software);
    assert_eq!((image, told(second).len()), (Image::Refused, 0));
    assert_eq!(second.counters().lost(Signal::Logs, Loss::Damaged), 3, "two, and the evidence");
    assert_eq!(second.counters().lost(Signal::Traces, Loss::Damaged), 1, "which was open");
    second.logger("valve").info("c");
    ram.reset(second, Vec::new());
    assert_eq!(ram.boot_of(*b"build 18", Reset::Software).1, Image::Survived, "it has begun anew");
}

#[test]
fn a_ring_of_another_length_counts_as_one() {
    let mut ram = Ram::after_power_came();
    let (first, _) = ram.boot(Reset::PowerOn);
    first.logger("valve").info("a");
    ram.reset(first, Vec::new());
    ram.ring.truncate(1024);
    let (second, image) = ram.boot(Reset::Software);
    assert_eq!((image, second.counters().lost(Signal::Logs, Loss::Damaged)), (Image::Refused, 1));
}

#[test]
fn a_watchdog_of_which_nobody_left_evidence_is_told() {
    let mut ram = Ram::after_power_came();
    let (first, _) = ram.boot(Reset::PowerOn);
    let span = first.tracer("valve").start("adjust");
    ram.words.alive(900);
    ram.reset(first, [span].into());
    let (second, _) = ram.boot(Reset::Watchdog);
    let found = told(second);
    assert!(says(&found[0], &["adjust", "reset: watchdog"]), "{found:#?}");
    assert!(says(&found[1], &["FATAL", "watchdog"]), "{found:#?}");
}

#[test]
fn lost_bits_are_counted_and_what_is_before_them_stays() {
    let mut ram = Ram::after_power_came();
    let (first, _) = ram.boot(Reset::PowerOn);
    for text in ["first", "second", "third"] {
        first.logger("valve").info(text);
    }
    first.with_lane(0, |ring| ring.set_epoch(7));
    let span = first.tracer("valve").start("adjust");
    ram.reset(first, [span].into());
    let at = ram.ring.windows(6).position(|bytes| bytes == b"second").expect("it is there");
    // The length of the body, which reaches beyond its record then.
    ram.ring[at - 3] ^= 0x40;
    *ram.slots[0].last_mut().expect("the mark") ^= 1;
    let (second, _) = ram.boot(Reset::Brownout);
    second.logger("valve");
    let found = told(second);
    assert!(found.len() == 1 && says(&found[0], &["first"]), "{found:#?}");
    let lost = |signal| second.counters().lost(signal, Loss::Damaged);
    assert_eq!((lost(Signal::Logs), lost(Signal::Traces)), (1, 1));
    let epoch = second.with_lane(0, |ring| ring.place().epoch);
    assert_eq!(epoch, Some(0), "positions that were used are not used again under that name");
}

#[test]
fn spans_that_nobody_asked_for_are_not_told() {
    let mut ram = Ram::after_power_came();
    let (first, _) = ram.boot(Reset::PowerOn);
    let parent = crate::SpanContext { flags: 0, ..first.tracer("valve").start("x").context() };
    let unsampled = first.tracer("valve").span("adjust").parent(parent).start();
    assert!(!unsampled.is_recording());
    first.tracer("valve").start("ended").end();
    let ended = told(first).len();
    ram.reset(first, Vec::new());
    let (second, _) = ram.boot(Reset::Software);
    assert_eq!(told(second).len(), ended);
}
