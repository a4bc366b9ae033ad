use std::fmt;
use std::path::PathBuf;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::Listen;
use crate::failure::Failure;

/// A listener as the config file has it: an address, or a table with what whoever connects has to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Written(Table);

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Table {
    listen: Option<String>,
    certificate_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    client_ca_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
}

/// Where to listen, and what whoever connects has to show.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Door {
    pub(crate) listen: Listen,
    /// Its certificate and the chain above it, in PEM; TLS is spoken if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key_file: Option<PathBuf>,
    /// Whoever connects has to show a certificate from one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_ca_file: Option<PathBuf>,
    /// Whoever asks has to show a token of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token_file: Option<PathBuf>,
}

/// What flags say of every listener for senders.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) client_ca: Option<PathBuf>,
    pub(super) token: Option<PathBuf>,
}

impl Door {
    /// The flags', else the file's, else a port on loopback.
    pub(super) fn choose(
        name: &str,
        flag: Option<&str>,
        keys: &Keys,
        file: Option<Written>,
        port: u16,
    ) -> Result<Self, Failure> {
        let table = file.unwrap_or_default().0;
        let door = Self {
            listen: Listen::choose(name, flag, table.listen.as_deref(), port)?,
            certificate_file: keys.certificate.clone().or(table.certificate_file),
            key_file: keys.key.clone().or(table.key_file),
            client_ca_file: keys.client_ca.clone().or(table.client_ca_file),
            token_file: keys.token.clone().or(table.token_file),
        };
        let tls = (door.certificate_file.is_some(), door.key_file.is_some());
        if tls.0 != tls.1 {
            return Err(Failure::usage(format!(
                "{name} has a certificate or a key, but not both; give --certificate and --key, or \
                 certificate-file and key-file in the config's [{name}]"
            )));
        }
        if door.client_ca_file.is_some() && !tls.0 {
            return Err(Failure::usage(format!(
                "{name} asks for certificates of clients, but has none itself; give it certificate-file and key-file"
            )));
        }
        Ok(door)
    }

    /// Whether anybody on the network can talk to it.
    pub(crate) fn is_open(&self) -> bool {
        let beyond = self.listen.0.is_some_and(|address| !address.ip().to_canonical().is_loopback());
        beyond && self.token_file.is_none() && self.client_ca_file.is_none()
    }

    /// Whether the network can read what is said.
    pub(crate) fn is_readable(&self) -> bool {
        let beyond = self.listen.0.is_some_and(|address| !address.ip().to_canonical().is_loopback());
        beyond && self.certificate_file.is_none()
    }

    pub(crate) fn scheme(&self) -> &'static str {
        if self.certificate_file.is_some() { "https" } else { "http" }
    }
}

/// As the config file has it: an address, if there is no more to say.
pub(super) fn short<S: Serializer>(door: &Door, serializer: S) -> Result<S::Ok, S::Error> {
    let plain = door.certificate_file.is_none() && door.token_file.is_none();
    if plain { door.listen.serialize(serializer) } else { door.serialize(serializer) }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address, or a table with `listen`")
            }

            fn visit_str<E>(self, text: &str) -> Result<Written, E> {
                Ok(Written(Table { listen: Some(text.to_owned()), ..Table::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Written, A::Error> {
                Table::deserialize(MapAccessDeserializer::new(map)).map(Written)
            }
        }
        deserializer.deserialize_any(Either)
    }
}
