//! Devices on the link: what they record arrives in the archive once, with its true times, whatever dies in between.

#[path = "support/device.rs"]
mod device;
mod support;

use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use device::{Device, connect, set_clock};
use serde_json::Value;
use support::*;

/// Lines of the archive's logs.
fn archived(dir: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join("archive/logs.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Text and time of every log record in the archive, in order, with its resource.
fn logs(dir: &Path) -> Vec<(String, u64, Value)> {
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let mut all = Vec::new();
    for resource in archived(dir).iter().flat_map(|line| list(line, "resourceLogs")) {
        for record in list(&resource, "scopeLogs").iter().flat_map(|scope| list(scope, "logRecords")) {
            let text = record["body"]["stringValue"].as_str().unwrap_or_default().to_owned();
            let time = record["timeUnixNano"].as_str().and_then(|time| time.parse().ok()).unwrap_or(0);
            all.push((text, time, resource["resource"].clone()));
        }
    }
    all
}

fn texts_of(dir: &Path) -> Vec<String> {
    logs(dir).into_iter().map(|(text, ..)| text).collect()
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64
}

fn attribute<'a>(resource: &'a Value, key: &str) -> Option<&'a Value> {
    resource["attributes"].as_array()?.iter().find(|pair| pair["key"] == key).map(|pair| &pair["value"])
}

#[test]
fn what_a_device_recorded_before_it_met_a_clock_arrives_with_its_true_time() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    let before = now();
    let mut device = Device::new(b"thermostat-0042", None);
    device.log("first");
    let mut span = device.pipeline.tracer("control-loop").start("adjust");
    span.set("valve.id", 3);
    span.end();
    device.pipeline.meter("control-loop").counter("moves").add(2, &[]);
    device.pipeline.collect();
    thread::park_timeout(Duration::from_millis(50));
    device.log("second");
    device.deliver(|| gateway.link.unwrap());
    until("both are archived", || logs(dir.path()).len() == 2);
    let logs = logs(dir.path());
    assert_eq!(texts_of(dir.path()), ["first", "second"]);
    assert!(
        logs.iter().all(|(_, time, _)| (before - 1_000_000_000..now()).contains(time)),
        "{before} {logs:?}"
    );
    assert!(logs[1].1 - logs[0].1 >= 50_000_000);
    assert_eq!(attribute(&logs[0].2, "service.name").unwrap()["stringValue"], "thermostat");
    let read =
        |signal: &str| std::fs::read_to_string(dir.path().join("archive").join(signal)).unwrap_or_default();
    until("the span and the point", || {
        read("traces.jsonl").contains("adjust") && read("metrics.jsonl").contains("moves")
    });

    let status = &gateway.status()["devices"][0];
    assert_eq!((status["id"].as_str(), status["items"].as_u64()), (Some("thermostat-0042"), Some(4)));
    assert_eq!(status["build"], "0102030405060708");
    let boot: u64 = status["bootUnixNano"].as_str().unwrap().parse().unwrap();
    assert!(boot.abs_diff(before) < 1_000_000_000);
    assert_eq!(gateway.metric("smoltel_gateway_device_items_total{device=\"thermostat-0042\"}"), 4);
    let from = format!("http://{}", gateway.admin);
    let listed = String::from_utf8(output(&["devices", "--from", &from]).stdout).unwrap();
    assert!(listed.starts_with("thermostat-0042: ") && listed.contains("4 items stored"), "{listed}");
    let listed = output(&["devices", "--from", &from, "--json"]).stdout;
    let listed: serde_json::Value = serde_json::from_slice(&listed).unwrap();
    assert_eq!(listed[0]["id"], "thermostat-0042");
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn everything_arrives_once_while_the_gateway_is_killed_and_the_wire_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    // Where nobody listens: everything stays in the spool.
    let nowhere = ["--upstream", "http://127.0.0.1:9"];
    let gateway = Mutex::new(Some(Gateway::start(dir.path(), &nowhere)));
    let address = Mutex::new(gateway.lock().unwrap().as_ref().unwrap().link.unwrap());
    let ended = AtomicBool::new(false);
    let expected: Vec<String> = (0..200).map(|number| format!("record {number}")).collect();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..6 {
                thread::park_timeout(Duration::from_millis(120));
                gateway.lock().unwrap().take().unwrap().kill();
                let next = Gateway::start(dir.path(), &nowhere);
                *address.lock().unwrap() = next.link.unwrap();
                *gateway.lock().unwrap() = Some(next);
            }
            ended.store(true, Ordering::Relaxed);
        });
        let mut device = Device::new(b"\x01\x02\x03", None);
        for (number, text) in expected.iter().enumerate() {
            device.log(text);
            if number % 10 == 9 {
                // Cut while it may be under way.
                if let Ok(mut wire) = connect(*address.lock().unwrap()) {
                    let (mut turns, most) = (0, 1 + number % 40);
                    _ = device.run(&mut wire, |device| {
                        turns += 1;
                        turns > most || device.waiting() == 0
                    });
                    device.end.reset(number as u64);
                }
            }
        }
        while !ended.load(Ordering::Relaxed) || device.waiting() > 0 {
            device.deliver(|| *address.lock().unwrap());
            thread::yield_now();
        }
        assert_eq!(device.pipeline.counters().lost_in_all(), 0);
    });
    assert_eq!(gateway.into_inner().unwrap().unwrap().stop(), Some(0));
    // Nothing was forwarded, so what was stored is all there to see.
    let export = output(&["spool", "export", "--data-dir", dir.path().to_str().unwrap()]);
    let lines = String::from_utf8(export.stdout).unwrap();
    let stored: Vec<String> = lines.lines().flat_map(|line| texts_of_json(line.as_bytes())).collect();
    assert_eq!(stored, expected);
}

#[test]
fn one_bit_in_a_thousand_is_wrong_and_everything_arrives_once() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    let mut device = Device::new(b"noisy", None);
    device.wrong_bits = 1;
    let expected: Vec<String> = (0..40).map(|number| format!("record {number}")).collect();
    expected.iter().for_each(|text| device.log(text));
    device.deliver(|| gateway.link.unwrap());
    until("all are archived", || texts_of(dir.path()).len() >= expected.len());
    assert_eq!(texts_of(dir.path()), expected);
    assert!(gateway.status()["devices"][0]["badFrames"].as_u64() > Some(0));
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn rubbish_from_either_side_harms_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    let rubbish: Vec<u8> = (0..20_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut wire = connect(gateway.link.unwrap()).unwrap();
    wire.write_all(&rubbish).unwrap();
    let mut device = Device::new(b"calm", None);
    device.end.receive(1, &rubbish);
    device.log("after rubbish");
    // On the same wire, even.
    device.run(&mut wire, |device| device.waiting() == 0).unwrap();
    until("it is archived", || texts_of(dir.path()) == ["after rubbish"]);
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn a_clock_that_jumps_back_leaves_what_was_recorded_before_and_behind_it_its_true_time() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    let before = now();
    let mut device = Device::new(b"jumper", None);
    set_clock(3_600_000_000_000);
    let mut wire = connect(gateway.link.unwrap()).unwrap();
    device.log("met");
    device.run(&mut wire, |device| device.waiting() == 0).unwrap();
    device.log("waits");
    set_clock(5);
    device.run(&mut wire, |device| device.waiting() == 0).unwrap();
    device.log("behind");
    device.run(&mut wire, |device| device.waiting() == 0).unwrap();
    assert_eq!(device.end.stats().jumps, 1);
    assert_eq!(gateway.stop(), Some(0));
    let logs = logs(dir.path());
    assert_eq!(texts_of(dir.path()), ["met", "waits", "behind"]);
    let true_time = |time: &u64| (before - 1_000_000_000..now()).contains(time);
    assert!(logs.iter().all(|(_, time, _)| true_time(time)), "{logs:?}");
    assert!(logs.iter().all(|(_, _, resource)| attribute(resource, "smoltel.time.bounded").is_none()));
}

#[test]
fn a_reset_that_the_ring_survives_repeats_nothing_and_its_times_are_those_of_its_boot() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    let to = || gateway.link.unwrap();
    let mut device = Device::new(b"reset", None);
    device.log("of a boot that meets the gateway");
    device.deliver(to);
    device.log("left in the ring");
    let left = now();
    device.reset(true);
    thread::park_timeout(Duration::from_millis(30));
    device.log("after the reset");
    device.deliver(to);
    until("three are archived", || logs(dir.path()).len() == 3);
    let all = logs(dir.path());
    assert!(all[1].1.abs_diff(left) < 1_000_000_000, "its boot was met: {all:?}");
    assert!(all.iter().all(|(_, _, resource)| attribute(resource, "smoltel.time.bounded").is_none()));

    // A boot that never meets the gateway.
    device.reset(true);
    device.log("never met");
    device.reset(true);
    let booted = now();
    device.deliver(to);
    until("four are archived", || logs(dir.path()).len() == 4);
    let (text, time, resource) = logs(dir.path()).remove(3);
    assert_eq!(text, "never met");
    assert!(time <= booted + 100_000_000, "before the boot that told it");
    assert_eq!(attribute(&resource, "smoltel.time.bounded").unwrap()["boolValue"], true);
    assert_eq!(attribute(&resource, "service.name").unwrap()["stringValue"], "thermostat");

    // And one that loses its ring.
    device.log("lost with the ring");
    device.reset(false);
    device.log("in a new ring");
    device.deliver(to);
    until("five are archived", || logs(dir.path()).len() == 5);
    assert_eq!(logs(dir.path())[4].0, "in a new ring");
    assert_eq!(gateway.stop(), Some(0));
}

/// A config with one device's key in a file of its own.
fn config(dir: &Path, key: [u8; 32]) -> String {
    let file = dir.join("device.key");
    std::fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&file)
        .unwrap()
        .write_all(&key)
        .unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let config = dir.join("gateway.toml");
    std::fs::write(&config, format!("[devices]\n'keyed' = {{ key-file = {file:?} }}\n")).unwrap();
    config.to_str().unwrap().to_owned()
}

#[test]
fn beyond_loopback_only_a_device_with_the_right_key_gets_in() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), [9; 32]);
    let gateway = Gateway::start(dir.path(), &["--config", &config, "--link", "0.0.0.0:0"]);
    let to = SocketAddr::from(([127, 0, 0, 1], gateway.link.unwrap().port()));
    for (mut device, why) in [
        (Device::new(b"stranger", None), "device stranger is refused: no access is configured for it"),
        (Device::new(b"keyed", Some([8; 32])), "device keyed is refused: it has another key"),
        (Device::new(b"keyed", None), "device keyed is refused: one side has a key"),
    ] {
        device.log("must not arrive");
        let mut wire = connect(to).unwrap();
        device.run(&mut wire, |_| gateway.log().contains(why)).unwrap();
        assert!(!device.end.is_up() && device.waiting() > 0);
    }
    let mut device = Device::new(b"keyed", Some([9; 32]));
    device.log("sealed");
    device.deliver(|| to);
    until("it is archived", || texts_of(dir.path()) == ["sealed"]);
    let status = gateway.status();
    assert_eq!(
        (&status["devices"][0]["id"], &status["devices"][0]["sealed"]),
        (&"keyed".into(), &true.into())
    );
    let shown = output(&["check", "--config", &config]);
    assert!(!String::from_utf8_lossy(&shown.stdout).contains("0909"));
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn a_serial_line_is_a_wire_like_any_other() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let dir = tempfile::tempdir().unwrap();
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).unwrap();
    unlockpt(&ours).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
    rustix::io::ioctl_fionbio(&ours, true).unwrap();
    let mut wire = std::fs::File::from(ours);
    // Otherwise the line would hang up while no gateway has it open.
    let _plugged = std::fs::File::open(&name).unwrap();
    let line = format!("{name}:115200");
    let mut device = Device::new(b"wired", None);
    let mut expected = Vec::new();
    for round in 0..2 {
        let gateway = Gateway::start(dir.path(), &["--serial", &line]);
        for number in 0..20 {
            let text = format!("record {round}.{number}");
            device.log(&text);
            expected.push(text);
        }
        device.run(&mut wire, |device| device.waiting() == 0).unwrap();
        until("all are archived", || texts_of(dir.path()).len() >= expected.len());
        assert_eq!(texts_of(dir.path()), expected);
        // The device is not told: the next gateway does not know its session, and says so.
        assert_eq!(gateway.stop(), Some(0));
    }
}

#[test]
fn what_a_device_lost_is_told_upstream() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = Gateway::start(dir.path(), &[]);
    let mut device = Device::new(b"forgetful", None);
    // More than its ring holds.
    for number in 0..1000 {
        device.log(&format!("record {number}"));
    }
    device.deliver(|| gateway.link.unwrap());
    let told = |text: &String| text.starts_with("the device forgetful lost ");
    until("it is told", || texts_of(dir.path()).iter().any(told));
    let status = gateway.status()["devices"][0].clone();
    assert!(status["gapBytes"].as_u64().unwrap() > 0 || !status["lostItems"].as_object().unwrap().is_empty());
    assert_eq!(gateway.stop(), Some(0));
}
