//! Instructions and allocations of a call, of all threads together, until its bytes are with the operating system.

use smoltel_benches::{Case, Count, called};

use crate::collector;
use crate::program::{self, Act, Program};

const CASES: &[Case] = &[
    ("smoltel: span", |n| spans("smoltel", n)),
    ("smoltel: log", |n| logs("smoltel", n)),
    ("smoltel: counter", |n| counts("smoltel", n)),
    ("opentelemetry: span", |n| spans("opentelemetry", n)),
    ("opentelemetry: log", |n| logs("opentelemetry", n)),
    ("opentelemetry: counter", |n| counts("opentelemetry", n)),
    ("emit: span, without an event", |n| spans("emit", n)),
    ("emit: log", |n| logs("emit", n)),
    ("fastrace: span, texts for numbers", |n| spans("fastrace", n)),
];

pub(crate) fn table() {
    if called(CASES) {
        return;
    }
    let environment = [(collector::ENDPOINT, &*collector::start())];
    println!("\n| a call, in all | instructions | allocations |\n|---|---|---|");
    for (name, _) in CASES {
        let count = |what: Count| what.of_a_round(name, &environment).expect("valgrind, and a run that ends");
        println!("| {name} | {:.0} | {:.2} |", count(Count::Instructions), count(Count::Allocations));
    }
}

fn spans(name: &str, rounds: u64) {
    run(name, rounds, |program| Some(&program.span));
}

fn logs(name: &str, rounds: u64) {
    run(name, rounds, |program| program.log.as_ref());
}

/// Calls that often, sending in between, so that nothing is lost.
fn run(name: &str, rounds: u64, act: fn(&Program) -> Option<&Act>) {
    let program = program::start(name);
    let call = act(&program).expect("a library that can");
    for i in 1..=rounds {
        call();
        if i % 512 == 0 {
            (program.flush)();
        }
    }
    (program.finish)();
}

/// Points add up, so there is nothing to send in between.
fn counts(name: &str, rounds: u64) {
    let program = program::start(name);
    let call = program.count.as_ref().expect("a library that can");
    (0..rounds).for_each(|_| call());
    (program.finish)();
}
