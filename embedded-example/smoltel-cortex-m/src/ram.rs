//! Memory for tests, as resets leave it to the next boot.
#![allow(unsafe_code, reason = "a reset is not a thing that references survive")]

use std::boxed::Box;
use std::vec::Vec;

use smoltel_core::batch::{Lane, Source};
use smoltel_core::recorder::{Image, Reset, Words};
use smoltel_core::ring::Header;
use smoltel_core::wire::{Payload, Reader};
use smoltel_core::{Pipeline, Seed};

use crate::region::carve;

pub(crate) const RING: usize = 2048;
pub(crate) const SLOTS: usize = 4;
pub(crate) const M: usize = 192;
/// Words of the region.
const WORDS: usize = 1024;

/// RAM of a device. It is copied and handed on as a pointer.
#[derive(Clone, Copy)]
pub(crate) struct Ram(*mut u32);

/// A record in a ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) kind: u8,
    pub(crate) scope: String,
    pub(crate) bytes: Vec<u8>,
}

impl Ram {
    /// As when power came.
    pub(crate) fn new() -> Self {
        Self(Box::leak(vec![0xA5A5_A5A5_u32; WORDS].into_boxed_slice()).as_mut_ptr())
    }

    pub(crate) fn image(self) -> Vec<u8> {
        // SAFETY: the words live for ever. A boot that still runs may have references to some; it does nothing meanwhile.
        (0..WORDS).flat_map(|at| unsafe { self.0.add(at).read_volatile() }.to_le_bytes()).collect()
    }

    pub(crate) fn restore(self, image: &[u8]) {
        for (at, word) in image.as_chunks().0.iter().enumerate().take(WORDS) {
            // SAFETY: the words live for ever, and every boot in them is over: nothing of it is used again.
            unsafe { self.0.add(at).write_volatile(u32::from_le_bytes(*word)) };
        }
    }

    /// What handlers have of it.
    pub(crate) fn words(self) -> &'static Words {
        // SAFETY: the words live for ever, and references to them are shared ones.
        unsafe { &*self.0.cast() }
    }

    /// What the firmware of that build does first.
    pub(crate) fn boot_of(self, build: [u8; 8]) -> (&'static Pipeline, Image) {
        let pipeline: &'static Pipeline = Box::leak(Box::new(Pipeline::new(|| 7)));
        // SAFETY: the words live for ever, and the boot before is over: nothing of it is used again.
        let memory = unsafe { carve::<RING, SLOTS, M>(self.0.cast(), WORDS * 4) }.expect("there is room");
        let image = pipeline.init_recorder(memory, Seed::Unique([1; 16]), build, Reset::Software);
        (pipeline, image)
    }

    pub(crate) fn boot(self) -> (&'static Pipeline, Image) {
        let booted = self.boot_of(*b"build 17");
        for scope in ["valve", "pump", "smoltel.recorder"] {
            booted.0.logger(scope);
        }
        booted
    }
}

/// Everything in the rings.
pub(crate) fn told(pipeline: &'static Pipeline) -> Vec<Told> {
    let mut told = Vec::new();
    for number in [1, 0] {
        let (lane, mut at) = (Lane { pipeline, number }, 0);
        while let Some((header, next)) = lane.record(at) {
            let mut bytes = vec![0; header.len.into()];
            assert_eq!(lane.read(at + Header::LEN, &mut bytes), bytes.len());
            let scope = pipeline.with_scope(header.scope, |scope| scope.name.to_owned());
            told.push(Told { kind: header.kind, scope, bytes });
            at = next;
        }
    }
    told
}

impl Told {
    /// The bytes of its fields of that number that have a length.
    pub(crate) fn fields(&self, number: u32) -> Vec<&[u8]> {
        let fields = Reader::new(&self.bytes).map(|field| field.expect("a record is fields"));
        let wanted = fields.filter_map(|(found, payload)| match payload {
            Payload::Len(bytes) if found == number => Some(bytes),
            _ => None,
        });
        wanted.collect()
    }

    /// A span's id.
    pub(crate) fn id(&self) -> Option<&[u8]> {
        self.fields(2).first().copied().filter(|_| self.kind == 0)
    }

    pub(crate) fn says(&self, text: &str) -> bool {
        self.bytes.windows(text.len()).any(|part| part == text.as_bytes())
    }
}
