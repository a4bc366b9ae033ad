//! The rules of OTLP/JSON, one by one, on literal text.

use smoltel_proto::table::{self, Message};
use smoltel_proto::{JsonError, check, from_json, to_json};

fn read(root: &'static Message, json: &str) -> Result<Vec<u8>, JsonError> {
    let mut wire = Vec::new();
    from_json(root, json.as_bytes(), &mut wire)?;
    assert!(check(root, &wire).is_ok(), "{json}");
    Ok(wire)
}

fn write(root: &'static Message, wire: &[u8]) -> String {
    let mut json = Vec::new();
    to_json(root, wire, &mut json).unwrap();
    String::from_utf8(json).unwrap()
}

/// What the text becomes on the way to the wire and back.
fn there_and_back(root: &'static Message, json: &str) -> String {
    write(root, &read(root, json).unwrap_or_else(|error| panic!("{json}: {error}")))
}

fn refused(root: &'static Message, json: &str) -> JsonError {
    let mut out = vec![1, 2, 3];
    let error = from_json(root, json.as_bytes(), &mut out).unwrap_err();
    assert_eq!(out, [1, 2, 3], "nothing is appended on an error");
    error
}

#[test]
fn ids_are_hexadecimal_in_either_case() {
    let json =
        r#"{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","parentSpanId":""}"#;
    let expected = r#"{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}"#;
    assert_eq!(there_and_back(&table::SPAN, json), expected);
    for root in [&table::SPAN_LINK, &table::LOG_RECORD, &table::EXEMPLAR, &table::LINK] {
        assert_eq!(there_and_back(root, r#"{"traceId":"AB"}"#), r#"{"traceId":"ab"}"#);
    }
    for wrong in ["abc", "xy", "äö"] {
        let error = refused(&table::SPAN, &format!(r#"{{"traceId":"{wrong}"}}"#));
        assert_eq!(error.path, "traceId");
    }
}

#[test]
fn other_bytes_are_base64() {
    for text in ["+/8=", "+/8", "-_8=", "-_8"] {
        let json = format!(r#"{{"profileId":"{text}"}}"#);
        assert_eq!(there_and_back(&table::PROFILE, &json), r#"{"profileId":"+/8="}"#);
    }
    assert_eq!(there_and_back(&table::ANY_VALUE, r#"{"bytesValue":""}"#), r#"{"bytesValue":""}"#);
}

#[test]
fn enums_are_integers() {
    assert_eq!(there_and_back(&table::SPAN, r#"{"kind":3}"#), r#"{"kind":3}"#);
    assert_eq!(there_and_back(&table::SPAN, r#"{"kind":77}"#), r#"{"kind":77}"#);
    let json = "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{},\n{\"kind\":\"SPAN_KIND_CLIENT\"}]}]}]}";
    let error = refused(&table::TRACES_DATA, json);
    assert_eq!(error.path, "resourceSpans[0].scopeSpans[0].spans[1].kind");
    assert_eq!(error.line, 2);
    assert!(error.what.contains("not names"), "{error}");
}

#[test]
fn integers_of_64_bits_are_strings_and_lose_nothing() {
    let exact = r#"{"intValue":"9007199254740993"}"#;
    assert_eq!(there_and_back(&table::ANY_VALUE, exact), exact);
    assert_eq!(there_and_back(&table::ANY_VALUE, r#"{"intValue":9007199254740993}"#), exact);
    assert_eq!(there_and_back(&table::ANY_VALUE, r#"{"intValue":-1}"#), r#"{"intValue":"-1"}"#);
    let largest = r#"{"startTimeUnixNano":"18446744073709551615"}"#;
    assert_eq!(there_and_back(&table::SPAN, largest), largest);
    assert_eq!(there_and_back(&table::SPAN, r#"{"startTimeUnixNano":18446744073709551615}"#), largest);
    for wrong in ["18446744073709551616", "-1", "1.5", "\"x\"", "true", "[]", "{}"] {
        let error = refused(&table::SPAN, &format!(r#"{{"startTimeUnixNano":{wrong}}}"#));
        assert_eq!(error.path, "startTimeUnixNano");
    }
}

#[test]
fn a_rejected_count_can_be_a_string() {
    let json = r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}"#;
    assert_eq!(there_and_back(&table::EXPORT_TRACE_SERVICE_RESPONSE, json), json);
    assert_eq!(there_and_back(&table::EXPORT_TRACE_SERVICE_RESPONSE, &json.replace("\"3\"", "3")), json);
    assert_eq!(there_and_back(&table::EXPORT_TRACE_SERVICE_RESPONSE, "{}"), "{}");
}

#[test]
fn doubles_can_be_words_numbers_and_numeric_strings() {
    for word in ["NaN", "Infinity", "-Infinity"] {
        let json = format!(r#"{{"doubleValue":"{word}"}}"#);
        assert_eq!(there_and_back(&table::ANY_VALUE, &json), json);
    }
    assert_eq!(there_and_back(&table::ANY_VALUE, r#"{"doubleValue":"1.5e3"}"#), r#"{"doubleValue":1500.0}"#);
    assert_eq!(there_and_back(&table::ANY_VALUE, r#"{"doubleValue":-7}"#), r#"{"doubleValue":-7.0}"#);
    assert!(from_json(&table::ANY_VALUE, br#"{"doubleValue":"nan"}"#, &mut Vec::new()).is_err());
    assert!(from_json(&table::ANY_VALUE, br#"{"doubleValue":1e999}"#, &mut Vec::new()).is_err());
}

#[test]
fn names_are_camel_case_and_all_others_are_ignored() {
    let json =
        r#"{"start_time_unix_nano":"1","new":[{"a":[1,{"b":null}]}],"name":"kept","":1,"na\u006De2":0}"#;
    assert_eq!(there_and_back(&table::SPAN, json), r#"{"name":"kept"}"#);
    assert_eq!(there_and_back(&table::SPAN, r#"{"n\u0061me":"kept"}"#), r#"{"name":"kept"}"#);
}

#[test]
fn null_is_the_default_for_every_field() {
    for (name, message) in [("span", &table::SPAN), ("value", &table::ANY_VALUE), ("metric", &table::METRIC)]
    {
        for field in message.fields() {
            let json = format!(r#"{{"{}":null}}"#, field.json_name);
            assert_eq!(there_and_back(message, &json), "{}", "{name}");
        }
    }
    assert_eq!(
        there_and_back(&table::ANY_VALUE, r#"{"stringValue":null,"intValue":1}"#),
        r#"{"intValue":"1"}"#
    );
}

#[test]
fn zeros_that_are_set_stay() {
    let oneof = [
        r#"{"intValue":"0"}"#,
        r#"{"boolValue":false}"#,
        r#"{"stringValue":""}"#,
        r#"{"doubleValue":0.0}"#,
        r#"{"arrayValue":{}}"#,
        r#"{"kvlistValue":{}}"#,
    ];
    for json in oneof {
        assert_eq!(there_and_back(&table::ANY_VALUE, json), json);
    }
    let optional = r#"{"sum":0.0,"min":0.0,"max":0.0}"#;
    assert_eq!(there_and_back(&table::HISTOGRAM_DATA_POINT, optional), optional);
    assert_eq!(there_and_back(&table::NUMBER_DATA_POINT, r#"{"asInt":0}"#), r#"{"asInt":"0"}"#);
    assert_eq!(there_and_back(&table::NUMBER_DATA_POINT, r#"{"flags":0}"#), "{}");
    assert_eq!(there_and_back(&table::KEY_VALUE, r#"{"value":{}}"#), r#"{"value":{}}"#);
}

#[test]
fn members_that_contradict_each_other_are_refused() {
    assert!(refused(&table::SPAN, r#"{"name":"a","name":"b"}"#).what.contains("twice"));
    assert!(refused(&table::ANY_VALUE, r#"{"intValue":1,"boolValue":true}"#).what.contains("oneof"));
}

#[test]
fn what_is_not_json_or_has_another_shape_is_refused_with_its_place() {
    let cases = [
        ("", ""),
        ("null", ""),
        ("[]", ""),
        ("{} {}", ""),
        ("{\"name\":", "name"),
        ("{\"name\":1}", "name"),
        ("{\"name\":\"\\ud800\"}", "name"),
        ("{\"events\":{}}", "events"),
        ("{\"events\":[null]}", "events[0]"),
        ("{\"events\":[[]]}", "events[0]"),
        ("{\"status\":[]}", "status"),
        ("{\"status\":{\"message\":false}}", "status.message"),
        ("{\"attributes\":[{\"value\":{\"intValue\":\"1\"}},{\"key\":7}]}", "attributes[1].key"),
    ];
    for (json, path) in cases {
        assert_eq!(refused(&table::SPAN, json).path, path, "{json}");
    }
    let error = refused(&table::SPAN, "{\"kind\":1.5}");
    assert_eq!(error.to_string(), "line 1 column 11: kind: expected an integer");
}

#[test]
fn nesting_without_end_is_an_error_and_not_a_crash() {
    let list =
        |depth| format!("{}{{}}{}", "{\"arrayValue\":{\"values\":[".repeat(depth), "]}}".repeat(depth));
    let deepest = list(50);
    assert_eq!(there_and_back(&table::ANY_VALUE, &deepest), deepest);
    assert!(refused(&table::ANY_VALUE, &list(51)).what.contains("deep"));
    assert!(refused(&table::ANY_VALUE, &list(10_000)).what.contains("deep"));
    for open in ["[", "{\"a\":"] {
        refused(&table::SPAN, &open.repeat(10_000));
        refused(&table::SPAN, &format!("{{\"events\":{}", open.repeat(10_000)));
        refused(&table::SPAN, &format!("{{\"unknown\":{}", open.repeat(10_000)));
    }
}

#[test]
fn lists_in_several_places_become_one_array() {
    // attribute, name, attribute
    let wire = [0x4a, 3, 0x0a, 1, b'a', 0x2a, 1, b'n', 0x4a, 3, 0x0a, 1, b'b'];
    assert_eq!(write(&table::SPAN, &wire), r#"{"name":"n","attributes":[{"key":"a"},{"key":"b"}]}"#);
    // explicit bounds: one element, a block of two
    let mut bounds = vec![0x39];
    bounds.extend(1.0_f64.to_le_bytes());
    bounds.extend([0x50, 7, 0x3a, 16]);
    bounds.extend([2.0_f64.to_le_bytes(), 3.5_f64.to_le_bytes()].concat());
    assert_eq!(write(&table::HISTOGRAM_DATA_POINT, &bounds), r#"{"explicitBounds":[1.0,2.0,3.5],"flags":7}"#);
}

#[test]
fn the_last_value_wins_and_messages_merge() {
    assert_eq!(write(&table::SPAN, &[0x2a, 1, b'a', 0x2a, 1, b'b']), r#"{"name":"b"}"#);
    assert_eq!(write(&table::SPAN, &[0x30, 1, 0x30, 0]), "{}");
    let status = [0x7a, 3, 0x12, 1, b'm', 0x2a, 1, b'n', 0x7a, 2, 0x18, 2];
    assert_eq!(write(&table::SPAN, &status), r#"{"name":"n","status":{"message":"m","code":2}}"#);
    assert_eq!(write(&table::ANY_VALUE, &[0x0a, 1, b'a', 0x10, 0]), r#"{"boolValue":false}"#);
    // array [1], then a string, then array [2]: the first array is forgotten.
    let array = |value| [0x2a, 4, 0x0a, 2, 0x18, value];
    let wire = [&array(1)[..], &[0x0a, 0], &array(2)].concat();
    assert_eq!(write(&table::ANY_VALUE, &wire), r#"{"arrayValue":{"values":[{"intValue":"2"}]}}"#);
    let merged = [array(1), array(2)].concat();
    assert_eq!(
        write(&table::ANY_VALUE, &merged),
        r#"{"arrayValue":{"values":[{"intValue":"1"},{"intValue":"2"}]}}"#
    );
}

#[test]
fn unknown_wire_fields_are_skipped() {
    let wire = [0x98, 1, 5, 0x9b, 1, 0x0b, 0x0c, 0x9c, 1, 0x2a, 1, b'n', 0x9a, 1, 0];
    assert_eq!(write(&table::SPAN, &wire), r#"{"name":"n"}"#);
}

#[test]
fn bytes_that_the_check_refuses_leave_no_json() {
    let mut out = b"before".to_vec();
    assert!(to_json(&table::SPAN, &[0x2a, 1, b'n', 0x2a, 9], &mut out).is_err());
    assert_eq!(out, b"before");
}

#[test]
fn text_stays_on_one_line() {
    let json = r#"{"name":"a\nb\r\t\"\\\u0000é🦀"}"#;
    assert_eq!(there_and_back(&table::SPAN, json), json);
    assert_eq!(there_and_back(&table::SPAN, r#"{"name":"\ud83e\udd80"}"#), r#"{"name":"🦀"}"#);
}

#[test]
fn the_details_of_a_status_have_their_type_in_front() {
    let retry = r#"{"code":8,"message":"later","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.500s"}]}"#;
    assert_eq!(there_and_back(&table::STATUS, retry), retry);
    let bad = r#"{"details":[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"a","description":"b"}]}]}"#;
    assert_eq!(there_and_back(&table::STATUS, bad), bad);
    let unknown = r#"{"details":[{"@type":"example.com/x.Y","value":"AQI="},{"@type":""}]}"#;
    assert_eq!(there_and_back(&table::STATUS, unknown), unknown);
    assert_eq!(refused(&table::STATUS, r#"{"details":[{"value":"AQI="}]}"#).path, "details[0].@type");
    assert_eq!(refused(&table::RETRY_INFO, r#"{"retryDelay":{}}"#).path, "retryDelay");
    assert_eq!(refused(&table::RETRY_INFO, r#"{"retryDelay":"soon"}"#).path, "retryDelay");
}

#[test]
fn details_that_lie_about_their_type_are_written_as_bytes() {
    let url = b"type.googleapis.com/google.rpc.RetryInfo";
    let any = [&[0x0a, url.len() as u8][..], url, &[0x12, 2, 0x0a, 9]].concat();
    let wire = [&[0x1a, any.len() as u8][..], &any].concat();
    assert_eq!(
        write(&table::STATUS, &wire),
        r#"{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","value":"Cgk="}]}"#
    );
}
