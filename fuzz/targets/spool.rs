//! What a disk gives back instead of what it was given: the spool opens or says why not, gives out nothing that was not stored, takes no
//! more memory than for its largest record, and its fsck loses its head over nothing either.
//!
//! The input is changes to a sound spool: which file (and, with the highest bit of the first byte, that no CRC is
//! looked at), where, how many bytes, and the bytes.

#![no_main]

#[path = "../../std-adapter/spool/tests/disk/mod.rs"]
mod disk;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use disk::Disk;
use libfuzzer_sys::fuzz_target;
use smoltel_spool::vfs::Site;
use smoltel_spool::{Class, Codec, Options, Origin, Reader, Record, Signal, Spool, verify_with};

const FILES: [&str; 3] = ["/spool/spool.dat", "/spool/CURSOR", "/spool/MARKS"];
const CRCS: [Site; 6] =
    [Site::SegmentCrc, Site::RecordCrc, Site::IndexCrc, Site::PayloadCrc, Site::CursorCrc, Site::MarksCrc];
/// Bytes that may be in use at once beyond those at the start: the files are some 60 kB.
const MEMORY: usize = 8 << 20;

/// Counts what is allocated.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator as it comes.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = IN_USE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn options() -> Options {
    Options { capacity: 12 * 8192, segment_size: Some(8192), ..Options::default() }
}

fn record(n: u8) -> Record {
    let origin = Origin { device: [n % 2; 16], epoch: 1, sequence: n.into() };
    let class = Class::ALL[usize::from(n) % 3];
    Record {
        signal: Signal::ALL[usize::from(n) % 4],
        class,
        codec: Codec::Identity,
        stream: 0,
        items: 3,
        origin: Some(origin),
        // The long ones fill segments, which leaves room for an index.
        payload: vec![n; if n % 4 == 3 { 3900 } else { 40 + 100 * usize::from(n) }],
    }
}

/// A spool with something in each file.
fn sound() -> &'static Disk {
    static SOUND: OnceLock<Disk> = OnceLock::new();
    SOUND.get_or_init(|| {
        let disk = Disk::default();
        for round in 0..2 {
            let spool = Spool::open_with(Arc::new(disk.clone()), "/spool", options()).expect("a sound disk");
            let up = spool.destination("up").expect("a sound disk");
            (round * 4..round * 4 + 4).for_each(|n| _ = spool.append_wait(record(n)).expect("room"));
            if let Some(lease) = up.take(None, 100, Instant::now()) {
                lease.release();
            }
            spool.close(Duration::from_secs(10)).expect("a sound disk");
            assert!(disk.count(Site::IndexWrite) > round.into(), "an index each");
        }
        disk
    })
}

fuzz_target!(|bytes: &[u8]| {
    let disk = sound().copy();
    let mut files = FILES.map(|path| disk.read(path));
    let mut rest = bytes;
    let mut blind = false;
    while let [file, at1, at2, len, tail @ ..] = rest {
        blind |= file & 0x80 != 0;
        let content = &mut files[usize::from(file & 0x7f) % 3];
        let (new, after) = tail.split_at(tail.len().min(usize::from(*len)));
        let at = usize::from(u16::from_be_bytes([*at1, *at2]));
        if new.is_empty() {
            content.truncate(at);
        } else {
            content.resize(content.len().max(at + new.len()), 0);
            content[at..at + new.len()].copy_from_slice(new);
        }
        rest = after;
    }
    FILES.iter().zip(&files).for_each(|(path, content)| disk.write(path, content.clone()));
    if blind {
        CRCS.iter().for_each(|site| disk.switch_off(*site));
    }
    PEAK.store(IN_USE.load(Ordering::Relaxed), Ordering::Relaxed);
    let before = IN_USE.load(Ordering::Relaxed);
    look(&disk, blind);
    let peak = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    assert!(peak < MEMORY, "{peak} bytes in use at once");
});

fn look(disk: &Disk, blind: bool) {
    _ = verify_with(Arc::new(disk.clone()), "/spool");
    if let Ok(reader) = Reader::open_with(Arc::new(disk.clone()), "/spool") {
        for listed in reader.list().unwrap_or_default() {
            _ = reader.read(&listed);
        }
    }
    let Ok(spool) = Spool::open_with(Arc::new(disk.clone()), "/spool", options()) else { return };
    let Ok(up) = spool.destination("up") else { return };
    while let Some(lease) = up.take(None, 1 << 20, Instant::now()) {
        for entry in lease.records() {
            // Whoever does not look at CRCs has to take what comes.
            let n = entry.payload.first().copied().unwrap_or_default();
            assert!(blind || entry.payload == record(n).payload, "nobody stored this");
        }
        lease.release();
    }
    _ = spool.append_wait(record(9));
    _ = spool.close(Duration::from_secs(10));
}
