use core::fmt;

use super::entity::{EntityRef, InvalidEntity, TYPE};
use crate::otlp::common::{Key, Value, attribute, has_key, key_of, key_value_len};
use crate::wire::{Full, Payload, Reader, Writer, len_field, slide};

mod field {
    pub(super) mod resource {
        pub(in super::super) const ATTRIBUTES: u32 = 1;
        pub(in super::super) const DROPPED_ATTRIBUTES: u32 = 2;
        pub(in super::super) const ENTITY_REFS: u32 = 3;
    }
    /// `ResourceSpans` and its like.
    pub(super) mod outer {
        pub(in super::super) const RESOURCE: u32 = 1;
        pub(in super::super) const SCHEMA_URL: u32 = 3;
    }
}

/// Bytes that one attribute adds to a `Resource` message.
pub fn attribute_len(key: &Key<'_>, value: &Value<'_>) -> usize {
    len_field(key_value_len(key, value))
}

/// Adds one attribute to a `Resource` message, whole or not at all.
pub fn encode_attribute(w: &mut Writer<'_>, key: &Key<'_>, value: &Value<'_>) -> Result<(), Full> {
    attribute(w, field::resource::ATTRIBUTES, key, value)
}

/// Bytes that a reference to `entity` adds to a `Resource` message.
pub fn entity_len(entity: &EntityRef<'_>) -> usize {
    len_field(entity.encoded_len())
}

/// Adds a reference to an entity to a `Resource` message. It has to be valid: its keys are those of
/// attributes.
pub fn encode_entity(w: &mut Writer<'_>, entity: &EntityRef<'_>) -> Result<(), Full> {
    w.head(field::resource::ENTITY_REFS, entity.encoded_len())?;
    entity.encode(w)
}

/// Bytes of a `Resource` message of `message` bytes and its schema URL as fields of `ResourceSpans` and
/// its like: what a [batch](crate::batch) takes as the resource.
pub fn fields_len(message: usize, schema_url: &str) -> usize {
    let url = if schema_url.is_empty() { 0 } else { len_field(schema_url.len()) };
    url + len_field(message)
}

/// Writes these fields up to the message, `message` bytes of which are to follow.
pub fn encode_head(w: &mut Writer<'_>, message: usize, schema_url: &str) -> Result<(), Full> {
    if !schema_url.is_empty() {
        w.string(field::outer::SCHEMA_URL, schema_url)?;
    }
    w.head(field::outer::RESOURCE, message)
}

/// A resource's schema URL and message, in this order, while they are put together:
///
/// ```text
/// [1A len URL] [0A len message]
/// ```
#[derive(Debug)]
pub(super) struct Fields<'a> {
    pub(super) bytes: &'a mut [u8],
    pub(super) len: usize,
}

impl Fields<'_> {
    fn written(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub(super) fn set(&mut self, key: &Key<'_>, value: &Value<'_>) -> Result<(), Full> {
        use field::resource::ATTRIBUTES;
        if key.name().is_empty() {
            let dropped = dropped(message_of(self.written()));
            return self.set_dropped_attributes(dropped.saturating_add(1));
        }
        self.replace(
            |number, old| number == ATTRIBUTES && has_key(old, key),
            |w| encode_attribute(w, key, value),
        )
    }

    pub(super) fn set_dropped_attributes(&mut self, count: u32) -> Result<(), Full> {
        use field::resource::DROPPED_ATTRIBUTES;
        self.replace(
            |number, _| number == DROPPED_ATTRIBUTES,
            |w| w.varint_field(DROPPED_ATTRIBUTES, count.into()),
        )
    }

    pub(super) fn add_entity(&mut self, entity: &EntityRef<'_>) -> Result<(), InvalidEntity> {
        let message = message_of(self.written());
        entity.check(|key| attributes(message).any(|attribute| key_of(attribute) == key.as_bytes()))?;
        let same = |old: &[u8]| kind_of(old) == entity.kind.as_bytes();
        self.replace(
            |number, old| number == field::resource::ENTITY_REFS && same(old),
            |w| encode_entity(w, entity),
        )?;
        Ok(())
    }

    pub(super) fn merge(&mut self, updating: &[u8]) -> Result<(), SchemaConflict> {
        use field::resource as number;
        let (old, new) = (schema_url_of(self.written()), schema_url_of(updating));
        if !old.is_empty() && !new.is_empty() && old != new {
            return Err(SchemaConflict::Differ);
        }
        if old.is_empty() {
            self.set_schema_url(new)?;
        }
        for field in Reader::new(message_of(updating)) {
            match field {
                Ok((number::ATTRIBUTES, Payload::Len(attribute))) => self.replace(
                    |number, old| number == number::ATTRIBUTES && key_of(old) == key_of(attribute),
                    |w| w.bytes(number::ATTRIBUTES, attribute),
                )?,
                Ok((number::ENTITY_REFS, Payload::Len(entity))) => self.replace(
                    |number, old| number == number::ENTITY_REFS && kind_of(old) == kind_of(entity),
                    |w| w.bytes(number::ENTITY_REFS, entity),
                )?,
                Ok((number::DROPPED_ATTRIBUTES, Payload::Varint(count))) => {
                    let sum = dropped(message_of(self.written()))
                        .saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
                    self.set_dropped_attributes(sum)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Sets the schema URL, which stands in front.
    pub(super) fn set_schema_url(&mut self, url: &str) -> Result<(), Full> {
        let (old, _) = self.layout();
        let new = if url.is_empty() { 0 } else { len_field(url.len()) };
        self.shift(old, new)?;
        if new > 0 {
            Writer::new(self.bytes).string(field::outer::SCHEMA_URL, url)?;
        }
        Ok(())
    }

    /// Removes the message's fields that `old` picks, and appends others.
    fn replace(
        &mut self,
        old: impl Fn(u32, &[u8]) -> bool,
        new: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let (head, message) = self.layout();
        let mut w = Writer::resume(self.bytes, self.len);
        new(&mut w)?;
        self.len = w.len();
        self.remove(message, old);
        // The head was for the old length; it is written anew.
        let len = self.len - message;
        self.shift(message, head + len_field(len) - len)?;
        Writer::resume(self.bytes, head).head(field::outer::RESOURCE, len)
    }

    /// Removes the first of the message's fields that `old` picks, but for the last field.
    fn remove(&mut self, message: usize, old: impl Fn(u32, &[u8]) -> bool) {
        let mut fields = Reader::new(self.bytes.get(message..self.len).unwrap_or_default());
        let mut start = message;
        while let Some(Ok((number, payload))) = fields.next() {
            let end = self.len - fields.rest().len();
            let payload = if let Payload::Len(payload) = payload { payload } else { &[] };
            if end < self.len && old(number, payload) {
                slide(self.bytes, end..self.len, start);
                self.len -= end - start;
                return;
            }
            start = end;
        }
    }

    /// Where the message's head and the message begin.
    fn layout(&self) -> (usize, usize) {
        let (url, message) = (schema_url_of(self.written()), message_of(self.written()));
        (if url.is_empty() { 0 } else { len_field(url.len()) }, self.len - message.len())
    }

    /// Moves everything behind `from` to `to`.
    fn shift(&mut self, from: usize, to: usize) -> Result<(), Full> {
        let end = self.len - from + to;
        if end > self.bytes.len() {
            return Err(Full);
        }
        slide(self.bytes, from..self.len, to);
        self.len = end;
        Ok(())
    }
}

fn find(bytes: &[u8], wanted: u32) -> &[u8] {
    let found = Reader::new(bytes).find_map(|field| match field {
        Ok((number, Payload::Len(payload))) if number == wanted => Some(payload),
        _ => None,
    });
    // Behind everything, so that its place says where it would be.
    found.unwrap_or(bytes.get(bytes.len()..).unwrap_or_default())
}

fn message_of(fields: &[u8]) -> &[u8] {
    find(fields, field::outer::RESOURCE)
}

fn schema_url_of(fields: &[u8]) -> &str {
    core::str::from_utf8(find(fields, field::outer::SCHEMA_URL)).unwrap_or_default()
}

fn kind_of(entity: &[u8]) -> &[u8] {
    find(entity, TYPE)
}

fn attributes(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    Reader::new(message).filter_map(|field| match field {
        Ok((field::resource::ATTRIBUTES, Payload::Len(attribute))) => Some(attribute),
        _ => None,
    })
}

fn dropped(message: &[u8]) -> u32 {
    let found = Reader::new(message).find_map(|field| match field {
        Ok((field::resource::DROPPED_ATTRIBUTES, Payload::Varint(count))) => u32::try_from(count).ok(),
        _ => None,
    });
    found.unwrap_or(0)
}

/// Why two resources cannot be one.
///
/// ```
/// use smoltel_core::Resource;
/// use smoltel_core::otlp::resource::SchemaConflict;
/// let (a, b) = (Resource::<64>::new().schema_url("a")?, Resource::<64>::new().schema_url("b")?);
/// assert_eq!(a.merge(&b).unwrap_err(), SchemaConflict::Differ);
/// # Ok::<(), smoltel_core::wire::Full>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum SchemaConflict {
    /// Their schema URLs differ: one of them has to be without.
    Differ,
    /// They do not fit: make the buffer larger.
    Full,
}

impl From<Full> for SchemaConflict {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl fmt::Display for SchemaConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Differ => "the resources' schema URLs differ; merge one that has none",
            Self::Full => "the buffer is full; give it more room or write less",
        })
    }
}

impl core::error::Error for SchemaConflict {}
