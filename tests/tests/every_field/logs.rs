//! Log records that say all that one can, with bodies of every kind.

use prost::Message;
use smoltel_core::platform::Device;
use smoltel_core::{AttributeLimits, Limits, Severity, Signal, SpanContext, SpanId, TraceId};
use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;
use smoltel_proto::types::logs::v1::{LogRecord, LogsData, ResourceLogs, ScopeLogs};
use smoltel_tests::device;

use super::producer::{self, RESOURCE_SCHEMA, SCOPE, SCOPE_SCHEMA};
use super::values::{self, VALUES, attributes};

const CONTEXT: SpanContext =
    SpanContext { trace_id: TraceId([1; 16]), span_id: SpanId([2; 8]), flags: 0x03, is_remote: false };

/// The request, after prost has found in it what was put in.
pub(crate) fn request() -> Vec<u8> {
    let log = AttributeLimits { count: VALUES.len() as u16, ..AttributeLimits::DEFAULT };
    let pipeline = device::on(Device { limits: Limits { log, ..Limits::DEFAULT }, ..Device::new(|| 7) });
    let logger = pipeline.scope(&SCOPE).logger();
    for (_, body) in &VALUES {
        let mut log = logger.log(Severity::Info2).time(5).severity_text("notice").event_name("valve.moved");
        for (key, value) in &VALUES {
            log = log.set(*key, *value);
        }
        log.set("over", 1).context(CONTEXT).value(body).emit();
    }
    let bytes = producer::request(pipeline, device::LOW, Signal::Logs);
    assert_eq!(ExportLogsServiceRequest::decode(&bytes[..]).unwrap().resource_logs, [expected()]);
    assert_eq!(
        LogsData::decode(&bytes[..]).unwrap().encode_to_vec(),
        ExportLogsServiceRequest::decode(&bytes[..]).unwrap().encode_to_vec(),
        "data at rest are the same bytes"
    );
    bytes
}

fn expected() -> ResourceLogs {
    let record = LogRecord {
        time_unix_nano: 5,
        observed_time_unix_nano: 7,
        severity_number: 10,
        severity_text: "notice".into(),
        attributes: attributes(&VALUES),
        dropped_attributes_count: 1,
        flags: 3,
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        event_name: "valve.moved".into(),
        body: None,
    };
    let with_body = |body| LogRecord { body: Some(values::value(body)), ..record.clone() };
    let log_records = VALUES.iter().map(|(_, body)| with_body(body)).collect();
    let scope = ScopeLogs { scope: Some(producer::scope()), log_records, schema_url: SCOPE_SCHEMA.into() };
    ResourceLogs {
        resource: Some(producer::resource()),
        scope_logs: vec![scope],
        schema_url: RESOURCE_SCHEMA.into(),
    }
}
