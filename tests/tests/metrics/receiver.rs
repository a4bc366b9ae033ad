//! Metrics of a device's pipeline, as a receiver decodes them.

use std::cell::Cell;

use prost::Message;
use smoltel_core::batch::{Batch, Cursor, Lane};
use smoltel_core::platform::Platform;
use smoltel_core::{MetricSettings, Pipeline, Seed, Signal, View};
use smoltel_proto::types::collector::metrics::v1::ExportMetricsServiceRequest;
use smoltel_proto::types::common::v1::{KeyValue, any_value};
use smoltel_proto::types::metrics::v1::{Metric, NumberDataPoint, metric, number_data_point};

thread_local! {
    /// The clock of the pipelines that this thread uses.
    static NOW: Cell<u64> = const { Cell::new(1000) };
}

/// Sets the clock of this thread's pipelines.
pub(crate) fn set_clock(now: u64) {
    NOW.set(now);
}

/// A device's pipeline with that memory for its points, and room for everything else.
pub(crate) fn pipeline(points: usize, settings: MetricSettings) -> &'static Pipeline {
    pipeline_with(1 << 18, 4096, points, settings)
}

/// The same with a ring and slots of given sizes; a quarter of the ring is not for metrics.
pub(crate) fn pipeline_with(
    ring: usize,
    slot: usize,
    points: usize,
    settings: MetricSettings,
) -> &'static Pipeline {
    let pipeline = without_points(ring, slot);
    pipeline.init_metrics_with(vec![0; points].leak(), settings);
    pipeline
}

/// The same with views.
pub(crate) fn pipeline_viewed(settings: MetricSettings, views: &'static [View]) -> &'static Pipeline {
    let pipeline = without_points(1 << 18, 4096);
    pipeline.init_metrics_with_views(vec![0; 1 << 14].leak(), settings, views);
    pipeline
}

fn without_points(ring: usize, slot: usize) -> &'static Pipeline {
    let pipeline: &'static Pipeline = Box::leak(Box::new(Pipeline::new(|| NOW.get())));
    let ring: &'static mut [u8] = vec![0; ring].leak();
    match slot {
        0..=128 => pipeline.init(ring, vec![[0; 128]; 2].leak(), Seed::Unique([3; 16])),
        _ => pipeline.init(ring, vec![[0; 4096]; 2].leak(), Seed::Unique([3; 16])),
    }
    pipeline
}

/// Collects, and takes what is sent out of the ring: each metric with its scope's name.
pub(crate) fn collect<P: Platform>(pipeline: &Pipeline<P>) -> Vec<(String, Metric)> {
    pipeline.collect();
    take(pipeline)
}

/// Takes what is waiting in the ring.
pub(crate) fn take<P: Platform>(pipeline: &Pipeline<P>) -> Vec<(String, Metric)> {
    let source = Lane { pipeline, number: 0 };
    let mut metrics = Vec::new();
    while let Some(batch) = Batch::plan(&source, Signal::Metrics, 0, (0, usize::MAX), usize::MAX) {
        let mut bytes = vec![0; batch.encoded_len()];
        Cursor::default().copy(&batch, &source, &[], &mut bytes);
        pipeline.with_lane(0, |ring| ring.release(batch.end()));
        let request = ExportMetricsServiceRequest::decode(&bytes[..]).expect("a request");
        let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        for scope in scopes {
            let name = scope.scope.map(|scope| scope.name).unwrap_or_default();
            metrics.extend(scope.metrics.into_iter().map(|metric| (name.clone(), metric)));
        }
    }
    metrics
}

/// The points of all metrics of that name, which have to be numbers.
pub(crate) fn numbers(metrics: &[(String, Metric)], name: &str) -> Vec<NumberDataPoint> {
    let named = metrics.iter().filter(|(_, metric)| metric.name == name);
    let mut points: Vec<_> = named
        .flat_map(|(_, metric)| match &metric.data {
            Some(metric::Data::Sum(sum)) => sum.data_points.clone(),
            Some(metric::Data::Gauge(gauge)) => gauge.data_points.clone(),
            other => panic!("not of numbers: {other:?}"),
        })
        .collect();
    points.sort_by_key(|point| text(&point.attributes));
    points
}

/// The points of a name as attributes and values, in the order of the attributes.
pub(crate) fn values(metrics: &[(String, Metric)], name: &str) -> Vec<(String, f64)> {
    let value = |point: &NumberDataPoint| match point.value.expect("a value") {
        number_data_point::Value::AsInt(value) => value as f64,
        number_data_point::Value::AsDouble(value) => value,
    };
    numbers(metrics, name).iter().map(|point| (text(&point.attributes), value(point))).collect()
}

/// Attributes as `key=value,key=value`, in the order of their keys.
pub(crate) fn text(attributes: &[KeyValue]) -> String {
    let mut pairs: Vec<String> = attributes
        .iter()
        .map(|pair| {
            let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
            match value {
                Some(any_value::Value::IntValue(value)) => format!("{}={value}", pair.key),
                Some(any_value::Value::StringValue(value)) => format!("{}={value}", pair.key),
                Some(any_value::Value::BoolValue(value)) => format!("{}={value}", pair.key),
                other => format!("{}={other:?}", pair.key),
            }
        })
        .collect();
    pairs.sort();
    pairs.join(",")
}
