//! The field table: every message of OTLP as static data, to walk bytes by.

pub use crate::generated::table::*;

/// A message type. Messages refer to each other, so they are statics and are passed as `&'static Message`.
///
/// ```
/// use smoltel_proto::table;
/// let name = table::SPAN.field(5).unwrap();
/// assert_eq!(name.json_name, "name");
/// assert_eq!(table::SPAN.field_named("startTimeUnixNano").unwrap().number, 7);
/// ```
#[derive(Debug)]
pub struct Message {
    /// The full name, such as `opentelemetry.proto.trace.v1.Span`.
    pub name: &'static str,
    /// How JSON writes it.
    pub form: Form,
    /// Whether it is what a signal is counted in: a span, a log record, a data point or a profile.
    pub item: bool,
    /// The field with number n is at n - 1.
    pub(crate) by_number: &'static [Option<Field>],
}

impl Message {
    /// The field with this number, if the message has one.
    #[inline]
    pub fn field(&self, number: u32) -> Option<&'static Field> {
        self.by_number.get(number.wrapping_sub(1) as usize)?.as_ref()
    }

    /// The field with this lowerCamelCase name, if the message has one.
    pub fn field_named(&self, json_name: &str) -> Option<&'static Field> {
        self.fields().find(|field| field.json_name == json_name)
    }

    /// All fields, in the order of their numbers.
    pub fn fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        self.by_number.iter().flatten()
    }
}

/// A field of a message.
#[derive(Debug)]
pub struct Field {
    /// The number on the wire, from 1 on.
    pub number: u32,
    /// The name in JSON, lowerCamelCase.
    pub json_name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// How often, and how its absence shows.
    pub cardinality: Cardinality,
    /// The wire type of one value; a packed field is also read and always written as `Length`.
    pub wire: WireType,
}

impl Field {
    pub(crate) const fn new(
        number: u32,
        json_name: &'static str,
        kind: Kind,
        cardinality: Cardinality,
    ) -> Self {
        Self { number, json_name, wire: kind.wire(), kind, cardinality }
    }

    /// Whether the field is a list.
    pub const fn is_repeated(&self) -> bool {
        matches!(self.cardinality, Cardinality::Repeated | Cardinality::Packed)
    }
}

/// What a field holds. Only what OTLP uses.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `bool`
    Bool,
    /// `int32`: a varint, ten bytes when negative.
    Int32,
    /// `int64`: a varint, ten bytes when negative.
    Int64,
    /// `uint32`
    Uint32,
    /// `uint64`
    Uint64,
    /// `sint32`: a zig-zag varint.
    Sint32,
    /// An enum; numbers without a name are kept.
    Enum,
    /// `fixed32`
    Fixed32,
    /// `fixed64`
    Fixed64,
    /// `sfixed64`
    Sfixed64,
    /// `double`
    Double,
    /// `string`: UTF-8.
    String,
    /// `bytes`, base64 in JSON.
    Bytes,
    /// A trace or span id: `bytes`, hexadecimal in JSON.
    Id,
    /// A message.
    Message(&'static Message),
}

impl Kind {
    const fn wire(self) -> WireType {
        match self {
            Kind::Bool | Kind::Int32 | Kind::Int64 | Kind::Uint32 => WireType::Varint,
            Kind::Uint64 | Kind::Sint32 | Kind::Enum => WireType::Varint,
            Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => WireType::Fixed64,
            Kind::Fixed32 => WireType::Fixed32,
            Kind::String | Kind::Bytes | Kind::Id | Kind::Message(_) => WireType::Length,
        }
    }
}

/// How often a field occurs, and how its absence shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cardinality {
    /// Once; a default value is the same as absence. A message has presence.
    Singular,
    /// Once; a default value that is set is kept.
    Optional,
    /// One of the message's oneof; a message has at most one oneof.
    Oneof,
    /// A list, each element with its own tag.
    Repeated,
    /// A list of numbers in one block; separate elements are read too.
    Packed,
}

/// A wire type of protobuf, but for groups, which OTLP does not use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireType {
    /// One to ten bytes.
    Varint = 0,
    /// Eight bytes, little-endian.
    Fixed64 = 1,
    /// A length and that many bytes.
    Length = 2,
    /// Four bytes, little-endian.
    Fixed32 = 5,
}

/// How JSON writes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An object with a member for each field.
    Fields,
    /// `google.protobuf.Any`: the members of the message within, and `@type`.
    Any,
    /// `google.protobuf.Duration`: a string, such as `"1.5s"`.
    Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_number_and_by_name_only() {
        assert!(SPAN.field(0).is_none());
        assert!(SPAN.field(17).is_none());
        assert!(SPAN.field(u32::MAX).is_none());
        assert!(SPAN.field_named("start_time_unix_nano").is_none());
        for field in SPAN.fields() {
            assert_eq!(SPAN.field(field.number).unwrap().json_name, field.json_name);
        }
    }
}
