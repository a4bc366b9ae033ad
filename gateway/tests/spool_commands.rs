//! Looking into a spool from the command line.

mod support;

use std::path::Path;

use support::*;

/// A spool with three records that wait for an upstream that is down.
fn filled(dir: &Path) -> String {
    let upstream = Upstream::new(|_, _| 0);
    let gateway = Gateway::start(dir, &["--upstream", &upstream.url()]);
    for text in ["a", "b", "c"] {
        assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log(text)).status, 200);
    }
    assert_eq!(gateway.stop(), Some(0));
    format!("otlp:{}", upstream.url())
}

fn spool(dir: &Path, args: &[&str]) -> (bool, String) {
    let output = output(&[&["spool"], args, &["--data-dir", dir.to_str().unwrap()]].concat());
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn ls_shows_what_waits_and_export_writes_it_and_keeps_it() {
    let dir = tempfile::tempdir().unwrap();
    let id = filled(dir.path());
    let (ok, listing) = spool(dir.path(), &["ls"]);
    assert!(ok && listing.contains(&format!("{id} logs: 3 requests wait, 3 items")), "{listing}");

    for _ in 0..2 {
        let (ok, lines) = spool(dir.path(), &["export"]);
        let texts: Vec<_> = lines.lines().flat_map(|line| texts_of_json(line.as_bytes())).collect();
        assert!(ok && texts == ["a", "b", "c"], "{lines}");
    }
    let to = dir.path().join("exported");
    let (ok, text) = spool(dir.path(), &["export", "--to", to.to_str().unwrap()]);
    assert!(ok, "{text}");
    assert_eq!(std::fs::read_to_string(to.join("logs.jsonl")).unwrap().lines().count(), 3);
    assert_eq!(spool(dir.path(), &["ls"]).1.lines().count(), listing.lines().count(), "nobody is left over");
}

#[test]
fn verify_reads_everything_beside_a_gateway_and_finds_damage() {
    let dir = tempfile::tempdir().unwrap();
    let id = filled(dir.path());
    let upstream = Upstream::new(|_, _| 0);
    let gateway = Gateway::start(dir.path(), &["--upstream", &upstream.url()]);
    assert!(spool(dir.path(), &["ls"]).0);
    let (ok, text) = spool(dir.path(), &["verify"]);
    assert!(ok && text.contains("3 requests, 3 items"), "{text}");
    drop(gateway);

    let path = dir.path().join("spool/spool.dat");
    let mut bytes = std::fs::read(&path).unwrap();
    let payload = log("b");
    let at = bytes.windows(payload.len()).position(|window| window == payload).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (ok, text) = spool(dir.path(), &["verify"]);
    assert!(!ok && text.contains("damaged, 1 items") && text.contains("1 problems"), "{text}");
    assert!(text.contains("the disk gives back other bytes"), "it says what that means: {text}");
    let (ok, text) = spool(dir.path(), &["verify", "--repair"]);
    assert!(ok && text.contains("1 requests with 1 items were lost"), "{text}");
    assert!(spool(dir.path(), &["verify"]).0);

    let upstream = Upstream::new(|_, _| 200);
    let (ok, text) = spool(dir.path(), &["drain", "--to", &upstream.url(), "--destination", &id]);
    assert!(ok, "{text}");
    let told = "the gateway's disk lost 1 stored requests with 1 items";
    assert_eq!(accepted(&upstream.seen()), ["a", "c", told]);
}

#[test]
fn what_is_kept_is_exported_beside_a_gateway() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let upstream = Upstream::new(|_, _| 0);
    let gateway = Gateway::start(dir.path(), &["--upstream", &upstream.url()]);
    let (ok, lines) = spool(dir.path(), &["export"]);
    let texts: Vec<_> = lines.lines().flat_map(|line| texts_of_json(line.as_bytes())).collect();
    assert!(ok && texts == ["a", "b", "c"], "{lines}");
    drop(gateway);
}

#[test]
fn drain_sends_what_waits_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path());
    let upstream = Upstream::new(|_, _| 503);
    let (ok, text) = spool(dir.path(), &["drain", "--to", &upstream.url()]);
    assert!(!ok && text.contains("3 of 3 requests are still in the spool") && text.contains("503"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    upstream.now(|_, _| 200);
    let (ok, text) = spool(dir.path(), &["drain", "--to", &upstream.url()]);
    assert!(ok && text.contains("took 3 requests"), "{text}");
    assert_eq!(accepted(&upstream.seen()), ["a", "b", "c"]);
    let (ok, text) = spool(dir.path(), &["drain", "--to", &upstream.url()]);
    assert!(ok && text.contains("took 0 requests"), "{text}");
}

#[test]
fn another_upstream_gets_everything_and_the_old_one_is_kept_until_retired() {
    let dir = tempfile::tempdir().unwrap();
    let old = filled(dir.path());
    let upstream = Upstream::new(|_, _| 200);
    let gateway = Gateway::start(dir.path(), &["--upstream", &upstream.url()]);
    upstream.until("what waited", |seen| accepted(seen) == ["a", "b", "c"]);
    assert!(gateway.log().contains("spool retire"), "{}", gateway.log());
    assert_eq!(gateway.status()["otherDestinations"][0]["id"], old);
    assert_eq!(gateway.stop(), Some(0));
    let (ok, text) = spool(dir.path(), &["retire", "somebody"]);
    assert!(!ok && text.contains(&old), "{text}");
    assert!(spool(dir.path(), &["retire", &old]).0);
    assert!(!spool(dir.path(), &["ls"]).1.contains(&old));
}

#[test]
fn no_spool_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let (ok, text) = spool(dir.path(), &["ls"]);
    assert!(!ok && text.contains("there is no spool"), "{text}");
    assert!(!dir.path().join("spool").exists());
}

#[test]
fn machines_get_json_of_what_waits_and_of_what_is_sound() {
    let dir = tempfile::tempdir().unwrap();
    let id = filled(dir.path());
    let json = |args: &[&str]| {
        let (ok, text) = spool(dir.path(), args);
        assert!(ok, "{text}");
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let listed = json(&["ls", "--json"]);
    assert_eq!((&listed["requests"], &listed["waiting"][0]["items"]), (&3.into(), &3.into()));
    assert_eq!(listed["waiting"][0]["destination"], id);
    let report = json(&["verify", "--json"]);
    assert_eq!((&report["requests"], &report["problems"]), (&3.into(), &serde_json::json!([])));
    assert_eq!(json(&["quarantine", "--json"]), serde_json::json!([]));
}

#[test]
fn what_was_refused_can_be_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let upstream =
        Upstream::new(|_, body| if texts(body).iter().any(|text| text == "poison") { 400 } else { 200 });
    let key = dir.path().join("key");
    std::fs::write(&key, [7; 32]).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let config = dir.path().join("gateway.toml");
    std::fs::write(&config, format!("[spool]\ncompression = 'gzip'\nkey-file = {key:?}\n")).unwrap();
    let config = config.to_str().unwrap();
    let gateway = Gateway::start(dir.path(), &["--config", config, "--upstream", &upstream.url()]);
    for text in ["poison", "good"] {
        assert_eq!(post(gateway.http, "/v1/logs", PROTOBUF, &log(text)).status, 200);
    }
    until("it is given up", || gateway.log().contains("quarantine"));
    let (ok, text) = spool(dir.path(), &["quarantine", "--config", config]);
    assert!(
        ok && text.contains("1 copies") && text.contains("request 1 of logs, 1 items, was refused"),
        "{text}"
    );
    let (ok, lines) = spool(dir.path(), &["quarantine", "--export", "--config", config]);
    assert!(ok && texts_of_json(lines.trim().as_bytes()) == ["poison"], "{lines}");
    let (ok, text) = spool(dir.path(), &["quarantine"]);
    assert!(ok && text.contains("cannot be read"), "without the key: {text}");
}
