use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger, LoggerProvider, Severity};
use opentelemetry::trace::{SpanId, TraceFlags, TraceId};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::logs::tonic::group_logs_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, SdkLoggerProvider};
use prost::Message;
use smoltel::bridge::opentelemetry_033::LogExporter;

use super::{Expected, resource, scope, sort, sort_value};
use crate::receiver::Harness;

/// Gives every batch to the oracle and to ours.
#[derive(Debug)]
struct Tee {
    ours: LogExporter,
    expected: Expected<ExportLogsServiceRequest>,
    resource: Mutex<ResourceAttributesWithSchema>,
}

impl opentelemetry_sdk::logs::LogExporter for Tee {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let resource_logs = group_logs_by_resource_and_scope(&batch, &self.resource.lock().unwrap());
        self.expected.lock().unwrap().push(ExportLogsServiceRequest { resource_logs });
        self.ours.export(batch).await
    }

    fn set_resource(&mut self, resource: &Resource) {
        *self.resource.lock().unwrap() = resource.into();
        self.ours.set_resource(resource);
    }
}

fn normal(mut request: ExportLogsServiceRequest) -> ExportLogsServiceRequest {
    for resource in &mut request.resource_logs {
        sort(&mut resource.resource.as_mut().unwrap().attributes);
        for scope in &mut resource.scope_logs {
            sort(&mut scope.scope.as_mut().unwrap().attributes);
            for log in &mut scope.log_records {
                sort(&mut log.attributes);
                log.body.iter_mut().for_each(sort_value);
            }
        }
        resource.scope_logs.sort_by_key(|scope| scope.scope.as_ref().unwrap().name.clone());
    }
    request
}

fn bodies() -> [AnyValue; 6] {
    let map = HashMap::from([
        ("valve".into(), AnyValue::Int(0)),
        ("list".into(), AnyValue::ListAny(Box::new(vec![AnyValue::Boolean(false), AnyValue::Double(0.5)]))),
        ("none".into(), AnyValue::Map(Box::default())),
    ]);
    [
        AnyValue::String("valve opened".into()),
        AnyValue::Int(3),
        AnyValue::Bytes(Box::new(vec![0, 255])),
        AnyValue::Map(Box::new(map.clone())),
        AnyValue::ListAny(Box::new(vec![AnyValue::Map(Box::new(map)), "x".into()])),
        AnyValue::Double(0.0),
    ]
}

#[test]
fn log_records_arrive_as_the_sdks_own_exporter_sends_them() {
    let harness = Harness::start();
    let expected = Expected::default();
    let ours = LogExporter::new(&harness.telemetry);
    let tee = Tee { ours, expected: expected.clone(), resource: Mutex::default() };
    let provider = SdkLoggerProvider::builder().with_resource(resource()).with_batch_exporter(tee).build();
    let severities = [Severity::Trace, Severity::Debug2, Severity::Info3, Severity::Warn4, Severity::Fatal4];
    for number in 0..40_usize {
        let logger = provider.logger_with_scope(scope(["valves", "pumps"][number / 3 % 2]));
        let mut log = logger.create_log_record();
        if number % 5 > 0 {
            log.set_body(bodies()[number % 6].clone());
            log.set_severity_number(severities[number % 5]);
            log.set_severity_text("LOUD");
        }
        if number % 4 > 0 {
            log.set_timestamp(SystemTime::UNIX_EPOCH + Duration::from_secs(1_760_000_000));
            log.set_event_name("tank.low");
            log.set_trace_context(TraceId::from(7), SpanId::from(8), Some(TraceFlags::SAMPLED));
        }
        if number % 3 > 0 {
            log.set_target("another::target");
        }
        for (n, value) in bodies().into_iter().enumerate().take(number % 7) {
            log.add_attribute(format!("key {n}"), value);
        }
        logger.emit(log);
    }
    provider.shutdown().unwrap();
    let received = harness.sink.received("/v1/logs");
    let ours: Vec<_> =
        received.iter().map(|r| ExportLogsServiceRequest::decode(&r.body[..]).unwrap()).collect();
    let expected: Vec<_> = expected.lock().unwrap().drain(..).map(normal).collect();
    assert_eq!(ours.into_iter().map(normal).collect::<Vec<_>>(), expected);
    assert_eq!(harness.telemetry.report().exported, 40);
}
