//! From uptime to Unix time.
//!
//! A device's clock counts from its start, and its records carry that until the true time is learned: from
//! the `Date` of an HTTP answer, or from a real-time clock, GPS or NTP. Then the [`Offset`] between the two
//! is added to every time of a record while its bytes are copied out, records of before included; what
//! lies in memory stays as it is.
//!
//! ```text
//!   date ≤ true time < date + 1 s          an HTTP Date has whole seconds
//!   sent ≤    uptime    ≤ received         of the moment at which the server wrote it
//!   ─────────────────────────────────────────────────────────────────────────
//!   date − received ≤ offset ≤ date + 1 s − sent                     Bounds
//! ```
//!
//! The first bounds give an offset in their middle. Later ones move it no further than into them, so it
//! gets better with each answer, follows the drift of an oscillator in small steps, and follows a server
//! whose clock was set at once. A request that is being sent keeps the offset that it began with.
//!
//! A time of zero means that it is not known, and stays zero. A time that is after 2006 when read as Unix
//! time already is Unix time, and stays: a device with a real-time clock needs no repair.

use core::cell::Cell;

use crate::otlp::Signal;
use crate::repair::Repair;

/// Times from here on, in July 2006 or after 36 years of uptime, are Unix times.
const UNIX_FROM: u64 = 1 << 60;
const SECOND: u64 = 1_000_000_000;

/// Whether a clock that says `now` counts from the device's start.
pub(crate) const fn is_uptime(now: u64) -> bool {
    now < UNIX_FROM
}

/// How far Unix time is ahead of uptime, in nanoseconds.
///
/// ```
/// use smoltel_core::time::{Bounds, Offset};
/// let offset: Offset = Bounds::exactly(1_700_000_000_000_000_000, 5_000_000_000).unwrap().middle();
/// assert_eq!(offset.unix(7_000_000_000), 1_700_000_002_000_000_000);
/// assert_eq!(offset.unix(0), 0, "a time that is not known");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Offset(i64);

impl Offset {
    /// None at all.
    pub const ZERO: Self = Self(0);

    /// Copies a record of `signal` into `out`, as far as there is room, with its uptimes turned into Unix times, and returns the
    /// highest uptime that was in it; 0 if there was none. Bytes that are no record stay as they are.
    ///
    /// ```
    /// use smoltel_core::Signal;
    /// use smoltel_core::time::Bounds;
    /// let offset = Bounds::exactly(1_700_000_000_000_000_000, 5).expect("a time after 2006").middle();
    /// let record = [0x09, 7, 0, 0, 0, 0, 0, 0, 0]; // a log record's time: 7 ns
    /// let mut repaired = record;
    /// assert_eq!(offset.repair(Signal::Logs, &record, &mut repaired), 7);
    /// assert_eq!(repaired[1..], 1_700_000_000_000_000_002u64.to_le_bytes());
    /// ```
    pub fn repair(self, signal: Signal, record: &[u8], out: &mut [u8]) -> u64 {
        let latest = Cell::new(0);
        out.iter_mut().zip(record).for_each(|(to, from)| *to = *from);
        Repair::new(self, signal).repair(out, |at| {
            let time = *record.get(at..)?.first_chunk()?;
            let uptime = Some(u64::from_le_bytes(time)).filter(|&time| is_uptime(time));
            latest.set(latest.get().max(uptime.unwrap_or(0)));
            Some(time)
        });
        latest.get()
    }

    /// The Unix time at that uptime, both in nanoseconds. Zero, and what is Unix time already, stays.
    pub const fn unix(self, uptime: u64) -> u64 {
        if uptime == 0 || !is_uptime(uptime) { uptime } else { uptime.saturating_add_signed(self.0) }
    }
}

/// What one look at a true clock says of the offset.
///
/// ```
/// use smoltel_core::Pipeline;
/// use smoltel_core::time::Bounds;
///
/// static TELEMETRY: Pipeline = Pipeline::new(|| 3_000_000_000);
/// // A real-time clock was read just now.
/// if let Some(bounds) = Bounds::exactly(1_700_000_000_000_000_000, 3_000_000_000) {
///     TELEMETRY.learn_time(bounds);
/// }
/// assert_eq!(TELEMETRY.time_offset().unwrap().unix(4_000_000_000), 1_700_000_001_000_000_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Bounds {
    low: i64,
    high: i64,
}

impl Bounds {
    /// From a `Date` of whole seconds, which a server wrote between two uptimes in nanoseconds: when the
    /// request was out, and when the answer was in. `None` when that says nothing: the server's clock is
    /// not set, or the device's is Unix time already.
    pub fn from_date(seconds: u64, sent: u64, received: u64) -> Option<Self> {
        let date = seconds.checked_mul(SECOND)?;
        Self::new(date, date.checked_add(SECOND)?, sent, received)
    }

    /// From a clock that showed `unix` when the uptime was `uptime`, both in nanoseconds. `None` when that
    /// says nothing, as above.
    pub fn exactly(unix: u64, uptime: u64) -> Option<Self> {
        Self::new(unix, unix, uptime, uptime)
    }

    /// From a clock that showed `unix` at some moment between two uptimes, all in nanoseconds: when it was asked, and
    /// when its answer was in. `None` when that says nothing, as above.
    pub fn between(unix: u64, asked: u64, received: u64) -> Option<Self> {
        Self::new(unix, unix, asked, received)
    }

    /// From two words about a clock, each a Unix time and an uptime in nanoseconds: the device was `told` a time that was not later
    /// than then, and was `heard` saying an uptime at a time that was not earlier than then. `None` when they say nothing or
    /// contradict each other.
    pub fn both(told: (u64, u64), heard: (u64, u64)) -> Option<Self> {
        let offset = |(unix, uptime)| Self::exactly(unix, uptime).map(|bounds| bounds.low);
        let (low, high) = (offset(told)?, offset(heard)?);
        (low <= high).then_some(Self { low, high })
    }

    /// The true time was between `earliest` and `latest` at an uptime between `sent` and `received`.
    fn new(earliest: u64, latest: u64, sent: u64, received: u64) -> Option<Self> {
        if is_uptime(earliest) || !is_uptime(received) || sent > received {
            return None;
        }
        let low = i64::try_from(earliest - received).ok()?;
        let high = i64::try_from(latest - sent).ok()?;
        Some(Self { low, high })
    }

    /// The offset if nothing else is known.
    pub const fn middle(self) -> Offset {
        Offset(self.low + (self.high - self.low) / 2)
    }

    /// The offset if `known` was what one thought: as near to it as can be.
    pub fn narrow(self, known: Option<Offset>) -> Offset {
        known.map_or(self.middle(), |known| Offset(known.0.max(self.low).min(self.high)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: u64 = 1_700_000_000;

    /// The offset after dates that a server with a true offset of `DATE` seconds gives at those uptimes,
    /// each with a round trip of 0.2 s.
    fn learned(uptimes: &[u64]) -> i64 {
        let mut known = None;
        for &uptime in uptimes {
            let date = (DATE * SECOND + uptime) / SECOND;
            let bounds = Bounds::from_date(date, uptime - SECOND / 10, uptime + SECOND / 10).unwrap();
            known = Some(bounds.narrow(known));
        }
        known.unwrap().0 - (DATE * SECOND) as i64
    }

    #[test]
    fn one_date_is_right_to_a_second_and_more_are_better() {
        let error = |uptimes: &[u64]| learned(uptimes).unsigned_abs();
        let ms = |n: u64| 10 * SECOND + n * 1_000_000;
        assert!(error(&[ms(1)]) < SECOND * 6 / 10);
        assert!(error(&[ms(999)]) < SECOND * 6 / 10);
        assert!(error(&[ms(1), ms(5_999)]) < SECOND * 2 / 10, "just before and just after the second");
        assert_eq!(learned(&[ms(500), ms(1_500)]), learned(&[ms(500)]), "nothing new");
    }

    #[test]
    fn a_clock_that_was_set_is_followed_at_once() {
        let first = Bounds::from_date(DATE, 0, SECOND).unwrap();
        let set = Bounds::from_date(DATE + 3600, 2 * SECOND, 3 * SECOND).unwrap();
        assert_eq!(set.narrow(Some(first.middle())), Offset(set.low));
        let back = set.narrow(Some(first.middle()));
        assert_eq!(first.narrow(Some(back)), Offset(first.high));
    }

    #[test]
    fn what_cannot_be_believed_says_nothing() {
        assert_eq!(Bounds::from_date(60, 0, SECOND), None, "the server thinks it is 1970");
        assert_eq!(Bounds::from_date(u64::MAX, 0, 0), None);
        assert_eq!(Bounds::from_date(20_000_000_000, 0, 0), None, "beyond 64 bits of nanoseconds");
        assert_eq!(Bounds::from_date(DATE, 2, 1), None, "the uptime ran backwards");
        let unix = DATE * SECOND;
        assert_eq!(Bounds::from_date(DATE, unix, unix), None, "the device knows the time");
    }

    #[test]
    fn only_uptimes_change() {
        let offset = Bounds::exactly(DATE * SECOND, 5 * SECOND).unwrap().middle();
        assert_eq!([0, DATE * SECOND, u64::MAX].map(|time| offset.unix(time)), [0, DATE * SECOND, u64::MAX]);
        assert_eq!(offset.unix(1), (DATE - 5) * SECOND + 1);
    }
}
