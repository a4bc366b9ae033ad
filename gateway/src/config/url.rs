//! Endpoints' URLs, as far as the gateway itself has to understand them.

use std::net::{IpAddr, Ipv4Addr};

/// The URL without user, password, query and last slash.
pub(super) fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{}://{}{path}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase())
}

/// The host, if it is an address or `localhost`, and the port.
pub(super) fn address(url: &str) -> (Option<IpAddr>, u16) {
    let shown = shown(url);
    let (scheme, rest) = shown.split_once("://").unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    let default = if scheme == "https" { 443 } else { 80 };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => {
            (host, port.parse().unwrap_or(default))
        }
        _ => (authority, default),
    };
    match host.trim_matches(['[', ']']) {
        "localhost" => (Some(Ipv4Addr::LOCALHOST.into()), port),
        host => (host.parse().ok(), port),
    }
}

/// A list of one or several: one is written as it is.
pub(super) mod list {
    use std::fmt;

    use serde::de::value::SeqAccessDeserializer;
    use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
    use serde::ser::{Serialize, Serializer};

    pub(in crate::config) fn serialize<S: Serializer>(urls: &[String], to: S) -> Result<S::Ok, S::Error> {
        let shown: Vec<_> = urls.iter().map(|url| super::shown(url)).collect();
        if let [only] = &*shown { only.serialize(to) } else { shown.serialize(to) }
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<String>, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Vec<String>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a URL, or a list of URLs")
            }

            fn visit_str<E>(self, url: &str) -> Result<Vec<String>, E> {
                Ok(vec![url.to_owned()])
            }

            fn visit_seq<A: SeqAccess<'de>>(self, urls: A) -> Result<Vec<String>, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(urls))
            }
        }
        from.deserialize_any(Either)
    }
}
