//! Upgrade and downgrade: images of spools that earlier programs left are opened by this one, and an image of a newer format is
//! refused and stays as it is, byte for byte.
//!
//! Each folder in tests/versions is an image as a killed program left it, named after its format's version, with what has to be found
//! in it in `records` (a line each: sequence, signal, class, codec, items, stream, who waits for it, payload). They were made by
//! `cargo test -p smoltel-spool --all-features --test versions -- --ignored`, and are never made again: a program that is
//! out in the world wrote them so.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use smoltel_spool::{
    Class, Codec, Key, Loss, OpenError, Options, Origin, Reader, Record, Signal, Spool, Stored,
};

const LONG: Duration = Duration::from_secs(60);
/// The destinations of every image. A gateway without an upstream has the first one.
const DESTINATIONS: [&str; 2] = ["archive", "otlp:http://127.0.0.1:9"];
/// The format's version, where headers of segments and of CURSOR and MARKS have it.
const VERSION_AT: usize = 8;

fn images() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/versions")
}

/// How the images were written: sealed ones are compressed and encrypted.
fn options(image: &str) -> Options {
    let sealed = image.ends_with("sealed");
    let codec = if sealed { Codec::Gzip } else { Codec::Identity };
    let key = sealed.then(|| Key::new([0x42; 32]));
    Options { capacity: 12 * 8192, segment_size: Some(8192), codec, key, ..Options::default() }
}

/// An OTLP request with one span, metric or log record, that has `text` in it.
fn request(signal: Signal, text: &str) -> Vec<u8> {
    let field = |tag: u8, inside: Vec<u8>| [vec![tag, inside.len() as u8], inside].concat();
    let record = match signal {
        Signal::Traces => field(0x2a, text.into()),
        Signal::Metrics => field(0x0a, text.into()),
        _ => field(0x2a, field(0x0a, text.into())),
    };
    field(0x0a, field(0x12, field(0x12, record)))
}

fn record(n: u32) -> Record {
    let signal = [Signal::Traces, Signal::Metrics, Signal::Logs][n as usize % 3];
    let device = Origin { device: [n as u8 % 5; 16], epoch: 9, sequence: n.into() };
    Record {
        signal,
        class: Class::ALL[n as usize % 7 % 3],
        codec: Codec::Identity,
        stream: n % 3,
        items: 1,
        origin: n.is_multiple_of(2).then_some(device),
        payload: request(signal, &format!("record {n} {}", "of an older version ".repeat(n as usize % 5))),
    }
}

/// A line for each record that somebody waits for.
fn found(dir: &Path, options: &Options) -> String {
    let reader = Reader::open(dir).unwrap().with_key(options.key.clone());
    let mut lines = String::new();
    for listed in reader.list().unwrap().into_iter().filter(|listed| !listed.waiting_for.is_empty()) {
        let entry = reader.read(&listed).unwrap().unwrap();
        let (signal, class, codec) = (listed.signal as u8, listed.class as u8, listed.codec as u8);
        let (sequence, items, stream) = (listed.sequence, listed.items, listed.stream);
        let waiting = listed.waiting_for.join(",");
        write!(lines, "{sequence} {signal} {class} {codec} {items} {stream} {waiting} ").unwrap();
        let plain = entry.decode(1 << 20).unwrap();
        plain.iter().for_each(|byte| write!(lines, "{byte:02x}").unwrap());
        lines.push('\n');
    }
    lines
}

/// Every file in `dir` and below.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all
}

/// A copy of an image that a program may write to.
fn copy(image: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["spool.dat", "CURSOR", "MARKS"] {
        fs::copy(image.join(name), dir.path().join(name)).unwrap();
    }
    dir
}

/// The images that this program can read.
fn every_image() -> Vec<PathBuf> {
    let all = fs::read_dir(images()).unwrap().map(|entry| entry.unwrap().path());
    let sealed = cfg!(all(feature = "encryption", feature = "gzip"));
    let mut all: Vec<_> = all.filter(|image| sealed || !image.ends_with("1-sealed")).collect();
    all.sort();
    assert!(!all.is_empty());
    all
}

#[test]
fn what_an_older_version_left_is_opened_and_nothing_of_it_is_missing() {
    for image in every_image() {
        let options = options(image.to_str().unwrap());
        let expected = fs::read_to_string(image.join("records")).unwrap();
        let dir = copy(&image);
        assert_eq!(found(dir.path(), &options), expected, "beside a writer: {}", image.display());
        let spool = Spool::open(dir.path(), options.clone()).unwrap();
        let stats = spool.stats();
        assert_eq!((stats.quarantined, stats.gaps), (0, 0));
        assert_eq!(stats.destinations[0].losses.records(Loss::Rejected), 1, "losses are remembered");
        // What a device sends again is known, and what it sends next is new.
        assert_eq!(spool.append_wait(record(40)), Ok(Stored::Duplicate));
        assert!(matches!(spool.append_wait(record(42)), Ok(Stored::New(_))));
        for id in DESTINATIONS {
            let destination = spool.destination(id).unwrap();
            let mut payloads = Vec::new();
            while let Some(lease) = destination.take(None, 1 << 20, Instant::now()) {
                payloads
                    .extend(lease.records().iter().map(|entry| entry.decode(1 << 20).unwrap().into_owned()));
                lease.release();
            }
            payloads.sort();
            let waited = expected.lines().filter(|line| line.contains(id));
            let hex = |byte: &u8| format!("{byte:02x}");
            let mut wanted: Vec<String> =
                waited.map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
            wanted.push(record(42).payload.iter().map(hex).collect());
            let mut given: Vec<String> =
                payloads.iter().map(|payload| payload.iter().map(hex).collect()).collect();
            given.sort();
            wanted.sort();
            assert_eq!(given, wanted, "{id} of {}", image.display());
        }
        spool.close(LONG).unwrap();
    }
}

#[test]
fn a_newer_version_of_any_file_is_refused_and_nothing_is_touched() {
    for image in every_image() {
        for name in ["spool.dat", "CURSOR", "MARKS"] {
            let dir = copy(&image);
            make_newer(&dir.path().join(name));
            let before = files(dir.path());
            let error = Spool::open(dir.path(), options(image.to_str().unwrap())).err();
            assert!(matches!(error, Some(OpenError::Newer { version: 2 })), "{name}: {error:?}");
            let text = error.unwrap().to_string();
            assert!(text.contains("version 2, newer than this program"), "{text}");
            let mut after = files(dir.path());
            after.remove(&dir.path().join("LOCK"));
            assert_eq!(after, before, "{name} of {}", image.display());
        }
    }
}

/// As a later program would have written it: every structure that holds has the next version, and its CRC holds.
fn make_newer(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let mut changed = 0;
    for at in (0..bytes.len()).step_by(128) {
        let length = match &bytes[at..at + 8] {
            b"smolseg\n" => 128,
            [b's', b'm', b'o', b'l', ..] => u32_at(&bytes, at + 12) as usize,
            _ => continue,
        };
        let end = at + length;
        if end <= bytes.len() && crc32c::crc32c(&bytes[at..end - 4]) == u32_at(&bytes, end - 4) {
            bytes[at + VERSION_AT] = 2;
            let crc = crc32c::crc32c(&bytes[at..end - 4]);
            bytes[end - 4..end].copy_from_slice(&crc.to_le_bytes());
            changed += 1;
        }
    }
    assert!(changed > 0, "{}", path.display());
    fs::write(path, bytes).unwrap();
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Writes the images of the version that this program writes, if there are none.
#[test]
#[ignore = "images are written once, by the first program with that version"]
fn write_the_images_of_this_version() {
    for name in ["1-plain", "1-sealed"] {
        let image = images().join(name);
        assert!(!image.exists(), "{} is there, and out in the world", image.display());
        let dir = tempfile::tempdir().unwrap();
        fill(dir.path(), &options(name), 0..21).close(LONG).unwrap();
        let killed = fill(dir.path(), &options(name), 21..42);
        fs::create_dir_all(&image).unwrap();
        for file in ["spool.dat", "CURSOR", "MARKS"] {
            fs::copy(dir.path().join(file), image.join(file)).unwrap();
        }
        drop(killed);
        fs::write(image.join("records"), found(&image, &options(name))).unwrap();
    }
}

/// Some records, of which each destination has released others, and one is refused for good.
fn fill(dir: &Path, options: &Options, numbers: std::ops::Range<u32>) -> Spool {
    let spool = Spool::open(dir, options.clone()).unwrap();
    let [first, second] = DESTINATIONS.map(|id| spool.destination(id).unwrap());
    let begins = numbers.start == 0;
    // Several of a class share a sync group.
    for class in Class::ALL {
        let records: Vec<_> = numbers.clone().map(record).filter(|record| record.class == class).collect();
        let (send, receive) = mpsc::channel();
        spool.append_all(records, move |done| send.send(done).unwrap());
        receive.recv().unwrap().unwrap();
    }
    first.take(Some(Signal::Metrics), 300, Instant::now()).unwrap().release();
    if begins {
        first.take(Some(Signal::Traces), 1, Instant::now()).unwrap().discard(Loss::Rejected);
    }
    second.take(None, 900, Instant::now()).unwrap().release();
    // CURSOR and MARKS are synced with this.
    _ = spool.destination("north").unwrap();
    spool.retire("north").unwrap();
    spool
}
