//! What points cover: everything, or what came since the point before.

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use smoltel_core::{Loss, MetricSettings, Observer, Pipeline, Preference, Signal};
use smoltel_proto::types::metrics::v1::{AggregationTemporality, Metric, metric};

use crate::receiver::{collect, numbers, pipeline, pipeline_with, set_clock, take, values};

const DELTA: MetricSettings = MetricSettings { temporality: Preference::Delta, ..MetricSettings::DEFAULT };

fn observe(observer: &mut Observer<'_>) {
    observer.observe(7u64, &[]);
}

fn temporality(metric: &Metric) -> Option<AggregationTemporality> {
    let number = match metric.data.as_ref().unwrap() {
        metric::Data::Sum(sum) => sum.aggregation_temporality,
        metric::Data::Histogram(histogram) => histogram.aggregation_temporality,
        metric::Data::ExponentialHistogram(histogram) => histogram.aggregation_temporality,
        _ => return None,
    };
    Some(AggregationTemporality::try_from(number).unwrap())
}

#[test]
fn each_preference_gives_each_kind_its_temporality() {
    use AggregationTemporality::{Cumulative as C, Delta as D};
    let kinds = ["counter", "histogram", "observable", "up_down", "observable_up_down"];
    for (preference, expected) in [
        (Preference::Cumulative, [C, C, C, C, C]),
        (Preference::Delta, [D, D, D, C, C]),
        (Preference::LowMemory, [D, D, C, C, C]),
    ] {
        let pipeline = pipeline(4096, MetricSettings { temporality: preference, ..MetricSettings::DEFAULT });
        let meter = pipeline.meter("m");
        meter.counter(kinds[0]).add(1, &[]);
        meter.histogram(kinds[1]).record(1.0, &[]);
        meter.instrument(kinds[2]).observable_counter(observe);
        meter.up_down_counter(kinds[3]).add(1, &[]);
        meter.instrument(kinds[4]).observable_up_down_counter(observe);
        let metrics = collect(pipeline);
        let found = kinds.map(|kind| {
            let (_, metric) = metrics.iter().find(|(_, metric)| metric.name == kind).unwrap();
            temporality(metric).unwrap()
        });
        assert_eq!(found, expected, "{preference:?}");
    }
}

#[test]
fn cumulative_series_are_all_sent_each_time_from_their_first_measurement() {
    set_clock(10);
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    let counter = pipeline.meter("m").counter("c");
    set_clock(20);
    counter.add(1, &[("a".into(), 1.into())]);
    set_clock(30);
    counter.add(1, &[("a".into(), 2.into())]);
    for time in [40, 50] {
        set_clock(time);
        let points = numbers(&collect(pipeline), "c");
        let times: Vec<_> = points.iter().map(|p| (p.start_time_unix_nano, p.time_unix_nano)).collect();
        assert_eq!(times, [(20, time), (30, time)]);
    }
}

#[test]
fn deltas_begin_at_the_collection_before_and_leave_out_what_was_not_measured() {
    set_clock(10);
    let pipeline = pipeline(4096, DELTA);
    let counter = pipeline.meter("m").counter("c");
    let gauge = pipeline.meter("m").gauge("g");
    let point = |metrics: &[(String, Metric)]| -> Vec<_> {
        let points = numbers(metrics, "c").into_iter();
        let values: Vec<_> = values(metrics, "c").into_iter().map(|(_, value)| value).collect();
        points.zip(values).map(|(p, v)| (p.start_time_unix_nano, p.time_unix_nano, v)).collect()
    };
    set_clock(20);
    counter.add(1, &[("a".into(), 1.into())]);
    gauge.record(1.0, &[]);
    set_clock(30);
    counter.add(2, &[("a".into(), 2.into())]);
    set_clock(40);
    let metrics = collect(pipeline);
    assert_eq!(point(&metrics), [(10, 40, 1.0), (10, 40, 2.0)], "from the instrument's creation");
    assert_eq!(values(&metrics, "g").len(), 1);
    counter.add(3, &[("a".into(), 2.into())]);
    set_clock(50);
    let metrics = collect(pipeline);
    assert_eq!(point(&metrics), [(40, 50, 3.0)]);
    assert!(values(&metrics, "g").is_empty());
    set_clock(60);
    assert_eq!(collect(pipeline).len(), 0);
    counter.add(4, &[("a".into(), 1.into())]);
    set_clock(70);
    assert_eq!(point(&collect(pipeline)), [(60, 70, 4.0)]);
    counter.add(5, &[("a".into(), 1.into())]);
    set_clock(65);
    assert_eq!(point(&collect(pipeline)), [(65, 65, 5.0)], "a clock that ran backwards");
}

#[test]
fn a_series_that_is_not_measured_gives_its_memory_back() {
    for settings in [DELTA, MetricSettings { cardinality_limit: 4, ..DELTA }] {
        let pipeline = pipeline(1024, settings);
        let meter = pipeline.meter("m");
        let (counter, histogram) = (meter.counter("c"), meter.instrument("h").bounds(&[1.0]).histogram());
        for i in 0..200 {
            counter.add(1, &[("id".into(), i.into())]);
            counter.add(1, &[("id".into(), "some text".into()), ("n".into(), (i * i).into())]);
            histogram.record(1.0, &[("id".into(), i.into())]);
            let metrics = collect(pipeline);
            assert_eq!(values(&metrics, "c").len(), 2, "round {i}: {:?}", values(&metrics, "c"));
            assert!(values(&metrics, "c").iter().all(|(a, v)| !a.contains("overflow") && *v == 1.0));
        }
        assert_eq!(pipeline.counters().lost_in_all(), 0);
        assert!(pipeline.metric_usage().series <= 6);
    }
}

#[test]
fn what_is_bound_keeps_its_place() {
    let pipeline = pipeline(1024, DELTA);
    let counter = pipeline.meter("m").counter("c");
    let bound = counter.bind(&[("id".into(), (-1).into())]);
    assert!(collect(pipeline).is_empty(), "nothing was measured");
    for i in 0..50 {
        counter.add(1, &[("id".into(), i.into())]);
        collect(pipeline);
    }
    bound.add(5);
    assert_eq!(values(&collect(pipeline), "c"), [("id=-1".into(), 5.0)]);
}

#[test]
fn a_delta_that_found_no_room_waits_and_nothing_is_lost() {
    set_clock(10);
    // Its records fit one at a time in what is pinned at the front.
    let pipeline = pipeline_with(256, 4096, 1024, DELTA);
    let counter = pipeline.meter("m").counter("valve.moves");
    let histogram = pipeline.meter("m").instrument("h").bounds(&[]).histogram();
    (0..10).for_each(|_| pipeline.logger("l").info("fills"));
    pipeline.with_lane(0, |ring| ring.pin(usize::MAX));
    counter.add(1, &[]);
    histogram.record(2.0, &[]);
    set_clock(20);
    pipeline.collect();
    counter.add(2, &[]);
    set_clock(30);
    pipeline.collect();
    assert_eq!(pipeline.counters().lost(Signal::Metrics, Loss::Full), 0);
    assert_eq!(pipeline.counters().recorded(Signal::Metrics), 0);
    pipeline.with_lane(0, |ring| ring.release(usize::MAX));
    set_clock(40);
    let metrics = collect(pipeline);
    assert_eq!(values(&metrics, "valve.moves"), [(String::new(), 3.0)]);
    let point = &numbers(&metrics, "valve.moves")[0];
    assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (10, 40), "all of the time it covers");
    let (_, histogram) = metrics.iter().find(|(_, metric)| metric.name == "h").unwrap();
    let Some(metric::Data::Histogram(histogram)) = &histogram.data else { panic!("{histogram:?}") };
    assert_eq!(histogram.data_points[0].count, 1);
    assert!(collect(pipeline).is_empty());
}

#[test]
fn a_cumulative_point_that_found_no_room_is_counted() {
    let pipeline = pipeline_with(256, 4096, 1024, MetricSettings::DEFAULT);
    pipeline.meter("m").counter("c").add(1, &[]);
    (0..10).for_each(|_| pipeline.logger("l").info("fills"));
    pipeline.with_lane(0, |ring| ring.pin(usize::MAX));
    pipeline.collect();
    assert_eq!(pipeline.counters().lost(Signal::Metrics, Loss::Full), 1);
}

#[test]
fn observable_counters_are_sent_as_differences_where_deltas_are_wanted() {
    static TOTAL: AtomicU64 = AtomicU64::new(100);
    fn total(observer: &mut Observer<'_>) {
        match TOTAL.load(Ordering::Relaxed) {
            0 => {}
            total => observer.observe(total, &[]),
        }
    }
    set_clock(10);
    let pipeline = pipeline(1024, DELTA);
    pipeline.meter("m").instrument("total").observable_counter(total);
    let next = |time: u64, total: u64, pipeline: &Pipeline| {
        TOTAL.store(total, Ordering::Relaxed);
        set_clock(time);
        let metrics = collect(pipeline);
        let start = numbers(&metrics, "total").first().map(|point| point.start_time_unix_nano);
        values(&metrics, "total").first().map(|(_, value)| (start.unwrap(), *value))
    };
    assert_eq!(next(20, 100, pipeline), Some((10, 100.0)));
    assert_eq!(next(30, 130, pipeline), Some((20, 30.0)));
    assert_eq!(next(40, 0, pipeline), None, "not observed");
    assert_eq!(next(50, 135, pipeline), Some((40, 5.0)), "not forgotten meanwhile");
    assert_eq!(next(60, 7, pipeline), Some((50, 7.0)), "it began anew");
}

proptest! {
    #[test]
    fn deltas_add_up_to_what_was_measured(steps in proptest::collection::vec((0..12i64, 1..100u64, any::<bool>()), 1..120)) {
        // Memory for some of the series only: the others come and go through the overflow point.
        let pipeline = pipeline_with(1 << 12, 4096, 640, DELTA);
        let counter = pipeline.meter("m").counter("c");
        let (mut sent, mut added) = (0.0, 0);
        for (id, n, collects) in steps {
            counter.add(n, &[("id".into(), id.into())]);
            added += n;
            if collects {
                pipeline.collect();
                sent += values(&take(pipeline), "c").iter().map(|(_, value)| value).sum::<f64>();
            }
        }
        sent += values(&collect(pipeline), "c").iter().map(|(_, value)| value).sum::<f64>();
        prop_assert_eq!(sent, added as f64);
        prop_assert_eq!(pipeline.counters().lost_in_all(), 0);
    }
}
