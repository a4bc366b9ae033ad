//! What an endpoint answers to core's HTTP client: the same comes of it in whatever pieces it arrives, and every record
//! is sent again, let go of, or counted.
//!
//! The first byte is the pieces' size.

#![no_main]

use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use smoltel_core::time::Bounds;
use smoltel_core::transport::{Transport, http::Http};
use smoltel_core::{Counters, Pipeline, Seed};

static PIPELINE: Pipeline = Pipeline::new(|| 0);
static INIT: Once = Once::new();

/// What there is to see behind an answer.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    waiting: usize,
    lost: u64,
    poll_at: Option<u64>,
}

fn lost(counters: Counters) -> u64 {
    counters.lost_in_all()
}

/// Sends one record and answers it with `response`, in pieces.
fn exchange(response: &[u8], piece: usize) -> Outcome {
    let (before, mut http) = (lost(PIPELINE.counters()), Http::new("gateway:4318", b"", 1, 1));
    PIPELINE.logger("l").info("a record");
    http.flush();
    let mut out = [0; 512];
    while http.transmit(0, &PIPELINE, &mut out).is_some() {}
    assert!(!http.is_idle(), "a request is out");
    response.chunks(piece).for_each(|piece| http.receive(1, &PIPELINE, piece));
    let _ = http.transmit(1, &PIPELINE, &mut out);
    let poll_at = Transport::<smoltel_core::platform::Device>::poll_at(&http);
    let waiting = PIPELINE.with_lane(0, |ring| {
        let waiting = ring.len();
        ring.pin(0);
        ring.release(waiting);
        waiting
    });
    Outcome { waiting: waiting.unwrap_or(0), lost: lost(PIPELINE.counters()) - before, poll_at }
}

fuzz_target!(|bytes: &[u8]| {
    INIT.call_once(|| {
        PIPELINE.init(vec![0; 4096].leak(), vec![[0; 256]; 2].leak(), Seed::Unique([1; 16]));
        // Otherwise the response would answer the question for the time.
        PIPELINE.learn_time(Bounds::exactly(1_700_000_000_000_000_000, 1).expect("a time that can be"));
    });
    let Some((size, response)) = bytes.split_first() else { return };
    let whole = exchange(response, response.len().max(1));
    assert!(whole.lost <= 1 && (whole.lost == 0 || whole.waiting == 0), "held or lost, not both: {whole:?}");
    assert_eq!(exchange(response, usize::from(*size).max(1)), whole);
});
