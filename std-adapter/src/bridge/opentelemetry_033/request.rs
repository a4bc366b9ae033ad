use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::Resource;
use smoltel_core::otlp::resource;
use smoltel_core::wire::{Full, Writer, len_field};

use super::values::Values;
use crate::Scope;

/// `resource_spans` and its like in a request.
const RESOURCES: u32 = 1;
/// `scope_spans` and its like in a resource; and within them `spans`, `metrics`, `log_records`.
const WITHIN: u32 = 2;

/// A request while its records are written, one after the other, by scope.
pub(super) struct Request<'a> {
    values: Values<'a>,
    scopes: Vec<Group<'a>>,
}

/// The records of one scope.
struct Group<'a> {
    /// Of a log record it is the target, if it has one.
    name: &'a str,
    scope: &'a InstrumentationScope,
    records: Vec<u8>,
}

impl<'a> Request<'a> {
    pub(super) fn new(values: Values<'a>) -> Self {
        Self { values, scopes: Vec::new() }
    }

    /// Adds a record of that scope.
    pub(super) fn add(
        &mut self,
        (name, scope): (&'a str, &'a InstrumentationScope),
        record: impl Fn(&mut Writer<'_>) -> Result<(), Full>,
    ) {
        // Records of one scope come in runs.
        let known = self.scopes.iter().rposition(|group| group.name == name && is_same(group.scope, scope));
        let at = known.unwrap_or_else(|| {
            self.scopes.push(Group { name, scope, records: Vec::new() });
            self.scopes.len() - 1
        });
        if let Some(group) = self.scopes.get_mut(at) {
            append(&mut group.records, |w| w.message(WITHIN, |w| record(w)));
        }
    }

    /// The whole request.
    pub(super) fn finish(&self, resource: &[u8]) -> Vec<u8> {
        let scopes: Vec<_> = self.scopes.iter().map(|group| (self.scope(group), &group.records)).collect();
        let len = |(scope, records): &(Scope<'_>, &Vec<u8>)| scope.fields_len() + records.len();
        let all = resource.len() + scopes.iter().map(|group| len_field(len(group))).sum::<usize>();
        let mut body = vec![0; len_field(all)];
        let mut w = Writer::new(&mut body);
        let written = w.head(RESOURCES, all).and_then(|()| w.put(resource)).and_then(|()| {
            scopes.iter().try_for_each(|group| {
                w.head(WITHIN, len(group))?;
                group.0.encode(&mut w)?;
                w.put(group.1)
            })
        });
        debug_assert_eq!(written, Ok(()), "the room was computed from the same parts");
        body
    }

    fn scope(&self, group: &Group<'a>) -> Scope<'a> {
        Scope::new(group.name)
            .version(group.scope.version().unwrap_or_default())
            .schema_url(group.scope.schema_url().unwrap_or_default())
            .attributes(self.values.attributes(group.scope.attributes()))
    }
}

/// Whether two scopes differ in their names at the most.
fn is_same(a: &InstrumentationScope, b: &InstrumentationScope) -> bool {
    a.version() == b.version() && a.schema_url() == b.schema_url() && a.attributes().eq(b.attributes())
}

/// A resource as a request begins with it.
pub(super) fn encoded(resource: &Resource, values: Values<'_>) -> Vec<u8> {
    let mut message = Vec::new();
    for (key, value) in resource {
        append(&mut message, |w| resource::encode_attribute(w, &key.as_str().into(), &values.value(value)));
    }
    let url = resource.schema_url().unwrap_or_default();
    let mut fields = Vec::new();
    append(&mut fields, |w| resource::encode_head(w, message.len(), url));
    fields.extend_from_slice(&message);
    fields
}

/// Writes behind what is there, into as much room as it takes.
fn append(out: &mut Vec<u8>, write: impl Fn(&mut Writer<'_>) -> Result<(), Full>) {
    /// Most records are shorter.
    const ROOM: usize = 1024;
    let start = out.len();
    let mut room = ROOM;
    loop {
        out.resize(start + room, 0);
        let mut w = Writer::resume(out, start);
        if write(&mut w).is_ok() {
            let end = w.len();
            return out.truncate(end);
        }
        room *= 2;
    }
}
