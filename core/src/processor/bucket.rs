use core::cell::Cell;

use critical_section::Mutex;

/// A token bucket in one number: the time at which it will have run empty, if nothing more comes.
///
/// Its level is the time until then. A clock that stands still lets in what the bucket holds and then
/// nothing; after one that jumps back the bucket is full at most, and goes on running empty.
pub(super) struct Bucket(Mutex<Cell<u64>>);

impl Bucket {
    /// An empty one.
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Cell::new(0)))
    }

    /// Pours in `cost` nanoseconds if it is not above `brim` then. `depth` is the highest brim there is.
    pub(super) fn pour(&self, now: u64, cost: u64, brim: u64, depth: u64) -> bool {
        critical_section::with(|cs| {
            let empty_at = self.0.borrow(cs);
            let level = empty_at.get().saturating_sub(now).min(depth);
            let poured = level.saturating_add(cost);
            let fits = poured <= brim;
            empty_at.set(now.saturating_add(if fits { poured } else { level }));
            fits
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_its_depth_and_runs_empty_with_time() {
        let bucket = Bucket::new();
        let poured = |now| (0..9).filter(|_| bucket.pour(now, 10, 30, 30)).count();
        assert_eq!(poured(0), 3);
        assert_eq!(poured(19), 1, "time for one more, and most of another");
        assert_eq!(poured(20), 1);
        assert_eq!(poured(1000), 3);
    }

    #[test]
    fn a_clock_that_stands_still_or_jumps_does_not_open_or_shut_it_for_good() {
        let bucket = Bucket::new();
        let poured = |now| (0..9).filter(|_| bucket.pour(now, 10, 30, 30)).count();
        assert_eq!([poured(1_000_000), poured(1_000_000)], [3, 0]);
        assert_eq!([poured(5), poured(14), poured(15), poured(35)], [0, 0, 1, 2], "back");
    }
}
