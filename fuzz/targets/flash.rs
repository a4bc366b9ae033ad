//! What a flash gives back instead of what it was given: the queue opens or says why not, and is drained in bounded time.
//!
//! The input is changes to what is there: at which byte, how many bytes, and the bytes. The first byte says what that is, a sound queue, or
//! another program's data, of which the input is a part over and over. A check is made to fit where a change would spoil it, so that the
//! fuzzer gets behind it: the highest bit of the position says so.

#![no_main]

#[path = "../../core/tests/flash/nor.rs"]
#[allow(dead_code, reason = "its tests use more of it")]
mod nor;

use libfuzzer_sys::fuzz_target;
use nor::{Nor, PAGE};
use smoltel_core::flash::{FlashQueue, Progress, Unknown};
use smoltel_core::ring::Header;
use smoltel_fuzz::{crc32c, take};

const PAGES: usize = 4;

fn sound() -> Vec<u8> {
    let mut queue =
        FlashQueue::open(Nor::<4>::blank(PAGES), Unknown::Refuse).unwrap_or_else(|_| panic!("it is blank"));
    for n in 0..30u8 {
        let header = Header { len: 40 + u16::from(n), scope: 0, kind: n % 3, items: 1 };
        while queue.append(header, n.into(), |_, out| out.fill(n)).is_err() {
            queue.poll(|| true).expect("power is on");
        }
    }
    queue.into_inner().bytes().clone()
}

fn changed(data: &[u8]) -> Vec<u8> {
    let Some((kind, mut data)) = data.split_first() else { return sound() };
    let mut bytes = if kind & 1 == 0 {
        sound()
    } else {
        let foreign = take(&mut data, usize::from(kind >> 1) + 1);
        foreign.iter().chain(&[0xFF]).copied().cycle().take(PAGES * PAGE).collect()
    };
    while let Some(([a, b, n], rest)) = data.split_first_chunk() {
        let at = usize::from(u16::from_le_bytes([*a, b & 0x7F])) % bytes.len();
        let (change, rest) = rest.split_at(rest.len().min(usize::from(*n) + 1));
        bytes[at..].iter_mut().zip(change).for_each(|(to, from)| *to = *from);
        let page = at / PAGE * PAGE;
        if b & 0x80 != 0 {
            let check = crc32c(&[&bytes[page..page + 68]]).to_le_bytes();
            bytes[page + 68..page + 72].copy_from_slice(&check);
        }
        data = rest;
    }
    bytes
}

fuzz_target!(|data: &[u8]| {
    let bytes = changed(data);
    if let Err((_, mut flash)) = FlashQueue::open(Nor::<4>::written(bytes.clone()), Unknown::Refuse) {
        assert!(flash.operations == 0 && *flash.bytes() == bytes, "what is refused stays as it is");
    }
    let Ok(mut queue) = FlashQueue::open(Nor::<4>::written(bytes), Unknown::TakeOver) else { return };
    let header = Header { len: 33, scope: 0, kind: 0, items: 1 };
    for _ in 0..200 {
        while !matches!(queue.poll(|| true).expect("power is on"), Progress::Idle | Progress::Waiting) {}
        let mut out = [0; 512];
        let Some((header, next)) = queue.record(0, |_| 0).expect("power is on") else { break };
        let n = queue.read(Header::LEN as u64, &mut out).expect("power is on");
        assert!(n <= usize::from(header.len));
        queue.release(next).expect("power is on");
    }
    for _ in 0..40 {
        for _ in 0..5 {
            if queue.append(header, 0, |_, out| out.fill(1)).is_ok() {
                break;
            }
            queue.poll(|| true).expect("power is on");
        }
    }
});
