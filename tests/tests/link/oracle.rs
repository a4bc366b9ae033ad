//! Knows what became of every record.

use std::collections::HashSet;

use crate::device::{Queued, record};
use crate::owner::Disk;

#[derive(Debug, Default)]
pub(crate) struct Oracle {
    recorded: u64,
    /// On a disk that was erased.
    erased: HashSet<u64>,
    /// Lost with the device's memory, or never in its ring.
    gone: HashSet<u64>,
    /// How much of the disk was looked at, and which numbers were there.
    seen: usize,
    stored: HashSet<u64>,
    last: u64,
    released: usize,
}

impl Oracle {
    /// The number of the next record.
    pub(crate) fn next(&mut self) -> u64 {
        self.recorded += 1;
        self.recorded
    }

    pub(crate) fn refused(&mut self, number: u64) {
        self.gone.insert(number);
    }

    /// The device forgets those.
    pub(crate) fn forgotten(&mut self, numbers: &[u64]) {
        self.gone.extend(numbers);
    }

    /// The disk is about to be erased.
    pub(crate) fn erased(&mut self, disk: &Disk) {
        self.erased.extend(disk.records.iter().map(|on_disk| number(&on_disk.bytes)));
        (self.seen, self.last) = (0, 0);
        self.stored.clear();
    }

    pub(crate) fn look(&mut self, queue: &Queued, disk: &Disk) {
        for on_disk in &disk.records[self.seen..] {
            let number = number(&on_disk.bytes);
            assert_eq!(on_disk.bytes, record(number, on_disk.bytes.len()), "every byte is right");
            assert_eq!(on_disk.stream, 2);
            assert!(self.stored.insert(number), "record {number} is stored twice");
            assert!(number > self.last, "record {number} is stored after {}", self.last);
            self.last = number;
        }
        self.seen = disk.records.len();
        let released = queue.released.borrow();
        for number in &released[self.released..] {
            assert!(
                self.stored.contains(number) || self.erased.contains(number),
                "record {number} is acknowledged and not on the disk"
            );
        }
        self.released = released.len();
        self.gone.extend(queue.evicted.borrow_mut().drain(..));
    }

    /// Nothing is left at the device: each record is on the disk, or known to be lost.
    pub(crate) fn everything(&self, _: &Disk, context: &dyn std::fmt::Debug) {
        for number in 1..=self.recorded {
            let somewhere = [&self.stored, &self.erased, &self.gone].iter().any(|set| set.contains(&number));
            assert!(somewhere, "record {number} is nowhere, after {context:?}");
        }
    }

    pub(crate) fn stored(&self) -> usize {
        self.stored.len()
    }
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes are a number"))
}
