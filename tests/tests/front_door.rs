//! What an application records arrives at its endpoint as it was recorded, seen with prost's eyes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use prost::Message;
use smoltel::{Detector, EntityRef, Scope, Severity, SpanKind, Telemetry};
use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;
use smoltel_proto::types::collector::metrics::v1::ExportMetricsServiceRequest;
use smoltel_proto::types::collector::trace::v1::ExportTraceServiceRequest;
use smoltel_proto::types::common::v1::{AnyValue, KeyValue, any_value::Value};
use smoltel_proto::types::metrics::v1::{metric, number_data_point};
use smoltel_tests::sink::Sink;

fn one<M: Message + Default>(sink: &Sink, path: &str) -> M {
    let received = sink.received(path);
    assert_eq!(received.len(), 1, "one request to {path}");
    assert_eq!(received[0].headers["content-type"], "application/x-protobuf");
    M::decode(&received[0].body[..]).unwrap()
}

fn find<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    let mut found = attributes.iter().filter(|attribute| attribute.key == key);
    let value = found.next()?.value.as_ref()?.value.as_ref();
    assert!(found.next().is_none(), "{key} is there twice");
    value
}

#[test]
fn spans_arrive_as_they_were_recorded() {
    let sink = Sink::start();
    let telemetry =
        Telemetry::builder("thermostat").endpoint(sink.url()).resource("site", "attic").build().unwrap();
    let tracer = telemetry.tracer("control-loop");
    let parent = tracer.span("request").kind(SpanKind::Server).start();
    let mut child = tracer.span("adjust").parent(parent.context()).start();
    child
        .set("target.celsius", 20.0)
        .set("mode", "eco")
        .set("target.celsius", 21.5)
        .set("zero", 0)
        .set("empty", "");
    child.event("valve opened", &[("valve", 3)].map(|(k, v)| (k.into(), v.into())));
    child.fail(&std::fmt::Error);
    child.end();
    parent.end();
    let report = telemetry.shutdown(Duration::from_secs(10));
    assert_eq!((report.recorded, report.exported, report.dropped()), (2, 2, 0), "{report}");

    let request: ExportTraceServiceRequest = one(&sink, "/v1/traces");
    let resource = request.resource_spans[0].resource.as_ref().unwrap();
    for (key, value) in
        [("service.name", "thermostat"), ("site", "attic"), ("telemetry.sdk.language", "rust")]
    {
        assert_eq!(find(&resource.attributes, key), Some(&Value::StringValue(value.into())));
    }
    let scope = &request.resource_spans[0].scope_spans[0];
    assert_eq!(scope.scope.as_ref().unwrap().name, "control-loop");
    let [child, parent] = &scope.spans[..] else { panic!("two spans in the order of their ends") };
    assert_eq!((child.name.as_str(), child.kind, parent.kind), ("adjust", 1, 2));
    assert_eq!((&child.trace_id, &child.parent_span_id), (&parent.trace_id, &parent.span_id));
    assert!(parent.parent_span_id.is_empty() && parent.trace_id.len() == 16 && parent.span_id.len() == 8);
    assert_eq!(parent.flags, 0x103, "sampled, random, remoteness known");
    assert!(
        child.start_time_unix_nano >= parent.start_time_unix_nano
            && child.end_time_unix_nano <= parent.end_time_unix_nano
    );
    assert_eq!(find(&child.attributes, "target.celsius"), Some(&Value::DoubleValue(21.5)));
    assert_eq!(find(&child.attributes, "mode"), Some(&Value::StringValue("eco".into())));
    assert_eq!(find(&child.attributes, "zero"), Some(&Value::IntValue(0)));
    assert_eq!(find(&child.attributes, "empty"), Some(&Value::StringValue(String::new())));
    assert_eq!(child.events[0].name, "valve opened");
    assert_eq!(find(&child.events[0].attributes, "valve"), Some(&Value::IntValue(3)));
    let status = child.status.as_ref().unwrap();
    assert_eq!((status.code, status.message.as_str()), (2, &*std::fmt::Error.to_string()));
}

#[test]
fn what_is_detected_arrives_with_its_schema_url_and_code_wins() {
    let sink = Sink::start();
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let detecting = || {
        let said = warnings.clone();
        let builder = Telemetry::builder("thermostat").endpoint(sink.url()).detect(Detector::LOCAL);
        builder.on_message(move |message| said.lock().unwrap().push(message.to_owned()))
    };
    let telemetry = detecting().resource("host.name", "attic").build().unwrap();
    telemetry.logger("t").info("here");
    telemetry.shutdown(Duration::from_secs(10));
    let request: ExportLogsServiceRequest = one(&sink, "/v1/logs");
    let logs = &request.resource_logs[0];
    assert!(logs.schema_url.starts_with("https://opentelemetry.io/schemas/"), "{}", logs.schema_url);
    let attributes = &logs.resource.as_ref().unwrap().attributes;
    let pid = Value::IntValue(std::process::id().into());
    assert_eq!(find(attributes, "process.pid"), Some(&pid));
    assert_eq!(find(attributes, "os.type"), Some(&Value::StringValue("linux".into())));
    assert_eq!(find(attributes, "host.name"), Some(&Value::StringValue("attic".into())));
    assert_eq!(*warnings.lock().unwrap(), [""; 0]);

    let other = detecting().resource_schema_url("https://example.com/1").build().unwrap();
    other.shutdown(Duration::ZERO);
    let warnings = warnings.lock().unwrap();
    assert!(warnings.iter().any(|warning| warning.contains("https://example.com/1")), "{warnings:?}");
}

#[test]
fn scopes_and_the_resource_say_all_of_themselves() {
    let sink = Sink::start();
    let telemetry = Telemetry::builder("thermostat")
        .endpoint(sink.url())
        .resource("device.id", "0042")
        .resource_value("device.port", 3)
        .resource_value("device.port", 4)
        .resource_schema_url("https://example.com/resource/1")
        .entity(&EntityRef::new("device", &["device.id"]).description_keys(&["service.name"]))
        .build()
        .unwrap();
    let attributes = [("vendor".into(), "acme".into()), ("channels".into(), 0.into())];
    let reversed = [attributes[1], attributes[0]];
    let scope = Scope::new("valve").version("1.2").schema_url("https://example.com/1");
    for scope in [
        scope.attributes(&attributes),
        scope.attributes(&reversed),
        scope.attributes(&attributes).schema_url("https://example.com/2"),
        scope.attributes(&attributes[..1]),
    ] {
        telemetry.scope(&scope).logger().info("moved");
    }
    telemetry.shutdown(Duration::from_secs(10));

    let request: ExportLogsServiceRequest = one(&sink, "/v1/logs");
    let [resource] = &request.resource_logs[..] else { panic!("one resource") };
    assert_eq!(resource.schema_url, "https://example.com/resource/1");
    let attributes = &resource.resource.as_ref().unwrap().attributes;
    assert_eq!(find(attributes, "device.port"), Some(&Value::IntValue(4)));
    let [entity] = &resource.resource.as_ref().unwrap().entity_refs[..] else { panic!("one entity") };
    assert_eq!((entity.r#type.as_str(), &entity.id_keys[..]), ("device", &["device.id".to_owned()][..]));
    assert_eq!(entity.description_keys, ["service.name"]);
    let scopes = resource.scope_logs.iter().map(|group| {
        let scope = group.scope.as_ref().unwrap();
        assert_eq!((scope.name.as_str(), scope.version.as_str()), ("valve", "1.2"));
        assert_eq!(find(&scope.attributes, "vendor"), Some(&Value::StringValue("acme".into())));
        (group.schema_url.as_str(), find(&scope.attributes, "channels"), group.log_records.len())
    });
    let (one, two, zero) = ("https://example.com/1", "https://example.com/2", Some(&Value::IntValue(0)));
    assert_eq!(scopes.collect::<Vec<_>>(), [(one, zero, 2), (two, zero, 1), (one, None, 1)]);
}

#[test]
fn what_has_no_name_works_and_is_told_of_once() {
    let sink = Sink::start();
    let messages = Arc::new(Mutex::new(Vec::new()));
    let kept = messages.clone();
    let builder = Telemetry::builder("thermostat").endpoint(sink.url());
    let telemetry =
        builder.on_message(move |text| kept.lock().unwrap().push(text.to_owned())).build().unwrap();
    telemetry.logger("named").info("moved");
    assert!(messages.lock().unwrap().is_empty());
    telemetry.logger("").info("moved");
    telemetry.meter("").counter("moves").add(1, &[]);
    telemetry.shutdown(Duration::from_secs(10));
    let said = messages.lock().unwrap();
    assert!(matches!(&said[..], [only] if only.contains("without a name")), "{said:?}");
    let request: ExportLogsServiceRequest = one(&sink, "/v1/logs");
    let scopes = &request.resource_logs[0].scope_logs;
    let names: Vec<_> = scopes.iter().map(|group| group.scope.clone().unwrap_or_default().name).collect();
    assert_eq!(names, ["named", ""]);
    let request: ExportMetricsServiceRequest = one(&sink, "/v1/metrics");
    assert_eq!(request.resource_metrics[0].scope_metrics[0].metrics[0].name, "moves");
}

#[test]
fn an_attribute_without_a_key_is_refused() {
    let error = Telemetry::builder("thermostat").resource("", "x").build().unwrap_err().to_string();
    assert!(error.contains("key"), "{error}");
}

#[test]
fn an_entity_without_its_attributes_is_refused_with_its_name() {
    let built = Telemetry::builder("thermostat").entity(&EntityRef::new("host", &["host.id"])).build();
    let error = built.unwrap_err().to_string();
    assert!(error.contains("\"host\"") && error.contains("attribute"), "{error}");
}

#[test]
fn logs_and_counters_arrive_as_they_were_recorded() {
    let sink = Sink::start();
    let telemetry = Telemetry::builder("thermostat").endpoint(sink.url()).build().unwrap();
    let span = telemetry.tracer("t").start("s");
    let logger = telemetry.logger("control-loop");
    logger.info("valve opened");
    logger
        .log(Severity::Error2)
        .set("code", -1)
        .context(span.context())
        .body(format_args!("{}-{}", "a", 1))
        .emit();
    drop(logger.log(Severity::Warn).set("never", "emitted"));
    let counter = telemetry.meter("control-loop").counter_in("valve.moves", "{move}");
    counter.add(2, &[("b".into(), 1.into()), ("a".into(), true.into())]);
    counter.add(3, &[("a".into(), true.into()), ("b".into(), 1.into())]);
    counter.bind(&[]).add(7);
    let context = span.context();
    span.end();
    let report = telemetry.shutdown(Duration::from_secs(10));
    assert_eq!((report.recorded, report.exported), (5, 5), "{report}");

    let request: ExportLogsServiceRequest = one(&sink, "/v1/logs");
    let records = &request.resource_logs[0].scope_logs[0].log_records;
    let bodies: Vec<_> = records.iter().map(|record| record.body.clone().unwrap()).collect();
    let text = |text: &str| AnyValue { value: Some(Value::StringValue(text.into())) };
    assert_eq!(bodies, [text("valve opened"), text("a-1")]);
    assert_eq!((records[0].severity_number, records[0].severity_text.as_str()), (9, "INFO"));
    assert_eq!((records[1].severity_number, records[1].severity_text.as_str()), (18, "ERROR2"));
    assert_eq!(records[1].trace_id, context.trace_id.0);
    assert_eq!(records[1].span_id, context.span_id.0);
    assert!(
        records[0].trace_id.is_empty()
            && records[0].time_unix_nano > 0
            && records[0].observed_time_unix_nano > 0
    );

    let request: ExportMetricsServiceRequest = one(&sink, "/v1/metrics");
    let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
    assert_eq!(
        (metrics.len(), metrics[0].name.as_str(), metrics[0].unit.as_str()),
        (1, "valve.moves", "{move}")
    );
    let Some(metric::Data::Sum(sum)) = &metrics[0].data else { panic!("a sum") };
    assert_eq!((sum.aggregation_temporality, sum.is_monotonic), (2, true));
    let values: Vec<_> = sum.data_points.iter().map(|point| (point.attributes.len(), point.value)).collect();
    let int = |n| Some(number_data_point::Value::AsInt(n));
    assert_eq!(values, [(2, int(5)), (0, int(7))]);
    assert!(sum.data_points.iter().all(|point| 0 < point.start_time_unix_nano && point.start_time_unix_nano <= point.time_unix_nano));
}

#[test]
fn one_connection_serves_many_exports_and_gzip_is_understood() {
    let sink = Sink::start();
    let builder = Telemetry::builder("many").endpoint(sink.url()).header("x-tenant", "7");
    let telemetry = builder.compression(smoltel::transport::Compression::Gzip).build().unwrap();
    for i in 0..20 {
        telemetry.logger("l").info("again and again and again");
        let report = telemetry.flush(Duration::from_secs(10));
        assert_eq!(report.exported, i + 1);
    }
    assert_eq!(sink.connections(), 1);
    let received = sink.received("/v1/logs");
    assert!(received.iter().all(|r| r.headers["content-encoding"] == "gzip" && r.headers["x-tenant"] == "7"));
    assert!(received[0].headers["user-agent"].starts_with("OTel-OTLP-Exporter-Rust/"));
    telemetry.shutdown(Duration::from_secs(10));
}

#[test]
fn nothing_is_sent_when_there_is_nothing() {
    let sink = Sink::start();
    let telemetry = Telemetry::builder("idle").endpoint(sink.url()).build().unwrap();
    telemetry.flush(Duration::from_secs(10));
    telemetry.shutdown(Duration::from_secs(10));
    assert_eq!(sink.connections(), 0);
}

#[test]
fn settings_that_cannot_work_are_refused_when_building() {
    for (endpoint, why) in [
        ("127.0.0.1:4318", "http://"),
        ("ftp://127.0.0.1", "http://"),
        ("http://user:secret@", "URL"),
        ("not a url", "URL"),
    ] {
        let error = Telemetry::builder("x").endpoint(endpoint).build().unwrap_err().to_string();
        assert!(
            error.contains(why) && !error.contains('\n') && !error.contains("secret"),
            "{endpoint}: {error}"
        );
    }
}
