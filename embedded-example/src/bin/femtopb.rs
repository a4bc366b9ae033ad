//! What femtopb takes for the span that `span` records: its structs are built, and written into a buffer.
#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m_rt::entry;
use femtopb::{Message, Repeated, UnknownFields};
use smoltel_embedded_example::peers::{self, MS, START};
use smoltel_embedded_example::{attributes, span};

use generated::any_value::Value::{self, BoolValue, DoubleValue, IntValue, StringValue};
use generated::{AnyValue, Event, KeyValue, Span};

/// Of peers/span.proto, by femtopb-build 0.9.0.
#[allow(warnings, clippy::all, clippy::allow_attributes_without_reason, reason = "generated")]
#[path = "../peers/femtopb.rs"]
mod generated;

const NONE: UnknownFields<'static> = UnknownFields::empty();

#[entry]
fn main() -> ! {
    let mut buffer = [0; 512];
    peers::run(|| encode(black_box(&mut buffer)))
}

#[inline(never)]
fn encode(buffer: &mut [u8]) -> usize {
    let event = [attribute("loop.count", IntValue(12))];
    let events = [Event {
        time_unix_nano: START + MS,
        name: "opened",
        attributes: Repeated::from_slice(&event),
        unknown_fields: NONE,
    }];
    let attributes = attributes!(attribute);
    let (attributes, events) = (black_box(&attributes), black_box(&events));
    let span = span!(Repeated::from_slice(attributes), Repeated::from_slice(events), unknown_fields: NONE);
    let room = buffer.len();
    let mut rest = buffer;
    let written = black_box(&span).encode(&mut rest);
    written.map_or(0, |()| room - rest.len())
}

const fn attribute(key: &'static str, value: Value<'static>) -> KeyValue<'static> {
    let value = Some(AnyValue { value: Some(value), unknown_fields: NONE });
    KeyValue { key, value, unknown_fields: NONE }
}
