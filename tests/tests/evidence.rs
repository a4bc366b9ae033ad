//! What a program had recorded when it was killed is exported by its next start: exactly, and once.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use prost::Message;
use smoltel::{Scope, Severity, Telemetry};
use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;
use smoltel_proto::types::collector::trace::v1::ExportTraceServiceRequest;
use smoltel_proto::types::common::v1::any_value::Value;
use smoltel_tests::sink::{Reply, Sink};

const NOWHERE: &str = "http://127.0.0.1:9";
/// What the next test does when it is a program of its own: `DEED ENDPOINT PATH`.
const DEED: &str = "SMOLTEL_TEST_DEED";

#[test]
fn a_program_that_ends_badly() {
    let Ok(deed) = std::env::var(DEED) else { return };
    let [deed, endpoint, path] = deed.split(' ').collect::<Vec<_>>()[..] else { panic!("{deed}") };
    let telemetry = Telemetry::builder("child")
        .endpoint(endpoint)
        .crash_evidence(path)
        .on_message(|_| {})
        .build()
        .unwrap();
    match deed {
        "abort" => {
            record(&telemetry, 0..100);
            let _open = telemetry.tracer("t").start("open");
            std::process::abort();
        }
        "half" => {
            record(&telemetry, 0..10);
            assert_eq!(telemetry.flush(Duration::from_secs(60)).exported, 20);
            record(&telemetry, 10..15);
            std::process::abort();
        }
        "nothing" => std::process::abort(),
        "end" => {
            record(&telemetry, 0..10);
            telemetry.shutdown(Duration::ZERO);
        }
        "lap" => {
            let (tracer, text) = (telemetry.tracer("t"), "x".repeat(10_000));
            for number in 0..2000 {
                tracer.start(&number.to_string()).set("text", &*text);
                if number % 50 == 0 {
                    telemetry.flush(Duration::from_secs(60));
                }
            }
            std::process::abort();
        }
        "loop" => {
            let tracer = telemetry.tracer("t");
            for n in 0..u64::MAX {
                tracer.start(&n.to_string()).end();
                println!("{n}");
            }
        }
        _ => panic!("{deed}"),
    }
}

/// A span and a log record for each number, named after it, on four threads.
fn record(telemetry: &Telemetry, numbers: std::ops::Range<usize>) {
    let scoped = telemetry.scope(&Scope::new("component").version("1.2"));
    let (tracer, logger) = (scoped.tracer(), scoped.logger());
    let (tracer, logger, numbers) = (&tracer, &logger, &numbers);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for number in numbers.clone().skip(thread).step_by(4) {
                    tracer.start(&number.to_string()).set("number", number);
                    logger.log(Severity::Info).event_name(&number.to_string()).text("as it was").emit();
                }
            });
        }
    });
}

fn start(deed: &str, endpoint: &str, path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_program_that_ends_badly", "--nocapture"])
        .env(DEED, format!("{deed} {endpoint} {}", path.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn run(deed: &str, endpoint: &str, path: &Path) {
    let ended = start(deed, endpoint, path).wait_with_output().unwrap();
    assert_eq!(ended.status.success(), deed == "end", "{deed}: {ended:?}");
}

/// How often each span and each log record has arrived, by name; all of them of the child.
fn arrived(sink: &Sink) -> (BTreeMap<String, u32>, BTreeMap<String, u32>) {
    let (mut spans, mut logs) = (BTreeMap::new(), BTreeMap::new());
    for received in sink.received("/v1/traces") {
        let request = ExportTraceServiceRequest::decode(&received.body[..]).unwrap();
        for resource in request.resource_spans {
            let service = resource.resource.unwrap().attributes;
            let service = service.iter().find(|attribute| attribute.key == "service.name").unwrap();
            let name = service.value.clone().unwrap().value.unwrap();
            assert_eq!(name, Value::StringValue("child".into()), "the resource is the crashed run's");
            let spans_of = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans_of.for_each(|span| *spans.entry(span.name).or_default() += 1);
        }
    }
    for received in sink.received("/v1/logs") {
        let request = ExportLogsServiceRequest::decode(&received.body[..]).unwrap();
        for scope in request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs) {
            let is = scope.scope.unwrap();
            assert_eq!((&*is.name, &*is.version), ("component", "1.2"));
            for log in scope.log_records {
                let body = log.body.unwrap().value;
                assert_eq!(body, Some(Value::StringValue("as it was".into())));
                *logs.entry(log.event_name).or_default() += 1;
            }
        }
    }
    (spans, logs)
}

fn each_once(numbers: std::ops::Range<usize>) -> BTreeMap<String, u32> {
    numbers.map(|number| (number.to_string(), 1)).collect()
}

/// Starts on that evidence, records nothing, and ends; how much was found and exported.
fn recover(sink: &Sink, path: &Path) -> (u64, u64) {
    let telemetry = Telemetry::builder("next").endpoint(sink.url()).crash_evidence(path).build().unwrap();
    let report = telemetry.shutdown(Duration::from_secs(60));
    assert_eq!((report.recorded, report.dropped(), report.in_doubt), (0, 0, 0), "{report}");
    (report.found, report.exported)
}

#[test]
fn what_an_abort_leaves_is_exported_once() {
    let (sink, dir) = (Sink::start(), tempfile::tempdir().unwrap());
    let path = dir.path().join("evidence");
    run("abort", NOWHERE, &path);
    assert_eq!(recover(&sink, &path), (200, 200));
    assert_eq!(arrived(&sink), (each_once(0..100), each_once(0..100)));
    assert_eq!(recover(&sink, &path), (0, 0), "and then there is nothing left");
    let files: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["evidence"]);
}

#[test]
fn what_was_sent_already_is_not_sent_again() {
    let (sink, dir) = (Sink::start(), tempfile::tempdir().unwrap());
    let path = dir.path().join("evidence");
    run("half", &sink.url(), &path);
    assert_eq!(arrived(&sink), (each_once(0..10), each_once(0..10)));
    assert_eq!(recover(&sink, &path), (10, 10));
    assert_eq!(arrived(&sink), (each_once(0..15), each_once(0..15)));
}

#[test]
fn a_kill_in_the_middle_loses_nothing_that_was_recorded() {
    let (sink, dir) = (Sink::start(), tempfile::tempdir().unwrap());
    for round in 0..5 {
        let path = dir.path().join(round.to_string());
        let mut child = start("loop", NOWHERE, &path);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let recorded = |lines: &mut dyn Iterator<Item = String>| {
            lines.filter_map(|line| line.trim().parse::<u64>().ok()).nth(100 * (round + 1)).unwrap()
        };
        let told = recorded(&mut lines);
        child.kill().unwrap();
        child.wait().unwrap();
        let (found, exported) = recover(&sink, &path);
        assert!(found == exported && found > told, "{found} of {told} and more");
        let last = lines.filter_map(|line| line.parse::<u64>().ok()).last().unwrap_or(told);
        assert!(
            found == last + 1 || found == last + 2,
            "{found}: up to {last} were told of, one more may be there"
        );
    }
    assert!(arrived(&sink).0.values().all(|times| *times <= 5), "each once in a round");
}

#[test]
fn an_orderly_end_leaves_nothing_behind() {
    let (sink, dir) = (Sink::start(), tempfile::tempdir().unwrap());
    let path = dir.path().join("evidence");
    run("end", NOWHERE, &path);
    assert_eq!(recover(&sink, &path), (0, 0), "what could not be sent was counted by the one who ended");
}

#[test]
fn a_second_crash_loses_nothing_of_the_first() {
    let (sink, dir) = (Sink::start(), tempfile::tempdir().unwrap());
    let path = dir.path().join("evidence");
    run("abort", NOWHERE, &path);
    run("nothing", NOWHERE, &path);
    run("nothing", NOWHERE, &path);
    let refusing = Sink::replying(|_| Reply::Status(503, "", Vec::new()));
    let next = Telemetry::builder("next").endpoint(refusing.url()).crash_evidence(&path).on_message(|_| {});
    let report = next.build().unwrap().shutdown(Duration::ZERO);
    assert_eq!((report.found, report.spooled, report.dropped()), (200, 200, 0), "{report}");
    assert_eq!(recover(&sink, &path), (200, 200));
    assert_eq!(arrived(&sink), (each_once(0..100), each_once(0..100)));
}

#[test]
fn with_a_spool_what_is_found_goes_there() {
    let (sink, dir) = (Sink::start(), tempfile::tempdir().unwrap());
    let (path, spool) = (dir.path().join("evidence"), dir.path().join("spool"));
    run("abort", NOWHERE, &path);
    let next = || Telemetry::builder("next").spool(&spool).on_message(|_| {});
    let down = next().endpoint(NOWHERE).crash_evidence(&path).build().unwrap().shutdown(Duration::ZERO);
    assert_eq!((down.found, down.spooled), (200, 200), "{down}");
    let up = next().endpoint(sink.url()).build().unwrap().shutdown(Duration::from_secs(60));
    assert_eq!((up.found, up.exported), (200, 200), "{up}");
    assert_eq!(arrived(&sink), (each_once(0..100), each_once(0..100)));
    assert_eq!(recover(&sink, &path), (0, 0));
}

#[test]
fn a_file_is_bounded_and_serves_a_long_run() {
    let (sink, dir) = (Sink::start(), tempfile::tempdir().unwrap());
    let path = dir.path().join("evidence");
    run("lap", &sink.url(), &path);
    let len = std::fs::metadata(&path).unwrap().len();
    assert!(len < 9 << 20, "{len} bytes, of 20 MB that went through");
    assert_eq!(recover(&sink, &path), (49, 49));
    assert_eq!(arrived(&sink).0, each_once(0..2000));
}

#[test]
fn what_is_not_ours_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |path: &Path| {
        let built = Telemetry::builder("t").endpoint(NOWHERE).crash_evidence(path).build();
        built.err().map(|error| error.to_string()).unwrap_or_default()
    };
    for (name, content) in [("short", &b"x"[..]), ("text", b"a diary\n"), ("long", &[7; 100_000])] {
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        assert!(refused(&path).contains("another program's"), "{name}");
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
    let path = dir.path().join("evidence");
    let beside = dir.path().join("evidence.new");
    std::fs::write(&beside, "a diary, too").unwrap();
    assert!(refused(&path).contains("evidence.new is not ours"));
    assert_eq!(std::fs::read(&beside).unwrap(), b"a diary, too");
    std::fs::remove_file(&beside).unwrap();
    assert!(refused(dir.path()).contains("cannot be used for crash evidence"), "a directory");

    let first =
        Telemetry::builder("t").endpoint(NOWHERE).crash_evidence(&path).on_message(|_| {}).build().unwrap();
    assert!(refused(&path).contains("another process has it open"));
    first.shutdown(Duration::ZERO);
    assert_eq!(refused(&path), "", "and then it is free");

    // A newer version: its header holds, its number does not.
    let mut newer = std::fs::read(&path).unwrap();
    newer[8] = 2;
    let sum = crc32c(&newer[..60]);
    newer[60..64].copy_from_slice(&sum.to_le_bytes());
    std::fs::write(&path, &newer).unwrap();
    assert!(refused(&path).contains("a newer smoltel wrote it"));
    assert_eq!(std::fs::read(&path).unwrap(), newer);
}

/// As the document says it: reflected, inverted before and after.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| crc >> 1 ^ if crc & 1 == 1 { 0x82F6_3B78 } else { 0 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}
