//! How many sets of attributes an instrument keeps apart.

use std::sync::atomic::{AtomicI64, Ordering};

use proptest::prelude::*;
use smoltel_core::{Key, MetricSettings, Observer, Preference, Value};

use crate::receiver::{collect, pipeline, values};

const OVERFLOW: &str = "otel.metric.overflow=true";

#[test]
fn as_many_sets_as_the_limit_do_not_overflow_and_one_more_does() {
    let pipeline = pipeline(1 << 16, MetricSettings::DEFAULT);
    let meter = pipeline.meter("m");
    let limited = meter.instrument("limited").cardinality_limit(3).counter();
    let all = || -> Vec<_> { values(&collect(pipeline), "limited") };
    limited.add(1u64, &[]);
    limited.add(1, &[("id".into(), 1.into())]);
    limited.add(1, &[("id".into(), 2.into())]);
    assert_eq!(all(), [("".into(), 1.0), ("id=1".into(), 1.0), ("id=2".into(), 1.0)]);
    limited.add(1, &[("id".into(), 3.into())]);
    limited.add(1, &[("id".into(), 4.into())]);
    limited.add(1, &[("id".into(), 1.into())]);
    assert_eq!(all(), [("".into(), 1.0), ("id=1".into(), 2.0), ("id=2".into(), 1.0), (OVERFLOW.into(), 2.0)]);
}

#[test]
fn the_limit_is_2000_unless_said_otherwise() {
    let pipeline = pipeline(1 << 18, MetricSettings::DEFAULT);
    let counter = pipeline.meter("m").counter("c");
    (0..2000).for_each(|id| counter.add(1, &[("id".into(), id.into())]));
    assert!(!values(&collect(pipeline), "c").iter().any(|(attributes, _)| attributes == OVERFLOW));
    counter.add(1, &[("id".into(), 2000.into())]);
    let points = values(&collect(pipeline), "c");
    assert_eq!((points.len(), points.last().unwrap()), (2001, &(OVERFLOW.to_string(), 1.0)));
}

#[test]
fn a_limit_of_none_sums_everything_under_overflow() {
    let settings = MetricSettings { cardinality_limit: 0, ..MetricSettings::DEFAULT };
    let pipeline = pipeline(1024, settings);
    pipeline.meter("m").counter("c").add(1, &[]);
    pipeline.meter("m").counter("c").add(1, &[("id".into(), 1.into())]);
    assert_eq!(values(&collect(pipeline), "c"), [(OVERFLOW.to_string(), 2.0)]);
}

#[test]
fn attributes_that_are_not_kept_do_not_tell_series_apart() {
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    let counter = pipeline.meter("m").instrument("c").keep(&["route"]).cardinality_limit(1).counter();
    for user in 0..100 {
        counter.add(1u64, &[("user".into(), user.into()), ("route".into(), "/".into())]);
    }
    assert_eq!(values(&collect(pipeline), "c"), [("route=/".into(), 100.0)], "the limit comes after");
}

#[test]
fn what_observes_keeps_the_sets_it_saw_first() {
    static FIRST: AtomicI64 = AtomicI64::new(0);
    fn observe(observer: &mut Observer<'_>) {
        let first = FIRST.load(Ordering::Relaxed);
        (first..first + 3).for_each(|id| observer.observe(1u64, &[("id".into(), (id % 4).into())]));
    }
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    pipeline.meter("m").instrument("o").cardinality_limit(2).observable_counter(observe);
    let expected = |others: f64| [("id=0".into(), 1.0), ("id=1".into(), 1.0), (OVERFLOW.into(), others)];
    assert_eq!(values(&collect(pipeline), "o"), expected(1.0));
    FIRST.store(3, Ordering::Relaxed);
    assert_eq!(values(&collect(pipeline), "o"), expected(1.0), "3 came first, and is not among the first");
}

proptest! {
    #[test]
    fn no_measurement_is_lost_or_counted_twice_whatever_the_memory(
        memory in 256..4096usize,
        limit in 0..20u16,
        delta in any::<bool>(),
        measurements in proptest::collection::vec((0..4usize, 0..30i64, 1..100u64), 1..200),
    ) {
        let temporality = if delta { Preference::Delta } else { Preference::Cumulative };
        let pipeline = pipeline(memory, MetricSettings { temporality, cardinality_limit: limit, ..MetricSettings::DEFAULT });
        let meter = pipeline.meter("m");
        let (names, mut added) = (["a", "b", "c", "d"], [0; 4]);
        for (name, id, n) in &measurements {
            let pairs: [(Key<'_>, Value<'_>); 2] = [("id".into(), (*id).into()), ("name".into(), names[*name].into())];
            let lost = pipeline.counters().lost_in_all();
            meter.counter(names[*name]).add(*n, &pairs[..(*id as usize % 3)]);
            if pipeline.counters().lost_in_all() == lost {
                added[*name] += n;
            }
        }
        let metrics = collect(pipeline);
        for (name, added) in names.iter().zip(added) {
            let found = values(&metrics, name);
            prop_assert_eq!(found.iter().map(|(_, value)| value).sum::<f64>(), added as f64);
            let mut sets: Vec<_> = found.iter().map(|(set, _)| set).collect();
            sets.dedup();
            prop_assert_eq!(sets.len(), found.len(), "each set once");
            prop_assert!(found.len() <= usize::from(limit) + 1);
        }
    }
}
