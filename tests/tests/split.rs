//! A request split into smaller ones holds what it held, each item within its own resource, scope and metric.

use proptest::prelude::*;
use prost::Message;
use smoltel::Signal;
use smoltel::split::{Most, Piece, Unsplittable, split};
use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;
use smoltel_proto::types::collector::metrics::v1::ExportMetricsServiceRequest;
use smoltel_proto::types::collector::trace::v1::ExportTraceServiceRequest;
use smoltel_proto::types::common::v1::InstrumentationScope;
use smoltel_proto::types::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use smoltel_proto::types::metrics::v1::{
    Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
    metric::Data,
};
use smoltel_proto::types::resource::v1::Resource;
use smoltel_proto::types::trace::v1::{ResourceSpans, ScopeSpans, Span};

/// Numbers of items by scope, by resource; scopes and resources may be empty.
fn shape() -> impl Strategy<Value = Vec<Vec<usize>>> {
    prop::collection::vec(prop::collection::vec(0..6usize, 0..4), 0..4)
}

fn scope(at: usize) -> Option<InstrumentationScope> {
    Some(InstrumentationScope { name: format!("scope {at}"), version: "1".into(), ..Default::default() })
}

fn resource(at: usize) -> Option<Resource> {
    Some(Resource { dropped_attributes_count: at as u32 + 1, ..Default::default() })
}

fn spans(shape: &[Vec<usize>]) -> ExportTraceServiceRequest {
    let span = |n: usize| Span {
        name: "x".repeat(n * 7 % 50),
        start_time_unix_nano: n as u64,
        ..Default::default()
    };
    let scopes = |scopes: &[usize]| {
        let spans = |(at, n): (usize, &usize)| ScopeSpans {
            scope: scope(at),
            spans: (0..*n).map(|n| span(n + at * 10)).collect(),
            schema_url: "url".into(),
        };
        scopes.iter().enumerate().map(spans).collect()
    };
    let resources = shape.iter().enumerate().map(|(at, of)| ResourceSpans {
        resource: resource(at),
        scope_spans: scopes(of),
        schema_url: String::new(),
    });
    ExportTraceServiceRequest { resource_spans: resources.collect() }
}

fn metrics(shape: &[Vec<usize>]) -> ExportMetricsServiceRequest {
    let number = |n: usize| NumberDataPoint { time_unix_nano: n as u64 + 1, ..Default::default() };
    let metric = |(at, points): (usize, &usize)| {
        let numbers = || (0..*points).map(number).collect();
        let histogram = |n| HistogramDataPoint {
            count: n as u64,
            bucket_counts: vec![n as u64; 4],
            ..Default::default()
        };
        let data = match at % 3 {
            0 => Data::Gauge(Gauge { data_points: numbers() }),
            1 => Data::Sum(Sum { data_points: numbers(), aggregation_temporality: 2, is_monotonic: true }),
            _ => Data::Histogram(Histogram {
                data_points: (0..*points).map(histogram).collect(),
                aggregation_temporality: 1,
            }),
        };
        Metric { name: format!("metric {at}"), unit: "By".into(), data: Some(data), ..Default::default() }
    };
    let resources = shape.iter().enumerate().map(|(at, of)| ResourceMetrics {
        resource: resource(at),
        scope_metrics: vec![ScopeMetrics {
            scope: scope(at),
            metrics: of.iter().enumerate().map(metric).collect(),
            schema_url: "url".into(),
        }],
        schema_url: "other".into(),
    });
    ExportMetricsServiceRequest { resource_metrics: resources.collect() }
}

/// Each span with all that is around it, in order; empty scopes and resources too.
fn flat_spans(request: &ExportTraceServiceRequest) -> Vec<(ResourceSpans, Option<ScopeSpans>, Option<Span>)> {
    let mut flat = Vec::new();
    for resource in &request.resource_spans {
        let outer = ResourceSpans { scope_spans: Vec::new(), ..resource.clone() };
        for scope in &resource.scope_spans {
            let inner = ScopeSpans { spans: Vec::new(), ..scope.clone() };
            flat.extend(
                scope.spans.iter().map(|span| (outer.clone(), Some(inner.clone()), Some(span.clone()))),
            );
            if scope.spans.is_empty() {
                flat.push((outer.clone(), Some(inner), None));
            }
        }
        if resource.scope_spans.is_empty() {
            flat.push((outer, None, None));
        }
    }
    flat
}

/// Each point as the only one of its metric.
fn flat_points(request: &ExportMetricsServiceRequest) -> Vec<ResourceMetrics> {
    let mut flat = Vec::new();
    for resource in &request.resource_metrics {
        for scope in &resource.scope_metrics {
            for metric in &scope.metrics {
                for data in singles(metric.data.as_ref().unwrap()) {
                    let metric = Metric { data: Some(data), ..metric.clone() };
                    let scope = ScopeMetrics { metrics: vec![metric], ..scope.clone() };
                    flat.push(ResourceMetrics { scope_metrics: vec![scope], ..resource.clone() });
                }
            }
        }
    }
    flat
}

fn singles(data: &Data) -> Vec<Data> {
    match data {
        Data::Gauge(gauge) => gauge
            .data_points
            .iter()
            .map(|point| Data::Gauge(Gauge { data_points: vec![point.clone()] }))
            .collect(),
        Data::Sum(sum) => {
            let single =
                |point: &NumberDataPoint| Data::Sum(Sum { data_points: vec![point.clone()], ..*sum });
            sum.data_points.iter().map(single).collect()
        }
        Data::Histogram(histogram) => {
            let single = |point: &HistogramDataPoint| {
                Data::Histogram(Histogram { data_points: vec![point.clone()], ..*histogram })
            };
            histogram.data_points.iter().map(single).collect()
        }
        _ => unreachable!("not made here"),
    }
}

/// Pieces keep within what they may hold, and no two neighbours would have fitted into one.
fn check_sizes(pieces: &[Piece], most: Most) {
    for piece in pieces {
        assert!(piece.items <= most.items);
        assert!(piece.body.len() <= most.bytes || piece.items <= 1, "{} bytes", piece.body.len());
    }
}

proptest! {
    #[test]
    fn spans_stay_what_and_where_they_are(shape in shape(), bytes in 60..400usize, items in 1..9u64) {
        let request = spans(&shape);
        let most = Most { bytes, items };
        let pieces = split(Signal::Traces, &request.encode_to_vec(), most).unwrap();
        check_sizes(&pieces, most);
        let mut flat = Vec::new();
        for piece in &pieces {
            let back = ExportTraceServiceRequest::decode(&piece.body[..]).unwrap();
            let count = flat_spans(&back).iter().filter(|(_, _, span)| span.is_some()).count();
            prop_assert_eq!(count as u64, piece.items);
            flat.extend(flat_spans(&back));
        }
        prop_assert_eq!(flat, flat_spans(&request));
    }

    #[test]
    fn points_stay_what_and_where_they_are(shape in shape(), items in 1..9u64) {
        let request = metrics(&shape);
        let most = Most { items, ..Most::default() };
        let body = request.encode_to_vec();
        let Ok(pieces) = split(Signal::Metrics, &body, most) else { return Ok(()) };
        check_sizes(&pieces, most);
        let mut flat = Vec::new();
        for piece in &pieces {
            let back = ExportMetricsServiceRequest::decode(&piece.body[..]).unwrap();
            prop_assert_eq!(flat_points(&back).len() as u64, piece.items);
            flat.extend(flat_points(&back));
        }
        prop_assert_eq!(flat, flat_points(&request));
    }

    #[test]
    fn any_bytes_are_split_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), most in 1..50usize) {
        for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
            if let Ok(pieces) = split(signal, &bytes, Most { bytes: most, ..Most::default() }) {
                let total: usize = pieces.iter().map(|piece| piece.body.len()).sum();
                prop_assert!(total <= 5 * bytes.len() + most, "{total}");
            }
        }
    }
}

fn logs(context: usize, records: usize) -> Vec<u8> {
    let record = LogRecord { severity_number: 9, ..Default::default() };
    let scope_logs = vec![ScopeLogs { log_records: vec![record; records], ..Default::default() }];
    let schema_url = "x".repeat(context);
    let resource = ResourceLogs { scope_logs, schema_url, ..Default::default() };
    ExportLogsServiceRequest { resource_logs: vec![resource] }.encode_to_vec()
}

#[test]
fn pieces_are_as_few_as_they_can_be() {
    let body = logs(10, 100);
    let pieces = split(Signal::Logs, &body, Most { bytes: 66, ..Most::default() }).unwrap();
    // Around the records are 16 bytes and each takes 4: twelve fit.
    assert_eq!(
        pieces.iter().map(|piece| piece.items).collect::<Vec<_>>(),
        [12, 12, 12, 12, 12, 12, 12, 12, 4]
    );
    let whole = split(Signal::Logs, &body, Most::default()).unwrap();
    assert_eq!(whole.len(), 1);
    assert_eq!(ExportLogsServiceRequest::decode(&whole[0].body[..]).unwrap().encode_to_vec(), body);
}

/// Ten thousand records under a resource of a megabyte would be ten gigabytes.
#[test]
fn what_would_have_to_be_repeated_is_bounded() {
    let body = logs(1 << 20, 10_000);
    let most = Most { bytes: 1 << 20, ..Most::default() };
    assert_eq!(split(Signal::Logs, &body, most), Err(Unsplittable::Repetitive));
}

#[test]
fn what_is_no_request_is_refused() {
    assert_eq!(split(Signal::Traces, &[0x0A, 5, 1], Most::default()), Err(Unsplittable::Malformed));
}
