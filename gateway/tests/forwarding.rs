//! What an upstream's answers lead to.

mod support;

use std::collections::HashSet;

use support::*;

fn logs(gateway: &Gateway) -> serde_json::Value {
    gateway.status()["destinations"][0]["signals"]["logs"].clone()
}

#[test]
fn what_leaves_is_what_came_byte_for_byte_and_neighbours_are_laid_end_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::new(|_, _| 503);
    let gateway = Gateway::start(dir.path(), &["--upstream", &upstream.url()]);
    // An unknown field within a message, and fields in an order that no encoder of ours writes.
    let odd = b"\x0A\x0E\x12\x06\x12\x04\x7A\x02hi\x9A\x3E\x01x\x0A\x00";
    let bodies = [log("first"), odd.to_vec(), log("last")];
    for body in &bodies {
        assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, body).status, 200);
    }
    upstream.now(|_, _| 200);
    until("everything is forwarded", || logs(&gateway)["waiting"]["records"] == 0);
    let seen = upstream.seen().into_iter().filter(|seen| seen.status == 200);
    assert_eq!(seen.flat_map(|seen| seen.body).collect::<Vec<_>>(), bodies.concat());
}

#[test]
fn a_poisoned_record_is_given_up_and_holds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::new(|_, _| 503);
    let gateway = Gateway::start(dir.path(), &["--upstream", &upstream.url()]);
    for number in 0..20 {
        let text = if number == 7 { "poison".into() } else { format!("good {number}") };
        assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log(&text)).status, 200);
    }
    upstream.until("a first attempt", |seen| !seen.is_empty());
    upstream.now(|_, body| if texts(body).iter().any(|text| text == "poison") { 400 } else { 200 });
    upstream.until("all good ones", |seen| accepted(seen).into_iter().collect::<HashSet<_>>().len() == 19);
    until("nothing waits", || logs(&gateway)["waiting"]["records"] == 0);
    assert_eq!(gateway.status()["destinations"][0]["lostItems"]["rejected"], 1);
    until("it is told", || gateway.log().contains("quarantine"));
    let kept: Vec<_> = std::fs::read_dir(dir.path().join("spool/quarantine")).unwrap().collect();
    let copy = std::fs::read(kept[0].as_ref().unwrap().path()).unwrap();
    assert!(kept.len() == 1 && copy.ends_with(&log("poison")));
}

#[test]
fn refused_credentials_cost_no_data() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::new(|_, _| 401);
    let gateway = Gateway::start(dir.path(), &["--upstream", &upstream.url()]);
    for number in 0..5 {
        assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log(&number.to_string())).status, 200);
    }
    upstream.until("two attempts", |seen| seen.len() >= 2);
    let status = logs(&gateway);
    assert_eq!((&status["state"], &status["waiting"]["records"]), (&"holding".into(), &5.into()));
    assert!(status["message"].as_str().unwrap().contains("401"));
    assert_eq!(texts(&upstream.seen().last().unwrap().body).len(), 1, "it is probed with one record");
    upstream.now(|_, _| 200);
    upstream.until("all five", |seen| accepted(seen).len() == 5);
    until("it flows", || logs(&gateway)["state"] == "flowing");
}

#[test]
fn an_upstream_that_refuses_all_data_costs_none() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::new(|_, _| 400);
    let gateway = Gateway::start(dir.path(), &["--upstream", &upstream.url()]);
    for number in 0..70 {
        assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log(&number.to_string())).status, 200);
    }
    until("it holds", || logs(&gateway)["state"] == "holding");
    assert_eq!(logs(&gateway)["waiting"]["records"], 70);
    drop(gateway);
    upstream.now(|_, _| 200);
    let _gateway = Gateway::start(dir.path(), &["--upstream", &upstream.url()]);
    // The record that was on its way when the gateway was killed may come twice.
    upstream.until("all of them", |seen| accepted(seen).into_iter().collect::<HashSet<_>>().len() == 70);
}

#[test]
fn an_upstream_that_is_busy_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut refusals = 2;
    let upstream = Upstream::new(move |path, _| {
        assert_eq!(path, "/base/v1/logs");
        refusals -= 1;
        if refusals >= 0 { 503 } else { 200 }
    });
    let url = format!("{}/base/", upstream.url());
    let gateway = Gateway::start(dir.path(), &["--upstream", &url]);
    assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log("patient")).status, 200);
    upstream.until("it arrives", |seen| accepted(seen) == ["patient"]);
    assert_eq!(gateway.sent("send_failures_total", "logs"), 2);
}

#[test]
fn one_signals_trouble_does_not_hold_another() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::new(|path, _| if path == "/v1/traces" { 503 } else { 200 });
    let gateway = Gateway::start(dir.path(), &["--upstream", &upstream.url()]);
    let spans = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"stuck"}]}]}]}"#;
    assert_eq!(post(gateway.http, "/v1/traces", JSON, spans).status, 200);
    upstream.until("the span is refused", |seen| seen.iter().any(|seen| seen.status == 503));
    assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log("free")).status, 200);
    let free = |seen: &[Seen]| seen.iter().any(|seen| seen.head.contains("/v1/logs") && seen.status == 200);
    upstream.until("the log goes through", free);
}

#[test]
fn what_waits_is_merged_and_what_must_not_be_is_sent_alone() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::new(|_, _| 0);
    let gateway = Gateway::start(dir.path(), &["--upstream", &upstream.url()]);
    for number in 0..50 {
        assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log(&number.to_string())).status, 200);
    }
    let mut unknown = log("unknown");
    unknown.extend([0xF8, 0x3F, 1]);
    upstream.until("an attempt", |seen| !seen.is_empty());
    upstream.now(|_, _| 200);
    upstream.until("all", |seen| accepted(seen).len() == 50);
    let requests = upstream.seen().iter().filter(|seen| seen.status == 200).count();
    assert!(requests <= 2, "{requests} requests for 50 records that waited");

    assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &unknown).status, 200);
    upstream.until("it comes as it was", |seen| seen.last().is_some_and(|seen| seen.body == unknown));
}

#[test]
fn headers_and_compression_of_the_config_are_used() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::new(|_, _| 200);
    let config = dir.path().join("gateway.toml");
    let text = format!(
        "[[upstream]]\nurl = '{}'\ncompression = 'gzip'\nheaders = {{ Authorization = 'Bearer x' }}\n",
        upstream.url()
    );
    std::fs::write(&config, text).unwrap();
    let gateway = Gateway::start(dir.path(), &["--config", config.to_str().unwrap()]);
    let inbound = format!("{PROTOBUF}X-Tenant: secret\r\n");
    assert_eq!(post(gateway.http, "/v1/logs", &inbound, &log("a")).status, 200);
    upstream.until("it arrives", |seen| !seen.is_empty());
    let head = upstream.seen()[0].head.to_ascii_lowercase();
    assert!(head.contains("authorization: bearer x") && head.contains("content-encoding: gzip"), "{head}");
    assert!(!head.contains("x-tenant"), "a sender's headers stay here");
}

#[test]
fn a_partial_success_is_final_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::new(|_, _| ONE_REJECTED);
    let gateway = Gateway::start(dir.path(), &["--upstream", &upstream.url()]);
    let two = [log("good"), log("bad")].concat();
    assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &two).status, 200);
    until("it is final", || gateway.sent("rejected_items_total", "logs") == 1);
    assert_eq!(gateway.sent("forwarded_items_total", "logs"), 1);
    assert_eq!(logs(&gateway)["waiting"]["records"], 0);
    assert_eq!(upstream.seen().len(), 1, "it is not sent again");
}

#[test]
fn a_silent_upstream_does_not_hold_up_the_stop() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::new(|_, _| SILENCE);
    let config = dir.path().join("gateway.toml");
    std::fs::write(&config, "shutdown-seconds = 1\n").unwrap();
    let config = config.to_str().unwrap();
    let gateway = Gateway::start(dir.path(), &["--config", config, "--upstream", &upstream.url()]);
    assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log("kept")).status, 200);
    upstream.until("an attempt", |seen| !seen.is_empty());
    assert_eq!(gateway.stop(), Some(0));
    assert_eq!(upstream.seen().len(), 1, "it did not wait for the attempt's own end");
    upstream.now(|_, _| 200);
    let _gateway = Gateway::start(dir.path(), &["--upstream", &upstream.url()]);
    upstream.until("it comes after all", |seen| accepted(seen) == ["kept"]);
}
