//! Every bit of a spool flips, and it is cut short at every byte: what is lost is what was hit, it is told and counted, and nothing
//! wrong is delivered.
//!
//! `PROVE=1` looks at every bit and byte; without it, at a share.

mod disk;

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use disk::Disk;
use smoltel_spool::vfs::Site;
use smoltel_spool::{Class, Codec, Gap, Loss, Options, Origin, Record, Signal, Spool};

const DATA: &str = "/spool/spool.dat";
const SEGMENT: usize = 8 << 10;
const WORKERS: usize = 2;

fn open(disk: &Disk) -> Spool {
    let options =
        Options { capacity: 16 * SEGMENT as u64, segment_size: Some(SEGMENT as u32), ..Options::default() };
    Spool::open_with(Arc::new(disk.clone()), "/spool", options).unwrap()
}

/// A record like no other: of three classes, some of devices, 40 to 2,900 bytes or too many for the rest of a segment, n + 1 items.
fn record(n: u32) -> Record {
    let len = if n % 12 == 6 { 3900 } else { 40 + (n as usize * 997) % 2860 };
    let mut payload = n.to_le_bytes().to_vec();
    payload.extend((4..len).map(|at| (n as usize * 31 + at) as u8));
    let origin = Origin { device: [n as u8 % 3; 16], epoch: 1, sequence: n.into() };
    Record {
        signal: Signal::ALL[n as usize % 4],
        class: Class::ALL[n as usize % 3],
        codec: Codec::Identity,
        stream: 0,
        items: n + 1,
        origin: n.is_multiple_of(2).then_some(origin),
        payload,
    }
}

/// What is stored: sequences, and of each the number of its record.
type Stock = BTreeMap<u64, u32>;

/// A spool of more than 64 KiB in segments of three classes, of which its destination has released nothing; closed.
fn image() -> (Disk, Stock) {
    const GROUPS: u32 = 5;
    let disk = Disk::default();
    let spool = open(&disk);
    spool.destination("up").unwrap();
    for group in 0..GROUPS {
        let (send, receive) = mpsc::channel();
        spool.append_all((group * 4..group * 4 + 4).map(record).collect(), move |result| {
            _ = send.send(result);
        });
        receive.recv().unwrap().unwrap();
    }
    spool.close(Duration::from_secs(10)).unwrap();
    drop(spool);
    // Opening it again makes MARKS.
    open(&disk).close(Duration::from_secs(10)).unwrap();
    assert!(disk.count(Site::IndexWrite) > 0);
    assert!(disk.read(DATA).len() >= 64 << 10 && !disk.read("/spool/MARKS").is_empty());
    (disk, (0..GROUPS * 4).map(|n| (u64::from(n) + 1, n)).collect())
}

/// What came after damage.
struct Seen {
    /// The sequences that did not come.
    missing: Vec<u64>,
    gaps: Vec<Gap>,
    /// Records and items counted as lost.
    counted: (u64, u64),
}

/// Opens, takes everything, checks that it is what was stored.
fn look(disk: &Disk, stock: &Stock) -> Seen {
    let spool = open(disk);
    let up = spool.destination("up").unwrap();
    let mut missing = stock.clone();
    while let Some(lease) = up.take(None, 1 << 20, Instant::now()) {
        for entry in lease.records() {
            let n = missing.remove(&entry.sequence).expect("it was stored, and comes once");
            let right = record(n);
            assert!(entry.payload == right.payload && entry.items == right.items, "record {n} is wrong");
            assert_eq!((entry.signal, entry.class, entry.origin), (right.signal, right.class, right.origin));
        }
        lease.release();
    }
    let losses = spool.stats().losses;
    let counted = (losses.records(Loss::Corrupt), losses.items(Loss::Corrupt));
    Seen { missing: missing.into_keys().collect(), gaps: spool.gaps(), counted }
}

/// Does `check` for each number below `count` that is wanted, on copies of the disk; `name` says what the number means.
fn sweep(name: &str, count: usize, share: usize, disk: &Disk, check: impl Fn(&Disk, usize) + Sync) -> usize {
    let step = if std::env::var_os("PROVE").is_some() { 1 } else { share };
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let check = &check;
            scope.spawn(move || {
                for number in (worker * step..count).step_by(step * WORKERS) {
                    // The last line before a panic says where it was.
                    let at = At(name, number);
                    check(&disk.copy(), number);
                    std::mem::forget(at);
                }
            });
        }
    });
    count.div_ceil(step)
}

struct At<'a>(&'a str, usize);

impl Drop for At<'_> {
    fn drop(&mut self) {
        eprintln!("{} {}", self.0, self.1);
    }
}

fn flip(disk: &Disk, path: &str, bit: usize) {
    let mut bytes = disk.read(path);
    bytes[bit / 8] ^= 1 << (bit % 8);
    disk.write(path, bytes);
}

#[test]
fn a_flipped_bit_costs_at_most_its_record_and_that_is_told() {
    let (disk, stock) = image();
    let bits = disk.read(DATA).len() * 8;
    let seen = sweep("bit", bits, 97, &disk, |disk, bit| {
        flip(disk, DATA, bit);
        let seen = look(disk, &stock);
        let items: u64 = seen.missing.iter().map(|sequence| u64::from(stock[sequence]) + 1).sum();
        assert!(seen.missing.len() <= 1, "{:?} are lost", seen.missing);
        assert_eq!(seen.counted, (seen.missing.len() as u64, items));
        match (&seen.missing[..], &seen.gaps[..]) {
            ([], []) => {}
            ([lost], [gap]) => {
                assert_eq!((gap.records, gap.items), (1, items));
                assert!(gap.sequences.as_ref().is_some_and(|among| among.contains(lost)), "{gap:?}");
            }
            other => panic!("{other:?}"),
        }
    });
    println!(
        "proved: {seen} of {bits} bits of spool.dat flipped: at most the record that was hit is lost, counted and told with its sequence and \
         items; nothing wrong is delivered"
    );
}

#[test]
fn a_flipped_bit_in_cursor_or_marks_loses_nothing() {
    let (disk, stock) = image();
    for path in ["/spool/CURSOR", "/spool/MARKS"] {
        let bits = disk.read(path).len() * 8;
        let seen = sweep(path, bits, 53, &disk, |disk, bit| {
            flip(disk, path, bit);
            let seen = look(disk, &stock);
            assert_eq!((seen.missing, seen.gaps, seen.counted), (vec![], vec![], (0, 0)));
        });
        println!("proved: {seen} of {bits} bits of {path} flipped: nothing is lost");
    }
}

#[test]
fn cut_at_any_byte_what_is_before_remains_and_the_rest_is_counted() {
    let (disk, stock) = image();
    let whole = disk.read(DATA);
    // Where each record ends.
    let ends: BTreeMap<u64, usize> =
        stock.iter().map(|(sequence, n)| (*sequence, end_of(&whole, &record(*n).payload))).collect();
    let seen = sweep("cut at", whole.len(), 101, &disk, |disk, at| {
        disk.write(DATA, whole[..at].to_vec());
        let seen = look(disk, &stock);
        let hit: Vec<u64> =
            ends.iter().filter(|(_, end)| **end > at).map(|(sequence, _)| *sequence).collect();
        assert_eq!(seen.missing, hit);
        let items: u64 = hit.iter().map(|sequence| u64::from(stock[sequence]) + 1).sum();
        assert_eq!(seen.counted, (hit.len() as u64, items));
    });
    println!(
        "proved: cut at {seen} of {} bytes: all before is there, all behind is counted in items",
        whole.len()
    );
}

fn end_of(bytes: &[u8], payload: &[u8]) -> usize {
    let at = bytes.windows(payload.len()).position(|window| window == payload);
    at.expect("it is stored as it is") + payload.len()
}
