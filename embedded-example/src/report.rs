//! What programs print at their end.

use semihosting::eprintln;
use smoltel_core::{Loss, Pipeline, Signal};

use crate::stack;

/// Prints what became of the records and what it took; whether none was lost.
pub fn losses(telemetry: &Pipeline) -> bool {
    let counters = telemetry.counters();
    for signal in Signal::ALL {
        eprintln!("{}: {} recorded", signal.name(), counters.recorded(signal));
        for reason in Loss::ALL {
            match counters.lost(signal, reason) {
                0 => {}
                lost => eprintln!("{}: {lost} lost, {}", signal.name(), reason.name()),
            }
        }
    }
    // In steps, so that a new compiler does not change what must be printed.
    eprintln!("stack: at most {} B", stack::deepest().next_multiple_of(1024));
    counters.lost_in_all() == 0
}

/// Bytes in the rings.
pub fn waiting(telemetry: &Pipeline) -> usize {
    (0..).map_while(|lane| telemetry.with_lane(lane, |ring| ring.len())).sum()
}
