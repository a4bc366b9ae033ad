//! Protobuf's wire format, over borrowed bytes: a [`Writer`] that cannot run past its buffer and a
//! [`Reader`] that trusts nothing.
//!
//! Follows the proto3 encoding rules: base-128 varints, little-endian fixed-size numbers,
//! length-delimited bytes. Nothing here knows a message of OTLP; those are in [`otlp`](crate::otlp).

pub mod varint;

mod reader;
pub(crate) mod text;
mod writer;

pub use reader::{Malformed, Payload, Reader};
pub use writer::{Full, Writer};
pub(crate) use writer::{SHORT, SMALL, copy, copy_short, equal, slide};

/// The wire type of a varint field.
pub const VARINT: u32 = 0;
/// The wire type of a 64-bit field: `fixed64`, `sfixed64`, `double`.
pub const FIXED64: u32 = 1;
/// The wire type of a length-delimited field: strings, bytes, messages, packed numbers.
pub const LEN: u32 = 2;
/// The wire type of a 32-bit field: `fixed32`, `sfixed32`, `float`.
pub const FIXED32: u32 = 5;

/// The tag of a field: its number and wire type in one number.
///
/// ```
/// use smoltel_core::wire::{tag, LEN};
/// assert_eq!(tag(1, LEN), 0x0A);
/// ```
pub const fn tag(number: u32, wire_type: u32) -> u32 {
    number << 3 | wire_type
}

/// Bytes that a length-delimited field takes whose tag is one byte (numbers 1 to 15).
pub const fn len_field(payload: usize) -> usize {
    1 + varint::len(payload as u64) + payload
}
