//! The last bytes of a slot: what of it a reset leaves to be exported.

use core::sync::atomic::{Ordering, compiler_fence};

use crate::pipeline::MARK;

const LEN: usize = MARK;

/// What a slot's mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// There is nothing in the slot that matters.
    Free,
    /// The first bytes, so many, are whole fields of an open span of that scope.
    Open(u16, u8),
    /// A span that is changed where it is before it enters its lane.
    Ending,
    /// None of these: the slot's memory lost bits.
    Damaged,
}

impl Mark {
    /// Says so in `slot`, between what is written before this and what is after.
    pub(crate) fn write(self, slot: &mut [u8]) {
        let (len, scope) = match self {
            Self::Open(len, scope) => (len, scope),
            Self::Free | Self::Ending | Self::Damaged => (0, 0),
        };
        let [a, b] = len.to_le_bytes();
        let bytes = if self == Self::Free { [0; LEN] } else { [a, b, scope, !(a ^ b ^ scope)] };
        #[cfg(any(test, smoltel_resets))]
        super::cut::point();
        compiler_fence(Ordering::SeqCst);
        if let Some(end) = slot.last_chunk_mut() {
            *end = bytes;
        }
        compiler_fence(Ordering::SeqCst);
    }

    /// The fields that `slot` holds.
    pub(crate) fn of(self, slot: &[u8]) -> &[u8] {
        let len = if let Self::Open(len, _) = self { len.into() } else { 0 };
        slot.get(..len).unwrap_or_default()
    }

    pub(crate) fn read(slot: &[u8]) -> Self {
        match slot.last_chunk() {
            Some([0, 0, 0, 0]) | None => Self::Free,
            Some([a, b, scope, check]) if *check != !(a ^ b ^ scope) => Self::Damaged,
            Some([0, 0, _, _]) => Self::Ending,
            Some([a, b, scope, _]) if usize::from(u16::from_le_bytes([*a, *b])) + LEN <= slot.len() => {
                Self::Open(u16::from_le_bytes([*a, *b]), *scope)
            }
            Some(_) => Self::Damaged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_no_other() {
        let mut slot = [0xEE; 300];
        for mark in [Mark::Free, Mark::Open(258, 15), Mark::Open(1, 255), Mark::Ending] {
            mark.write(&mut slot);
            assert_eq!(Mark::read(&slot), mark);
        }
        Mark::Open(297, 1).write(&mut slot);
        assert_eq!(Mark::read(&slot), Mark::Damaged, "longer than the slot");
        Mark::Open(77, 3).write(&mut slot);
        for bit in 0..32 {
            slot[296 + bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Mark::read(&slot), Mark::Damaged);
            slot[296 + bit / 8] ^= 1 << (bit % 8);
        }
    }
}
