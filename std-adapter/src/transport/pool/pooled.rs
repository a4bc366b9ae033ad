use std::time::{Duration, Instant};

use super::Pool;
use crate::Signal;
use crate::transport::{Answer, Encoding, Outcome, Request, Transport};

/// Sends each request to the endpoint of a pool whose turn it is, or to the next ones if it fails there.
///
/// That a request was in doubt at one endpoint does not keep it from the next: it may then be at both.
pub struct Pooled {
    pool: Pool,
    transports: Vec<Box<dyn Transport>>,
}

/// A probe is a request without anything in it, which OTLP's servers answer with success. It may take that long.
const PROBE: Duration = Duration::from_secs(5);

/// What the endpoints said that did not take a request.
#[derive(Default)]
struct Refusals {
    said: Vec<String>,
    /// Whether one of them may take it later.
    passing: bool,
    after: Option<u64>,
    in_doubt: bool,
}

impl Pooled {
    pub(super) fn new(pool: Pool, transports: Vec<Box<dyn Transport>>) -> Self {
        debug_assert_eq!(pool.members().len(), transports.len(), "one for each endpoint");
        Self { pool, transports }
    }

    /// Whether an endpoint may be used. One that was left alone long enough is probed first.
    fn is_usable(&mut self, i: usize, signal: Signal, deadline: Instant) -> bool {
        if self.pool.probe(i, signal) {
            let probe = Request { signal, body: &[], encoding: Encoding::Identity, items: 0 };
            self.attempt(i, &probe, deadline.min(Instant::now() + PROBE));
        }
        self.pool.is_closed(i, signal)
    }

    fn attempt(&mut self, i: usize, request: &Request<'_>, deadline: Instant) -> Outcome {
        self.pool.begin(i);
        let outcome = self.transports[i].send(request, deadline);
        self.pool.end(i, request.signal, &outcome);
        outcome
    }
}

impl Transport for Pooled {
    fn send(&mut self, request: &Request<'_>, deadline: Instant) -> Outcome {
        let mut refusals = Refusals::default();
        for i in self.pool.order() {
            if i >= self.transports.len() || !self.is_usable(i, request.signal, deadline) {
                continue;
            }
            let outcome = self.attempt(i, request, deadline);
            if matches!(outcome.answer, Answer::Accepted { .. } | Answer::BadData) {
                return outcome;
            }
            refusals.add(&self.transports[i].destination(request.signal), outcome);
            if Instant::now() >= deadline {
                break;
            }
        }
        refusals.outcome(self.pool.wait(request.signal))
    }

    fn destination(&self, signal: Signal) -> String {
        let all: Vec<_> = self.transports.iter().map(|transport| transport.destination(signal)).collect();
        all.join(" or ")
    }

    fn component_type(&self, signal: Signal) -> &'static str {
        let first = self.transports.first();
        first.map_or(std::any::type_name::<Self>(), |transport| transport.component_type(signal))
    }
}

impl Refusals {
    fn add(&mut self, name: &str, outcome: Outcome) {
        self.said.push(format!("{name}: {}", outcome.message));
        self.in_doubt |= outcome.in_doubt;
        if let Answer::Retry { after } = outcome.answer {
            self.passing = true;
            self.after = self.after.into_iter().chain(after).min();
        }
    }

    /// `wait` is how long all that are left alone are so still; there may be none.
    fn outcome(self, wait: Option<Duration>) -> Outcome {
        let wait = wait.map(|wait| u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX));
        let answer = match (self.passing || self.said.is_empty(), wait) {
            (true, _) => Answer::Retry { after: self.after.into_iter().chain(wait).min() },
            // Another one may take it when it is back.
            (false, Some(wait)) => Answer::Retry { after: Some(wait) },
            (false, None) => Answer::BadDestination,
        };
        let message = match self.said.is_empty() {
            true => "no endpoint is in service".to_owned(),
            false => self.said.join("; "),
        };
        Outcome { in_doubt: self.in_doubt, ..Outcome::new(answer, message) }
    }
}

impl std::fmt::Debug for Pooled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pooled").field("pool", &self.pool).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::{State, Strategy};
    use super::*;

    /// Endpoints that answer as they are told, and a clock that is moved.
    #[derive(Clone)]
    struct World(Arc<Mutex<Inner>>);

    struct Inner {
        now: Instant,
        answers: Vec<Answer>,
        /// Which endpoint got how many items; none is a probe.
        got: Vec<(usize, u64)>,
    }

    struct Scripted(World, usize);

    impl Transport for Scripted {
        fn send(&mut self, request: &Request<'_>, _: Instant) -> Outcome {
            let mut world = self.0.0.lock().unwrap();
            world.got.push((self.1, request.items));
            Outcome::new(world.answers[self.1], "as told")
        }

        fn destination(&self, _: Signal) -> String {
            format!("e{}", self.1)
        }
    }

    impl World {
        fn new(strategy: Strategy, count: usize) -> (Self, Pooled) {
            let answers = vec![Answer::Accepted { rejected: 0 }; count];
            let world = Self(Arc::new(Mutex::new(Inner { now: Instant::now(), answers, got: Vec::new() })));
            let clock = world.clone();
            let names = (0..count).map(|i| format!("e{i}"));
            let pool = Pool::with_clock(strategy, names, Box::new(move || clock.0.lock().unwrap().now));
            let transports = (0..count).map(|i| Box::new(Scripted(world.clone(), i)) as Box<dyn Transport>);
            let pooled = pool.over(transports.collect());
            (world, pooled)
        }

        fn tell(&self, i: usize, answer: Answer) {
            self.0.lock().unwrap().answers[i] = answer;
        }

        fn pass(&self, seconds: u64) {
            self.0.lock().unwrap().now += Duration::from_secs(seconds);
        }

        /// Who got what since the last time.
        fn got(&self) -> Vec<(usize, u64)> {
            std::mem::take(&mut self.0.lock().unwrap().got)
        }
    }

    const OK: Answer = Answer::Accepted { rejected: 0 };

    fn send(pooled: &mut Pooled) -> Answer {
        let request =
            Request { signal: Signal::Logs, body: b"\x0A\x00", encoding: Encoding::Identity, items: 1 };
        pooled.send(&request, Instant::now() + Duration::from_secs(60)).answer
    }

    #[test]
    fn failover_leaves_a_failing_primary_alone_and_returns_to_it_by_a_probe() {
        let (world, mut pooled) = World::new(Strategy::Failover, 2);
        assert_eq!((send(&mut pooled), world.got()), (OK, vec![(0, 1)]));
        world.tell(0, Answer::NONE);
        for _ in 0..3 {
            assert_eq!((send(&mut pooled), world.got()), (OK, vec![(0, 1), (1, 1)]));
        }
        assert_eq!((send(&mut pooled), world.got()), (OK, vec![(1, 1)]), "the breaker is open");
        assert_eq!(pooled.pool.status()[0].state, State::Open);
        assert_eq!(pooled.pool.status()[0].last_error, "as told");
        world.pass(1);
        assert_eq!(
            (send(&mut pooled), world.got()),
            (OK, vec![(0, 0), (1, 1)]),
            "a probe without data fails"
        );
        world.tell(0, OK);
        assert_eq!((send(&mut pooled), world.got()), (OK, vec![(1, 1)]), "the next one has to wait");
        world.pass(60);
        assert_eq!((send(&mut pooled), world.got()), (OK, vec![(0, 0), (0, 1)]), "it is back");
        let status = &pooled.pool.status()[0];
        assert_eq!((status.state, &*status.last_error, status.pending), (State::Closed, "", 0));
    }

    #[test]
    fn when_none_is_left_the_caller_waits_for_the_first_that_may_be_probed() {
        let (world, mut pooled) = World::new(Strategy::Failover, 2);
        world.tell(0, Answer::Retry { after: Some(20_000_000_000) });
        world.tell(1, Answer::Retry { after: Some(10_000_000_000) });
        assert_eq!(send(&mut pooled), Answer::Retry { after: Some(10_000_000_000) });
        world.got();
        world.pass(3);
        assert_eq!(send(&mut pooled), Answer::Retry { after: Some(7_000_000_000) });
        assert_eq!(world.got(), [], "nobody is asked");
    }

    #[test]
    fn a_refusal_of_the_data_is_final_and_one_of_everything_is_the_endpoints_own() {
        let (world, mut pooled) = World::new(Strategy::Failover, 2);
        world.tell(0, Answer::BadData);
        assert_eq!((send(&mut pooled), world.got()), (Answer::BadData, vec![(0, 1)]));
        world.tell(0, Answer::BadDestination);
        assert_eq!((send(&mut pooled), world.got()), (OK, vec![(0, 1), (1, 1)]));
        world.tell(1, Answer::BadDestination);
        assert_eq!(send(&mut pooled), Answer::BadDestination);
        (0..3).for_each(|_| _ = send(&mut pooled));
        assert!(matches!(send(&mut pooled), Answer::Retry { after: Some(_) }), "both are left alone");
    }

    #[test]
    fn what_one_signal_meets_is_no_concern_of_another() {
        let (world, mut pooled) = World::new(Strategy::Failover, 2);
        world.tell(0, Answer::BadDestination);
        (0..3).for_each(|_| _ = send(&mut pooled));
        world.tell(0, OK);
        world.got();
        let traces = Request { signal: Signal::Traces, body: b"", encoding: Encoding::Identity, items: 7 };
        pooled.send(&traces, Instant::now() + Duration::from_secs(60));
        assert_eq!(world.got(), [(0, 7)]);
    }

    #[test]
    fn in_turn_everybody_gets_as_much_and_the_broken_one_nothing() {
        let (world, mut pooled) = World::new(Strategy::RoundRobin, 3);
        let shares = |world: &World| {
            let got = world.got();
            [0, 1, 2].map(|i| got.iter().filter(|(endpoint, _)| *endpoint == i).count())
        };
        (0..30).for_each(|_| _ = send(&mut pooled));
        assert_eq!(shares(&world), [10, 10, 10]);
        world.tell(1, Answer::NONE);
        (0..30).for_each(|_| assert_eq!(send(&mut pooled), OK));
        let [first, broken, third] = shares(&world);
        assert_eq!((first + third, broken), (30, 3), "each that failed was taken by the next");
    }

    #[test]
    fn the_one_with_the_fewest_waiting_requests_is_next() {
        let (world, mut pooled) = World::new(Strategy::LeastPending, 3);
        // Other threads are sending.
        [0, 0, 2].into_iter().for_each(|i| pooled.pool.begin(i));
        for _ in 0..3 {
            send(&mut pooled);
        }
        assert_eq!(world.got(), [(1, 1), (1, 1), (1, 1)]);
        let pending: Vec<_> = pooled.pool.status().iter().map(|endpoint| endpoint.pending).collect();
        assert_eq!(pending, [2, 0, 1]);
    }
}
