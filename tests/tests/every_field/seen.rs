//! Which fields stand in bytes, by the protocol's table.

use std::collections::BTreeSet;

use smoltel_core::wire::{Payload, Reader};
use smoltel_proto::table::{self, Cardinality, Field, Kind, Message};

/// A message's full name and a field's number.
pub(crate) type Place = (&'static str, u32);

/// What was found.
#[derive(Default)]
pub(crate) struct Seen {
    /// Fields with a value that is not the default.
    pub(crate) values: BTreeSet<Place>,
    /// Fields that are there with the default value.
    pub(crate) defaults: BTreeSet<Place>,
}

impl Seen {
    pub(crate) fn walk(&mut self, message: &'static Message, bytes: &[u8]) {
        for field in Reader::new(bytes) {
            let (number, payload) = field.expect("a well-formed message");
            let field = message.field(number).unwrap_or_else(|| panic!("{} has no {number}", message.name));
            let is_default = match payload {
                Payload::Varint(value) | Payload::Fixed64(value) => value == 0,
                Payload::Fixed32(value) => value == 0,
                Payload::Len(bytes) => bytes.is_empty(),
            };
            let found = if is_default { &mut self.defaults } else { &mut self.values };
            found.insert((message.name, number));
            if let (Kind::Message(inner), Payload::Len(bytes)) = (field.kind, payload) {
                self.walk(inner, bytes);
            }
        }
    }
}

/// The roots of the stable signals.
pub(crate) const STABLE: [&Message; 9] = [
    &table::EXPORT_TRACE_SERVICE_REQUEST,
    &table::EXPORT_TRACE_SERVICE_RESPONSE,
    &table::TRACES_DATA,
    &table::EXPORT_METRICS_SERVICE_REQUEST,
    &table::EXPORT_METRICS_SERVICE_RESPONSE,
    &table::METRICS_DATA,
    &table::EXPORT_LOGS_SERVICE_REQUEST,
    &table::EXPORT_LOGS_SERVICE_RESPONSE,
    &table::LOGS_DATA,
];

/// Those of the one in development.
pub(crate) const PROFILES: [&Message; 3] = [
    &table::EXPORT_PROFILES_SERVICE_REQUEST,
    &table::EXPORT_PROFILES_SERVICE_RESPONSE,
    &table::PROFILES_DATA,
];

/// Every field below the roots.
pub(crate) fn fields(roots: &[&'static Message]) -> Vec<(&'static Message, &'static Field)> {
    let mut names = BTreeSet::new();
    let (mut found, mut todo) = (Vec::new(), roots.to_vec());
    while let Some(message) = todo.pop() {
        if names.insert(message.name) {
            for field in message.fields() {
                found.push((message, field));
                todo.extend(if let Kind::Message(inner) = field.kind { Some(inner) } else { None });
            }
        }
    }
    found
}

/// Whether the default value of a field says something else than its absence. A metric without points
/// says nothing.
pub(crate) fn default_says_something(message: &Message, field: &Field) -> bool {
    matches!(field.cardinality, Cardinality::Oneof | Cardinality::Optional)
        && message.name != table::METRIC.name
}
