//! What the gateway takes and what it refuses, by the rules of OTLP's data model.

mod support;

use serde_json::json;
use smoltel_proto::{from_json, table};
use support::*;

fn wire(record: serde_json::Value) -> Vec<u8> {
    let json = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]});
    let mut wire = Vec::new();
    from_json(&table::EXPORT_LOGS_SERVICE_REQUEST, json.to_string().as_bytes(), &mut wire).unwrap();
    wire
}

#[test]
fn ids_of_any_length_are_taken() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    for id in ["", "00", "00000000000000000000000000000000", "0102030405"] {
        let body = wire(json!({"traceId": id, "spanId": id, "body": {"stringValue": "x"}}));
        assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &body).status, 200, "{id}");
    }
    assert_eq!(gateway.metric("smoltel_gateway_received_items_total{signal=\"logs\"}"), 4);
}

#[test]
fn references_into_a_dictionary_that_is_not_there_are_not_fatal() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::new(|_, _| 200);
    let gateway = Gateway::start(dir.path(), &["--upstream", &upstream.url()]);
    let body = wire(json!({"attributes": [{"keyStrindex": 3, "value": {"stringValueStrindex": 4}}]}));
    assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &body).status, 200);
    upstream.until("it is relayed as it is", |seen| seen.iter().any(|seen| seen.body == body));
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    let mut body = wire(json!({"body": {"stringValue": "text"}}));
    let at = body.windows(4).position(|bytes| bytes == b"text").unwrap();
    body[at] = 0xFF;
    let refused = post(gateway.http, "/v1/logs", PROTOBUF, &body);
    assert_eq!(refused.status, 400);
    assert!(refused.rpc_status()["message"].as_str().unwrap().contains("UTF-8"), "{refused:?}");
    assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log("good")).status, 200);
}

#[test]
fn an_answer_is_short_whatever_was_sent() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    let long = "x".repeat(100_000);
    let bodies = [
        json!(long),
        json!({"resourceLogs": long}),
        json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"severityNumber": long}]}]}]}),
        json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": long}]}]}]}),
    ];
    for body in bodies {
        let refused = post(gateway.http, "/v1/logs", JSON, body.to_string().as_bytes());
        assert_eq!(refused.status, 400);
        assert!(refused.body.len() < 4096, "{} bytes", refused.body.len());
    }
    let path = format!("/v1/{}", &long[..8000]);
    let refused = post(gateway.http, &path, PROTOBUF, b"");
    assert!(refused.status == 404 && refused.body.len() < 4096, "{} bytes", refused.body.len());
}
