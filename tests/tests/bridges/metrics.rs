use metrics::Unit;
use smoltel::bridge::MetricsRecorder;
use smoltel_proto::types::metrics::v1::{Metric, metric::Data, number_data_point};

use crate::receiver::{Harness, shown};

fn metric<'a>(metrics: &'a [(String, Metric)], name: &str) -> &'a Metric {
    &metrics.iter().find(|(scope, metric)| scope == "metrics" && metric.name == name).expect(name).1
}

fn values(metric: &Metric) -> Vec<f64> {
    let (Some(Data::Sum(smoltel_proto::types::metrics::v1::Sum { data_points, .. }))
    | Some(Data::Gauge(smoltel_proto::types::metrics::v1::Gauge { data_points }))) = &metric.data
    else {
        panic!("{metric:?}")
    };
    let value = |value: &number_data_point::Value| match value {
        number_data_point::Value::AsInt(n) => *n as f64,
        number_data_point::Value::AsDouble(n) => *n,
    };
    data_points.iter().map(|point| value(point.value.as_ref().unwrap())).collect()
}

#[test]
fn counters_gauges_and_histograms_arrive_as_instruments() {
    let harness = Harness::start();
    let recorder = MetricsRecorder::new(&harness.telemetry).bounds("turn", &[0.001, 0.01]);
    metrics::with_local_recorder(&recorder, || {
        metrics::describe_counter!("moves", Unit::Count, "valves that moved");
        metrics::describe_histogram!("turn", Unit::Seconds, "a turn of the loop");
        for _ in 0..3 {
            metrics::counter!("moves", "valve" => "north").increment(2);
            metrics::counter!("moves", "valve" => "south").increment(1);
        }
        metrics::counter!("total").absolute(10);
        metrics::counter!("total").absolute(7); // behind what is known
        metrics::counter!("total").increment(1);
        metrics::counter!("total").absolute(15);
        metrics::gauge!("level").set(20.0);
        metrics::gauge!("level").increment(1.5);
        metrics::gauge!("level").decrement(0.5);
        metrics::histogram!("turn").record(0.0005);
        metrics::histogram!("turn").record_many(0.005, 2);
    });
    let metrics = harness.finish().metrics;

    let moves = metric(&metrics, "moves");
    assert_eq!((moves.unit.as_str(), moves.description.as_str()), ("1", "valves that moved"));
    let Some(Data::Sum(sum)) = &moves.data else { panic!("{moves:?}") };
    assert!(sum.is_monotonic);
    let mut moved: Vec<_> =
        sum.data_points.iter().map(|point| shown(&point.attributes, "valve")).zip(values(moves)).collect();
    moved.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(moved, [("\"north\"".to_owned(), 6.0), ("\"south\"".to_owned(), 3.0)]);
    assert_eq!(values(metric(&metrics, "total")), [15.0]);
    assert_eq!(values(metric(&metrics, "level")), [21.0]);
    let turn = metric(&metrics, "turn");
    let Some(Data::Histogram(histogram)) = &turn.data else { panic!("{turn:?}") };
    assert_eq!((turn.unit.as_str(), &histogram.data_points[0].bucket_counts[..]), ("s", &[1, 2, 0][..]));
}

#[test]
fn a_gauge_that_many_threads_change_ends_where_it_should() {
    let harness = Harness::start();
    let recorder = MetricsRecorder::new(&harness.telemetry);
    let open = metrics::with_local_recorder(&recorder, || metrics::gauge!("open"));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    open.increment(3);
                    open.decrement(2);
                }
            });
        }
    });
    assert_eq!(values(metric(&harness.finish().metrics, "open")), [4000.0]);
}
