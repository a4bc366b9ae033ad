//! What the programs `span`, `micropb` and `femtopb` share: the values of the span that each encodes, and how it is counted.

use semihosting::{eprintln, process};

use crate::measure;

/// Of the trace and the span: 16 bytes, of which the span's id is the first 8.
pub const ID: [u8; 16] = *b"serial no. 00042";
/// When it starts; the event is a millisecond later, and the end one more.
pub const START: u64 = 1_700_000_000_000_000_000;
/// A millisecond.
pub const MS: u64 = 1_000_000;

/// The eight attributes, each by `$attribute`, whose values are variants that the caller has in scope.
#[macro_export]
macro_rules! attributes {
    ($attribute:ident) => {
        [
            $attribute("valve.id", IntValue(3)),
            $attribute("valve.open", BoolValue(true)),
            $attribute("target.celsius", DoubleValue(21.5)),
            $attribute("mode", StringValue("eco")),
            $attribute("pump.id", IntValue(7)),
            $attribute("pump.rpm", IntValue(1450)),
            $attribute("loop.count", IntValue(12)),
            $attribute("manual", BoolValue(false)),
        ]
    };
}

/// The span as the `Span` that the caller has in scope, with its lists, and with the fields that only one encoder has.
#[macro_export]
macro_rules! span {
    ($attributes:expr, $events:expr $(, $field:ident: $value:expr)?) => {
        Span {
            trace_id: &$crate::peers::ID,
            span_id: &$crate::peers::ID[..8],
            parent_span_id: &[],
            name: "adjust",
            kind: 1,
            start_time_unix_nano: $crate::peers::START,
            end_time_unix_nano: $crate::peers::START + 2 * $crate::peers::MS,
            attributes: $attributes,
            events: $events,
            flags: 0x101,
            $($field: $value,)?
        }
    };
}

/// Counts `encode`, which returns how many bytes it wrote, and ends the program.
pub fn run(mut encode: impl FnMut() -> usize) -> ! {
    let mut len = 0;
    let taken = measure::instructions(&mut || (), &mut || len = encode());
    eprintln!("span, 8 attributes and 1 event: {len} B, at most {}", taken.next_multiple_of(100));
    process::exit(if len > 0 { 0 } else { 1 })
}
