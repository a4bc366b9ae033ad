//! Histograms over given bounds.

use proptest::prelude::*;
use smoltel_core::{Aggregation, Loss, MetricSettings, Preference, Signal, platform::Device};
use smoltel_proto::types::metrics::v1::{HistogramDataPoint, Metric, metric};

use crate::receiver::{collect, pipeline};

fn points(metrics: &[(String, Metric)]) -> Vec<HistogramDataPoint> {
    let of = |metric: &Metric| match &metric.data {
        Some(metric::Data::Histogram(histogram)) => histogram.data_points.clone(),
        _ => Vec::new(),
    };
    metrics.iter().flat_map(|(_, metric)| of(metric)).collect()
}

#[test]
fn a_bucket_includes_its_upper_bound() {
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    let histogram = pipeline.meter("m").instrument("h").bounds(&[0.0, 1.0, 2.5]).histogram();
    [0.0, 1.0, 1.0000001, 2.5, 3.0].iter().for_each(|value| histogram.record(*value, &[]));
    let point = points(&collect(pipeline)).remove(0);
    assert_eq!(point.bucket_counts, [1, 1, 2, 1]);
    assert_eq!(point.explicit_bounds, [0.0, 1.0, 2.5]);
    assert_eq!((point.count, point.min, point.max), (5, Some(0.0), Some(3.0)));
    assert!((point.sum.unwrap() - 7.5000001).abs() < 1e-9);
}

#[test]
fn the_usual_bounds_and_zeros_that_are_there_are_sent() {
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    pipeline.meter("m").histogram("h").record(0.0, &[]);
    let point = points(&collect(pipeline)).remove(0);
    assert_eq!(point.explicit_bounds, Aggregation::DEFAULT_BOUNDS);
    assert_eq!(point.bucket_counts.len(), 16);
    assert_eq!((point.sum, point.min, point.max), (Some(0.0), Some(0.0), Some(0.0)));
}

#[test]
fn there_is_no_sum_of_values_that_may_be_negative() {
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    let histogram = pipeline.meter("m").histogram("h");
    histogram.record(-1.0, &[]);
    histogram.record(3.0, &[]);
    let point = points(&collect(pipeline)).remove(0);
    assert_eq!((point.sum, point.min, point.max, point.count), (None, Some(-1.0), Some(3.0), 2));
}

#[test]
fn bounds_out_of_order_end_where_the_order_does() {
    let pipeline = pipeline(8192, MetricSettings::DEFAULT);
    let meter = pipeline.meter("m");
    let cases: [(&str, &'static [f64], usize); 4] = [
        ("a", &[1.0, 2.0, 2.0, 3.0], 2),
        ("b", &[f64::NAN, 1.0], 0),
        ("c", &[1.0, f64::INFINITY], 1),
        ("d", &[], 0),
    ];
    for (name, bounds, _) in cases {
        meter.instrument(name).bounds(bounds).histogram().record(1.5, &[]);
    }
    let metrics = collect(pipeline);
    for (point, (name, _, valid)) in points(&metrics).iter().zip(cases) {
        assert_eq!(point.explicit_bounds.len(), valid, "{name}");
        assert_eq!(point.bucket_counts.len(), valid + 1, "{name}");
        assert_eq!(point.bucket_counts.iter().sum::<u64>(), 1, "{name}");
    }
}

#[test]
fn a_delta_begins_anew_with_its_own_least_and_greatest() {
    let settings = MetricSettings { temporality: Preference::Delta, ..MetricSettings::DEFAULT };
    let pipeline = pipeline(4096, settings);
    let histogram = pipeline.meter("m").instrument("h").bounds(&[10.0]).histogram();
    histogram.record(1.0, &[]);
    histogram.record(100.0, &[]);
    assert_eq!(points(&collect(pipeline))[0].count, 2);
    histogram.record(5.0, &[]);
    let point = points(&collect(pipeline)).remove(0);
    assert_eq!((point.count, point.sum, point.min, point.max), (1, Some(5.0), Some(5.0), Some(5.0)));
    assert_eq!(point.bucket_counts, [1, 0]);
}

#[test]
fn memory_for_a_point_is_what_was_said() {
    let usual = Aggregation::Explicit(Aggregation::DEFAULT_BOUNDS).point_len::<Device>();
    assert_eq!(usual, 128);
    assert_eq!(Aggregation::Exponential { max_size: Aggregation::DEFAULT_SIZE }.point_len::<Device>(), 1368);
    // Two buckets of the index, and a point without attributes.
    let enough = pipeline(8 + usual, MetricSettings::DEFAULT);
    enough.meter("m").histogram("h").record(1.0, &[]);
    assert_eq!(enough.counters().lost_in_all(), 0);
    let less = pipeline(8 + usual - 8, MetricSettings::DEFAULT);
    less.meter("m").histogram("h").record(1.0, &[]);
    assert_eq!(less.counters().lost(Signal::Metrics, Loss::NoSlot), 1);
}

proptest! {
    #[test]
    fn counts_are_those_of_a_naive_count(values in proptest::collection::vec(prop_oneof![0..200i32, -5..5i32], 1..100)) {
        const BOUNDS: &[f64] = &[-1.0, 0.0, 2.0, 50.0, 100.0];
        let pipeline = pipeline(4096, MetricSettings::DEFAULT);
        let histogram = pipeline.meter("m").instrument("h").bounds(BOUNDS).histogram();
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        values.iter().for_each(|value| histogram.record(*value, &[]));
        let point = points(&collect(pipeline)).remove(0);
        let upper = BOUNDS.iter().copied().chain([f64::INFINITY]);
        let lower = [f64::NEG_INFINITY].into_iter().chain(BOUNDS.iter().copied());
        let naive: Vec<u64> = lower.zip(upper).map(|(low, high)| values.iter().filter(|v| **v > low && **v <= high).count() as u64).collect();
        prop_assert_eq!(point.bucket_counts, naive);
        prop_assert_eq!(point.count, values.len() as u64);
        let least = values.iter().copied().fold(f64::MAX, f64::min);
        prop_assert_eq!(point.min, Some(least));
        prop_assert_eq!(point.sum, (least >= 0.0).then(|| values.iter().sum()));
    }
}
