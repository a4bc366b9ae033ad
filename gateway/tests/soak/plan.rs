//! What happens, and when: all of it by a seed.

use std::time::Duration;

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// How an upstream answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Takes,
    /// 503, 429, 401 or the like: not now, or not from you.
    Says(u16),
    HangsUp,
    /// It has taken the request, and its answer is lost.
    TakesAndHangsUp,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Upstream(Mood),
    /// `kill -9`, and another start.
    Kill,
    /// SIGTERM, and another start.
    Stop,
    Reload,
    /// The clock is so many seconds off from now on.
    Clock(i64),
    /// Something else fills the disk to the last byte.
    Fill,
    Free,
}

/// The events of a run.
pub(crate) struct Plan(Random);

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Random(seed))
    }

    /// The next event, and how long it is to it.
    pub(crate) fn next(&mut self) -> (Duration, Event) {
        let pause = Duration::from_millis(50 + self.0.below(900));
        let event = match self.0.below(20) {
            0..6 => Event::Upstream(Mood::Takes),
            6 => Event::Upstream(Mood::Says(503)),
            7 => Event::Upstream(Mood::Says([429, 401, 502, 404][self.0.below(4) as usize])),
            8 => Event::Upstream(Mood::HangsUp),
            9 => Event::Upstream(Mood::TakesAndHangsUp),
            10..13 => Event::Kill,
            13 | 14 => Event::Stop,
            15 => Event::Reload,
            16 => Event::Clock(self.0.below(200_000_000) as i64 - 100_000_000),
            17 => Event::Fill,
            _ => Event::Free,
        };
        (pause, event)
    }
}
