//! What a flash gives back instead of what it was given: the queue opens or says why not, and is drained in bounded time.
//!
//! The input is changes to a sound queue, or the flash itself: at which byte, how many bytes, and the bytes. A check is
//! made to fit where a change would spoil it, so that the fuzzer gets behind it: the highest bit of the position says so.

#![no_main]

#[path = "../../core/tests/flash/nor.rs"]
#[allow(dead_code, reason = "its tests use more of it")]
mod nor;

use libfuzzer_sys::fuzz_target;
use nor::{Nor, PAGE};
use smoltel_core::flash::{FlashQueue, Progress, Unknown};
use smoltel_core::ring::Header;

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

/// CRC-32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82F6_3B78 } else { crc >> 1 },
        )
    })
}

fn changed(mut data: &[u8]) -> Vec<u8> {
    let mut bytes = sound();
    while let Some(([a, b, n], rest)) = data.split_first_chunk() {
        let at = usize::from(u16::from_le_bytes([*a, b & 0x7F])) % bytes.len();
        let (change, rest) = rest.split_at(rest.len().min(usize::from(*n) + 1));
        bytes[at..].iter_mut().zip(change).for_each(|(to, from)| *to = *from);
        let page = at / PAGE * PAGE;
        if b & 0x80 != 0 {
            let check = crc32c(&bytes[page..page + 68]).to_le_bytes();
            bytes[page + 68..page + 72].copy_from_slice(&check);
        }
        data = rest;
    }
    bytes
}

fuzz_target!(|data: &[u8]| {
    let Ok(mut queue) = FlashQueue::open(Nor::<4>::written(changed(data)), Unknown::TakeOver) else { return };
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
