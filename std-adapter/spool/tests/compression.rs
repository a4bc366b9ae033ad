//! Compression at rest: fewer bytes on the disk, and the same ones out of it.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use smoltel_spool::{AppendError, Class, Codec, DecodeError, Entry, Options, Record, Signal, Spool, verify};

const CODECS: [Codec; 3] = [Codec::Identity, Codec::Gzip, Codec::Zstd];
const MIB: usize = 1 << 20;

fn open(dir: &Path, codec: Codec) -> Spool {
    Spool::open(dir, Options { capacity: 4 << 20, codec, ..Options::default() }).unwrap()
}

fn record(codec: Codec, payload: Vec<u8>) -> Record {
    Record { signal: Signal::Logs, class: Class::Normal, codec, stream: 0, items: 1, origin: None, payload }
}

/// Says the same again and again, as telemetry does.
fn telemetry(lines: usize) -> Vec<u8> {
    (0..lines)
        .flat_map(|n| format!("\x0A\x2Fservice.name=pump http.method=GET line {n}").into_bytes())
        .collect()
}

/// Says nothing twice.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 7_u32;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..len).map(next).collect()
}

fn take(spool: &Spool) -> Vec<Entry> {
    let lease = spool.destination("up").unwrap().take(None, 64 * MIB, Instant::now());
    lease.map_or(Vec::new(), |lease| lease.records().to_vec())
}

/// What a codec makes of a payload.
fn compressed(codec: Codec, payload: Vec<u8>) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), codec);
    spool.append_wait(record(Codec::Identity, payload)).unwrap();
    take(&spool).remove(0).payload
}

fn check(entries: &[Entry], payloads: &[Vec<u8>], codec: Codec) {
    let plain: Vec<_> = entries.iter().map(|entry| entry.decode(MIB).unwrap().into_owned()).collect();
    assert_eq!(plain, payloads);
    let (large, noise) = (&entries[2], &entries[3]);
    assert_eq!((large.codec, large.plain_len), (codec, Some(payloads[2].len() as u32)));
    assert!(codec == Codec::Identity || large.payload.len() * 4 < payloads[2].len());
    assert_eq!(noise.codec, Codec::Identity, "what does not get smaller is stored as it is");
}

#[test]
fn a_payload_is_stored_smaller_and_comes_back_as_it_was_after_a_restart_too() {
    for codec in CODECS {
        let dir = tempfile::tempdir().unwrap();
        let payloads = [telemetry(1), telemetry(100), telemetry(1000), noise(3000), Vec::new()];
        let spool = open(dir.path(), codec);
        for payload in &payloads {
            spool.append_wait(record(Codec::Identity, payload.clone())).unwrap();
        }
        check(&take(&spool), &payloads, codec);
        drop(spool);
        check(&take(&open(dir.path(), Codec::Identity)), &payloads, codec);
        assert_eq!(verify(dir.path()).unwrap().problems, []);
    }
}

#[test]
fn what_comes_compressed_is_stored_byte_for_byte() {
    for codec in [Codec::Gzip, Codec::Zstd] {
        let bytes = compressed(codec, telemetry(100));
        let dir = tempfile::tempdir().unwrap();
        let spool = open(dir.path(), Codec::Zstd);
        spool.append_wait(record(codec, bytes.clone())).unwrap();
        let entry = take(&spool).remove(0);
        assert_eq!((entry.codec, entry.plain_len, &entry.payload), (codec, None, &bytes));
        let plain = telemetry(100);
        assert_eq!(*entry.decode(plain.len()).unwrap(), plain[..]);
        let limit = plain.len() - 1;
        assert_eq!(entry.decode(limit), Err(DecodeError::TooLarge { limit }));
    }
}

#[test]
fn a_payload_longer_than_a_segment_is_taken_if_it_fits_compressed() {
    let dir = tempfile::tempdir().unwrap();
    let spool = open(dir.path(), Codec::Gzip);
    let long = telemetry(5000);
    let max = spool.max_record();
    assert!(long.len() > max);
    spool.append_wait(record(Codec::Identity, long.clone())).unwrap();
    assert_eq!(*take(&spool)[0].decode(MIB).unwrap(), long[..]);
    let refused = spool.append_wait(record(Codec::Identity, noise(max + 1)));
    assert_eq!(refused, Err(AppendError::TooLarge { len: max + 1, max }));
}

/// The most memory that this process ever had, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

/// 512 MiB of zeros as gzip: the same block again and again.
fn gzip_bomb() -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&[0; MIB]).unwrap();
    encoder.flush().unwrap();
    let head = encoder.get_ref().len();
    encoder.write_all(&[0; MIB]).unwrap();
    encoder.flush().unwrap();
    let bytes = encoder.get_ref();
    [&bytes[..head], &bytes[head..].repeat(511)].concat()
}

/// 1 GiB of zeros as zstd: blocks that are one byte, 131,072 times.
fn zstd_bomb() -> Vec<u8> {
    let head = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x38];
    [&head[..], &[2, 0, 0x10, 0].repeat(8192)].concat()
}

#[test]
fn a_bomb_is_refused_before_it_takes_memory() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { segment_size: Some(4 << 20), ..Options::default() };
    let spool = Spool::open(dir.path(), options).unwrap();
    spool.append_wait(record(Codec::Gzip, gzip_bomb())).unwrap();
    spool.append_wait(record(Codec::Zstd, zstd_bomb())).unwrap();
    // A frame that asks for a window of 64 MiB, with one byte in it.
    let greedy = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x80, 9, 0, 0, 0x61];
    spool.append_wait(record(Codec::Zstd, greedy.to_vec())).unwrap();
    let limit = MIB;
    let too_large = Err(DecodeError::TooLarge { limit });
    let results = take(&spool).into_iter().map(|bomb| bomb.decode(limit).map(|plain| plain.len()));
    assert_eq!(results.collect::<Vec<_>>(), [too_large, too_large, Err(DecodeError::Damaged)]);
    assert!(peak() < 200 * MIB, "{} MiB", peak() / MIB);
}

#[test]
fn what_is_not_what_its_codec_says_is_called_damaged() {
    for codec in [Codec::Gzip, Codec::Zstd] {
        let dir = tempfile::tempdir().unwrap();
        let spool = open(dir.path(), Codec::Identity);
        let whole = compressed(codec, telemetry(50));
        let twice = whole.repeat(2);
        let cut = whole[..whole.len() - 1].to_vec();
        for payload in [twice, cut, b"not at all".to_vec(), Vec::new()] {
            spool.append_wait(record(codec, payload)).unwrap();
        }
        for entry in take(&spool) {
            assert_eq!(entry.decode(MIB), Err(DecodeError::Damaged), "{codec:?}");
        }
    }
}
