//! What the telemetry says it comes from.

mod detect;
mod entities;
mod entity;

use smoltel_core::Value;
use smoltel_core::otlp::resource::{attribute_len, encode_attribute, encode_head, fields_len};
use smoltel_core::wire::Writer;

use crate::config::Env;
use crate::error::ConfigError;
pub use detect::Detector;
pub(crate) use detect::SCHEMA_URL;
pub(crate) use entity::Entity;

/// The attributes of one resource, later ones replacing earlier ones of the same key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes(Vec<Attribute>);

/// An attribute, and its bytes as a field of the `Resource` message.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    key: String,
    bytes: Vec<u8>,
}

impl Attribute {
    pub(crate) fn new(key: &str, value: &Value<'_>) -> Self {
        let name = key.into();
        let mut bytes = vec![0; attribute_len(&name, value)];
        // Fits: the room was computed from the same.
        let _ = encode_attribute(&mut Writer::new(&mut bytes), &name, value);
        Self { key: key.to_owned(), bytes }
    }
}

impl Attributes {
    /// What every resource has, then what is detected, then the environment's attributes, then `own`, then the service's
    /// name: `OTEL_SERVICE_NAME` if it is set, else `service`. Entities of the environment are added to the program's.
    pub(crate) fn gather(
        env: &mut Env<'_>,
        detectors: &[Detector],
        service: &str,
        own: Vec<Attribute>,
        entities: &mut Vec<Entity>,
    ) -> Self {
        let mut attributes = Self::default();
        detectors.iter().for_each(|detector| detector.detect(&|name| env.text(name), &mut attributes));
        entities::from_env(env, &mut attributes, entities);
        attributes.set("telemetry.sdk.language", "rust");
        attributes.set("telemetry.sdk.name", "smoltel");
        attributes.set("telemetry.sdk.version", env!("CARGO_PKG_VERSION"));
        attributes.set("service.instance.id", &instance_id());
        let from_env = env.list("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        let named = (!service.is_empty()).then(|| service.to_owned());
        let fallback = Some(unknown_service())
            .filter(|_| named.is_none() && !from_env.iter().any(|(k, _)| k == "service.name"));
        from_env.iter().for_each(|(key, value)| attributes.set(key, value));
        own.into_iter().for_each(|attribute| attributes.replace(attribute));
        if let Some(name) = env.text("OTEL_SERVICE_NAME").or(named).or(fallback) {
            attributes.set("service.name", &name);
        }
        attributes
    }

    fn set(&mut self, key: &str, value: &str) {
        self.replace(Attribute::new(key, &value.into()));
    }

    fn replace(&mut self, attribute: Attribute) {
        match self.0.iter_mut().find(|known| known.key == attribute.key) {
            Some(known) => *known = attribute,
            None => self.0.push(attribute),
        }
    }

    /// The resource as requests begin with it.
    pub(crate) fn encode(&self, schema_url: &str, entities: &[Entity]) -> Result<Vec<u8>, ConfigError> {
        if self.0.iter().any(|attribute| attribute.key.is_empty()) {
            return Err(ConfigError::new("an attribute of the resource has no key; give it one"));
        }
        for entity in entities {
            entity.check(|key| self.0.iter().any(|known| known.key == key))?;
        }
        let attributes: usize = self.0.iter().map(|attribute| attribute.bytes.len()).sum();
        let message = attributes + entities.iter().map(Entity::encoded_len).sum::<usize>();
        let mut bytes = vec![0; fields_len(message, schema_url)];
        let mut w = Writer::new(&mut bytes);
        // Fits: the room was computed from the same.
        let _ = encode_head(&mut w, message, schema_url);
        self.0.iter().for_each(|attribute| _ = w.put(&attribute.bytes));
        entities.iter().for_each(|entity| entity.encode(&mut w));
        Ok(bytes)
    }
}

fn unknown_service() -> String {
    let name = std::env::current_exe().ok();
    match name.as_deref().and_then(|path| path.file_name()).and_then(|name| name.to_str()) {
        Some(name) => format!("unknown_service:{name}"),
        None => "unknown_service".to_owned(),
    }
}

/// A random UUID, version 4.
fn instance_id() -> String {
    let mut bytes = crate::random();
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let hex = u128::from_be_bytes(bytes);
    let text = format!("{hex:032x}");
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use smoltel_core::wire::{Payload, Reader};

    use super::*;

    impl Attribute {
        /// The value, a text or a whole number.
        pub(super) fn text(&self) -> String {
            let [Payload::Len(pair)] = fields(&self.bytes)[..] else { panic!("one attribute") };
            let [_, Payload::Len(value)] = fields(pair)[..] else { panic!("a key and a value") };
            match fields(value)[..] {
                [Payload::Len(text)] => String::from_utf8(text.to_vec()).unwrap(),
                [Payload::Varint(number)] => number.to_string(),
                _ => panic!("neither a text nor a number"),
            }
        }
    }

    fn fields(message: &[u8]) -> Vec<Payload<'_>> {
        Reader::new(message).map(|field| field.unwrap().1).collect()
    }

    fn value(variables: &[(&str, &str)], service: &str, key: &str) -> Option<String> {
        let variables: Vec<(String, String)> =
            variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let get =
            |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let own = vec![Attribute::new("own", &"code".into())];
        let attributes = Attributes::gather(&mut Env::new(&get), &[], service, own, &mut Vec::new());
        attributes.0.iter().find(|known| known.key == key).map(Attribute::text)
    }

    #[test]
    fn the_service_is_named_by_the_first_that_names_it() {
        let (own, list) =
            (("OTEL_SERVICE_NAME", "a"), ("OTEL_RESOURCE_ATTRIBUTES", "service.name=b,x=1%2C2"));
        assert_eq!(value(&[own, list], "c", "service.name").unwrap(), "a");
        assert_eq!(value(&[list], "c", "service.name").unwrap(), "c");
        assert_eq!(value(&[list], "", "service.name").unwrap(), "b");
        assert!(value(&[], "", "service.name").unwrap().starts_with("unknown_service:"));
        assert_eq!(value(&[list], "c", "x").unwrap(), "1,2");
    }

    #[test]
    fn code_wins_over_the_environment_and_a_bad_list_is_left_out_whole() {
        assert_eq!(value(&[("OTEL_RESOURCE_ATTRIBUTES", "own=env")], "c", "own").unwrap(), "code");
        assert_eq!(value(&[("OTEL_RESOURCE_ATTRIBUTES", "x=1,y=%z")], "c", "x"), None);
    }

    #[test]
    fn an_empty_value_replaces_too() {
        let list = ("OTEL_RESOURCE_ATTRIBUTES", "telemetry.sdk.name=");
        assert_eq!(value(&[list], "c", "telemetry.sdk.name").unwrap(), "");
    }

    #[test]
    fn the_sdk_names_itself() {
        for (key, expected) in
            [("language", "rust"), ("name", "smoltel"), ("version", env!("CARGO_PKG_VERSION"))]
        {
            assert_eq!(value(&[], "c", &format!("telemetry.sdk.{key}")).as_deref(), Some(expected));
        }
    }

    #[test]
    fn an_instance_has_an_id_of_its_own() {
        let (a, b) = (instance_id(), instance_id());
        assert_ne!(a, b);
        assert_eq!((a.len(), &a[14..15]), (36, "4"));
    }
}
