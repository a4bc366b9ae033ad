//! A machine's clocks.

use smoltel_spool::vfs::Now;

use super::random::Random;

/// 2023, in nanoseconds since 1970.
const WALL: u64 = 1_700_000_000_000_000_000;
const HOUR: u64 = 3_600_000_000_000;

#[derive(Clone, Debug)]
pub(crate) struct Clock {
    boot: u64,
    wall: u64,
    /// How far it moves each time it is read, in nanoseconds.
    step: u64,
    boot_id: [u8; 16],
}

impl Clock {
    /// Moves one millisecond each time it is read.
    pub(crate) fn ticking() -> Clock {
        Clock { boot: 0, wall: WALL, step: 1_000_000, boot_id: [7; 16] }
    }

    /// Moves when it is told to.
    pub(crate) fn still() -> Clock {
        Clock { step: 0, ..Clock::ticking() }
    }

    /// After the machine was started again: the boot clock begins anew, the wall clock says anything.
    pub(crate) fn rebooted(&self, random: &mut Random) -> Clock {
        let mut boot_id = [0; 16];
        boot_id.iter_mut().for_each(|byte| *byte = random.next() as u8);
        Clock { boot: random.below(HOUR), wall: random.below(2 * WALL), step: self.step, boot_id }
    }

    pub(crate) fn advance(&mut self, nanos: u64) {
        self.boot += nanos;
        self.wall += nanos;
    }

    pub(crate) fn set_wall(&mut self, wall: u64) {
        self.wall = wall;
    }

    pub(crate) fn read(&mut self) -> Now {
        self.advance(self.step);
        Now { boot: self.boot, wall: self.wall }
    }

    pub(crate) fn boot_id(&self) -> [u8; 16] {
        self.boot_id
    }
}
