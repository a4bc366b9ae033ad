//! `resource.proto`: what produced the telemetry.

mod entity;
mod fields;

pub use entity::{EntityRef, InvalidEntity};
pub use fields::{
    SchemaConflict, attribute_len, encode_attribute, encode_entity, encode_head, entity_len, fields_len,
};

use super::common::{Key, Value};
use crate::wire::Full;
use fields::Fields;

/// A resource in a buffer of `N` bytes, encoded once and then only copied.
///
/// On a device it stands in a `static`, or in a cell when it has attributes that are known only at run
/// time, such as a serial number.
///
/// ```
/// use smoltel_core::Resource;
/// let resource = Resource::<96>::new()
///     .with("service.name", "thermostat")?
///     .with("device.id", "0042")?;
/// assert!(resource.as_bytes().len() < 96);
/// # Ok::<(), smoltel_core::wire::Full>(())
/// ```
#[derive(Clone, Debug)]
pub struct Resource<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Resource<N> {
    /// A resource of which nothing is known.
    pub const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    /// With one more attribute; the same key replaces, and one with an empty key is only counted, as
    /// dropped. When it does not fit, make `N` larger.
    pub fn with<'a>(self, key: impl Into<Key<'a>>, value: impl Into<Value<'a>>) -> Result<Self, Full> {
        self.edit(|fields| fields.set(&key.into(), &value.into()))
    }

    /// With the URL of the schema that the resource's attributes follow.
    pub fn schema_url(self, url: &str) -> Result<Self, Full> {
        self.edit(|fields| fields.set_schema_url(url))
    }

    /// With the number of attributes that were left out before.
    pub fn dropped_attributes(self, count: u32) -> Result<Self, Full> {
        self.edit(|fields| fields.set_dropped_attributes(count))
    }

    /// With a reference to an entity that the resource's attributes describe; one of the same type
    /// replaces. Fails when an attribute that it names is not there yet.
    pub fn entity(self, entity: &EntityRef<'_>) -> Result<Self, InvalidEntity> {
        self.edit(|fields| fields.add_entity(entity))
    }

    /// With what `updating` says: its attributes and entities win, even empty ones. Fails when both have
    /// schema URLs that differ: attributes of the same key may then mean different things.
    pub fn merge<const M: usize>(self, updating: &Resource<M>) -> Result<Self, SchemaConflict> {
        self.edit(|fields| fields.merge(updating.as_bytes()))
    }

    /// Its fields in `ResourceSpans` and its like: schema URL and message, as a request begins.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn edit<E>(mut self, change: impl FnOnce(&mut Fields<'_>) -> Result<(), E>) -> Result<Self, E> {
        let mut fields = Fields { bytes: &mut self.bytes, len: self.len };
        change(&mut fields)?;
        self.len = fields.len;
        Ok(self)
    }
}

impl<const N: usize> Default for Resource<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    /// What stands in the bytes, as text.
    fn shown(bytes: &[u8]) -> String {
        let printable = |&byte: &u8| if byte.is_ascii_graphic() { char::from(byte) } else { '.' };
        bytes.iter().map(printable).collect()
    }

    #[test]
    fn attributes_are_replaced_and_the_head_follows_their_length() {
        let long = "x".repeat(150);
        let resource = Resource::<256>::new().with("a", long.as_str()).unwrap().schema_url("u1").unwrap();
        assert_eq!(resource.as_bytes().len(), 4 + 3 + 3 + 3 + 3 + 3 + 150);
        let resource = resource.with("b", "2").unwrap().with("a", "1").unwrap().schema_url("").unwrap();
        let expected = b"\x0A\x14\x0A\x08\x0A\x01b\x12\x03\x0A\x012\x0A\x08\x0A\x01a\x12\x03\x0A\x011";
        assert_eq!(resource.as_bytes(), expected);
        let resource = resource.with("", 1).unwrap().schema_url("u").unwrap().with("", 1).unwrap();
        assert_eq!(&resource.as_bytes()[..5], b"\x1A\x01u\x0A\x16");
        assert!(resource.as_bytes().ends_with(b"\x10\x02"));
    }

    #[test]
    fn a_merge_takes_all_and_the_updating_side_wins_even_when_empty() {
        let new = |url: &str| Resource::<96>::new().schema_url(url).unwrap();
        let old = new("").with("a", "1").unwrap().with("b", "1").unwrap();
        let updating = new("s").with("b", Value::Empty).unwrap().with("c", "1").unwrap();
        let merged = old.clone().merge(&updating).unwrap();
        assert_eq!(shown(merged.as_bytes()), "..s......a....1....b......c....1");
        assert!(new("s").merge(&new("s")).is_ok() && new("s").merge(&new("")).is_ok());
        assert_eq!(new("s").merge(&new("t")).unwrap_err(), SchemaConflict::Differ);
        assert_eq!(Resource::<20>::new().merge(&updating).unwrap_err(), SchemaConflict::Full);
    }

    #[test]
    fn an_entity_refers_to_attributes_that_are_there() {
        let resource = Resource::<64>::new().with("id", "1").unwrap();
        let entity = EntityRef::new("device", &["id"]);
        let refused = |entity: &EntityRef<'_>| resource.clone().entity(entity).unwrap_err();
        assert_eq!(refused(&EntityRef::new("", &["id"])), InvalidEntity::Incomplete);
        assert_eq!(refused(&EntityRef::new("device", &[])), InvalidEntity::Incomplete);
        assert_eq!(refused(&EntityRef::new("device", &["no"])), InvalidEntity::NoAttribute);
        assert_eq!(refused(&entity.description_keys(&["no"])), InvalidEntity::NoAttribute);
        assert_eq!(refused(&entity.schema_url(&"x".repeat(50))), InvalidEntity::Full);
        let twice = resource.clone().entity(&entity.schema_url("u")).unwrap().entity(&entity).unwrap();
        assert!(twice.as_bytes().ends_with(b"\x1A\x0C\x12\x06device\x1A\x02id"));
        assert_eq!(twice.as_bytes().len(), resource.entity(&entity).unwrap().as_bytes().len());
    }

    #[test]
    fn what_does_not_fit_is_refused_at_every_size() {
        fn all<const N: usize>() -> Result<Resource<N>, Full> {
            Resource::new().with("a", 1)?.schema_url("url")?.with("b", 2)
        }
        assert!(all::<0>().is_err() && all::<9>().is_err() && all::<24>().is_err());
        assert_eq!(all::<25>().unwrap().as_bytes().len(), 25);
        assert_eq!(Resource::<0>::new().as_bytes(), b"");
    }
}
