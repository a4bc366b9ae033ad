use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{exponential_histogram_data_point::Buckets, metric::Data};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, PeriodicReader, SdkMeterProvider, Stream, Temporality,
};
use prost::Message;
use smoltel::bridge::opentelemetry_033::MetricExporter;

use super::{Expected, attributes, resource, scope, sort};
use crate::receiver::Harness;

/// Gives everything to the oracle and to ours.
struct Tee {
    ours: MetricExporter,
    expected: Expected<ExportMetricsServiceRequest>,
}

impl PushMetricExporter for Tee {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.expected.lock().unwrap().push(metrics.into());
        self.ours.export(metrics).await
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.ours.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.ours.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.ours.temporality()
    }
}

fn normal(mut request: ExportMetricsServiceRequest) -> ExportMetricsServiceRequest {
    for resource in &mut request.resource_metrics {
        sort(&mut resource.resource.as_mut().unwrap().attributes);
        for scope in &mut resource.scope_metrics {
            sort(&mut scope.scope.as_mut().unwrap().attributes);
            scope.metrics.iter_mut().filter_map(|metric| metric.data.as_mut()).for_each(normal_data);
        }
    }
    request
}

fn normal_data(data: &mut Data) {
    match data {
        Data::Gauge(gauge) => gauge.data_points.iter_mut().for_each(|point| sort(&mut point.attributes)),
        Data::Sum(sum) => sum.data_points.iter_mut().for_each(|point| sort(&mut point.attributes)),
        Data::Histogram(histogram) => {
            histogram.data_points.iter_mut().for_each(|point| sort(&mut point.attributes));
        }
        Data::ExponentialHistogram(histogram) => {
            for point in &mut histogram.data_points {
                sort(&mut point.attributes);
                // Buckets without a count are the same as none.
                for buckets in [&mut point.positive, &mut point.negative] {
                    if buckets.as_ref().is_none_or(|buckets| buckets.bucket_counts.is_empty()) {
                        *buckets = Some(Buckets::default());
                    }
                }
            }
        }
        Data::Summary(_) => {}
    }
}

/// Measures with every instrument, in every number.
fn measure(provider: &SdkMeterProvider) {
    let meter = provider.meter_with_scope(scope("valves"));
    let sets = [vec![], attributes(), vec![KeyValue::new("valve", 3)]];
    let counter = meter.u64_counter("moves").with_unit("{move}").with_description("that it made").build();
    let (energy, waiting) =
        (meter.f64_counter("energy").build(), meter.i64_up_down_counter("waiting").build());
    let (level, count) = (meter.f64_gauge("level").build(), meter.u64_gauge("count").build());
    let signed = meter.i64_gauge("signed").build();
    let duration = meter.f64_histogram("duration").with_boundaries(vec![0.1, 1.0]).build();
    let size = meter.u64_histogram("size").build();
    let exponential = meter.f64_histogram("exponential").build();
    for set in &sets {
        for n in 0..5_u32 {
            counter.add(n.into(), set);
            energy.add(f64::from(n) / 3.0, set);
            waiting.add(1 - i64::from(n), set);
            level.record(f64::from(n) - 2.5, set);
            count.record(n.into(), set);
            signed.record(-i64::from(n), set);
            duration.record(f64::from(n) * 0.3, set);
            size.record(u64::from(n) * 1000, set);
            exponential.record(f64::from(n) * 1.7 - 2.0, set);
        }
    }
    let observed = |observer: &dyn opentelemetry::metrics::AsyncInstrument<f64>| observer.observe(0.0, &[]);
    let _ = meter.f64_observable_gauge("observed").with_callback(observed).build();
}

#[test]
fn metrics_arrive_as_the_sdks_own_exporter_sends_them() {
    for temporality in [Temporality::Cumulative, Temporality::Delta, Temporality::LowMemory] {
        let harness = Harness::start();
        let expected = Expected::default();
        let ours = MetricExporter::new(&harness.telemetry).with_temporality(temporality);
        let tee = Tee { ours, expected: expected.clone() };
        let exponential = |instrument: &Instrument| {
            let aggregation =
                Aggregation::Base2ExponentialHistogram { max_size: 20, max_scale: 20, record_min_max: true };
            let is_it = instrument.name() == "exponential";
            is_it.then(|| Stream::builder().with_aggregation(aggregation).build().unwrap())
        };
        let reader = PeriodicReader::builder(tee).with_interval(Duration::from_secs(3600)).build();
        let provider = SdkMeterProvider::builder()
            .with_resource(resource())
            .with_reader(reader)
            .with_view(exponential)
            .build();
        measure(&provider);
        provider.force_flush().unwrap();
        provider.shutdown().unwrap();
        let received = harness.sink.received("/v1/metrics");
        let ours = received.iter().map(|r| ExportMetricsServiceRequest::decode(&r.body[..]).unwrap());
        let ours: Vec<_> = ours.map(normal).collect();
        let expected: Vec<_> = expected.lock().unwrap().drain(..).map(normal).collect();
        assert!(!ours.is_empty());
        assert_eq!(ours, expected);
    }
}
