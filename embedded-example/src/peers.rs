//! What the programs `span`, `micropb` and `femtopb` share: the values of the span that each encodes, and how it is counted.

use semihosting::{eprintln, process};

use crate::measure;

/// Of the trace and the span: 16 bytes, of which the span's id is the first 8.
pub const ID: [u8; 16] = *b"serial no. 00042";
/// When it starts; the event is a millisecond later, and the end one more.
pub const START: u64 = 1_700_000_000_000_000_000;
/// A millisecond.
pub const MS: u64 = 1_000_000;

/// Counts `encode`, which returns how many bytes it wrote, and ends the program.
pub fn run(mut encode: impl FnMut() -> usize) -> ! {
    let mut len = 0;
    let taken = measure::instructions(&mut || (), &mut || len = encode());
    eprintln!("span, 8 attributes and 1 event: {len} B, at most {}", taken.next_multiple_of(100));
    process::exit(if len > 0 { 0 } else { 1 })
}
