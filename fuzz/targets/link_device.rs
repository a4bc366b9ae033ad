//! What a gateway says to a device's end of the link, and a clock that does as it likes: it goes on, records are let go of in order and
//! once, and a gateway that keeps to the protocol gets what is left.
//!
//! The input is steps: bytes as they are, frames that pass their check, and time.

#![no_main]

#[path = "../../tests/tests/link/device.rs"]
#[allow(dead_code, reason = "the link's tests use more of it")]
mod device;

use device::Queued;
use libfuzzer_sys::fuzz_target;
use smoltel_core::link::{Access, DeviceEnd, Event, GatewayEnd};
use smoltel_fuzz::{frame, number, take};

const SECOND: u64 = 1_000_000_000;
/// Records of each run.
const RECORDS: u64 = 5;
/// Of every session.
const SESSION: u64 = 0x5E55;

struct Device {
    end: DeviceEnd<'static>,
    now: u64,
    /// HELLOs so far: the nonce of the last one.
    hellos: u64,
    queue: Queued,
}

impl Device {
    fn transmit(&mut self, out: &mut [u8]) -> Option<usize> {
        self.end.transmit_with(self.now, device::pipeline(), &self.queue, out)
    }

    fn speak(&mut self) {
        let mut out = [0; 128];
        for frames in 0.. {
            let Some(n) = self.transmit(&mut out) else { return };
            assert!(frames < 200, "it has enough to say");
            let (front, stuffed) = out[..n].split_at(usize::from(out[0] == 0));
            assert!(stuffed.iter().position(|byte| *byte == 0) == Some(stuffed.len() - 1), "one frame");
            self.hellos += u64::from(!front.is_empty());
        }
    }

    fn welcome(&mut self, credit: u32) {
        let fields = [self.hellos, SESSION, 1_700_000_000 * SECOND].map(u64::to_le_bytes).concat();
        let body = [&[1][..], &fields, &credit.to_le_bytes()].concat();
        self.end.receive(self.now, &frame(0, 0x20, &body));
    }

    fn step(&mut self, step: u8, data: &mut &[u8]) {
        match step % 8 {
            0 => self.end.receive(self.now, take(data, usize::from(step))),
            1 => self.welcome(u32::from(step) << 4),
            2 | 3 => {
                let first = number(data, 1) as u8;
                let body = take(data, usize::from(step >> 2));
                self.end.receive(self.now, &frame(if step < 0xF0 { SESSION } else { 0 }, first, body));
            }
            4 => {
                // OPENED and ACK as a gateway would say it, with numbers of the fuzzer's.
                let (epoch, next) = (number(data, 1), number(data, 2));
                let body = [epoch, next].map(u64::to_le_bytes).concat();
                self.end.receive(self.now, &frame(SESSION, 0x40 | step >> 6, &body));
            }
            5 => {
                let (received, durable) = (number(data, 2) as u32, number(data, 2) as u32);
                let numbers = [received.to_le_bytes(), durable.to_le_bytes()].concat();
                let body = [&numbers[..], &(1_700_000_000 * SECOND).to_le_bytes(), &[0, 16, 0, 0]].concat();
                self.end.receive(self.now, &frame(SESSION, 0x60 | step >> 5, &body));
            }
            6 => self.now = number(data, 6),
            _ => {
                self.now += u64::from(step) * SECOND / 16;
                self.speak();
            }
        }
    }

    /// With a gateway that keeps to the protocol.
    fn finish(&mut self) {
        self.end.reset(self.now);
        let mut gateway = GatewayEnd::new(|_: &[u8]| Access::Plain, 4096);
        let mut out = [0; 128];
        for _ in 0..400 {
            self.now = self.now.saturating_add(SECOND / 10);
            while let Some(n) = self.transmit(&mut out) {
                hear(&mut gateway, &out[..n]);
            }
            while let Some(n) = gateway.transmit(1_700_000_000 * SECOND, &mut out) {
                self.end.receive(self.now, &out[..n]);
            }
            if self.end.is_idle() && self.queue.numbers().is_empty() {
                return;
            }
        }
        panic!("it does not go on: {:?}", self.end);
    }
}

fn hear(gateway: &mut GatewayEnd<impl Fn(&[u8]) -> Access>, mut arrived: &[u8]) {
    loop {
        let (mut open, mut end) = (None, None);
        match gateway.receive(&mut arrived) {
            None => return,
            Some(Event::Hello(_)) => gateway.welcome(SESSION + 1),
            Some(Event::Open { stream, place }) => open = Some((stream, place)),
            Some(Event::Data { stream, pieces, .. }) => {
                end = pieces.filter(|piece| piece.last).last().map(|piece| (stream, piece.end));
            }
            Some(_) => {}
        }
        open.into_iter()
            .for_each(|(stream, place)| gateway.opened(stream, place.epoch.max(1), place.position));
        end.into_iter().for_each(|(stream, end)| gateway.stored(stream, end));
    }
}

fuzz_target!(|data: &[u8]| {
    let (end, queue) = (device::end(0, false), Queued::new(1024));
    (1..=RECORDS).for_each(|number| assert!(queue.push(number, 30 * number as usize)));
    let mut device = Device { end, now: 1, hellos: 0, queue };
    let mut data = data;
    while let [step, rest @ ..] = data {
        data = rest;
        device.step(*step, &mut data);
    }
    device.finish();
    assert_eq!(*device.queue.released.borrow(), (1..=RECORDS).collect::<Vec<_>>(), "each once");
});
