//! A device, a wire and a gateway, in simulated time.

use smoltel_core::link::DeviceEnd;

use crate::device::{self, Queued};
use crate::oracle::Oracle;
use crate::owner::Owner;
use crate::wire::{Fault, Wire};

pub(crate) const MILLISECOND: u64 = 1_000_000;

/// What a test chooses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) sealed: bool,
    pub(crate) mtu: usize,
    pub(crate) ring: usize,
    pub(crate) credit: u32,
    /// The gateway syncs after so many turns.
    pub(crate) sync_every: u64,
}

/// What may happen besides faults of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    Wire(Fault),
    /// The gateway is killed and starts anew.
    GatewayDies,
    /// And its disk is empty then.
    GatewayErased,
    /// The device is reset; its ring survives.
    DeviceReset,
    /// And its ring does not.
    DeviceErased,
    /// The device is told that the connection was made anew.
    Reconnected,
}

pub(crate) struct World {
    setup: Setup,
    pub(crate) end: DeviceEnd<'static>,
    pub(crate) queue: Queued,
    pub(crate) owner: Owner,
    pub(crate) oracle: Oracle,
    up: Wire,
    down: Wire,
    pub(crate) now: u64,
    turns: u64,
    boots: u64,
    /// Frames sent so far, in both directions.
    pub(crate) frames: usize,
}

impl World {
    pub(crate) fn new(setup: Setup) -> Self {
        let boots = 1;
        Self {
            setup,
            end: device::end(boots << 32, setup.sealed),
            queue: Queued::new(setup.ring),
            owner: Owner::new(setup.sealed, setup.credit, 1),
            oracle: Oracle::default(),
            up: Wire::default(),
            down: Wire::default(),
            now: 1,
            turns: 0,
            boots,
            frames: 0,
        }
    }

    pub(crate) fn push(&mut self, len: usize) {
        let number = self.oracle.next();
        if !self.queue.push(number, len) {
            self.oracle.refused(number);
        }
    }

    /// Both ends say what they have to, once. `blow` says what happens to the frame of that number.
    pub(crate) fn turn(&mut self, mut blow: impl FnMut(usize) -> Option<Blow>) {
        self.now += 5 * MILLISECOND;
        self.turns += 1;
        let mut out = vec![0; self.setup.mtu];
        let mut quiet = true;
        for _ in 0..4 {
            let sent = self.end.transmit_with(self.now, device::pipeline(), &self.queue, &mut out);
            self.look();
            let Some(n) = sent else { break };
            assert!(n <= out.len());
            let fault = self.strike(blow(self.frames));
            let arrived = self.up.carry(&out[..n], fault);
            self.owner.receive(&arrived);
            quiet = false;
        }
        if self.turns.is_multiple_of(self.setup.sync_every) {
            self.owner.sync();
            self.look();
        }
        let mut out = [0; 64];
        while let Some(n) = self.owner.transmit(&mut out) {
            let fault = self.strike(blow(self.frames));
            let arrived = self.down.carry(&out[..n], fault);
            self.end.receive(self.now, &arrived);
            quiet = false;
        }
        if quiet && let Some(at) = self.end.poll_at() {
            self.now = self.now.max(at);
        }
    }

    fn strike(&mut self, blow: Option<Blow>) -> Option<Fault> {
        self.frames += 1;
        match blow? {
            Blow::Wire(fault) => return Some(fault),
            Blow::GatewayDies => self.owner.restart(self.setup.sealed, self.setup.credit),
            Blow::GatewayErased => {
                self.oracle.erased(&self.owner.disk);
                self.owner.disk = Default::default();
                self.owner.restart(self.setup.sealed, self.setup.credit);
            }
            Blow::DeviceReset => {
                self.queue.ring.borrow_mut().pin(0);
                self.queue.ring.borrow_mut().begin_boot();
                self.reset_device();
            }
            Blow::DeviceErased => {
                self.oracle.forgotten(&self.queue.numbers());
                *self.queue.ring.borrow_mut() = smoltel_core::ring::Ring::new(vec![0; self.setup.ring]);
                self.reset_device();
            }
            Blow::Reconnected => self.end.reset(self.now),
        }
        None
    }

    fn reset_device(&mut self) {
        self.boots += 1;
        self.end = device::end(self.boots << 32, self.setup.sealed);
        self.now = 1;
    }

    /// What must hold at any moment.
    pub(crate) fn look(&mut self) {
        self.oracle.look(&self.queue, &self.owner.disk);
    }

    /// Goes on, with nothing bad happening, until everything is at rest; fails if it takes too long.
    pub(crate) fn finish(&mut self, context: &dyn std::fmt::Debug) {
        for _ in 0..3000 {
            self.turn(|_| None);
            if self.queue.numbers().is_empty() && self.end.is_idle() {
                self.owner.sync();
                self.look();
                self.oracle.everything(&self.owner.disk, context);
                return;
            }
        }
        panic!("it does not go on after {context:?}: {:?} are left of {:?}", self.queue.numbers(), self.end);
    }
}
