//! Exponential histograms, against exact arithmetic.

use std::collections::BTreeMap;
use std::ops::Range;

use num_bigint::BigUint;
use proptest::prelude::*;
use smoltel_core::{MetricSettings, Preference};
use smoltel_proto::types::metrics::v1::exponential_histogram_data_point::Buckets;
use smoltel_proto::types::metrics::v1::{ExponentialHistogramDataPoint, metric};

use crate::receiver::{collect, pipeline};

const MAX_SCALE: i32 = 20;

fn recorded(max_size: u16, values: &[f64]) -> ExponentialHistogramDataPoint {
    let pipeline = pipeline(16 << 10, MetricSettings::DEFAULT);
    let histogram = pipeline.meter("m").instrument("h").exponential(max_size).histogram();
    values.iter().for_each(|value| histogram.record(*value, &[]));
    point(pipeline)
}

fn point(pipeline: &smoltel_core::Pipeline) -> ExponentialHistogramDataPoint {
    let (_, metric) = collect(pipeline).remove(0);
    let Some(metric::Data::ExponentialHistogram(mut histogram)) = metric.data else { panic!("{metric:?}") };
    histogram.data_points.remove(0)
}

/// Index and count of each bucket that has any.
fn counts(buckets: Option<&Buckets>) -> BTreeMap<i32, u64> {
    let all = buckets.into_iter().flat_map(|b| b.bucket_counts.iter().zip(b.offset..));
    all.filter(|(count, _)| **count > 0).map(|(count, index)| (index, *count)).collect()
}

/// Binary places of the exact arithmetic here.
const PLACES: u64 = 256;

/// The index at the finest scale, by bounds from both sides that have to agree.
fn exact_index(value: f64) -> i32 {
    let bits = value.max(f64::MIN_POSITIVE).to_bits();
    let (exponent, fraction) = ((bits >> 52) as i32 - 1023, bits & ((1 << 52) - 1));
    if fraction == 0 {
        return (exponent << MAX_SCALE) - 1;
    }
    let two = BigUint::from(2u8) << PLACES;
    let mut low = BigUint::from(fraction | 1 << 52) << (PLACES - 52);
    let mut high = low.clone();
    let mut digits = 0;
    for _ in 0..MAX_SCALE {
        low = (&low * &low) >> PLACES;
        high = ((&high * &high) >> PLACES) + 1u8;
        assert_eq!(low >= two, high >= two, "{value} is too near to a bound");
        digits = digits << 1 | i32::from(low >= two);
        if low >= two {
            (low, high) = (low >> 1, (high >> 1) + 1u8);
        }
    }
    (exponent << MAX_SCALE) + digits
}

/// The bound `2^(k / 2^20)`, rounded down to a number.
fn bound_below(k: u32) -> f64 {
    let mut root = BigUint::from(2u8) << PLACES;
    let mut bound = BigUint::from(1u8) << PLACES;
    for digit in (0..MAX_SCALE).rev() {
        root = (root << PLACES).sqrt();
        if k >> digit & 1 == 1 {
            bound = (bound * &root) >> PLACES;
        }
    }
    let mantissa: u64 = (bound >> (PLACES - 52)).try_into().unwrap();
    f64::from_bits(1023 << 52 | mantissa & ((1 << 52) - 1))
}

/// What a histogram of those values has to be: scale, positive and negative buckets.
fn reference(max_size: u16, values: &[f64]) -> (i32, [BTreeMap<i32, u64>; 2]) {
    let side = |negative: bool| -> Vec<i32> {
        let of_side = values.iter().filter(|value| **value != 0.0 && (**value < 0.0) == negative);
        of_side.map(|value| exact_index(value.abs())).collect()
    };
    let sides = [side(false), side(true)];
    let fits = |by: i32| {
        sides.iter().filter(|side| !side.is_empty()).all(|side| {
            let (low, high) = (side.iter().min().unwrap() >> by, side.iter().max().unwrap() >> by);
            high - low < i32::from(max_size)
        })
    };
    let by = (0..=MAX_SCALE + 11).find(|by| fits(*by)).unwrap();
    let counts = sides.map(|side| {
        let mut counts = BTreeMap::new();
        side.iter().for_each(|index| *counts.entry(index >> by).or_insert(0) += 1);
        counts
    });
    (MAX_SCALE - by, counts)
}

fn check(max_size: u16, values: &[f64]) {
    let point = recorded(max_size, values);
    let (scale, [positive, negative]) = reference(max_size, values);
    assert_eq!(point.scale, scale, "the finest at which all fit: {values:?}");
    assert_eq!(counts(point.positive.as_ref()), positive);
    assert_eq!(counts(point.negative.as_ref()), negative);
    assert_eq!(point.zero_count, values.iter().filter(|value| **value == 0.0).count() as u64);
    let in_buckets: u64 = positive.values().chain(negative.values()).sum();
    assert_eq!(point.count, point.zero_count + in_buckets);
    let least = values.iter().copied().fold(f64::MAX, f64::min);
    assert_eq!((point.min, point.sum.is_some()), (Some(least), least >= 0.0));
    assert_eq!(point.zero_threshold, 0.0);
}

#[test]
fn one_value_is_at_the_finest_scale() {
    for (value, index) in [(1.0, -1), (2.0, (1 << 20) - 1), (4.0, (2 << 20) - 1), (0.5, (-1 << 20) - 1)] {
        let point = recorded(160, &[value, value]);
        assert_eq!((point.scale, point.positive.unwrap().offset), (MAX_SCALE, index), "{value}");
    }
}

#[test]
fn numbers_next_to_a_bucket_s_bound_are_on_their_side_of_it() {
    // The nearest of all numbers to their bounds are among those of consecutive k.
    let spread = (0..400u32).map(|i| i * 2621 + 1);
    for k in spread.chain(1..100).chain((1 << 20) - 100..1 << 20) {
        let below = bound_below(k);
        let above = f64::from_bits(below.to_bits() + 1);
        let offset = |value: f64| recorded(2, &[value]).positive.unwrap().offset;
        assert_eq!((offset(below), offset(above)), (k as i32 - 1, k as i32), "2^({k} / 2^20)");
    }
}

#[test]
fn extremes_fit_even_in_two_buckets() {
    let subnormal = f64::from_bits(1);
    let all = [f64::MAX, f64::MIN_POSITIVE, subnormal, 1.0, 0.0, -0.0, -f64::MAX, -subnormal];
    let point = recorded(2, &all);
    assert_eq!((point.scale, point.count, point.zero_count), (-10, 8, 2));
    assert_eq!((point.min, point.max, point.sum), (Some(-f64::MAX), Some(f64::MAX), None));
    check(160, &all);
    check(2, &all);
}

#[test]
fn a_delta_begins_anew_at_the_finest_scale() {
    let settings = MetricSettings { temporality: Preference::Delta, ..MetricSettings::DEFAULT };
    let pipeline = pipeline(16 << 10, settings);
    let histogram = pipeline.meter("m").instrument("h").exponential(16).histogram();
    [1e-9, 1.0, 1e9].iter().for_each(|value| histogram.record(*value, &[]));
    assert!(point(pipeline).scale < 0);
    histogram.record(3.0, &[]);
    let point = point(pipeline);
    assert_eq!((point.scale, point.count, point.sum), (MAX_SCALE, 1, Some(3.0)));
}

/// Values whose logarithms lie in a range, of either sign.
fn values(exponents: Range<f64>) -> impl Strategy<Value = Vec<f64>> {
    let value = (exponents, 0..20u8).prop_map(|(exponent, kind)| match kind {
        0 => 0.0,
        1 => -exponent.exp2(),
        2 => exponent.round().exp2(),
        _ => exponent.exp2(),
    });
    proptest::collection::vec(value, 1..150)
}

proptest! {
    #[test]
    fn wide_data_are_counted_as_exactly_as_they_can_be(max_size in 2..200u16, values in values(-1000.0..1000.0)) {
        check(max_size, &values);
    }

    #[test]
    fn narrow_data_are_too(max_size in prop_oneof![Just(16u16), Just(160), 2..40u16], values in values(-3.0..10.0)) {
        check(max_size, &values);
    }

    #[test]
    fn and_numbers_next_to_each_other(max_size in 2..200u16, steps in proptest::collection::vec(0..1u64 << 36, 1..80)) {
        let values: Vec<f64> = steps.iter().map(|step| f64::from_bits(1.5f64.to_bits() + step)).collect();
        check(max_size, &values);
    }
}
