//! Attributes that are looked at once count exactly as those that are looked at each time.

use smoltel_core::{Key, Loss, MetricSettings, PreparedAttributes, Signal, Value};
use smoltel_proto::types::metrics::v1::metric::Data;

use crate::receiver::{collect, pipeline, values};

#[test]
fn prepared_attributes_meet_the_point_of_the_listed_ones() {
    let pipeline = pipeline(16 << 10, MetricSettings::DEFAULT);
    let meter = pipeline.meter("m");
    let list = [(Key::new("a"), Value::Int(1)), (Key::new("b"), "two".into()), (Key::new("c"), true.into())];
    let mut turned = list;
    turned.rotate_left(1);
    let repeated = [(Key::new("a"), Value::Int(7)), list[0], list[1], list[2]];
    let (ready, in_another_order) =
        (PreparedAttributes::<64>::new(&list), PreparedAttributes::<64>::new(&turned));
    let (without_room, repeats) =
        (PreparedAttributes::<8>::new(&list), PreparedAttributes::<64>::new(&repeated));
    let (counter, up_down, gauge) =
        (meter.counter("counter"), meter.up_down_counter("up.down"), meter.gauge("gauge"));
    let (histogram, fine) =
        (meter.histogram("histogram"), meter.instrument("fine").exponential(16).histogram());
    let kept = meter.instrument("kept").keep(&["b"]).counter::<u64>();
    for round in 0..2 {
        // The first measurement of all is a prepared one, in the order that the point is made with.
        counter.add_prepared(1, &ready);
        up_down.add_prepared(-1, &ready);
        histogram.record_prepared(3.0, &ready);
        fine.record_prepared(3.0, &ready);
        kept.add_prepared(1, &ready);
        gauge.record_prepared(f64::from(round), &ready);
    }
    for other in [&in_another_order, &repeats] {
        counter.add_prepared(1, other);
        histogram.record_prepared(3.0, other);
    }
    counter.add_prepared(1, &without_room);
    counter.add(1, &list);
    histogram.record(3.0, &list);
    counter.add_prepared(1, &PreparedAttributes::<8>::new(&[]));
    histogram.record_prepared(f64::NAN, &ready);
    assert_eq!(pipeline.counters().lost(Signal::Metrics, Loss::Invalid), 1);

    let metrics = collect(pipeline);
    let mut counted = values(&metrics, "counter");
    counted.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(counted.iter().map(|point| point.1).collect::<Vec<_>>(), [1.0, 6.0], "{counted:?}");
    assert_eq!(values(&metrics, "up.down")[0].1, -2.0);
    assert_eq!(values(&metrics, "gauge")[0].1, 1.0);
    assert_eq!((values(&metrics, "kept").len(), values(&metrics, "kept")[0].1), (1, 2.0));
    for (name, expected) in [("histogram", 5), ("fine", 2)] {
        let metric = &metrics.iter().find(|(_, metric)| metric.name == name).unwrap().1;
        let counts: Vec<u64> = match metric.data.as_ref().unwrap() {
            Data::Histogram(histogram) => histogram.data_points.iter().map(|point| point.count).collect(),
            Data::ExponentialHistogram(fine) => fine.data_points.iter().map(|point| point.count).collect(),
            other => panic!("{other:?}"),
        };
        assert_eq!(counts, [expected], "{name}");
    }
}
