//! What micropb takes for the span that `span` records: its structs are built, and written into a buffer.
#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use micropb::{MessageEncode, PbEncoder};
use smoltel_embedded_example::peers::{self, MS, START};
use smoltel_embedded_example::{attributes, span};

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
    static ATTRIBUTES: [KeyValue; 8] = attributes!(attribute);
    let span = span!(black_box(&ATTRIBUTES), black_box(&EVENTS));
    let room = buffer.len();
    let mut encoder = PbEncoder::new(buffer);
    let written = black_box(&span).encode(&mut encoder);
    written.map_or(0, |()| room - encoder.into_writer().len())
}

const fn attribute(key: &'static str, value: Value) -> KeyValue {
    let _has = KeyValue_::_Hazzer::_new().init_value();
    KeyValue { key, value: AnyValue { value: Some(value) }, _has }
}
