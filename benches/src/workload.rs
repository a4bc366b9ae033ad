//! What all benches record.

use std::hint::black_box;

use smoltel_core::platform::Platform;
use smoltel_core::{Key, Span, Value};

/// A span's name.
pub const NAME: &str = "GET /api/v1/orders/x";
/// Keys as semantic conventions have them.
pub const NAMES: [&str; 8] = [
    "http.request.method",
    "http.route",
    "server.address",
    "user_agent.name",
    "http.response.status_code",
    "server.port",
    "cache.hit",
    "queue.wait_ms",
];
/// The same keys, encoded at compile time.
pub const CONST_KEYS: [Key<'static>; 8] = {
    let mut keys = [Key::new(""); 8];
    let mut i = 0;
    while i < 8 {
        keys[i] = Key::new(NAMES[i]);
        i += 1;
    }
    keys
};
/// Values of sixteen bytes.
pub const TEXTS: [&str; 4] = ["x9-kq/ab_c0d.ef1", "/api/v1/orders/x", "ip-10-0-13-37-ab", "curl-8.5.0-linux"];
/// A body of eighty bytes.
pub const BODY: &str = "an order was placed, paid for, packed, sent off and signed for by a neighbour .....";

/// Sets three attributes or eight, as a program does that was written by hand: the compiler sees of what kind each value
/// is, and not what it holds.
#[inline(always)]
pub fn set_attributes<P: Platform>(span: &mut Span<P>, number: usize) {
    if number >= 3 {
        span.set(CONST_KEYS[0], black_box(TEXTS[0]));
        span.set(CONST_KEYS[1], black_box(TEXTS[1]));
        span.set(CONST_KEYS[2], black_box(TEXTS[2]));
    }
    if number >= 8 {
        span.set(CONST_KEYS[3], black_box(TEXTS[3]));
        span.set(CONST_KEYS[4], black_box(404));
        span.set(CONST_KEYS[5], black_box(8080));
        span.set(CONST_KEYS[6], black_box(true));
        span.set(CONST_KEYS[7], black_box(1234.5));
    }
}

/// The value of the key with that number: four texts, two integers, a flag, a double.
pub fn value(i: usize) -> Value<'static> {
    match i {
        0..=3 => TEXTS[i].into(),
        4 => 404.into(),
        5 => 8080.into(),
        6 => true.into(),
        _ => 1234.5.into(),
    }
}
