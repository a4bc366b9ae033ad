//! How long a thread is held up by a span, alone and with another thread that records as well.

use std::sync::{Barrier, Mutex};
use std::time::Instant;

use crate::{collector, program};

/// Spans in a row, few enough for every queue.
const ROW: u32 = 256;
const ROWS: usize = 400;

pub(crate) fn table() {
    let endpoint = collector::start();
    println!("\n| ns on the calling thread | 1 thread | 2 threads |\n|---|---|---|");
    for (name, _) in program::PROGRAMS {
        let [one, two] = ["1", "2"].map(|threads| collector::child(&endpoint, &["threads", name, threads]));
        println!("| {name}: span | {one} | {two} |");
    }
}

/// Prints the median over all rows; between them everything is sent.
pub(crate) fn child(name: &str, threads: usize) {
    let program = program::start(name);
    let (together, times) = (Barrier::new(threads), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..ROWS {
                    if together.wait().is_leader() {
                        (program.flush)();
                    }
                    together.wait();
                    let start = Instant::now();
                    (0..ROW).for_each(|_| (program.span)());
                    let time = start.elapsed() / ROW;
                    times.lock().expect("no panic").push(time);
                }
            });
        }
    });
    let mut times = times.into_inner().expect("no panic");
    times.sort_unstable();
    println!("{}", times[times.len() / 2].as_nanos());
}
