//! The power fails at every operation of many workloads, in every way that there is: nothing acknowledged is missing
//! afterwards, nothing has wrong bytes, nothing is called damaged, what was released comes again only if CURSOR did not
//! know yet, and it goes on working.
//!
//! `PROVE=1` looks at all states, without it a share. A failure prints a line that shows it again:
//! `REPLAY='...' cargo test -p smoltel-spool --test crash`.

mod disk;
mod explore;

use std::env;
use std::sync::atomic::Ordering;

use explore::{Effort, Search};

#[test]
fn a_crash_at_any_operation_keeps_all_promises() {
    let workloads = explore::all();
    if let Ok(place) = env::var("REPLAY") {
        return explore::replay(&workloads, &place).unwrap();
    }
    let all = env::var_os("PROVE").is_some();
    let search = Search::new(if all { Effort::FULL } else { Effort::SHARE }, None);
    let result = search.run(&workloads);
    let second = search.second_crashes.load(Ordering::Relaxed);
    println!(
        "proved: {} workloads crash at every operation: {} distinct states, {second} second crashes, nothing acknowledged is missing",
        workloads.len(),
        search.states()
    );
    result.unwrap_or_else(|problem| panic!("{problem}"));
    assert!(!all || search.states() >= 1_000_000);
}
