//! A resource and a scope that say all that they can, and requests of them.

use smoltel_core::batch::{Batch, Cursor, Lane, Source};
use smoltel_core::otlp::resource::EntityRef;
use smoltel_core::platform::Platform;
use smoltel_core::{Pipeline, Resource, Scope, Signal};
use smoltel_proto::types::common::v1::InstrumentationScope;
use smoltel_proto::types::resource::v1::Resource as TheirResource;

use super::values::{VALUES, attributes, sorted};

pub(crate) const SCOPE_SCHEMA: &str = "https://example.com/scope";
pub(crate) const RESOURCE_SCHEMA: &str = "https://example.com/resource";

pub(crate) static SCOPE: Scope<'static> =
    Scope::new("valve").version("1.2").schema_url(SCOPE_SCHEMA).attributes(&VALUES).dropped_attributes(3);

pub(crate) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "valve".into(),
        version: "1.2".into(),
        attributes: sorted(&VALUES),
        dropped_attributes_count: 3,
    }
}

fn entity() -> EntityRef<'static> {
    EntityRef::new("device", &["string"])
        .description_keys(&["int", "bool"])
        .schema_url("https://example.com/entity")
}

pub(crate) fn our_resource() -> Resource<1024> {
    let new = Resource::new().schema_url(RESOURCE_SCHEMA).unwrap().dropped_attributes(4).unwrap();
    let full = VALUES.into_iter().try_fold(new, |resource, (key, value)| resource.with(key, value));
    full.unwrap().entity(&entity()).unwrap()
}

pub(crate) fn resource() -> TheirResource {
    let entity = entity();
    let owned = |keys: &[&str]| keys.iter().map(|&key| key.to_owned()).collect();
    let entity = smoltel_proto::types::common::v1::EntityRef {
        schema_url: entity.schema_url.into(),
        r#type: entity.kind.into(),
        id_keys: owned(entity.id_keys),
        description_keys: owned(entity.description_keys),
    };
    TheirResource { attributes: attributes(&VALUES), dropped_attributes_count: 4, entity_refs: vec![entity] }
}

/// All records of a source as one request.
pub(crate) fn request_of(source: &impl Source, signal: Signal) -> Vec<u8> {
    let resource = our_resource();
    let resource = resource.as_bytes();
    let batch = Batch::plan(source, signal, resource.len(), (0, usize::MAX), usize::MAX).expect("records");
    let mut bytes = vec![0; batch.encoded_len()];
    assert_eq!(Cursor::default().copy(&batch, source, resource, &mut bytes), bytes.len());
    bytes
}

/// All records of a lane as one request.
pub(crate) fn request<P: Platform>(pipeline: &Pipeline<P>, number: usize, signal: Signal) -> Vec<u8> {
    request_of(&Lane { pipeline, number }, signal)
}
