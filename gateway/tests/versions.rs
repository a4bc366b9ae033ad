//! Upgrade and downgrade: what an older gateway left is archived, and a spool of a newer one is refused and stays as it is.

mod support;

use std::fs;
use std::path::Path;

use support::*;

/// A data directory with the spool that a killed gateway of the first version left.
fn left() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../std-adapter/spool/tests/versions/1-plain");
    fs::create_dir(dir.path().join("spool")).unwrap();
    for name in FILES {
        fs::copy(image.join(name), dir.path().join("spool").join(name)).unwrap();
    }
    dir
}

const FILES: [&str; 3] = ["spool.dat", "CURSOR", "MARKS"];

fn files(dir: &Path) -> Vec<Vec<u8>> {
    FILES.iter().map(|name| fs::read(dir.join("spool").join(name)).unwrap()).collect()
}

#[test]
fn what_an_older_version_left_is_archived() {
    let dir = left();
    let gateway = Gateway::start(dir.path(), &[]);
    let archived = || {
        let read = |signal: &str| {
            fs::read_to_string(dir.path().join(format!("archive/{signal}.jsonl"))).unwrap_or_default()
        };
        ["traces", "metrics", "logs"].map(read).concat()
    };
    let waits = "smoltel_gateway_backlog_records{destination=\"archive\",signal=";
    until("nothing waits for the archive", || {
        ["traces", "metrics", "logs"]
            .iter()
            .all(|signal| gateway.metric(&format!("{waits}\"{signal}\"}}")) == 0)
    });
    // As many as its list says, each once.
    let list = include_str!("../../std-adapter/spool/tests/versions/1-plain/records");
    let expected = list.lines().filter(|line| line.contains("archive")).count();
    assert_eq!(archived().matches("record ").count(), expected);
    assert!(gateway.log().contains("wait for otlp:http://127.0.0.1:9"), "{}", gateway.log());
    assert_eq!(gateway.stop(), Some(0));
}

#[test]
fn a_newer_spool_is_refused_with_a_clear_line_and_left_untouched() {
    let dir = left();
    let path = dir.path().join("spool/CURSOR");
    let mut cursor = fs::read(&path).unwrap();
    let half = cursor.len() / 2;
    for slot in [0, half] {
        cursor[slot + 8] = 2;
        let length = u32::from_le_bytes(cursor[slot + 12..slot + 16].try_into().unwrap()) as usize;
        let end = slot + length;
        let crc = crc32c(&cursor[slot..end - 4]);
        cursor[end - 4..end].copy_from_slice(&crc.to_le_bytes());
    }
    fs::write(&path, cursor).unwrap();
    let before = files(dir.path());
    let data = dir.path().to_str().unwrap();
    let off = ["--http", "off", "--grpc", "off", "--link", "off", "--admin", "off", "--data-dir", data];
    let refused = output(&off);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("version 2, newer than this program") && said.lines().count() == 1, "{said}");
    assert_eq!(files(dir.path()), before);
    assert!(!dir.path().join("archive").exists());
}

/// CRC-32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc: u32, _| (crc >> 1) ^ (0x82F6_3B78 * (crc & 1)))
    })
}
