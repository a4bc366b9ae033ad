//! Several endpoints as one: the first that works, or all in turn. One that fails is left alone and probed.
//!
//! ```
//! use smoltel::transport::pool::{Pool, Strategy};
//! use smoltel::transport::{Otlp, Transport};
//!
//! let urls = ["http://10.0.0.1:4318", "http://10.0.0.2:4318"];
//! let pool = Pool::new(Strategy::Failover, urls);
//! // Each thread that sends has transports of its own; what is known of the endpoints they share.
//! let transports = urls.map(|url| Otlp::under(url).map(|otlp| Box::new(otlp) as Box<dyn Transport>));
//! let transport = pool.over(transports.into_iter().collect::<Result<_, _>>()?);
//! # drop(transport);
//! for endpoint in pool.status() {
//!     println!("{}: {} {}", endpoint.name, endpoint.state.name(), endpoint.last_error);
//! }
//! # Ok::<(), smoltel::ConfigError>(())
//! ```

mod breaker;
mod pooled;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use breaker::State;
pub use pooled::Pooled;

use super::{Answer, Outcome, Transport};
use crate::Signal;
use breaker::Breaker;

/// Which of several endpoints gets a request. If it fails there, the next one gets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// The first in the list that works.
    #[default]
    Failover,
    /// Each in turn.
    RoundRobin,
    /// The one with the fewest requests that wait for its answer; each in turn where they are equal. It differs from
    /// [`RoundRobin`](Self::RoundRobin) where several threads send.
    LeastPending,
}

impl Strategy {
    /// The strategies, by the names that the environment has for them.
    pub(crate) const NAMES: &[(&str, Self)] = &[
        ("failover", Self::Failover),
        ("round-robin", Self::RoundRobin),
        ("least-pending", Self::LeastPending),
    ];
}

/// What is known of several endpoints that serve the same purpose. Clones share it.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    strategy: Strategy,
    members: Mutex<Vec<Member>>,
    turn: AtomicUsize,
    clock: Clock,
}

type Clock = Box<dyn Fn() -> Instant + Send + Sync>;

struct Member {
    name: String,
    /// One for each signal: there are endpoints that take only some.
    breakers: [Breaker; 3],
    pending: usize,
    last_error: String,
}

/// How an endpoint is, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointStatus {
    /// What it is called in the pool.
    pub name: String,
    /// Whether it is used: of its signals' states the worst.
    pub state: State,
    /// Requests that wait for its answer.
    pub pending: usize,
    /// Why it failed last; empty if it works, or never failed.
    pub last_error: String,
}

impl Pool {
    /// Endpoints by name, in the order of preference. Names are shown: no secrets.
    pub fn new(strategy: Strategy, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::with_clock(strategy, names, Box::new(Instant::now))
    }

    fn with_clock(
        strategy: Strategy,
        names: impl IntoIterator<Item = impl Into<String>>,
        clock: Clock,
    ) -> Self {
        let (now, seed) = (clock(), u64::from_le_bytes(std::array::from_fn(|i| crate::random()[i])));
        let member = |(i, name): (usize, _)| Member {
            name: String::into(Into::into(name)),
            breakers: Signal::ALL.map(|signal| Breaker::new(seed ^ (i * 3 + signal as usize) as u64, now)),
            pending: 0,
            last_error: String::new(),
        };
        let members = names.into_iter().enumerate().map(member).collect();
        Self(Arc::new(Shared { strategy, members: Mutex::new(members), turn: AtomicUsize::new(0), clock }))
    }

    /// A transport over one for each endpoint, in the same order; for one thread that sends.
    pub fn over(&self, transports: Vec<Box<dyn Transport>>) -> Pooled {
        Pooled::new(self.clone(), transports)
    }

    /// How each endpoint is.
    pub fn status(&self) -> Vec<EndpointStatus> {
        let status = |member: &Member| EndpointStatus {
            name: member.name.clone(),
            state: member.breakers.iter().map(Breaker::state).max().unwrap_or(State::Closed),
            pending: member.pending,
            last_error: member.last_error.clone(),
        };
        self.members().iter().map(status).collect()
    }

    fn members(&self) -> MutexGuard<'_, Vec<Member>> {
        self.0.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The endpoints' places, the one to begin with first.
    fn order(&self) -> Vec<usize> {
        let members = self.members();
        let mut order: Vec<usize> = (0..members.len()).collect();
        if self.0.strategy == Strategy::Failover || order.is_empty() {
            return order;
        }
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
        order.rotate_left(turn % members.len());
        if self.0.strategy == Strategy::LeastPending {
            order.sort_by_key(|&i| members[i].pending);
        }
        order
    }

    /// Whether an endpoint may be used as it is.
    fn is_closed(&self, i: usize, signal: Signal) -> bool {
        self.members()[i].breakers[signal as usize].state() == State::Closed
    }

    /// Whether the caller has to probe an endpoint.
    fn probe(&self, i: usize, signal: Signal) -> bool {
        let now = (self.0.clock)();
        self.members()[i].breakers[signal as usize].probe(now)
    }

    /// A request is on its way to an endpoint.
    fn begin(&self, i: usize) {
        self.members()[i].pending += 1;
    }

    /// It came to that.
    fn end(&self, i: usize, signal: Signal, outcome: &Outcome) {
        let now = (self.0.clock)();
        let member = &mut self.members()[i];
        member.pending = member.pending.saturating_sub(1);
        let breaker = &mut member.breakers[signal as usize];
        match outcome.answer {
            // It works, whatever it thinks of this request.
            Answer::Accepted { .. } | Answer::BadData => {
                breaker.succeeded();
                member.last_error.clear();
            }
            Answer::Retry { after } => breaker.failed(now, after),
            Answer::BadDestination => breaker.failed(now, None),
        }
        if matches!(outcome.answer, Answer::Retry { .. } | Answer::BadDestination) {
            member.last_error.clone_from(&outcome.message);
        }
    }

    /// How long until the first endpoint that is left alone may be probed.
    fn wait(&self, signal: Signal) -> Option<Duration> {
        let members = self.members();
        let next = members.iter().filter_map(|member| member.breakers[signal as usize].opens_at()).min()?;
        Some(next.saturating_duration_since((self.0.clock)()))
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("strategy", &self.0.strategy).field("endpoints", &self.status()).finish()
    }
}
