//! Several destinations at once, their endpoints, and what each of them puts up with.

mod support;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::*;

/// A gateway with that config.
fn start(dir: &Path, config: &str) -> Gateway {
    Gateway::start(&dir.join("data"), &["--config", write(dir, config).to_str().unwrap()])
}

fn write(dir: &Path, config: &str) -> PathBuf {
    let path = dir.join("gateway.toml");
    fs::write(&path, config).unwrap();
    path
}

/// What the status says of a destination.
fn destination(gateway: &Gateway, id: &str) -> Value {
    let status = gateway.status();
    let found = status["destinations"].as_array().unwrap().iter().find(|one| one["id"] == id);
    found.unwrap_or_else(|| panic!("no {id} in {status}")).clone()
}

fn send(gateway: &Gateway, text: &str) {
    assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log(text)).status, 200);
}

/// A request with one log record of that severity.
fn severe(text: &str, severity: u32) -> Vec<u8> {
    format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"severityNumber":{severity},"body":{{"stringValue":"{text}"}}}}]}}]}}]}}"#
    )
    .into_bytes()
}

#[test]
fn every_destination_gets_everything_and_one_that_is_down_holds_up_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (up, down) = (Upstream::new(|_, _| 200), Upstream::new(|_, _| 503));
    let grpc_dir = dir.path().join("collector");
    let collector = Gateway::start(&grpc_dir, &[]);
    let archive = dir.path().join("lines");
    let config = format!(
        "[[destination]]\nname = 'up'\nurl = '{}'\n[[destination]]\nname = 'down'\nurl = '{}'\n\
         [[destination]]\nname = 'grpc'\nurl = 'http://{}'\nprotocol = 'grpc'\ncompression = 'gzip'\n\
         [[destination]]\narchive = '{}'\n",
        up.url(),
        down.url(),
        collector.grpc.unwrap(),
        archive.display(),
    );
    let gateway = start(dir.path(), &config);
    for text in ["a", "b"] {
        send(&gateway, text);
    }
    up.until("all", |seen| accepted(seen) == ["a", "b"]);
    let lines = |path: &Path| fs::read_to_string(path).unwrap_or_default().lines().count();
    until("it is archived", || lines(&archive.join("logs.jsonl")) >= 1);
    let received = || {
        let text = fs::read_to_string(grpc_dir.join("archive/logs.jsonl")).unwrap_or_default();
        text.lines().flat_map(|line| texts_of_json(line.as_bytes())).collect::<Vec<_>>()
    };
    until("a call arrives", || received() == ["a", "b"]);
    until("one waits", || destination(&gateway, "down")["signals"]["logs"]["state"] == "retrying");
    assert_eq!(destination(&gateway, "down")["signals"]["logs"]["waiting"]["items"], 2);
    until("the others have it", || {
        ["up", "grpc", "archive"]
            .iter()
            .all(|id| destination(&gateway, id)["signals"]["logs"]["waiting"]["items"] == 0)
    });
    assert_eq!(gateway.metric("smoltel_gateway_destination_up{destination=\"down\",signal=\"logs\"}"), 0);
    assert_eq!(gateway.metric("smoltel_gateway_destination_up{destination=\"up\",signal=\"logs\"}"), 1);
    assert_eq!(
        gateway.metric("smoltel_gateway_forwarded_items_total{destination=\"grpc\",signal=\"logs\"}"),
        2
    );
    down.now(|_, _| 200);
    down.until("what waited", |seen| accepted(seen) == ["a", "b"]);
}

#[test]
fn a_restart_with_other_destinations_keeps_each_ones_place() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (Upstream::new(|_, _| 200), Upstream::new(|_, _| 503));
    let table = |name: &str, upstream: &Upstream| {
        format!("[[destination]]\nname = '{name}'\nurl = '{}'\n", upstream.url())
    };
    let gateway = start(dir.path(), &(table("one", &one) + &table("two", &two)));
    send(&gateway, "first");
    one.until("it has it", |seen| accepted(seen) == ["first"]);
    until("it is let go", || destination(&gateway, "one")["signals"]["logs"]["waiting"]["items"] == 0);
    assert_eq!(gateway.stop(), Some(0));

    // `two` is not configured any more, and has not got everything: what waits for it stays. `three` is new: it gets what is kept.
    let three = Upstream::new(|_, _| 200);
    let gateway = start(dir.path(), &(table("one", &one) + &table("three", &three)));
    assert!(gateway.log().contains("1 requests wait for two, which is not configured any more"));
    send(&gateway, "second");
    one.until("only what is new", |seen| accepted(seen) == ["first", "second"]);
    three.until("what is kept, and what is new", |seen| accepted(seen) == ["first", "second"]);
    assert_eq!(gateway.status()["otherDestinations"][0]["waiting"]["logs"]["items"], 2);
    until("it is let go", || destination(&gateway, "three")["signals"]["logs"]["waiting"]["items"] == 0);
    assert_eq!(gateway.stop(), Some(0));

    // It is configured again, elsewhere, and goes on where it was. `three` has everything, and is forgotten.
    two.now(|_, _| 200);
    let gateway = start(dir.path(), &(table("one", &one) + &table("two", &two)));
    two.until("what waited", |seen| accepted(seen) == ["first", "second"]);
    assert_eq!(gateway.status()["otherDestinations"], serde_json::json!([]));
    send(&gateway, "third");
    one.until("nothing twice", |seen| accepted(seen) == ["first", "second", "third"]);
}

#[test]
fn endpoints_fail_over_and_the_first_gets_its_turn_when_it_is_back() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (Upstream::new(|_, _| 0), Upstream::new(|_, _| 200));
    let args = ["--upstream", &first.url(), "--upstream", &second.url()];
    let gateway = Gateway::start(dir.path(), &args);
    for text in ["a", "b", "c", "d"] {
        send(&gateway, text);
        second.until("the other has it", |seen| accepted(seen).last().is_some_and(|last| last == text));
    }
    assert_eq!(accepted(&second.seen()), ["a", "b", "c", "d"]);
    let state = |at: usize| gateway.status()["destinations"][0]["endpoints"][at]["state"].clone();
    assert_eq!([state(0), state(1)], ["open", "closed"]);
    let id = gateway.status()["destinations"][0]["id"].clone();
    assert_eq!(id, format!("otlp:{}", first.url()));
    let up = format!("smoltel_gateway_endpoint_up{{destination={id},endpoint=\"{}\"}}", first.url());
    assert_eq!(gateway.metric(&up), 0);
    first.now(|_, _| 200);
    let mut sent = 0;
    until("it is probed and used again", || {
        sent += 1;
        send(&gateway, &format!("later {sent}"));
        first.seen().iter().any(|seen| seen.status == 200 && !seen.body.is_empty())
    });
    assert!(
        first.seen().iter().any(|seen| seen.status == 200 && seen.body.is_empty()),
        "a probe has no data"
    );
    let all = || accepted(&first.seen()).len() + accepted(&second.seen()).len();
    until("nothing is lost", || all() >= sent + 4);
}

#[test]
fn endpoints_in_turn_share_the_work() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (Upstream::new(|_, _| 200), Upstream::new(|_, _| 200));
    let config =
        format!("[[destination]]\nurl = ['{}', '{}']\nstrategy = 'round-robin'\n", first.url(), second.url());
    let gateway = start(dir.path(), &config);
    for number in 0..6 {
        send(&gateway, &number.to_string());
        until("it is gone", || gateway.sent("forwarded_items_total", "logs") == number + 1);
    }
    assert_eq!([accepted(&first.seen()).len(), accepted(&second.seen()).len()], [3, 3]);
}

#[test]
fn what_is_too_old_or_too_much_for_one_is_given_up_and_counted_and_others_get_it() {
    let dir = tempfile::tempdir().unwrap();
    let (keeper, old, lagging) =
        (Upstream::new(|_, _| 200), Upstream::new(|_, _| 503), Upstream::new(|_, _| 503));
    let config = format!(
        "[[destination]]\nname = 'keeper'\nurl = '{}'\n[[destination]]\nname = 'old'\nurl = '{}'\nage-seconds = 1\n\
         [[destination]]\nname = 'lagging'\nurl = '{}'\nlag-mib = 1\n",
        keeper.url(),
        old.url(),
        lagging.url()
    );
    let gateway = start(dir.path(), &config);
    let big = "x".repeat(300_000);
    assert_eq!(post(gateway.http, "/v1/logs", JSON, &severe("crash", 21)).status, 200);
    for number in 0..5 {
        send(&gateway, &format!("{number}{big}"));
    }
    let lost = |id: &str, reason: &str| {
        let line = format!("smoltel_gateway_lost_items_total{{destination=\"{id}\",reason=\"{reason}\"}}");
        gateway.metric(&line)
    };
    until("it is expired", || lost("old", "expired") == 6);
    until("too much waits", || lost("lagging", "lagged") >= 2);
    assert_eq!(destination(&gateway, "lagging")["lostItems"]["lagged"], lost("lagging", "lagged"));
    keeper.until("another has it all", |seen| accepted(seen).len() == 6);
    lagging.now(|_, _| 200);
    lagging.until("the newest, and what is dear", |seen| {
        let got: Vec<_> =
            accepted(seen).iter().map(|text| text.chars().take(5).collect::<String>()).collect();
        got.contains(&"crash".to_owned()) && got.contains(&"4xxxx".to_owned())
    });
    assert!(!accepted(&lagging.seen()).iter().any(|text| text.starts_with('0')), "the oldest is gone");
    assert_eq!(lost("keeper", "lagged") + lost("keeper", "expired"), 0);
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn where_bytes_cost_what_is_dear_goes_first_and_no_more_than_was_earned() {
    let dir = tempfile::tempdir().unwrap();
    let upstream = Upstream::new(|_, _| 503);
    let table = |more: &str| format!("[[destination]]\nname = 'metered'\nurl = '{}'\n{more}", upstream.url());
    // Earned slowly enough that all that is sent here waits.
    let gateway = start(dir.path(), &table("kib-per-hour = 1\n"));
    for number in 0..3 {
        assert_eq!(post(gateway.http, "/v1/logs", JSON, &severe(&format!("fine {number}"), 9)).status, 200);
    }
    assert_eq!(post(gateway.http, "/v1/logs", JSON, &severe("crash", 21)).status, 200);
    let spans = br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"dull"}]}]}]}"#;
    assert_eq!(post(gateway.http, "/v1/traces", JSON, spans).status, 200);
    let state = |signal: &str| destination(&gateway, "metered")["signals"][signal]["state"].clone();
    until("it saves", || state("logs") == "saving" && state("traces") == "saving");
    assert_eq!(upstream.seen().len(), 0, "a start has earned nothing");
    let line = "smoltel_gateway_destination_up{destination=\"metered\",signal=\"logs\"}";
    assert_eq!(gateway.metric(line), 1);
    assert_eq!(gateway.stop(), Some(0));

    // A kilobyte a second.
    upstream.now(|_, _| 200);
    let start_of_it = std::time::Instant::now();
    let gateway = start(dir.path(), &table("kib-per-hour = 3600\n"));
    upstream.until("all", |seen| accepted_logs(seen).len() == 4 && seen.len() >= 3);
    let seen = upstream.seen();
    assert_eq!(accepted_logs(&seen)[0], "crash");
    assert!(seen[0].head.contains("/v1/logs"), "whatever the signal");
    let spent: usize = seen.iter().map(|seen| seen.body.len() + 512).sum();
    let earned = start_of_it.elapsed().as_secs_f64() * 1024.0;
    assert!(spent as f64 <= earned + 1.0, "{spent} of {earned}");
    assert!(destination(&gateway, "metered")["budgetLeftBytes"].as_u64().is_some());
}

fn accepted_logs(seen: &[Seen]) -> Vec<String> {
    let logs: Vec<_> = seen.iter().filter(|seen| seen.head.contains("/v1/logs")).cloned().collect();
    accepted(&logs)
}

#[test]
fn a_request_that_is_too_long_for_one_goes_there_in_parts() {
    let dir = tempfile::tempdir().unwrap();
    let most = 20_000;
    let small = Upstream::new(move |_, body| if body.len() > most { 413 } else { 200 });
    let (large, poisoned) = (
        Upstream::new(|_, _| 200),
        Upstream::new(move |_, body| {
            let bad = texts(body).iter().any(|text| text.starts_with("7 "));
            if body.len() > most {
                413
            } else if bad {
                400
            } else {
                200
            }
        }),
    );
    let config = format!(
        "[[destination]]\nname = 'small'\nurl = '{}'\n[[destination]]\nname = 'large'\nurl = '{}'\n\
         [[destination]]\nname = 'poisoned'\nurl = '{}'\n",
        small.url(),
        large.url(),
        poisoned.url()
    );
    let gateway = start(dir.path(), &config);
    let records: Vec<_> = (0..40)
        .map(|number| format!(r#"{{"body":{{"stringValue":"{number} {}"}}}}"#, "x".repeat(2000)))
        .collect();
    let body = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#, records.join(","));
    assert_eq!(post(gateway.http, "/v1/logs", JSON, body.as_bytes()).status, 200);
    large.until("at once", |seen| accepted(seen).len() == 40);
    assert_eq!(large.seen().len(), 1);
    small.until("in parts", |seen| accepted(seen).len() == 40);
    let number = |text: &String| text.split(' ').next().unwrap().to_owned();
    let got: Vec<_> = accepted(&small.seen()).iter().map(number).collect();
    assert_eq!(got, (0..40).map(|number| number.to_string()).collect::<Vec<_>>(), "in order, none twice");
    let name = |name: &str| format!("smoltel_gateway_{name}{{destination=\"poisoned\",signal=\"logs\"}}");
    until("the rest is final", || {
        destination(&gateway, "poisoned")["signals"]["logs"]["waiting"]["items"] == 0
    });
    let rejected = gateway.metric(&name("rejected_items_total"));
    assert_eq!(gateway.metric(&name("forwarded_items_total")) + rejected, 40);
    assert!((1..40).contains(&rejected), "{rejected}");
    let got: HashSet<_> = accepted(&poisoned.seen()).iter().map(number).collect();
    assert_eq!(got.len() as u64 + rejected, 40, "what is rejected is counted");
}

#[test]
fn poison_of_one_destination_is_no_others_concern() {
    let dir = tempfile::tempdir().unwrap();
    let (fussy, broken) = (Upstream::new(|_, _| 503), Upstream::new(|_, _| 401));
    let config = format!(
        "[[destination]]\nname = 'fussy'\nurl = '{}'\n[[destination]]\nname = 'broken'\nurl = '{}'\n",
        fussy.url(),
        broken.url()
    );
    let gateway = start(dir.path(), &config);
    for text in ["a", "poison", "b"] {
        send(&gateway, text);
    }
    fussy.now(|_, body| if texts(body).iter().any(|text| text == "poison") { 400 } else { 200 });
    until("one is given up", || destination(&gateway, "fussy")["lostItems"]["rejected"] == 1);
    until("the other holds", || destination(&gateway, "broken")["signals"]["logs"]["state"] == "holding");
    assert_eq!(destination(&gateway, "broken")["lostItems"]["rejected"], 0);
    broken.now(|_, _| 200);
    broken.until("all, the poison of the other too", |seen| {
        let mut got = accepted(seen);
        got.sort();
        got == ["a", "b", "poison"]
    });
}

#[test]
fn what_was_given_up_for_one_is_told_to_all() {
    let dir = tempfile::tempdir().unwrap();
    let fussy =
        Upstream::new(|_, body| if texts(body).iter().any(|text| text == "poison") { 400 } else { 200 });
    let other = Upstream::new(|_, _| 200);
    let config = format!(
        "[[destination]]\nname = 'fussy'\nurl = '{}'\n[[destination]]\nname = 'other'\nurl = '{}'\n",
        fussy.url(),
        other.url()
    );
    let gateway = start(dir.path(), &config);
    send(&gateway, "poison");
    send(&gateway, "good");
    let told = "1 items were given up for fussy so far: rejected";
    other.until("it is told", |seen| accepted(seen).iter().any(|text| text == told));
    fussy.until("to the one itself, too", |seen| accepted(seen).iter().any(|text| text == told));
    assert_eq!(accepted(&other.seen()).len(), 3, "once");
    assert_eq!(gateway.stop(), Some(0));
    let gateway = start(dir.path(), &config);
    send(&gateway, "later");
    other.until("the next", |seen| accepted(seen).last().is_some_and(|last| last == "later"));
    assert_eq!(accepted(&other.seen()).len(), 4, "what was told before is not told again");
}

fn paths(seen: &[Seen]) -> HashSet<String> {
    seen.iter().map(|seen| seen.head.split(' ').nth(1).unwrap().to_owned()).collect()
}

/// What waits for a destination, of all signals.
fn waits(gateway: &Gateway, id: &str) -> u64 {
    let of = |signal| format!("smoltel_gateway_backlog_records{{destination=\"{id}\",signal=\"{signal}\"}}");
    ["traces", "metrics", "logs"].iter().map(|signal| gateway.metric(&of(signal))).sum()
}

#[test]
fn a_destination_gets_the_signals_it_takes_and_holds_up_nobody_with_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let [down, metrics, rest] = [503, 200, 200].map(|status| Upstream::new(move |_, _| status));
    let config = |url: String, takes: &str| {
        format!(
            "[[destination]]\nname = 'metrics'\nurl = '{url}'\n{takes}[[destination]]\nname = 'rest'\nurl = '{}'\n\
             signals = ['traces', 'logs']\n",
            rest.url()
        )
    };
    // At first it takes everything, but is down.
    let gateway = start(dir.path(), &config(down.url(), ""));
    let to = format!("http://{}", gateway.http);
    assert!(output(&["send", "--to", &to]).status.success());
    rest.until("two signals", |seen| paths(seen).len() == 2);
    until("it waits", || waits(&gateway, "metrics") == 3);

    write(dir.path(), &config(metrics.url(), "signals = ['metrics']\n"));
    gateway.signal("HUP");
    until("what it does not take is let go of, and the rest leaves", || waits(&gateway, "metrics") == 0);
    let status = destination(&gateway, "metrics");
    assert_eq!(status["signals"].as_object().unwrap().keys().collect::<Vec<_>>(), ["metrics"]);
    assert!(status["lostItems"].as_object().unwrap().values().all(|count| *count == 0), "{status}");
    assert!(output(&["send", "--to", &to]).status.success());
    until("nothing waits", || waits(&gateway, "metrics") == 0 && waits(&gateway, "rest") == 0);
    assert_eq!(gateway.sent("forwarded_items_total", "metrics"), 2);
    assert_eq!(gateway.stop(), Some(0));
    assert_eq!(paths(&metrics.seen()), HashSet::from(["/v1/metrics".to_owned()]));
    assert_eq!(paths(&rest.seen()), HashSet::from(["/v1/traces".to_owned(), "/v1/logs".to_owned()]));
}
