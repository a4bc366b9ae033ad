//! What interrupts measure while points are collected is in this collection or in the next one: never lost, never twice.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

use prost::Message;
use smoltel_core::ring::Header;
use smoltel_core::{Meter, MetricSettings, Pipeline, Preference, Signal};
use smoltel_proto::types::common::v1::KeyValue;
use smoltel_proto::types::metrics::v1::{Metric, NumberDataPoint, metric, number_data_point};

use crate::device::{Interrupted, interrupted, pipeline};

/// Instruments of each kind, and how often each was used.
struct Work {
    meter: Meter<Interrupted>,
    rounds: Cell<i64>,
}

impl Work {
    fn on(pipeline: &'static Pipeline<Interrupted>) -> Rc<Self> {
        let meter = Meter::new(pipeline, pipeline.declare("work".into()));
        Rc::new(Self { meter, rounds: Cell::new(0) })
    }

    /// Uses each once. Every few rounds there is a series that was not there before.
    fn measure(&self) {
        let round = self.rounds.get();
        self.rounds.set(round + 1);
        let series = [("series".into(), (round % 7).into())];
        self.meter.counter("counter").add(1, &series);
        self.meter.up_down_counter("up_down").add(1, &[]);
        self.meter.gauge("gauge").record((round + 1) as f64, &[]);
        self.meter.instrument("explicit").bounds(&[0.5, 1.5]).histogram().record(1.0, &series);
        self.meter.instrument("exponential").exponential(4).histogram().record((round + 1) as f64, &[]);
    }
}

/// What each series says at a receiver of how often it was measured.
#[derive(Default)]
struct Received {
    series: BTreeMap<(String, String), u64>,
    delta: bool,
}

impl Received {
    /// Takes in what one collection has left in the ring.
    fn take(&mut self, pipeline: &Pipeline<Interrupted>) {
        let mut seen = Vec::new();
        while let Some(metric) = next(pipeline) {
            for (attributes, measured) in points(&metric) {
                let series = (metric.name.clone(), format!("{attributes:?}"));
                assert!(!seen.contains(&series), "twice in one collection: {series:?}");
                let adds = self.delta && !["gauge", "up_down"].contains(&&*metric.name);
                let before = self.series.get(&series).copied().unwrap_or(0);
                assert!(adds || before <= measured, "{series:?}: {measured} after {before}");
                self.series.insert(series.clone(), if adds { before + measured } else { measured });
                seen.push(series);
            }
        }
    }

    fn measured(&self, name: &str) -> u64 {
        self.series.iter().filter(|((of, _), _)| of == name).map(|(_, measured)| measured).sum()
    }
}

/// The next record of the ring.
fn next(pipeline: &Pipeline<Interrupted>) -> Option<Metric> {
    let record = pipeline.with_lane(0, |ring| {
        let (header, next) = ring.record(0)?;
        assert_eq!(header.kind, Signal::Metrics as u8);
        let mut bytes = vec![0; header.len.into()];
        ring.read(Header::LEN, &mut bytes);
        ring.release(next);
        Some(bytes)
    });
    Some(Metric::decode(&record??[..]).expect("a metric"))
}

/// A metric's points: how often each was measured, by its own account.
fn points(metric: &Metric) -> Vec<(Vec<KeyValue>, u64)> {
    let number = |point: &NumberDataPoint| match point.value.expect("a value") {
        number_data_point::Value::AsInt(value) => (point.attributes.clone(), value as u64),
        number_data_point::Value::AsDouble(value) => (point.attributes.clone(), value as u64),
    };
    match metric.data.as_ref().expect("points") {
        metric::Data::Sum(sum) => sum.data_points.iter().map(number).collect(),
        metric::Data::Gauge(gauge) => gauge.data_points.iter().map(number).collect(),
        metric::Data::Histogram(histogram) => {
            let points = histogram.data_points.iter().map(|point| {
                assert_eq!(point.bucket_counts, [0, point.count, 0], "all of one moment");
                assert_eq!(point.sum, Some(point.count as f64), "all of one moment");
                (point.attributes.clone(), point.count)
            });
            points.collect()
        }
        metric::Data::ExponentialHistogram(histogram) => {
            let points = histogram.data_points.iter().map(|point| {
                let counts = &point.positive.as_ref().expect("buckets").bucket_counts;
                assert_eq!(counts.iter().sum::<u64>(), point.count, "all of one moment");
                (point.attributes.clone(), point.count)
            });
            points.collect()
        }
        metric::Data::Summary(_) => unreachable!("no instrument makes one"),
    }
}

/// Collects, and lets an interrupt measure before each lock that `when` names; how many locks there were.
fn collect(
    pipeline: &'static Pipeline<Interrupted>,
    work: &Rc<Work>,
    when: impl Fn(u32) -> bool + 'static,
) -> u32 {
    let locks = Rc::new(Cell::new(0));
    let (count, work) = (locks.clone(), work.clone());
    let handler = move || {
        count.set(count.get() + 1);
        if when(count.get()) {
            work.measure();
        }
    };
    interrupted(handler, || pipeline.collect());
    locks.get()
}

/// Collects with such interrupts and then without, and compares what has arrived with what was measured.
fn try_out(settings: MetricSettings, slot: usize, when: impl Fn(u32) -> bool + 'static) -> u32 {
    let pipeline = pipeline(1 << 14, slot, settings);
    let delta = settings.temporality == Preference::Delta;
    let (work, mut received) = (Work::on(pipeline), Received { delta, ..Received::default() });
    (0..3).for_each(|_| work.measure());
    let locks = collect(pipeline, &work, when);
    received.take(pipeline);
    collect(pipeline, &work, |_| false);
    received.take(pipeline);
    for name in ["counter", "up_down", "gauge", "explicit", "exponential"] {
        let (found, expected) = (received.measured(name), work.rounds.get() as u64);
        assert_eq!(found, expected, "{name}, {:?}, slots of {slot}", settings.temporality);
    }
    assert_eq!(pipeline.counters().lost_in_all(), 0);
    locks
}

/// In slots of 192 bytes there is no room for a histogram's copy beside its record.
const SLOTS: [usize; 2] = [512, 192];

#[test]
fn what_an_interrupt_measures_at_any_point_of_a_collection_arrives_once() {
    for temporality in [Preference::Cumulative, Preference::Delta] {
        let settings = MetricSettings { temporality, ..MetricSettings::DEFAULT };
        for slot in SLOTS {
            let mut lock = 1;
            while lock <= try_out(settings, slot, move |at| at == lock) {
                lock += 1;
            }
            assert!(lock > 20, "{lock} locks");
        }
    }
}

#[test]
fn a_collection_ends_however_often_it_is_interrupted() {
    for temporality in [Preference::Cumulative, Preference::Delta] {
        let settings = MetricSettings { temporality, ..MetricSettings::DEFAULT };
        for slot in SLOTS {
            for every in 1..6 {
                try_out(settings, slot, move |at| at % every == 0);
            }
        }
    }
}
