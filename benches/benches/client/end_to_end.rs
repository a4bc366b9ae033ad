//! Many spans over HTTP to the null collector, as fast as one thread makes them.

use std::time::Instant;

use crate::{collector, floor, machine, program};

/// A paced sender waits until all has left after so many: half of what the SDK's queue holds.
const PACE: u64 = 1024;

const WAYS: &[&str] = &[
    "floor",
    "smoltel, paced",
    "smoltel, burst",
    "opentelemetry, paced",
    "opentelemetry, burst",
    "emit, paced",
    "emit, burst",
    "fastrace, paced",
    "fastrace, burst",
];

pub(crate) fn table(spans: u64) {
    let endpoint = collector::start();
    println!(
        "\n| {spans} spans over HTTP | CPU µs a span | wall s | peak RSS MB | arrived | not arrived | it says |"
    );
    println!("|---|---|---|---|---|---|---|");
    for way in WAYS {
        collector::take_arrived();
        let said = collector::child(&endpoint, &["spans", way, &spans.to_string()]);
        let arrived = collector::take_arrived();
        let [cpu, wall, memory, words] = said.splitn(4, ' ').collect::<Vec<_>>()[..] else {
            panic!("{way}: {said}")
        };
        let per_span = cpu.parse::<f64>().expect("seconds") * 1e6 / spans as f64;
        println!(
            "| {way} | {per_span:.2} | {wall} | {memory} | {:.1} % | {} | {words} |",
            arrived as f64 * 100.0 / spans as f64,
            spans - arrived
        );
    }
}

/// Sends, and prints what it took. What starting took is not counted.
pub(crate) fn child(way: &str, spans: u64) {
    let (name, how) = way.split_once(", ").unwrap_or((way, ""));
    let endpoint = collector::of_parent();
    let program = (name != "floor").then(|| program::start(name));
    let (wall, cpu) = (Instant::now(), machine::cpu_seconds());
    let words = match program {
        None => floor::send(&endpoint, spans),
        Some(program) => {
            for i in 1..=spans {
                (program.span)();
                if how == "paced" && i % PACE == 0 {
                    (program.flush)();
                }
            }
            (program.finish)()
        }
    };
    let (cpu, wall) = (machine::cpu_seconds() - cpu, wall.elapsed().as_secs_f64());
    println!("{cpu:.3} {wall:.2} {:.1} {words}", machine::peak_memory());
}
