//! Our `.proto` files say what OTLP says.

mod support;

use std::collections::BTreeSet;

use protox::prost_reflect::{Cardinality, DescriptorPool, Kind};

const PREFIX: &str = "opentelemetry.proto.";

/// Every message, field, enum value and method as one line.
fn facts(pool: &DescriptorPool) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    for message in pool.all_messages().filter(|message| is_otlp(message.full_name())) {
        facts.insert(format!(
            "message {} reserves {:?}",
            message.full_name(),
            message.reserved_ranges().collect::<Vec<_>>()
        ));
        for field in message.fields() {
            let kind = match field.kind() {
                Kind::Message(message) => message.full_name().to_owned(),
                Kind::Enum(kind) => kind.full_name().to_owned(),
                scalar => format!("{scalar:?}"),
            };
            let oneof = field.containing_oneof().map(|oneof| oneof.name().to_owned());
            facts.insert(format!(
                "field {} {} {} {kind} {:?} {oneof:?} optional {} packed {}",
                field.full_name(),
                field.number(),
                field.json_name(),
                field.cardinality(),
                field.field_descriptor_proto().proto3_optional(),
                field.cardinality() == Cardinality::Repeated && field.is_packed(),
            ));
        }
    }
    for kind in pool.all_enums().filter(|kind| is_otlp(kind.full_name())) {
        facts.extend(
            kind.values()
                .map(|value| format!("enum {} {} {}", kind.full_name(), value.name(), value.number())),
        );
    }
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let (input, output) = (method.input(), method.output());
        facts.insert(format!("method {} {} {}", method.full_name(), input.full_name(), output.full_name()));
    }
    facts
}

/// The process context is not part of OTLP.
fn is_otlp(name: &str) -> bool {
    name.starts_with(PREFIX) && !name.contains(".processcontext.")
}

#[test]
fn messages_fields_and_enum_values_are_as_many_as_in_otlp() {
    let pool = support::pool();
    let count = |stable: bool| {
        let messages = pool.all_messages().filter(|message| is_otlp(message.full_name()));
        let chosen: Vec<_> =
            messages.filter(|message| !stable || !message.full_name().contains(".profiles.")).collect();
        (chosen.len(), chosen.iter().map(|message| message.fields().len()).sum::<usize>())
    };
    assert_eq!(count(true), (43, 163), "the stable signals");
    assert_eq!(count(false), (60, 223), "with profiles");
    let enums: Vec<_> = pool.all_enums().filter(|kind| is_otlp(kind.full_name())).collect();
    assert_eq!((enums.len(), enums.iter().map(|kind| kind.values().len()).sum::<usize>()), (7, 45));
    assert_eq!(pool.services().len(), 4);
}

#[test]
fn descriptors_equal_the_official_ones() {
    let Some(folder) = support::reference("proto") else {
        return support::not_compared("the folder of official .proto files, ../../shared/reference/proto,");
    };
    let official = facts(&support::generator::compile(&folder));
    let ours = facts(&support::pool());
    let differ: Vec<_> = official.symmetric_difference(&ours).collect();
    assert!(differ.is_empty(), "only in one of both: {differ:#?}");
    assert!(ours.len() > 300);
}

#[test]
fn the_table_has_every_message_and_field() {
    let (pool, table) = (support::pool(), support::messages());
    for message in pool.all_messages() {
        let entry =
            table.get(message.full_name()).unwrap_or_else(|| panic!("{} is missing", message.full_name()));
        assert_eq!(entry.fields().count(), message.fields().len());
        for field in message.fields() {
            assert_eq!(entry.field(field.number()).unwrap().json_name, field.json_name());
        }
    }
}
