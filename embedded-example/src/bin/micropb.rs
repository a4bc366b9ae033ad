//! What micropb takes for the span that `span` records: its structs are built, and written into a buffer.
#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use micropb::{MessageEncode, PbEncoder};
use smoltel_embedded_example::peers::{self, ID, MS, START};

use AnyValue_::Value::{self, BoolValue, DoubleValue, IntValue, StringValue};
use generated::span_::{AnyValue, AnyValue_, Event, KeyValue, KeyValue_, Span};

/// Of peers/span.proto, by micropb-gen 0.7.0.
#[allow(warnings, clippy::all, clippy::allow_attributes_without_reason, reason = "generated")]
#[path = "../peers/micropb.rs"]
mod generated;

#[entry]
fn main() -> ! {
    let mut buffer = [0; 512];
    peers::run(|| encode(black_box(&mut buffer)))
}

#[inline(never)]
fn encode(buffer: &mut [u8]) -> usize {
    static EVENT: [KeyValue; 1] = [attribute("loop.count", IntValue(12))];
    static EVENTS: [Event; 1] = [Event { time_unix_nano: START + MS, name: "opened", attributes: &EVENT }];
    static ATTRIBUTES: [KeyValue; 8] = [
        attribute("valve.id", IntValue(3)),
        attribute("valve.open", BoolValue(true)),
        attribute("target.celsius", DoubleValue(21.5)),
        attribute("mode", StringValue("eco")),
        attribute("pump.id", IntValue(7)),
        attribute("pump.rpm", IntValue(1450)),
        attribute("loop.count", IntValue(12)),
        attribute("manual", BoolValue(false)),
    ];
    let span = Span {
        trace_id: &ID,
        span_id: &ID[..8],
        parent_span_id: &[],
        name: "adjust",
        kind: 1,
        start_time_unix_nano: START,
        end_time_unix_nano: START + 2 * MS,
        attributes: black_box(&ATTRIBUTES),
        events: black_box(&EVENTS),
        flags: 0x101,
    };
    let room = buffer.len();
    let mut encoder = PbEncoder::new(buffer);
    let written = black_box(&span).encode(&mut encoder);
    written.map_or(0, |()| room - encoder.into_writer().len())
}

const fn attribute(key: &'static str, value: Value) -> KeyValue {
    let _has = KeyValue_::_Hazzer::_new().init_value();
    KeyValue { key, value: AnyValue { value: Some(value) }, _has }
}
