//! What a device says to the gateway's end of the link: it tells its owner the same in whatever pieces that arrives, each byte of a
//! stream once and in order, and what it answers is frames.
//!
//! The input is steps: bytes as they are, frames that pass their check, and what the owner does.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smoltel_core::link::{Access, Event, GatewayEnd, Key, MAX_ID, STREAMS};
use smoltel_fuzz::{frame, number, take};

/// Of every session.
const SESSION: u64 = 0x5E55;

struct Owner {
    end: GatewayEnd<fn(&[u8]) -> Access>,
    /// The position of each stream's next byte.
    next: [u64; STREAMS],
    /// What it was told and what it answered.
    seen: Vec<String>,
}

fn access(id: &[u8]) -> Access {
    match id.first() {
        Some(b'p') => Access::Plain,
        Some(b's') => Access::Sealed(Key::new([7; 32])),
        _ => Access::Refused,
    }
}

impl Owner {
    fn new() -> Self {
        Self { end: GatewayEnd::new(access, 4096), next: [0; STREAMS], seen: Vec::new() }
    }

    fn receive(&mut self, mut arrived: &[u8]) {
        loop {
            let Some(event) = self.end.receive(&mut arrived) else { break };
            self.seen.push(format!("{event:?}"));
            let mut opened = None;
            match event {
                Event::Hello(hello) => {
                    assert!((1..=MAX_ID).contains(&hello.id.len()));
                    self.end.welcome(SESSION);
                }
                Event::Begun => self.next = [0; STREAMS],
                Event::Open { stream, place } => opened = Some((stream, place.position)),
                Event::Data { stream, gap, pieces } => {
                    let next = &mut self.next[usize::from(stream)];
                    *next = next.wrapping_add(gap);
                    for piece in pieces {
                        assert!(piece.bytes.len() < 1024, "no longer than a frame");
                        assert!(piece.end.wrapping_sub(*next) <= 0xFFFF + 255 + 1, "one after the other");
                        if piece.last {
                            *next = piece.end;
                        }
                    }
                }
                Event::Status(status) => assert!(status.losses.count() < 1024),
                Event::Channel { channel, bytes, .. } => assert!(channel < 16 && bytes.len() < 1024),
                Event::Refused(..) => {}
            }
            if let Some((stream, position)) = opened {
                self.next[usize::from(stream)] = position;
                self.end.opened(stream, 9, position);
            }
        }
        assert!(arrived.is_empty(), "all is taken");
    }

    fn answer(&mut self) {
        let mut out = [0; 64];
        for answers in 0.. {
            let Some(n) = self.end.transmit(1_700_000_000_000_000_000, &mut out) else { return };
            assert!(answers < 2 * STREAMS + 3, "it has enough to say");
            let stuffed = out[..n].strip_prefix(&[0]).unwrap_or(&out[..n]);
            assert!(stuffed.iter().position(|byte| *byte == 0) == Some(stuffed.len() - 1), "one frame");
            self.seen.push(format!("{:?}", &out[..n]));
        }
    }
}

/// Takes the steps, with the bytes of each in pieces of that size.
fn run(mut data: &[u8], piece: usize) -> Vec<String> {
    let mut owner = Owner::new();
    while let [step, ..] = *data {
        data = &data[1..];
        let bytes = match step % 8 {
            0 => take(&mut data, usize::from(step)).to_vec(),
            1 => {
                let nonce = number(&mut data, 1);
                let body = [&[1][..], &nonce.to_le_bytes(), &[0; 8], &[5], &[0; 8], b"p", take(&mut data, 3)];
                frame(0, 0x10, &body.concat())
            }
            2 => frame(0, 0x10 | step >> 7, take(&mut data, usize::from(step))),
            3 | 4 => {
                let first = number(&mut data, 1) as u8;
                frame(SESSION, first, take(&mut data, usize::from(step)))
            }
            5 => {
                // OPEN, which has to come before DATA is taken.
                let place = [number(&mut data, 1), number(&mut data, 2), 0, 0].map(u64::to_le_bytes);
                frame(SESSION, 0x30 | step >> 6, &place.concat())
            }
            6 => {
                owner.end.stored(step >> 6, number(&mut data, 3));
                owner.end.set_credit(u32::from(step) << 4);
                Vec::new()
            }
            _ => {
                owner.answer();
                Vec::new()
            }
        };
        bytes.chunks(piece).for_each(|bytes| owner.receive(bytes));
    }
    owner.answer();
    owner.seen
}

fuzz_target!(|data: &[u8]| {
    let Some((piece, steps)) = data.split_first() else { return };
    let whole = run(steps, usize::MAX);
    assert_eq!(run(steps, usize::from(*piece).max(1)), whole);
});
