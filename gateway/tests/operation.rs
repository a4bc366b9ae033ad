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

#[test]
fn its_own_warnings_go_where_everything_goes_and_feed_nothing_back() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("gateway.toml");
    let upstream = Upstream::new(|_, _| 503);
    let text = format!("own-logs = true\n[[destination]]\nurl = '{}'\n", upstream.url());
    fs::write(&config, text).unwrap();
    let gateway = Gateway::start(&dir.path().join("data"), &["--config", config.to_str().unwrap()]);
    let send = |text: &str| assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log(text)).status, 200);
    send("first");
    let own = |seen: &[Seen]| -> Vec<String> {
        accepted(seen).into_iter().filter(|text| text.contains("127.0.0.1")).collect()
    };
    until("it is said", || gateway.log().contains("warning: "));
    upstream.now(|_, _| 200);
    upstream.until("it is told", |seen| !own(seen).is_empty());
    let first = own(&upstream.seen()).remove(0);
    assert!(first.contains("503") && first.ends_with("the data are kept, and tried again"), "{first}");
    let told =
        upstream.seen().iter().find(|seen| !own(std::slice::from_ref(seen)).is_empty()).cloned().unwrap();
    let mut json = Vec::new();
    smoltel_proto::to_json(&smoltel_proto::table::EXPORT_LOGS_SERVICE_REQUEST, &told.body, &mut json)
        .unwrap();
    let json = String::from_utf8(json).unwrap();
    assert!(json.contains("smoltel-gateway") && json.contains("WARN"), "{json}");

    // From now on it refuses one record, and whatever the gateway says of that.
    let bad = |body: &[u8]| texts(body).iter().any(|text| text == "poison" || text.contains("127.0.0.1"));
    upstream.now(move |_, body| if bad(body) { 400 } else { 200 });
    upstream.forget();
    send("poison");
    let mut sent = 0;
    let mut refused = || {
        sent += 1;
        let text = format!("later {sent}");
        send(&text);
        upstream.until("it goes on", |seen| accepted(seen).contains(&text));
        let refused = |seen: &&Seen| {
            seen.status == 400 && texts(&seen.body).iter().all(|text| text.contains("127.0.0.1"))
        };
        upstream.seen().iter().filter(refused).count()
    };
    until("what it says is refused, too", || refused() > 0);
    let after = (0..50).map(|_| refused()).last().unwrap();
    assert!(after <= 4, "{after} refusals");
    assert_eq!(gateway.stop(), Some(0));
}
