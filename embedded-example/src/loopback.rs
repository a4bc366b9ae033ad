//! Both ends of the link in one program, to measure what the device's costs.

use core::cell::{Cell, RefCell};

use semihosting::eprintln;
use smoltel_core::Pipeline;
use smoltel_core::link::{Access, DECLARATIONS, DeviceEnd, Event, GatewayEnd, Identity};

use crate::measure::Measure;

/// A device's end, and a gateway's that has stored at once whatever comes.
#[derive(Debug)]
pub struct Loopback {
    device: DeviceEnd<'static>,
    gateway: GatewayEnd<fn(&[u8]) -> Access>,
    frame: [u8; 256],
    now: u64,
}

impl Loopback {
    /// Ends without a session.
    pub fn new(identity: Identity<'static>, access: fn(&[u8]) -> Access) -> Self {
        let gateway = GatewayEnd::new(access, 4096);
        Self { device: DeviceEnd::new(identity, &[]), gateway, frame: [0; 256], now: 1 }
    }

    /// Prints what a full frame takes, under the first name, and what the answer to it takes, under the second. `record` records
    /// something, of which eight fill a frame.
    pub fn print(self, measure: &mut Measure, telemetry: &Pipeline, names: [&str; 2], record: &dyn Fn()) {
        let (link, len) = (RefCell::new(self), Cell::new(0));
        let fill = || {
            let mut link = link.borrow_mut();
            link.deliver(len.take());
            link.settle(telemetry);
            (0..8).for_each(|_| record());
        };
        let send = || len.set(link.borrow_mut().send(telemetry).unwrap_or(0));
        // The stream is opened by the first record.
        fill();
        measure.print(names[0], &mut { fill }, &mut { send });
        eprintln!("{}: {} B", names[0], len.get());
        let mut answer = || {
            fill();
            send();
            let mut link = link.borrow_mut();
            link.deliver(len.take());
            len.set(link.answer().unwrap_or(0));
        };
        measure.print(names[1], &mut answer, &mut || link.borrow_mut().take(len.take()));
    }

    /// Lets both talk until neither has anything to say.
    fn settle(&mut self, telemetry: &Pipeline) {
        for _ in 0..8 {
            self.now += 10_000_000;
            while let Some(len) = self.send(telemetry) {
                self.deliver(len);
            }
            while let Some(len) = self.answer() {
                self.take(len);
            }
        }
    }

    /// The device writes a frame; how long it is.
    #[inline(never)]
    fn send(&mut self, telemetry: &Pipeline) -> Option<usize> {
        self.device.transmit(self.now, telemetry, &mut self.frame)
    }

    /// The gateway writes a frame; how long it is.
    fn answer(&mut self) -> Option<usize> {
        self.gateway.transmit(1_700_000_000_000_000_000, &mut self.frame)
    }

    /// The device gets the gateway's frame.
    #[inline(never)]
    fn take(&mut self, len: usize) {
        self.device.receive(self.now, self.frame.get(..len).unwrap_or_default());
    }

    /// The gateway gets the first `len` bytes of the frame.
    fn deliver(&mut self, len: usize) {
        let mut arrived = self.frame.get(..len).unwrap_or_default();
        while let Some(event) = self.gateway.receive(&mut arrived) {
            match event {
                Event::Hello(_) => self.gateway.welcome(0x5EED),
                Event::Open { stream, place } => self.gateway.opened(stream, 77, place.position),
                Event::Data { stream: DECLARATIONS, .. } => {}
                Event::Data { stream, pieces, .. } => {
                    if let Some(end) = pieces.filter(|piece| piece.last).map(|piece| piece.end).last() {
                        self.gateway.stored(stream, end);
                    }
                }
                _ => {}
            }
        }
    }
}
