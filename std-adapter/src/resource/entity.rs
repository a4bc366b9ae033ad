use smoltel_core::otlp::resource::{EntityRef, encode_entity, entity_len};
use smoltel_core::wire::Writer;

use crate::error::ConfigError;

/// An [`EntityRef`] that owns its texts.
#[derive(Clone, Debug)]
pub(crate) struct Entity {
    kind: String,
    id_keys: Vec<String>,
    description_keys: Vec<String>,
    schema_url: String,
}

impl From<&EntityRef<'_>> for Entity {
    fn from(entity: &EntityRef<'_>) -> Self {
        let owned = |keys: &[&str]| keys.iter().map(|&key| key.to_owned()).collect();
        Self {
            kind: entity.kind.to_owned(),
            id_keys: owned(entity.id_keys),
            description_keys: owned(entity.description_keys),
            schema_url: entity.schema_url.to_owned(),
        }
    }
}

impl Entity {
    pub(super) fn new(
        kind: &str,
        id_keys: Vec<String>,
        description_keys: Vec<String>,
        schema_url: &str,
    ) -> Self {
        Self { kind: kind.to_owned(), id_keys, description_keys, schema_url: schema_url.to_owned() }
    }

    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    pub(super) fn check(&self, has: impl Fn(&str) -> bool) -> Result<(), ConfigError> {
        self.with(|entity| entity.check(has)).map_err(|why| {
            ConfigError::new(format!("the entity {:?} cannot be a part of the resource: {why}", self.kind))
        })
    }

    pub(super) fn encoded_len(&self) -> usize {
        self.with(entity_len)
    }

    pub(super) fn encode(&self, w: &mut Writer<'_>) {
        // Fits: the room was computed before.
        let _ = self.with(|entity| encode_entity(w, entity));
    }

    fn with<R>(&self, f: impl FnOnce(&EntityRef<'_>) -> R) -> R {
        let [id, description] = [&self.id_keys, &self.description_keys]
            .map(|keys| keys.iter().map(String::as_str).collect::<Vec<_>>());
        f(&EntityRef::new(&self.kind, &id).description_keys(&description).schema_url(&self.schema_url))
    }
}
