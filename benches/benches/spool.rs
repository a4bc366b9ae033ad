//! The spool beside a raw write and fdatasync of the same bytes, in the same run, in a temporary directory
//! of the disk that `TMPDIR` names.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use smoltel_spool::{Class, Codec, Destination, Options, Record, Signal, Spool, Stats, Sync};

/// Payloads: one export of a small program, and one of a busy one.
const SIZES: [usize; 2] = [3_500, 35_000];
const BATCHES: usize = 2_000;
const CALLERS: usize = 16;
const CAPACITY: u64 = 32 << 20;

fn main() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    println!("{:<52} {:>9} {:>9}", "", "3.5 KB", "35 KB");
    let rows = SIZES.map(|len| figures(dir.path(), len));
    let names = [
        "batches/s alone, durable one by one",
        "raw write + fdatasync, preallocated, batches/s",
        "ours / raw",
        "syncs per batch, alone (group and cursor)",
        "syncs per batch, 16 callers",
        "bytes written per payload byte, once recycling",
        "reopen with 256 MiB queued, ms",
    ];
    for (at, name) in names.iter().enumerate() {
        println!("{name:<52} {:>9.3} {:>9.3}", rows[0][at], rows[1][at]);
    }
}

fn figures(dir: &Path, len: usize) -> [f64; 7] {
    let options = Options { capacity: CAPACITY, ..Options::default() };
    let spool = Spool::open(dir.join(format!("spool-{len}")), options).expect("a spool");
    let destination = spool.destination("bench").expect("a destination");
    // Until every segment has been used: from here on they are recycled.
    (0..CAPACITY as usize * 5 / 4 / len).for_each(|_| pass(&spool, &destination, len));

    let before = spool.stats();
    let alone = per_second(BATCHES, || (0..BATCHES).for_each(|_| pass(&spool, &destination, len)));
    let after = spool.stats();
    let written = (after.bytes_written - before.bytes_written) as f64 / (BATCHES * len) as f64;

    let crowd_before = spool.stats();
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| (0..BATCHES / CALLERS).for_each(|_| pass(&spool, &destination, len)));
        }
    });
    let crowd = syncs(&crowd_before, &spool.stats());
    let raw = raw(&dir.join("raw"), len);
    [alone, raw, alone / raw, syncs(&before, &after), crowd, written, reopen(dir, len)]
}

fn record(len: usize) -> Record {
    let (class, codec) = (Class::Normal, Codec::Identity);
    Record { signal: Signal::Traces, class, codec, stream: 0, items: 10, origin: None, payload: vec![7; len] }
}

/// One batch in, durable, and one out.
fn pass(spool: &Spool, destination: &Destination, len: usize) {
    spool.append_wait(record(len)).expect("room");
    if let Some(lease) = destination.take(None, 1, Instant::now()) {
        lease.release();
    }
}

fn syncs(before: &Stats, after: &Stats) -> f64 {
    let syncs = |stats: &Stats| stats.data_syncs + stats.cursor_syncs;
    (syncs(after) - syncs(before)) as f64 / BATCHES as f64
}

fn per_second(n: usize, f: impl FnOnce()) -> f64 {
    let start = Instant::now();
    f();
    n as f64 / start.elapsed().as_secs_f64()
}

fn raw(path: &Path, len: usize) -> f64 {
    let file = File::options().create(true).write(true).truncate(true).open(path).expect("a file");
    let (block, data) = ([0; 4096], vec![7; len]);
    (0..CAPACITY / 4096).for_each(|i| file.write_all_at(&block, i * 4096).expect("room"));
    file.sync_all().expect("a disk that syncs");
    let fitting = CAPACITY as usize / len;
    per_second(BATCHES, || {
        for i in 0..BATCHES {
            file.write_all_at(&data, (i % fitting * len) as u64).expect("room");
            file.sync_data().expect("a disk that syncs");
        }
    })
}

/// The median of five, with the page cache warm.
fn reopen(dir: &Path, len: usize) -> f64 {
    let dir = dir.join(format!("queued-{len}"));
    let options = Options { capacity: 320 << 20, sync: Sync::Os, ..Options::default() };
    let spool = Spool::open(&dir, options.clone()).expect("a spool");
    spool.destination("bench").expect("a destination");
    (0..(256 << 20) / len).for_each(|_| _ = spool.append_wait(record(len)).expect("room"));
    spool.close(Duration::from_secs(60)).expect("a disk that syncs");
    drop(spool);
    let mut times = [(); 5].map(|()| {
        let start = Instant::now();
        let spool = Spool::open(&dir, options.clone()).expect("the same spool");
        let time = start.elapsed().as_secs_f64() * 1e3;
        drop(spool);
        time
    });
    times.sort_by(f64::total_cmp);
    times[2]
}
