//! Which records of which devices are stored, so that one that comes again is dropped.

use std::collections::HashMap;

use crate::record::Origin;

/// How many devices are remembered.
pub(crate) const MAX_DEVICES: usize = 16_384;
/// How far below a device's highest sequence another one is still told from a new one.
const WINDOW: u64 = 64;

/// What is known of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) epoch: u64,
    pub(crate) highest: u64,
    /// Bit 0: the sequence below the highest was seen; and so on.
    pub(crate) window: u64,
    /// The spool's sequence of the device's last record.
    pub(crate) last: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    devices: HashMap<[u8; 16], Mark>,
    /// How many devices were forgotten because there were too many.
    pub(crate) forgotten: u64,
}

impl Marks {
    pub(crate) fn len(&self) -> usize {
        self.devices.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8; 16], &Mark)> {
        self.devices.iter()
    }

    /// Takes over a mark that was stored.
    pub(crate) fn restore(&mut self, device: [u8; 16], mark: Mark) {
        self.devices.insert(device, mark);
    }

    /// Whether the record was seen. One that is too far behind to tell counts as new: better twice than never.
    pub(crate) fn seen(&self, origin: &Origin) -> bool {
        let Some(mark) = self.devices.get(&origin.device).filter(|mark| mark.epoch == origin.epoch) else {
            return false;
        };
        match mark.highest.checked_sub(origin.sequence) {
            None => false,
            Some(0) => true,
            Some(behind) => behind <= WINDOW && mark.window >> (behind - 1) & 1 == 1,
        }
    }

    /// The device's origin with the highest sequence of the epoch that counts.
    pub(crate) fn last(&self, device: &[u8; 16]) -> Option<Origin> {
        let mark = self.devices.get(device)?;
        Some(Origin { device: *device, epoch: mark.epoch, sequence: mark.highest })
    }

    /// Remembers a record that the spool stored under `sequence`. Of two epochs the one with the later record counts.
    pub(crate) fn add(&mut self, origin: &Origin, sequence: u64) {
        if let Some(mark) = self.devices.get_mut(&origin.device) {
            if mark.epoch == origin.epoch {
                mark.see(origin.sequence);
                mark.last = mark.last.max(sequence);
            } else if sequence > mark.last {
                *mark = Mark::new(origin, sequence);
            }
            return;
        }
        if self.devices.len() >= MAX_DEVICES {
            let oldest = self.devices.iter().min_by_key(|(_, mark)| mark.last).map(|(device, _)| *device);
            oldest.and_then(|device| self.devices.remove(&device));
            self.forgotten += 1;
        }
        self.devices.insert(origin.device, Mark::new(origin, sequence));
    }
}

impl Mark {
    fn new(origin: &Origin, sequence: u64) -> Mark {
        Mark { epoch: origin.epoch, highest: origin.sequence, window: 0, last: sequence }
    }

    fn see(&mut self, sequence: u64) {
        match sequence.checked_sub(self.highest) {
            Some(0) => {}
            Some(ahead) => {
                // The old highest becomes one that was seen below the new one.
                let shifted = if ahead < WINDOW { self.window << ahead } else { 0 };
                self.window = if ahead <= WINDOW { shifted | 1 << (ahead - 1) } else { 0 };
                self.highest = sequence;
            }
            None => {
                let behind = self.highest - sequence;
                if behind <= WINDOW {
                    self.window |= 1 << (behind - 1);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn origin(device: u8, epoch: u64, sequence: u64) -> Origin {
        Origin { device: [device; 16], epoch, sequence }
    }

    proptest! {
        /// Against a plain set: what was seen is seen; what is new and not further behind than the window is not.
        #[test]
        fn within_the_window_marks_are_a_set(steps in prop::collection::vec(0..130u64, 1..300)) {
            let (mut marks, mut set, mut highest) = (Marks::default(), HashSet::new(), 200);
            for (at, step) in steps.into_iter().enumerate() {
                let sequence = highest + 65 - step;
                if sequence + WINDOW >= highest {
                    prop_assert_eq!(marks.seen(&origin(1, 7, sequence)), set.contains(&sequence));
                } else {
                    prop_assert!(!marks.seen(&origin(1, 7, sequence)));
                }
                marks.add(&origin(1, 7, sequence), at as u64);
                set.insert(sequence);
                highest = set.iter().copied().max().unwrap_or(0);
            }
            let encoded = marks.encode(99);
            prop_assert_eq!(Marks::decode(&encoded), Some((marks, 99)));
        }
    }

    #[test]
    fn another_epoch_begins_anew_and_an_older_record_does_not_bring_the_old_one_back() {
        let mut marks = Marks::default();
        marks.add(&origin(1, 7, 100), 1);
        assert!(!marks.seen(&origin(1, 8, 100)) && !marks.seen(&origin(2, 7, 100)));
        marks.add(&origin(1, 8, 3), 5);
        marks.add(&origin(1, 7, 101), 2);
        assert!(marks.seen(&origin(1, 8, 3)));
        assert!(!marks.seen(&origin(1, 8, 4)));
    }

    #[test]
    fn of_too_many_devices_the_longest_silent_is_forgotten() {
        let mut marks = Marks::default();
        let many = |n: u64| Origin { device: u128::from(n).to_le_bytes(), epoch: 1, sequence: 5 };
        (0..=MAX_DEVICES as u64).for_each(|n| marks.add(&many(n), n + 1));
        assert_eq!((marks.len(), marks.forgotten), (MAX_DEVICES, 1));
        assert!(!marks.seen(&many(0)) && marks.seen(&many(1)));
    }

    #[test]
    fn the_ends_of_the_numbers_are_no_trouble() {
        let mut marks = Marks::default();
        marks.add(&origin(1, 0, 0), 1);
        assert!(marks.seen(&origin(1, 0, 0)) && !marks.seen(&origin(1, 0, u64::MAX)));
        marks.add(&origin(1, 0, u64::MAX), 2);
        assert!(!marks.seen(&origin(1, 0, 1)), "too far behind to tell");
        assert!(!marks.seen(&origin(1, 0, u64::MAX - 64)));
    }
}
