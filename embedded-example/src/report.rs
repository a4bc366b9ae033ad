//! What programs print at their end.

use smoltel_core::{Loss, Pipeline, Signal};

use crate::{say, stack};

/// Prints what became of the records and what it took; whether none was lost.
pub fn losses(telemetry: &Pipeline) -> bool {
    let counters = telemetry.counters();
    for signal in Signal::ALL {
        line(signal, counters.recorded(signal), " recorded", "");
        for reason in Loss::ALL {
            match counters.lost(signal, reason) {
                0 => {}
                lost => line(signal, lost, " lost, ", reason.name()),
            }
        }
    }
    // In steps, so that a new compiler does not change what must be printed.
    say::text("stack: at most ");
    say::number(stack::deepest().next_multiple_of(STEP) as u32);
    say::text(" B\n");
    counters.lost_in_all() == 0
}

const STEP: usize = 1024;

fn line(signal: Signal, count: u64, what: &str, reason: &str) {
    say::text(signal.name());
    say::text(": ");
    say::number(u32::try_from(count).unwrap_or(u32::MAX));
    for part in [what, reason, "\n"] {
        say::text(part);
    }
}

/// Bytes in the rings.
pub fn waiting(telemetry: &Pipeline) -> usize {
    (0..).map_while(|lane| telemetry.with_lane(lane, |ring| ring.len())).sum()
}
