//! One stream at the gateway's end: what of it has come, and what is stored.

use super::piece::Pieces;
use super::position;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Opening {
    #[default]
    Closed,
    /// The owner was asked where to go on.
    Asked,
    /// He has said that epoch and position.
    Open(u64, u64),
}

/// Positions in one stream, and what the device is to be told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Incoming {
    pub(super) opening: Opening,
    /// The position of the next byte.
    pub(super) next: u64,
    /// How much is to come of the record there.
    left: u16,
    pub(super) durable: u64,
    pub(super) tell_opened: bool,
    pub(super) tell: bool,
    /// The device is to send again; it was told so for that position.
    pub(super) again: bool,
    asked_for: Option<u64>,
}

impl Incoming {
    /// One that goes on from there.
    pub(super) fn open(epoch: u64, next: u64) -> Self {
        let opening = Opening::Open(epoch, next);
        Self { opening, next, durable: next, tell_opened: true, ..Self::default() }
    }

    /// The device wants to open it; whether its owner has to be asked.
    pub(super) fn ask(&mut self) -> bool {
        match self.opening {
            Opening::Closed => self.opening = Opening::Asked,
            Opening::Asked => return false,
            // The answer was lost, or this is late: then what is said is nothing new.
            Opening::Open(..) => {
                self.tell_opened = true;
                return false;
            }
        }
        true
    }

    /// Takes DATA that is next; `None` for any other.
    pub(super) fn take(&mut self, low: u32, first: bool, body: &[u8], overhead: u8) -> Option<Taken> {
        if !matches!(self.opening, Opening::Open(..)) {
            return None;
        }
        let at = position(self.next, low);
        let gap = at.wrapping_sub(self.next);
        let behind = gap > u64::MAX / 2;
        if behind || gap > 0 && !first {
            self.tell = true;
            self.again |= !behind && self.asked_for.replace(self.next) != Some(self.next);
            return None;
        }
        let left = if gap > 0 { 0 } else { self.left };
        (self.next, self.left) = Pieces::new(body, at, left, overhead).end()?;
        self.durable = self.durable.max(if gap > 0 { at } else { 0 });
        (self.tell, self.again, self.asked_for) = (true, false, None);
        Some(Taken { at, left, gap })
    }

    /// All before that position is stored.
    pub(super) fn stored(&mut self, position: u64) {
        if position > self.durable && position <= self.next {
            (self.durable, self.tell) = (position, true);
        }
    }
}

/// Where pieces that were taken begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) at: u64,
    /// What is to come of a record there.
    pub(super) left: u16,
    /// How much the device has lost before.
    pub(super) gap: u64,
}
