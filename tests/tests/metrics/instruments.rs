//! Instruments: names, units, kinds, and what they take.

use std::sync::atomic::{AtomicU64, Ordering};

use smoltel_core::{Aggregation, Key, Loss, MetricSettings, Observer, Pipeline, Severity, Signal, Value};
use smoltel_proto::types::metrics::v1::{AggregationTemporality, metric, number_data_point};

use crate::receiver::{collect, numbers, pipeline, pipeline_with, set_clock, values};

fn lost(pipeline: &Pipeline, reason: Loss) -> u64 {
    pipeline.counters().lost(Signal::Metrics, reason)
}

#[test]
fn every_kind_has_its_data_and_says_whether_it_only_grows() {
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    let meter = pipeline.meter("m");
    meter.instrument("counter").unit("By").description("bytes").counter().add(2u64, &[]);
    meter.instrument("counter.f").counter().add(2.5, &[]);
    meter.up_down_counter("up_down").add(-2, &[]);
    meter.gauge("gauge").record(21.5, &[]);
    meter.instrument("gauge.i").int_gauge().record(-3, &[]);
    meter.histogram("histogram").record(3.0, &[]);
    meter.instrument("exponential").exponential(160).histogram().record(3.0, &[]);
    let metrics = collect(pipeline);
    let found: Vec<_> = metrics
        .iter()
        .map(|(_, metric)| {
            let cumulative = AggregationTemporality::Cumulative as i32;
            let kind =
                match metric.data.as_ref().unwrap() {
                    metric::Data::Sum(sum) if sum.aggregation_temporality == cumulative => {
                        if sum.is_monotonic { "monotonic" } else { "sum" }
                    }
                    metric::Data::Gauge(_) => "gauge",
                    metric::Data::Histogram(h) if h.aggregation_temporality == cumulative => "histogram",
                    metric::Data::ExponentialHistogram(h) if h.aggregation_temporality == cumulative => {
                        "exponential"
                    }
                    other => panic!("{other:?}"),
                };
            (metric.name.as_str(), kind)
        })
        .collect();
    let expected = [
        ("counter", "monotonic"),
        ("counter.f", "monotonic"),
        ("up_down", "sum"),
        ("gauge", "gauge"),
        ("gauge.i", "gauge"),
        ("histogram", "histogram"),
        ("exponential", "exponential"),
    ];
    assert_eq!(found, expected);
    assert_eq!((metrics[0].1.unit.as_str(), metrics[0].1.description.as_str()), ("By", "bytes"));
    for (name, value) in
        [("counter", 2.0), ("counter.f", 2.5), ("up_down", -2.0), ("gauge", 21.5), ("gauge.i", -3.0)]
    {
        assert_eq!(values(&metrics, name), [(String::new(), value)], "{name}");
    }
    assert!(matches!(numbers(&metrics, "gauge.i")[0].value, Some(number_data_point::Value::AsInt(-3))));
    assert!(metrics.iter().all(|(scope, _)| scope == "m"));
}

#[test]
fn a_name_in_any_case_is_one_instrument_and_the_first_casing_stays() {
    let pipeline = pipeline(1024, MetricSettings::DEFAULT);
    pipeline.meter("m").counter("Valve.Moves").add(1, &[]);
    pipeline.meter("m").counter("valve.moves").add(1, &[]);
    pipeline.meter("other").counter("valve.moves").add(1, &[]);
    let metrics = collect(pipeline);
    assert_eq!(values(&metrics, "Valve.Moves"), [(String::new(), 2.0)]);
    assert_eq!(values(&metrics, "valve.moves"), [(String::new(), 1.0)], "of the other meter");
    assert_eq!(pipeline.metric_usage().conflicts, 0);
}

#[test]
fn histograms_count_as_the_settings_say_unless_they_were_told_themselves() {
    let histograms = Aggregation::Exponential { max_size: 16 };
    let pipeline = pipeline(4096, MetricSettings { histograms, ..MetricSettings::DEFAULT });
    let meter = pipeline.meter("m");
    meter.histogram("exponential").record(1.0, &[]);
    meter.instrument("explicit").bounds(&[1.0]).histogram().record(1.0, &[]);
    meter.counter("sum").add(1, &[]);
    let metrics = collect(pipeline);
    assert!(matches!(metrics[0].1.data, Some(metric::Data::ExponentialHistogram(_))), "{metrics:?}");
    assert!(matches!(metrics[1].1.data, Some(metric::Data::Histogram(_))), "{metrics:?}");
    assert!(matches!(metrics[2].1.data, Some(metric::Data::Sum(_))), "{metrics:?}");
}

#[test]
fn of_several_descriptions_the_longest_stays() {
    let pipeline = pipeline(1024, MetricSettings::DEFAULT);
    for text in ["moves", "moves of a valve", ""] {
        pipeline.meter("m").instrument("c").description(text).counter().add(1u64, &[]);
    }
    let metrics = collect(pipeline);
    assert_eq!((metrics.len(), metrics[0].1.description.as_str()), (1, "moves of a valve"));
    assert_eq!(pipeline.metric_usage().conflicts, 0, "a description tells nothing apart");
}

#[test]
fn another_unit_or_kind_is_another_stream_and_a_conflict_that_shows() {
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    let meter = pipeline.meter("m");
    meter.counter_in("x", "By").add(1, &[]);
    meter.counter_in("x", "s").add(2, &[]);
    meter.gauge("X").record(3.0, &[]);
    meter.instrument("x").unit("By").counter().add(4.0, &[]);
    assert_eq!((pipeline.metric_usage().conflicts, pipeline.metric_usage().instruments), (3, 4));
    let metrics = collect(pipeline);
    let streams: Vec<_> = metrics.iter().map(|(_, metric)| (&metric.name[..], &metric.unit[..])).collect();
    assert_eq!(streams, [("x", "By"), ("x", "s"), ("X", ""), ("x", "By")]);
}

#[test]
fn a_name_that_is_not_allowed_works_and_is_counted() {
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    let long: &'static str = "n".repeat(256).leak();
    for (i, name) in ["", "1st", "a b", long].into_iter().enumerate() {
        pipeline.meter("m").counter(name).add(i as u64 + 1, &[]);
        assert_eq!(pipeline.metric_usage().invalid_names, i + 1);
        assert_eq!(values(&collect(pipeline), name), [(String::new(), i as f64 + 1.0)]);
    }
    pipeline.meter("m").counter("a/b-c.d_e9").add(1, &[]);
    assert_eq!(pipeline.metric_usage().invalid_names, 4);
}

#[test]
fn what_is_no_measurement_of_its_instrument_changes_nothing_and_is_counted() {
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    let meter = pipeline.meter("m");
    let (counter, up_down) = (meter.instrument("c").counter(), meter.instrument("u").up_down_counter());
    let (histogram, bound) = (meter.histogram("h"), meter.instrument("c").counter().bind(&[]));
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        counter.add(value, &[]);
        bound.add(value);
        up_down.add(value, &[]);
        histogram.record(value, &[]);
    }
    counter.add(-1.0, &[]);
    assert_eq!(lost(pipeline, Loss::Invalid), 13);
    assert!(collect(pipeline).is_empty(), "nothing was measured");
    counter.add(f64::MAX, &[]);
    counter.add(f64::MAX, &[]);
    up_down.add(-1.0, &[]);
    meter.gauge("g").record(f64::NEG_INFINITY, &[]);
    let metrics = collect(pipeline);
    assert_eq!(values(&metrics, "c"), [(String::new(), f64::MAX)], "as much as there can be");
    assert_eq!(values(&metrics, "u"), [(String::new(), -1.0)]);
    assert_eq!(values(&metrics, "g"), [(String::new(), f64::NEG_INFINITY)], "a gauge shows what it shows");
}

#[test]
fn whole_sums_end_at_the_greatest_number() {
    let pipeline = pipeline(1024, MetricSettings::DEFAULT);
    let counter = pipeline.meter("m").counter("c");
    counter.add(u64::MAX, &[]);
    counter.add(1, &[]);
    let point = numbers(&collect(pipeline), "c").remove(0);
    assert_eq!(point.value, Some(number_data_point::Value::AsInt(i64::MAX)));
}

#[test]
fn without_memory_every_measurement_is_counted_as_lost() {
    let pipeline = pipeline(0, MetricSettings::DEFAULT);
    let meter = pipeline.meter("m");
    meter.counter("c").add(1, &[]);
    meter.counter("c").bind(&[]).add(1);
    meter.histogram("h").record(1.0, &[("a".into(), 1.into())]);
    assert_eq!(lost(pipeline, Loss::NoSlot), 3);
    assert!(collect(pipeline).is_empty());
}

#[test]
fn a_table_that_is_full_counts_what_its_instruments_would_measure() {
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    let meter = pipeline.meter("m");
    for i in 0..20 {
        meter.counter(&*format!("c{i}").leak()).add(1, &[]);
    }
    assert_eq!(lost(pipeline, Loss::NoSlot), 4);
    assert_eq!(collect(pipeline).len(), 16);
}

#[test]
fn ten_thousand_attributes_are_summed_under_overflow() {
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    let names: Vec<String> = (0..10_000).map(|i| format!("key{i}")).collect();
    let attributes: Vec<(Key<'_>, Value<'_>)> =
        names.iter().map(|name| (name.as_str().into(), 1.into())).collect();
    let counter = pipeline.meter("m").counter("c");
    counter.add(1, &attributes);
    counter.add(2, &attributes);
    let overflow = "otel.metric.overflow=true".to_string();
    assert_eq!(values(&collect(pipeline), "c"), [(overflow, 3.0)]);
}

#[test]
fn a_point_that_fits_in_no_slot_is_counted_and_the_others_go_on() {
    let pipeline = pipeline_with(1 << 14, 128, 4096, MetricSettings::DEFAULT);
    let counter = pipeline.meter("m").counter("c");
    counter.add(1, &[("k".into(), "x".repeat(200).as_str().into())]);
    counter.add(2, &[]);
    assert_eq!(values(&collect(pipeline), "c"), [(String::new(), 2.0)]);
    assert_eq!(lost(pipeline, Loss::TooLarge), 1);
}

#[test]
fn gauges_keep_the_last_value_and_observables_what_was_observed() {
    static LEVEL: AtomicU64 = AtomicU64::new(75);
    fn tanks(observer: &mut Observer<'_>) {
        let level = LEVEL.load(Ordering::Relaxed);
        observer.observe(1u64, &[("tank".into(), "north".into())]);
        observer.observe(level as f64, &[("tank".into(), "north".into())]);
        if level > 50 {
            observer.observe(1u64, &[("tank".into(), "south".into())]);
        }
    }
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    pipeline.meter("m").instrument("tank.level").observable_gauge(tanks);
    let gauge = pipeline.meter("m").gauge("g");
    gauge.record(1.0, &[]);
    gauge.record(2.0, &[]);
    let metrics = collect(pipeline);
    assert_eq!(values(&metrics, "g"), [(String::new(), 2.0)]);
    assert_eq!(values(&metrics, "tank.level"), [("tank=north".into(), 75.0), ("tank=south".into(), 1.0)]);
    LEVEL.store(3, Ordering::Relaxed);
    let metrics = collect(pipeline);
    assert_eq!(values(&metrics, "tank.level"), [("tank=north".into(), 3.0)], "only what was observed");
    assert_eq!(values(&metrics, "g"), [(String::new(), 2.0)], "what was measured stays");
}

#[test]
fn what_observes_may_record_and_collect() {
    fn busy(observer: &mut Observer<'_>) {
        // The pipelines of tests are leaked; a device's is a static.
        let pipeline: &'static Pipeline = BUSY.get().unwrap();
        pipeline.collect();
        let mut span = pipeline.tracer("t").start("observing");
        span.set("a", 1);
        span.end();
        pipeline.logger("l").log(Severity::Info).text("observing").emit();
        pipeline.meter("m").counter("observations").add(1, &[]);
        observer.observe(observer.pipeline().counters().recorded(Signal::Traces), &[]);
        observer.observe(-1.0, &[("a".into(), 1.into())]);
    }
    static BUSY: std::sync::OnceLock<&'static Pipeline> = std::sync::OnceLock::new();
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    BUSY.set(pipeline).unwrap();
    pipeline.meter("m").instrument("spans").observable_counter(busy);
    let metrics = collect(pipeline);
    assert_eq!(values(&metrics, "spans"), [(String::new(), 1.0)]);
    assert_eq!(values(&metrics, "observations"), [(String::new(), 1.0)], "in the same collection");
    assert_eq!(lost(pipeline, Loss::Invalid), 1, "a counter does not go below zero");
}

#[test]
fn time_is_that_of_the_collection_and_never_before_the_start() {
    set_clock(5_000);
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    let counter = pipeline.meter("m").counter("c");
    counter.add(1, &[]);
    set_clock(6_000);
    let times = |metrics: &[(String, _)]| -> Vec<_> {
        let points = numbers(metrics, "c");
        points.iter().map(|point| (point.start_time_unix_nano, point.time_unix_nano)).collect()
    };
    assert_eq!(times(&collect(pipeline)), [(5_000, 6_000)]);
    set_clock(4_000);
    assert_eq!(times(&collect(pipeline)), [(4_000, 4_000)], "the start is not known any more");
    set_clock(4_500);
    assert_eq!(times(&collect(pipeline)), [(4_000, 4_500)], "and stays");
}
