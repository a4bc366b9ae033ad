//! What views make of instruments that others made.

use smoltel_core::{
    Counter, InstrumentKind, Loss, MetricSettings, Observer, Pipeline, Preference, PreparedAttributes, Scope,
    Signal, SpanContext, SpanId, TraceId, View,
};
use smoltel_proto::types::metrics::v1::{Metric, metric};

use crate::receiver::{collect, numbers, pipeline_viewed, text, values};

const SPAN: SpanContext = SpanContext {
    trace_id: TraceId([1; 16]),
    span_id: SpanId([2; 8]),
    flags: SpanContext::SAMPLED,
    is_remote: false,
};

fn with(views: impl Into<Vec<View>>) -> &'static Pipeline {
    pipeline_viewed(MetricSettings::DEFAULT, views.into().leak())
}

fn names(metrics: &[(String, Metric)]) -> Vec<&str> {
    metrics.iter().map(|(_, metric)| &metric.name[..]).collect()
}

/// Counts and bounds of the points of a histogram.
fn buckets(metrics: &[(String, Metric)], name: &str) -> (Vec<u64>, Vec<f64>) {
    let (_, metric) = metrics.iter().find(|(_, metric)| metric.name == name).expect("it arrives");
    let Some(metric::Data::Histogram(histogram)) = &metric.data else { panic!("{metric:?}") };
    (histogram.data_points[0].bucket_counts.clone(), histogram.data_points[0].explicit_bounds.clone())
}

fn lost(pipeline: &Pipeline, reason: Loss) -> u64 {
    pipeline.counters().lost(Signal::Metrics, reason)
}

#[test]
fn everything_that_a_view_selects_by_has_to_hold() {
    static SCOPE: Scope<'static> = Scope::new("valve").version("1.2").schema_url("https://s/1");
    let all = View::of("*.LEVEL")
        .where_kind(InstrumentKind::Counter)
        .where_unit("By")
        .where_meter("valve")
        .where_meter_version("1.2")
        .where_meter_schema_url("https://s/1");
    let cases = [
        (all, "yes"),
        (all.where_kind(InstrumentKind::UpDownCounter), "kind"),
        (all.where_unit("by"), "unit"),
        (all.where_meter("Valve"), "meter"),
        (all.where_meter_version("1.20"), "version"),
        (all.where_meter_schema_url("https://s/2"), "schema"),
        (View::of("level").where_meter("valve"), "name"),
    ];
    for (view, what) in cases {
        let pipeline = with([view.description("seen")]);
        pipeline.scope(&SCOPE).meter().instrument("tank.level").unit("By").counter().add(1u64, &[]);
        let seen = collect(pipeline).remove(0).1.description;
        assert_eq!(seen, if what == "yes" { "seen" } else { "" }, "{what}");
    }
}

#[test]
fn a_stream_has_the_views_name_and_description_and_the_instruments_unit() {
    let pipeline = with([View::of("requests").name("http.requests").description("all of them")]);
    let counter = pipeline.meter("m").instrument("Requests").unit("{request}").description("some").counter();
    counter.add(1u64, &[]);
    pipeline.meter("m").instrument("requests").unit("{request}").counter().add(2u64, &[]);
    let metrics = collect(pipeline);
    let metric = &metrics[0].1;
    assert_eq!(
        (&*metric.name, &*metric.description, &*metric.unit),
        ("http.requests", "all of them", "{request}")
    );
    assert_eq!(values(&metrics, "http.requests"), [(String::new(), 3.0)], "made twice, it is one instrument");
    assert_eq!(pipeline.metric_usage().conflicts, 0);
}

#[test]
fn only_kept_attributes_tell_points_and_exemplars_have_the_others() {
    for (view, kept, left) in [
        (View::of("c").keep(&["route"]), "route=/a", "user=7"),
        (View::of("c").without(&["route"]), "user=7", "route=/a"),
    ] {
        let pipeline = with([view]);
        let counter: Counter = pipeline.meter("m").instrument("c").keep(&["nothing"]).counter();
        let attributes = [("route".into(), "/a".into()), ("user".into(), 7.into())];
        counter.add_in(SPAN, 1, &attributes);
        counter.add_prepared(1, &PreparedAttributes::<64>::new(&attributes));
        counter.bind(&attributes).add(1);
        let points = numbers(&collect(pipeline), "c");
        assert_eq!(
            (points.len(), &*text(&points[0].attributes)),
            (1, kept),
            "it wins over the instrument's own"
        );
        assert_eq!(text(&points[0].exemplars[0].filtered_attributes), left);
    }
}

#[test]
fn what_is_dropped_is_neither_sent_nor_lost() {
    fn observed(_: &mut Observer<'_>) {
        panic!("nobody asks");
    }
    let pipeline = with([View::of("noisy.*").drop()]);
    let meter = pipeline.meter("m");
    let (counter, histogram) = (meter.counter("noisy.c"), meter.histogram("noisy.h"));
    counter.add(1, &[]);
    counter.bind(&[]).add(1);
    histogram.record(f64::NAN, &[]);
    histogram.bind(&[]).record(1.0);
    histogram.record_prepared(1.0, &PreparedAttributes::<64>::new(&[]));
    meter.instrument("noisy.o").observable_gauge(observed);
    meter.counter("c").add(1, &[]);
    assert_eq!(names(&collect(pipeline)), ["c"]);
    assert_eq!((pipeline.counters().lost_in_all(), pipeline.metric_usage().instruments), (0, 1));
}

#[test]
fn histograms_become_sums_that_take_nothing_negative() {
    let pipeline = with([View::of("h").sum()]);
    let histogram = pipeline.meter("m").instrument("h").bounds(&[1.0]).histogram();
    histogram.record(1.5, &[]);
    histogram.bind(&[]).record(2.0);
    histogram.record_prepared(2.0, &PreparedAttributes::<64>::new(&[]));
    histogram.record(-1.0, &[]);
    let metrics = collect(pipeline);
    assert_eq!(values(&metrics, "h"), [(String::new(), 5.5)]);
    assert!(matches!(&metrics[0].1.data, Some(metric::Data::Sum(sum)) if sum.is_monotonic));
    assert_eq!(lost(pipeline, Loss::Invalid), 1);
}

#[test]
fn every_instrument_can_be_its_last_value() {
    fn seven(observer: &mut Observer<'_>) {
        observer.observe(7u64, &[]);
    }
    let settings = MetricSettings { temporality: Preference::Delta, ..MetricSettings::DEFAULT };
    let pipeline = pipeline_viewed(settings, const { &[View::of("*").last_value()] });
    let meter = pipeline.meter("m");
    let (counter, histogram) = (meter.counter("counter"), meter.histogram("histogram"));
    [3, 4].into_iter().for_each(|n| counter.add(n, &[]));
    counter.bind(&[]).add(5);
    [3.0, 4.5].into_iter().for_each(|n| histogram.record(n, &[]));
    meter.up_down_counter("up.down").add(-2, &[]);
    meter.instrument("observed").observable_counter(seven);
    let metrics = collect(pipeline);
    for (name, value) in [("counter", 5.0), ("histogram", 4.5), ("up.down", -2.0), ("observed", 7.0)] {
        assert_eq!(values(&metrics, name), [(String::new(), value)], "{name}");
    }
    assert!(metrics.iter().all(|(_, metric)| matches!(metric.data, Some(metric::Data::Gauge(_)))));
    assert_eq!(values(&collect(pipeline), "observed"), [(String::new(), 7.0)], "again, and no difference");
}

#[test]
fn counters_and_histograms_get_the_buckets_of_the_view() {
    let pipeline = with([View::of("*.fine").exponential(16), View::of("*.coarse").bounds(&[2.0, 4.0, 3.0])]);
    let meter = pipeline.meter("m");
    let whole = meter.counter("whole.coarse");
    [1, 3, 5].into_iter().for_each(|n| whole.add(n, &[]));
    whole.bind(&[]).add(9);
    let double = meter.instrument("double.coarse").bounds(&[7.0]).histogram();
    double.record(2.5, &[]);
    double.bind(&[]).record(2.5);
    double.record_prepared(2.5, &PreparedAttributes::<64>::new(&[]));
    meter.counter("whole.fine").add(3, &[]);
    meter.instrument("negative.coarse").counter().add(-1.0, &[]);
    let metrics = collect(pipeline);
    assert_eq!(buckets(&metrics, "whole.coarse"), (vec![1, 1, 2], vec![2.0, 4.0]), "as far as they increase");
    assert_eq!(buckets(&metrics, "double.coarse"), (vec![0, 3, 0], vec![2.0, 4.0]));
    let fine = metrics.iter().find(|(_, metric)| metric.name == "whole.fine").unwrap();
    let Some(metric::Data::ExponentialHistogram(fine)) = &fine.1.data else { panic!("{fine:?}") };
    assert_eq!((fine.data_points[0].count, fine.data_points[0].sum), (1, Some(3.0)));
    assert_eq!((metrics.len(), lost(pipeline, Loss::Invalid)), (3, 1), "a counter takes nothing negative");
}

#[test]
fn an_aggregation_that_makes_no_sense_is_as_if_the_view_were_not_there() {
    fn level(observer: &mut Observer<'_>) {
        observer.observe(7u64, &[]);
    }
    let pipeline = with([View::of("gauge").sum().name("n"), View::of("observed").bounds(&[1.0]).name("n")]);
    pipeline.meter("m").gauge("gauge").record(1.0, &[]);
    pipeline.meter("m").instrument("observed").observable_counter(level);
    let metrics = collect(pipeline);
    assert_eq!(names(&metrics), ["gauge", "observed"]);
    assert!(matches!(metrics[0].1.data, Some(metric::Data::Gauge(_))));
    assert_eq!(pipeline.metric_usage().unfit_views, 2);
}

#[test]
fn a_views_cardinality_limit_wins_over_the_instruments() {
    let pipeline = with([View::of("c").cardinality_limit(2)]);
    let counter: Counter = pipeline.meter("m").instrument("c").cardinality_limit(100).counter();
    (0..5).for_each(|n| counter.add(1, &[("n".into(), n.into())]));
    let points = values(&collect(pipeline), "c");
    assert_eq!(points, [("n=0".into(), 1.0), ("n=1".into(), 1.0), ("otel.metric.overflow=true".into(), 3.0)]);
}

/// Every way to measure reaches every stream, and an exemplar is in each.
#[test]
fn each_view_that_selects_an_instrument_makes_a_stream_of_its_own() {
    let routes = View::of("h").name("by.route").keep(&["route"]).bounds(&[1.0]);
    let pipeline = with([
        View::of("*").name("all"),
        routes,
        View::of("h").name("sum").keep(&[]).sum(),
        View::of("H").drop(),
    ]);
    let histogram = pipeline.meter("m").histogram("h");
    let attributes = [("route".into(), "/a".into()), ("user".into(), 7.into())];
    histogram.record_in(SPAN, 0.5, &attributes);
    histogram.record_prepared(0.5, &PreparedAttributes::<64>::new(&attributes));
    let bound = pipeline.meter("m").histogram("h").bind(&attributes);
    bound.record(2.0);
    bound.record_in(SPAN, 2.0);
    let metrics = collect(pipeline);
    assert_eq!(names(&metrics), ["all", "by.route", "sum"]);
    assert_eq!(buckets(&metrics, "by.route").0, [2, 2]);
    assert_eq!(buckets(&metrics, "all").0.iter().sum::<u64>(), 4);
    let sum = numbers(&metrics, "sum").remove(0);
    assert_eq!((values(&metrics, "sum"), sum.exemplars.len()), (vec![(String::new(), 5.0)], 1));
    assert_eq!(sum.exemplars[0].span_id, [2; 8]);
    assert_eq!((pipeline.metric_usage().conflicts, pipeline.counters().lost_in_all()), (0, 0));
}

#[test]
fn streams_begin_anew_each_by_itself() {
    let settings = MetricSettings { temporality: Preference::Delta, ..MetricSettings::DEFAULT };
    let views = const { &[View::of("c").name("a"), View::of("c").name("b").keep(&[])] };
    let pipeline = pipeline_viewed(settings, views);
    let counter = pipeline.meter("m").counter("c");
    for n in 1..4 {
        counter.add(n, &[("n".into(), 1.into())]);
        let metrics = collect(pipeline);
        assert_eq!(values(&metrics, "a"), [("n=1".into(), n as f64)]);
        assert_eq!(values(&metrics, "b"), [(String::new(), n as f64)]);
    }
}

#[test]
fn an_observable_is_asked_once_for_all_its_streams() {
    fn tanks(observer: &mut Observer<'_>) {
        observer.observe(1.0, &[("tank".into(), "north".into())]);
        observer.observe(2.0, &[("tank".into(), "south".into())]);
    }
    let pipeline = with([View::of("level").keep(&[]), View::of("level").name("each")]);
    pipeline.meter("m").instrument("level").observable_gauge(tanks);
    let metrics = collect(pipeline);
    assert_eq!(values(&metrics, "level"), [(String::new(), 2.0)]);
    assert_eq!(values(&metrics, "each"), [("tank=north".into(), 1.0), ("tank=south".into(), 2.0)]);
}

#[test]
fn streams_of_one_name_both_arrive_and_are_a_conflict() {
    let pipeline = with([View::of("a*").name("same")]);
    pipeline.meter("m").counter("a1").add(1, &[]);
    pipeline.meter("m").counter("a2").add(2, &[]);
    let metrics = collect(pipeline);
    assert_eq!(names(&metrics), ["same", "same"]);
    assert_eq!(values(&metrics, "same"), [(String::new(), 1.0), (String::new(), 2.0)]);
    assert_eq!(pipeline.metric_usage().conflicts, 1);
}

#[test]
fn a_fifth_stream_and_one_without_room_are_counted() {
    let pipeline = with(["s1", "s2", "s3", "s4", "s5"].map(|name| View::of("c").name(name)));
    let counter = pipeline.meter("m").counter("c");
    counter.add(1, &[]);
    counter.bind(&[]).add(1);
    assert_eq!(names(&collect(pipeline)), ["s1", "s2", "s3", "s4"]);
    assert_eq!((pipeline.metric_usage().unfit_views, pipeline.counters().lost_in_all()), (1, 0));
    // A device's table has room for 16.
    let others: Vec<&'static str> = (0..11).map(|n| &*format!("other{n}").leak()).collect();
    others.iter().for_each(|name| pipeline.meter("m").counter(*name).add(1, &[]));
    let full = pipeline.meter("another").counter("c");
    assert_eq!(lost(pipeline, Loss::NoSlot), 0);
    full.add(1, &[]);
    let bound = full.bind(&[]);
    let before = lost(pipeline, Loss::NoSlot);
    bound.add(1);
    assert_eq!((before, lost(pipeline, Loss::NoSlot)), (1, 2), "a lookup is no measurement");
    let metrics = collect(pipeline);
    let mine: Vec<_> =
        metrics.iter().filter(|(scope, _)| scope == "another").map(|(_, m)| &*m.name).collect();
    assert_eq!(mine, ["s1"], "the one that found room");
}
