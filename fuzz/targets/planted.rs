//! A bug that is there on purpose, behind four fields that have to be right. Random bytes meet it once in 2^56 tries:
//! that it is found within seconds shows that the fuzzer sees which way the bytes take through core.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smoltel_core::wire::{Payload, Reader};

fuzz_target!(|bytes: &[u8]| {
    let mut reader = Reader::new(bytes);
    let mut field = || reader.next().and_then(Result::ok).unwrap_or((0, Payload::Varint(0)));
    if field() == (1, Payload::Varint(0x0B)) {
        if field() == (2, Payload::Len(b"u")) {
            if field() == (3, Payload::Varint(0x67)) {
                assert_ne!(field().0, 4, "the planted bug");
            }
        }
    }
});
