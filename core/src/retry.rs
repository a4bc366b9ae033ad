//! What an endpoint's answer means, and how long to wait before trying again.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// What became of a request.
///
/// ```
/// use smoltel_core::retry::Answer;
/// assert_eq!(Answer::NONE, Answer::Retry { after: None });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum Answer {
    /// The other side has it, all but `rejected` items, which must not be sent again.
    Accepted {
        /// Items that were refused for good.
        rejected: u64,
    },
    /// Not now: the same request may succeed later, but not before `after` nanoseconds if that is known.
    Retry {
        /// The other side's own wish, from its answer's arrival on.
        after: Option<u64>,
    },
    /// Never: these data are not valid, or larger than the other side takes.
    BadData,
    /// Not as things stand: the other side refuses whatever is sent, because of credentials, a wrong path
    /// or a fault of its own. The data may be good.
    BadDestination,
}

impl Answer {
    /// The meaning of an HTTP status by OTLP/HTTP: 429, 502, 503 and 504 can be retried, nothing else
    /// that is an error. A status of the 2xx class accepts everything; the body may say less.
    ///
    /// ```
    /// use smoltel_core::retry::Answer;
    /// assert_eq!(Answer::from_http(200, None), Answer::Accepted { rejected: 0 });
    /// assert_eq!(Answer::from_http(503, Some(5)), Answer::Retry { after: Some(5) });
    /// assert_eq!(Answer::from_http(400, None), Answer::BadData);
    /// assert_eq!(Answer::from_http(401, None), Answer::BadDestination);
    /// ```
    pub const fn from_http(status: u16, retry_after: Option<u64>) -> Self {
        match status {
            200..=299 => Self::Accepted { rejected: 0 },
            429 | 502 | 503 | 504 => Self::Retry { after: retry_after },
            400 | 413 | 422 => Self::BadData,
            _ => Self::BadDestination,
        }
    }

    /// The meaning of a gRPC status by OTLP/gRPC. `retry_delay` is what its details' `RetryInfo` asks for, in
    /// nanoseconds: without one an exhausted resource is final. What the code blames on the request is
    /// [`BadData`](Self::BadData), everything else that is final is the destination's.
    ///
    /// ```
    /// use smoltel_core::retry::Answer;
    /// assert_eq!(Answer::from_grpc(0, None), Answer::Accepted { rejected: 0 });
    /// assert_eq!(Answer::from_grpc(14, Some(5)), Answer::Retry { after: Some(5) }); // UNAVAILABLE
    /// assert_eq!(Answer::from_grpc(8, Some(5)), Answer::Retry { after: Some(5) }); // RESOURCE_EXHAUSTED
    /// assert_eq!(Answer::from_grpc(8, None), Answer::BadData);
    /// assert_eq!(Answer::from_grpc(16, None), Answer::BadDestination); // UNAUTHENTICATED
    /// ```
    pub const fn from_grpc(code: u16, retry_delay: Option<u64>) -> Self {
        const RESOURCE_EXHAUSTED: u16 = 8;
        match code {
            0 => Self::Accepted { rejected: 0 },
            // CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS
            1 | 4 | 10 | 11 | 14 | 15 => Self::Retry { after: retry_delay },
            RESOURCE_EXHAUSTED if retry_delay.is_some() => Self::Retry { after: retry_delay },
            // INVALID_ARGUMENT
            3 | RESOURCE_EXHAUSTED => Self::BadData,
            _ => Self::BadDestination,
        }
    }

    /// No answer at all: the connection could not be made, broke, or stayed silent.
    pub const NONE: Self = Self::Retry { after: None };
}

/// Exponential backoff with jitter.
///
/// The delay doubles from one second to one minute; each is drawn from its upper half, so that many
/// senders that failed together do not come back together.
///
/// ```
/// use smoltel_core::retry::Backoff;
/// let mut backoff = Backoff::new(42);
/// let wish = 30_000_000_000;
/// assert!(backoff.next(Some(wish)) >= wish);
/// backoff.reset();
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    attempt: u32,
    rng: SplitMix64,
}

impl Backoff {
    const FIRST: u64 = 1_000_000_000;
    const MAX: u64 = 60_000_000_000;
    /// An endpoint's wish is followed up to this: five minutes.
    const MAX_WISH: u64 = 300_000_000_000;

    /// No failures yet; `seed` has to differ between senders.
    pub fn new(seed: u64) -> Self {
        Self { attempt: 0, rng: SplitMix64::seed_from_u64(seed) }
    }

    /// Nanoseconds to wait after one more failure, at least what the endpoint wished.
    pub fn next(&mut self, after: Option<u64>) -> u64 {
        let delay = Self::FIRST.saturating_mul(1 << self.attempt.min(16)).min(Self::MAX);
        self.attempt = self.attempt.saturating_add(1);
        // A share of the half, in 65,536ths: a division of 64 bits is long on a microcontroller.
        let jittered = delay / 2 + (delay >> 17) * (self.rng.next_u64() & 0xFFFF);
        jittered.max(after.unwrap_or(0).min(Self::MAX_WISH))
    }

    /// Forgets failures: something succeeded.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_four_statuses_are_retried() {
        for status in 300..600 {
            let retried = matches!(Answer::from_http(status, None), Answer::Retry { .. });
            assert_eq!(retried, [429, 502, 503, 504].contains(&status), "{status}");
        }
    }

    #[test]
    fn only_the_codes_of_otlps_table_are_retried() {
        for code in 1..32 {
            let retried =
                |delay| matches!(Answer::from_grpc(code, delay), Answer::Retry { after } if after == delay);
            assert_eq!(retried(None), [1, 4, 10, 11, 14, 15].contains(&code), "{code}");
            assert_eq!(retried(Some(7)), [1, 4, 8, 10, 11, 14, 15].contains(&code), "{code}");
        }
    }

    #[test]
    fn delays_grow_to_a_minute_and_differ_between_senders() {
        let (mut a, mut b) = (Backoff::new(1), Backoff::new(2));
        let delays: std::vec::Vec<u64> = (0..12).map(|_| a.next(None)).collect();
        for (i, delay) in delays.iter().enumerate() {
            let full = (1u64 << i).min(60) * 1_000_000_000;
            assert!((full / 2..full).contains(delay), "{i}: {delay}");
        }
        assert_ne!(delays[0], b.next(None));
        a.reset();
        assert!(a.next(None) < 1_000_000_000);
    }

    #[test]
    fn the_endpoints_wish_is_a_lower_bound_within_reason() {
        let mut backoff = Backoff::new(1);
        assert_eq!(backoff.next(Some(5_000_000_000)), 5_000_000_000);
        assert_eq!(backoff.next(Some(u64::MAX)), 300_000_000_000);
    }
}
