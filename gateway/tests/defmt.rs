//! A device's defmt stream on the link becomes OTLP logs; whatever else comes in it is counted and harms nobody.

#[path = "support/device.rs"]
#[expect(dead_code, reason = "resets and lost connections are other tests' matter")]
mod device;
mod support;

use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use device::{Device, connect};
use object::write::{Object, Symbol, SymbolSection};
use object::{Architecture, BinaryFormat, Endianness, SectionKind, SymbolFlags, SymbolKind, SymbolScope};
use serde_json::Value;
use support::*;

/// The frames of the firmware: their numbers are these strings' addresses.
const STRINGS: [(&str, &str); 6] = [
    ("defmt_prim", "{=u8}"),
    ("defmt_info", "valve {=u8} moved to {=str}"),
    ("defmt_error", "stuck"),
    ("defmt_println", "plain"),
    ("defmt_debug", "list {=[?]}"),
    ("defmt_derived", "Unit"),
];
const INFO: u16 = 1;
const ERROR: u16 = 2;
const PRINTLN: u16 = 3;
const LIST: u16 = 4;
const UNIT: u16 = 5;

/// An ELF with those strings, as a linker makes it for a firmware that uses defmt with timestamps of that format.
fn elf(build: &[u8], timestamp: &str) -> Vec<u8> {
    let mut elf = Object::new(BinaryFormat::Elf, Architecture::Arm, Endianness::Little);
    let section = elf.add_section(Vec::new(), b".defmt".to_vec(), SectionKind::Data);
    elf.append_section_data(section, &[0; 16], 1);
    let mut symbol = |name: String, section, value| {
        elf.add_symbol(Symbol {
            name: name.into_bytes(),
            value,
            size: 1,
            kind: SymbolKind::Data,
            scope: SymbolScope::Linkage,
            weak: false,
            section,
            flags: SymbolFlags::None,
        });
    };
    let name = |tag: &str, data: &str| {
        format!(r#"{{"package":"p","disambiguator":"1","tag":"{tag}","data":"{data}","crate_name":"c"}}"#)
    };
    for ((tag, data), at) in STRINGS.into_iter().zip(0..) {
        symbol(name(tag, data), SymbolSection::Section(section), at);
    }
    symbol(name("defmt_timestamp", timestamp), SymbolSection::Section(section), 15);
    symbol("_defmt_version_ = 4".to_owned(), SymbolSection::Absolute, 0);
    symbol("_defmt_encoding_ = rzcobs".to_owned(), SymbolSection::Absolute, 0);
    let note = elf.add_section(Vec::new(), b".note.gnu.build-id".to_vec(), SectionKind::Note);
    let lens = [4, build.len() as u32, 3].map(u32::to_le_bytes).concat();
    elf.append_section_data(note, &[&lens, &b"GNU\0"[..], build].concat(), 4);
    elf.write().unwrap()
}

/// A frame as a device puts it on the wire.
fn frame(index: u16, timestamp: u64, arguments: &[u8]) -> Vec<u8> {
    let mut encoder = defmt::Encoder::new();
    let mut wire = Vec::new();
    encoder.start_frame(|bytes| wire.extend_from_slice(bytes));
    encoder.write(&index.to_le_bytes(), |bytes| wire.extend_from_slice(bytes));
    encoder.write(&timestamp.to_le_bytes(), |bytes| wire.extend_from_slice(bytes));
    encoder.write(arguments, |bytes| wire.extend_from_slice(bytes));
    encoder.end_frame(|bytes| wire.extend_from_slice(bytes));
    wire
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

/// A gateway that knows the firmware of the tests' devices, and a device that is connected to it.
fn start(dir: &Path, build: &[u8]) -> (Gateway, Device, std::net::TcpStream) {
    start_with(dir, elf(build, "{=u64:us}"))
}

fn start_with(dir: &Path, elf: Vec<u8>) -> (Gateway, Device, std::net::TcpStream) {
    let elves = dir.join("elves");
    std::fs::create_dir(&elves).unwrap();
    std::fs::write(elves.join("a-text"), "no ELF").unwrap();
    std::fs::write(elves.join("thermostat"), elf).unwrap();
    let config = dir.join("gateway.toml");
    std::fs::write(&config, format!("[defmt]\nelf-dir = {elves:?}\n")).unwrap();
    let gateway = Gateway::start(dir, &["--config", config.to_str().unwrap()]);
    let mut device = Device::new(b"talker", None);
    device.log("the link is up");
    let mut wire = connect(gateway.link.unwrap()).unwrap();
    device.run(&mut wire, |device| device.waiting() == 0).unwrap();
    (gateway, device, wire)
}

const BUILD: [u8; 20] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20];

/// Sends bytes of the stream in frames of the link.
fn say(device: &mut Device, wire: &mut std::net::TcpStream, mut position: u32, mut bytes: &[u8]) {
    let mut out = [0; 128];
    while !bytes.is_empty() {
        let (taken, n) = device.end.transmit_channel(0, position, bytes, &mut out).unwrap();
        wire.write_all(&out[..n]).unwrap();
        (position, bytes) = (position + taken as u32, &bytes[taken..]);
    }
}

/// The log records of scope `defmt` in the archive.
fn records(dir: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join("archive/logs.jsonl")).unwrap_or_default();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let scopes = lines.flat_map(|line| list(&line, "resourceLogs")).flat_map(|one| {
        assert_eq!(one["resource"]["attributes"][0]["value"]["stringValue"], "thermostat");
        list(&one, "scopeLogs")
    });
    scopes.filter(|one| one["scope"]["name"] == "defmt").flat_map(|one| list(&one, "logRecords")).collect()
}

fn lost(gateway: &Gateway, reason: &str) -> u64 {
    gateway.status()["devices"][0]["defmtLost"][reason].as_u64().unwrap_or(0)
}

#[test]
fn frames_arrive_as_log_records_with_level_text_and_true_time() {
    let dir = tempfile::tempdir().unwrap();
    let (gateway, mut device, mut wire) = start(dir.path(), &BUILD);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let info = frame(INFO, 1_000, &[&[3][..], &string("40 %")].concat());
    let stream = [&info[..], &frame(ERROR, 2_000, &[]), &frame(PRINTLN, 3_000, &[])].concat();
    say(&mut device, &mut wire, 0, &stream);
    until("three are archived", || records(dir.path()).len() == 3);
    let records = records(dir.path());
    let seen = |key: &str| records.iter().map(|record| record[key].clone()).collect::<Vec<_>>();
    let bodies: Vec<Value> = seen("body").iter().map(|body| body["stringValue"].clone()).collect();
    assert_eq!(bodies, ["valve 3 moved to 40 %", "stuck", "plain"]);
    assert_eq!(seen("severityNumber"), [Value::from(9), Value::from(17), Value::Null]);
    assert_eq!(seen("severityText"), [Value::from("INFO"), Value::from("ERROR"), Value::Null]);
    let times =
        seen("timeUnixNano").iter().map(|time| time.as_str().unwrap().parse().unwrap()).collect::<Vec<u64>>();
    assert!(now.abs_diff(times[0]) < 60_000_000_000, "{now} {times:?}");
    assert_eq!((times[1] - times[0], times[2] - times[1]), (1_000_000, 1_000_000));
    assert!(seen("observedTimeUnixNano").iter().all(|time| time.is_string()));
    assert_eq!(gateway.status()["devices"][0]["defmtLost"], serde_json::json!({}));
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn timestamps_by_every_hint_become_times() {
    let date = 1_618_910_624_804;
    let hints = [("us", 1_000, 5), ("ms", 1_000_000, 5), ("tus", 1_000, 5), ("tms", 1_000_000, 5)];
    let dates = [("iso8601ms", 1_000_000, date), ("iso8601s", 1_000_000_000, date / 1000)];
    for (hint, unit, count) in hints.into_iter().chain([("ts", 1_000_000_000, 5)]).chain(dates) {
        let dir = tempfile::tempdir().unwrap();
        let (gateway, mut device, mut wire) =
            start_with(dir.path(), elf(&BUILD, &format!("{{=u64:{hint}}}")));
        let stream = [frame(ERROR, count, &[]), frame(ERROR, count + 2, &[])].concat();
        say(&mut device, &mut wire, 0, &stream);
        until("both are archived", || records(dir.path()).len() == 2);
        let time = |record: &Value| record["timeUnixNano"].as_str().unwrap().parse::<u64>().unwrap();
        let times: Vec<u64> = records(dir.path()).iter().map(time).collect();
        assert_eq!(times[1] - times[0], 2 * unit, "{hint}");
        if hint.starts_with("iso") {
            assert_eq!(times[0], count * unit, "{hint}: a date is one, whatever the uptime");
        }
        assert_eq!(gateway.stop(), Some(0));
    }
}

#[test]
fn a_gap_costs_the_frame_that_it_tore_and_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (gateway, mut device, mut wire) = start(dir.path(), &BUILD);
    let (torn, whole) = (frame(INFO, 1, &[1, 0, 0, 0, 0]), frame(PRINTLN, 2, &[]));
    say(&mut device, &mut wire, 0, &torn[..3]);
    // The first byte of a stream is a zero.
    say(&mut device, &mut wire, 5, &[&torn[5..], &whole[1..]].concat());
    until("the whole one is archived", || records(dir.path()).len() == 1);
    assert_eq!(records(dir.path())[0]["body"]["stringValue"], "plain");
    assert_eq!((lost(&gateway, "gap"), lost(&gateway, "torn")), (2, 1));
    assert_eq!(gateway.metric(r#"smoltel_gateway_device_defmt_lost_total{device="talker",reason="gap"}"#), 2);
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn a_firmware_that_nobody_knows_is_counted_and_its_telemetry_arrives() {
    let dir = tempfile::tempdir().unwrap();
    let (gateway, mut device, mut wire) = start(dir.path(), &[9; 20]);
    say(&mut device, &mut wire, 0, &frame(ERROR, 1, &[]).repeat(3));
    until("three are counted", || lost(&gateway, "unknown_build") == 3);
    device.log("still here");
    device.run(&mut wire, |device| device.waiting() == 0).unwrap();
    assert!(gateway.log().contains("defmt build 0102030405060708: no ELF in"), "{}", gateway.log());
    assert_eq!((records(dir.path()), gateway.stop()), (vec![], Some(0)));
}

#[test]
fn hostile_frames_are_counted_and_what_kills_the_decoder_does_not_kill_the_gateway() {
    let dir = tempfile::tempdir().unwrap();
    let (gateway, mut device, mut wire) = start(dir.path(), &BUILD);
    // No such string, a string that ends early, no rzCOBS, and one that is too long.
    let early = frame(INFO, 1, &[1, 255, 255, 255, 255]);
    let malformed = [&frame(999, 1, &[])[..], &early, &[0x81, 0], &[7].repeat(5000), &[0]].concat();
    say(&mut device, &mut wire, 0, &malformed);
    until("three are malformed", || lost(&gateway, "malformed") == 3);
    until("one is too long", || lost(&gateway, "too_long") == 1);
    // Four billion elements that take no byte each.
    let bomb = frame(LIST, 1, &[&[255; 4][..], &UNIT.to_le_bytes()].concat());
    let position = malformed.len() as u32;
    say(&mut device, &mut wire, position, &bomb);
    until("the decoder died", || lost(&gateway, "decoder") == 1);
    device.log("still here");
    device.run(&mut wire, |device| device.waiting() == 0).unwrap();
    assert!(gateway.log().contains("the decoder of defmt build 0102030405060708 failed"));
    assert_eq!(gateway.stop(), Some(0));
}
