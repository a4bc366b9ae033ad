//! Measurements that are kept as examples.

use smoltel_core::{ExemplarFilter, MetricSettings, SpanContext, SpanId, TraceId};
use smoltel_proto::types::metrics::v1::{Exemplar, Metric, exemplar, metric};

use crate::receiver::{collect, numbers, pipeline, set_clock, text};

const SAMPLED: SpanContext = SpanContext {
    trace_id: TraceId([1; 16]),
    span_id: SpanId([2; 8]),
    flags: SpanContext::SAMPLED,
    is_remote: false,
};
const NOT_SAMPLED: SpanContext = SpanContext { flags: 0, ..SAMPLED };

fn with(exemplars: ExemplarFilter) -> MetricSettings {
    MetricSettings { exemplars, ..MetricSettings::DEFAULT }
}

fn of_histograms(metrics: &[(String, Metric)]) -> Vec<Exemplar> {
    let of = |metric: &Metric| match metric.data.clone() {
        Some(metric::Data::Histogram(h)) => h.data_points.into_iter().flat_map(|p| p.exemplars).collect(),
        Some(metric::Data::ExponentialHistogram(h)) => {
            h.data_points.into_iter().flat_map(|p| p.exemplars).collect()
        }
        _ => Vec::new(),
    };
    metrics.iter().flat_map(|(_, metric)| of(metric)).collect()
}

#[test]
fn only_measurements_in_a_sampled_span_are_kept_unless_said_otherwise() {
    set_clock(77);
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    let counter = pipeline.meter("m").counter("c");
    counter.add(1, &[]);
    counter.add_in(NOT_SAMPLED, 2, &[]);
    counter.add_in(None, 3, &[]);
    assert!(numbers(&collect(pipeline), "c")[0].exemplars.is_empty());
    counter.add_in(SAMPLED, 4, &[]);
    let exemplars = numbers(&collect(pipeline), "c").remove(0).exemplars;
    assert_eq!(exemplars.len(), 1);
    let one = &exemplars[0];
    assert_eq!((&one.trace_id[..], &one.span_id[..]), (&[1; 16][..], &[2; 8][..]));
    assert_eq!((one.time_unix_nano, one.value), (77, Some(exemplar::Value::AsInt(4))));
    assert!(one.filtered_attributes.is_empty());
    assert!(numbers(&collect(pipeline), "c")[0].exemplars.is_empty(), "each once");
}

#[test]
fn always_on_keeps_all_and_ids_of_sampled_spans_only() {
    let pipeline = pipeline(4096, with(ExemplarFilter::AlwaysOn));
    let gauge = pipeline.meter("m").gauge("g");
    gauge.record_in(NOT_SAMPLED, 1.5, &[]);
    let exemplars = numbers(&collect(pipeline), "g").remove(0).exemplars;
    assert_eq!(exemplars[0].value, Some(exemplar::Value::AsDouble(1.5)));
    assert!(exemplars[0].trace_id.is_empty() && exemplars[0].span_id.is_empty());
}

#[test]
fn always_on_keeps_what_is_measured_outside_a_span_bound_or_not() {
    let pipeline = pipeline(8192, with(ExemplarFilter::AlwaysOn));
    let meter = pipeline.meter("m");
    meter.counter("added").add(1, &[]);
    meter.counter("bound").bind(&[]).add(2);
    meter.histogram("recorded").record(3.0, &[]);
    meter.histogram("bound-histogram").bind(&[]).record(4.0);
    let metrics = collect(pipeline);
    for (name, value) in [("added", 1), ("bound", 2)] {
        let exemplars = numbers(&metrics, name).remove(0).exemplars;
        assert_eq!(exemplars[0].value, Some(exemplar::Value::AsInt(value)), "{name}");
    }
    let values: Vec<_> = of_histograms(&metrics).into_iter().filter_map(|exemplar| exemplar.value).collect();
    assert_eq!(values, [3.0, 4.0].map(exemplar::Value::AsDouble));
}

#[test]
fn always_off_keeps_none_and_takes_no_memory() {
    let pipeline = pipeline(4096, with(ExemplarFilter::AlwaysOff));
    let counter = pipeline.meter("m").counter("c");
    counter.add(1, &[]);
    let used = pipeline.metric_usage().used;
    counter.add_in(SAMPLED, 1, &[]);
    counter.bind(&[]).add_in(SAMPLED, 1);
    assert_eq!(pipeline.metric_usage().used, used);
    assert!(numbers(&collect(pipeline), "c")[0].exemplars.is_empty());
}

#[test]
fn a_histogram_keeps_one_for_each_bucket_and_an_exponential_one_some() {
    let pipeline = pipeline(8192, MetricSettings::DEFAULT);
    let meter = pipeline.meter("m");
    let histogram = meter.instrument("h").bounds(&[1.0, 10.0]).histogram();
    for value in [0.1, 0.2, 5.0, 6.0, 50.0] {
        histogram.record_in(SAMPLED, value, &[]);
    }
    let kept: Vec<_> = of_histograms(&collect(pipeline)).iter().map(|one| one.value).collect();
    assert_eq!(kept, [0.2, 6.0, 50.0].map(|value| Some(exemplar::Value::AsDouble(value))));
    let exponential = meter.instrument("e").exponential(16).histogram();
    exponential.record_in(SAMPLED, 3.0, &[]);
    assert_eq!(of_histograms(&collect(pipeline)).len(), 1);
}

#[test]
fn every_measurement_has_the_same_chance() {
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    let counter = pipeline.meter("m").counter("c");
    let mut kept = [0; 10];
    for _ in 0..2000 {
        (0..10).for_each(|n| counter.add_in(SAMPLED, n, &[]));
        let exemplars = numbers(&collect(pipeline), "c").remove(0).exemplars;
        let Some(exemplar::Value::AsInt(n)) = exemplars[0].value else { panic!("{exemplars:?}") };
        kept[n as usize] += 1;
    }
    assert!(kept.iter().all(|n| (120..280).contains(n)), "{kept:?}");
}

#[test]
fn an_exemplar_has_the_attributes_that_its_point_has_not() {
    let pipeline = pipeline(4096, MetricSettings::DEFAULT);
    let counter = pipeline.meter("m").instrument("c").keep(&["route"]).counter();
    let long = "x".repeat(100);
    let attributes =
        [("route".into(), "/".into()), ("user".into(), 42.into()), ("agent".into(), long.as_str().into())];
    counter.add_in(SAMPLED, 1u64, &attributes);
    let point = numbers(&collect(pipeline), "c").remove(0);
    assert_eq!(text(&point.attributes), "route=/");
    assert_eq!(text(&point.exemplars[0].filtered_attributes), "user=42", "what does not fit is left out");
}

#[test]
fn exemplars_never_cost_a_series_its_place() {
    let pipeline = pipeline(2048, with(ExemplarFilter::AlwaysOn));
    let counter = pipeline.meter("m").counter("c");
    (0..20).for_each(|id| counter.add(1, &[("id".into(), id.into())]));
    let points = numbers(&collect(pipeline), "c");
    assert_eq!(points.len(), 20, "none overflowed");
    let exemplars = points.iter().map(|point| point.exemplars.len()).sum::<usize>();
    assert!((1..=2048 / 4 / 61).contains(&exemplars), "{exemplars}");
}
