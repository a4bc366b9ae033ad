//! Running it: what SIGHUP changes, and what systemd is told.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;

use support::*;

#[test]
fn a_reload_takes_what_is_right_and_keeps_what_was_when_it_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let (config, tokens) = (dir.path().join("gateway.toml"), dir.path().join("tokens"));
    let write = |more: &str, token: &str| {
        fs::write(&tokens, token).unwrap();
        fs::set_permissions(&tokens, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&config, format!("{more}\n[http]\ntoken-file = {tokens:?}\n")).unwrap();
    };
    write("", "token-one");
    let gateway = Gateway::start(&dir.path().join("data"), &["--config", config.to_str().unwrap()]);
    let status = |token: &str| {
        let headers = format!("{PROTOBUF}Authorization: Bearer {token}\r\n");
        post(gateway.http, "/v1/logs", &headers, &log("x")).status
    };
    let reload = |word: &str| {
        gateway.signal("HUP");
        until(word, || gateway.log().contains(word));
    };
    assert_eq!((status("token-one"), status("token-two")), (200, 401));
    write("nonsense = 1", "token-two");
    reload("nothing has changed: config file");
    assert_eq!((status("token-one"), status("token-two")), (200, 401), "a wrong config changes nothing");
    write("", "# no token");
    reload("there is no token in it");
    assert_eq!((status("token-one"), status("token-two")), (200, 401), "nor does a wrong file");
    write("shutdown-seconds = 7", "token-two");
    reload("restart for what else has changed: shutdown-seconds");
    assert_eq!((status("token-one"), status("token-two")), (401, 200));
    assert!(!gateway.log().contains("token-two"), "{}", gateway.log());
}

#[test]
fn systemd_is_told_when_it_is_ready_lives_and_stops() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let next = || {
        let mut word = [0; 64];
        let len = socket.recv(&mut word).unwrap();
        String::from_utf8(word[..len].to_vec()).unwrap()
    };
    let mut command = binary();
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "20000");
    let gateway = Gateway::start_as(command, &dir.path().join("data"), &[]);
    assert_eq!(next(), "READY=1");
    assert_eq!([next(), next()], ["WATCHDOG=1", "WATCHDOG=1"]);
    gateway.signal("TERM");
    while next() != "STOPPING=1" {}
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn a_reload_changes_destinations_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("gateway.toml");
    let (one, two) = (Upstream::new(|_, _| 200), Upstream::new(|_, _| 503));
    let table = |name: &str, url: &str| format!("[[destination]]\nname = '{name}'\nurl = '{url}'\n");
    let write = |text: String| fs::write(&config, text).unwrap();
    write(table("one", &one.url()) + &table("two", &two.url()));
    let gateway = Gateway::start(&dir.path().join("data"), &["--config", config.to_str().unwrap()]);
    let send = |text: &str| assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log(text)).status, 200);
    let mut reloads = 0;
    let mut reload = || {
        reloads += 1;
        gateway.signal("HUP");
        until("it is reloaded", || gateway.log().matches("SIGHUP").count() == reloads);
    };
    send("a");
    two.until("it is refused", |seen| !seen.is_empty());
    write(table("one", "no URL"));
    reload();
    assert!(gateway.log().contains("nothing has changed: "), "{}", gateway.log());
    send("b");
    one.until("the old one is at work", |seen| accepted(seen) == ["a", "b"]);

    // `two` has moved, and `three` is new.
    let (moved, three) = (Upstream::new(|_, _| 200), Upstream::new(|_, _| 200));
    write(table("one", &one.url()) + &table("two", &moved.url()) + &table("three", &three.url()));
    reload();
    moved.until("what waited", |seen| accepted(seen) == ["a", "b"]);
    send("c");
    three.until("what is new", |seen| accepted(seen).last().is_some_and(|last| last == "c"));
    one.until("no more than before", |seen| accepted(seen) == ["a", "b", "c"]);
    until("it has left", || {
        let status = gateway.status();
        status["destinations"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["signals"]["logs"]["waiting"]["items"] == 0)
    });

    write(table("three", &three.url()));
    reload();
    assert_eq!(gateway.status()["destinations"].as_array().unwrap().len(), 1);
    assert_eq!(
        gateway.status()["otherDestinations"],
        serde_json::json!([]),
        "they have everything, and are forgotten"
    );
    send("d");
    three.until("it goes on", |seen| accepted(seen).last().is_some_and(|last| last == "d"));
    assert_eq!(accepted(&one.seen()), ["a", "b", "c"]);
    assert!(!gateway.log().contains("restart for"), "{}", gateway.log());
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn its_own_metrics_go_where_everything_goes_and_feed_nothing_back() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("gateway.toml");
    fs::write(&config, "own-metrics-seconds = 1\n").unwrap();
    let data = dir.path().join("data");
    let gateway = Gateway::start(&data, &["--config", config.to_str().unwrap()]);
    assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log("x")).status, 200);
    let reports = || -> Vec<serde_json::Value> {
        let text = fs::read_to_string(data.join("archive/metrics.jsonl")).unwrap_or_default();
        text.lines().map_while(|line| serde_json::from_str(line).ok()).collect()
    };
    until("three reports", || reports().len() >= 3);
    let last = reports().pop().unwrap();
    let resource = &last["resourceMetrics"][0];
    assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "smoltel-gateway");
    let metrics = resource["scopeMetrics"][0]["metrics"].as_array().unwrap();
    let metric = |name: &str| metrics.iter().find(|metric| metric["name"] == name).unwrap();
    let received = &metric("smoltel_gateway_received_items")["sum"];
    assert_eq!((&received["isMonotonic"], &received["aggregationTemporality"]), (&true.into(), &2.into()));
    let points = received["dataPoints"].as_array().unwrap();
    let of = |signal: &str| {
        let is = |point: &&serde_json::Value| point["attributes"][0]["value"]["stringValue"] == signal;
        points.iter().find(is).unwrap()["asInt"].clone()
    };
    assert_eq!(
        (of("logs"), of("metrics")),
        ("1".into(), "0".into()),
        "what is its own did not arrive from a sender"
    );
    let sizes: Vec<_> = reports().iter().map(|report| report.to_string().len()).collect();
    assert!(sizes.iter().all(|size| size.abs_diff(sizes[0]) < 500), "{sizes:?}");
    assert_eq!(gateway.stop(), Some(0));
}

/// The requests of a signal among them.
fn of(signal: &str, seen: &[Seen]) -> Vec<Seen> {
    seen.iter().filter(|seen| seen.head.contains(&format!("/v1/{signal} "))).cloned().collect()
}

#[test]
fn its_own_warnings_go_where_everything_goes_and_feed_nothing_back() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("gateway.toml");
    let upstream = Upstream::new(|_, _| 503);
    let own = "own-logs = true\nown-metrics-seconds = 1";
    fs::write(&config, format!("{own}\n[[destination]]\nurl = '{}'\n", upstream.url())).unwrap();
    let gateway = Gateway::start(&dir.path().join("data"), &["--config", config.to_str().unwrap()]);
    let send = |text: &str| assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log(text)).status, 200);
    send("first");
    // Whatever it says names the upstream.
    let is_own = |text: &String| text.contains("127.0.0.1");
    let own = |seen: &[Seen]| accepted(&of("logs", seen)).into_iter().find(is_own);
    until("it is said", || gateway.log().contains("(logs): 503"));
    upstream.now(|_, _| 200);
    upstream.until("it is told", |seen| own(seen).is_some());
    let text = own(&upstream.seen()).unwrap();
    assert!(text.contains("503") && text.ends_with("the data are kept, and tried again"), "{text}");
    let logs = of("logs", &upstream.seen());
    let told = logs.iter().find(|seen| texts(&seen.body).iter().any(is_own)).unwrap();
    let mut json = Vec::new();
    smoltel_proto::to_json(&smoltel_proto::table::EXPORT_LOGS_SERVICE_REQUEST, &told.body, &mut json)
        .unwrap();
    let json = String::from_utf8(json).unwrap();
    assert!(json.contains("\"smoltel-gateway\"") && json.contains("\"WARN\""), "{json}");

    // From now on it refuses one record, and whatever the gateway says of that.
    upstream.forget();
    upstream.now(move |path, body| {
        let bad = path == "/v1/logs" && texts(body).iter().any(|text| text == "poison" || is_own(text));
        if bad { 400 } else { 200 }
    });
    send("poison");
    let refused = |seen: &[Seen]| {
        let refused = of("logs", seen).into_iter().filter(|seen| seen.status == 400);
        refused.filter(|seen| texts(&seen.body).iter().all(is_own)).count()
    };
    // What is refused is given up, and that is said, when something else is taken.
    let mut sent = 0;
    let mut go_on = |until_then: &dyn Fn(&[Seen]) -> bool| {
        until("it goes on", || {
            sent += 1;
            send(&format!("later {sent}"));
            until_then(&upstream.seen())
        });
    };
    go_on(&|seen| refused(seen) > 0);
    // As many seconds as reports.
    let reports = of("metrics", &upstream.seen()).len();
    go_on(&|seen| of("metrics", seen).len() >= reports + 6);
    let after = refused(&upstream.seen());
    assert!(after <= 4, "{after} refusals");
    assert_eq!(gateway.stop(), Some(0));
}
