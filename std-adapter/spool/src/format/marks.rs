//! The body of MARKS.

use super::bytes::{Get, Put};
use crate::marks::{Mark, Marks};

const FIXED_LEN: usize = 8 + 4;
const MARK_LEN: usize = 16 + 8 + 8 + 8 + 8;

impl Marks {
    /// The bytes that so many devices take.
    pub(crate) fn body_len(devices: usize) -> usize {
        FIXED_LEN + devices * MARK_LEN
    }

    /// `covered`: all records up to this sequence are in it.
    pub(crate) fn encode(&self, covered: u64) -> Vec<u8> {
        let mut put = Put(Vec::with_capacity(Marks::body_len(self.len())));
        put.u64(covered).u32(self.len() as u32);
        for (device, mark) in self.iter() {
            put.bytes(device).u64(mark.epoch).u64(mark.highest).u64(mark.window).u64(mark.last);
        }
        put.0
    }

    /// The marks, and up to which sequence they cover.
    pub(crate) fn decode(bytes: &[u8]) -> Option<(Marks, u64)> {
        let mut get = Get(bytes);
        let (covered, count) = (get.u64()?, get.u32()?);
        let mut marks = Marks::default();
        for _ in 0..count {
            let device = get.array()?;
            let mark = Mark { epoch: get.u64()?, highest: get.u64()?, window: get.u64()?, last: get.u64()? };
            marks.restore(device, mark);
        }
        get.0.is_empty().then_some((marks, covered))
    }
}
