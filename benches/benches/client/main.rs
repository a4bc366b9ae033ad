//! The application library beside its peers: what a call costs, and a million spans over HTTP to a collector that throws them away.
//!
//! `cargo xtask bench client` prints the tables of `… client calls`, `… client threads` and `… client spans [NUMBER]`; `… client sizes [WORD]`
//! builds a program with each library from nothing, which takes long.
//! The collector's threads are in the process that prints; whatever is measured is a child of it.

mod calls;
mod collector;
mod end_to_end;
mod floor;
mod lock;
mod machine;
mod ours;
mod program;
mod sizes;
mod threads;
mod with_emit;
mod with_fastrace;
mod with_opentelemetry;

/// Spans of a run from end to end.
const SPANS: u64 = 1_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--case", ..] | ["calls"] => calls::table(),
        ["threads"] => threads::table(),
        ["threads", name, count] => threads::child(name, count.parse().expect("a number of threads")),
        ["spans"] => end_to_end::table(SPANS),
        ["spans", number] => end_to_end::table(number.parse().expect("a number of spans")),
        ["spans", way, number] => end_to_end::child(way, number.parse().expect("a number of spans")),
        ["sizes"] => sizes::table(""),
        ["sizes", word] => sizes::table(word),
        [] => {
            calls::table();
            threads::table();
            end_to_end::table(SPANS);
        }
        _ => panic!("calls, threads, spans [NUMBER] or sizes [WORD], not {arguments:?}"),
    }
}
