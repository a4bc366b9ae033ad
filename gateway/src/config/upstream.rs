use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize, Serializer};
use smoltel::transport::{Endpoint, Otlp};
use smoltel::{Signal, transport};

use super::Listen;
use crate::failure::Failure;

/// An OTLP/HTTP endpoint to forward to.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Upstream {
    /// The base: `/v1/traces` and so on come behind it.
    pub(crate) url: String,
    #[serde(default)]
    compression: Compression,
    /// Sent with every request; may hold credentials.
    #[serde(default, serialize_with = "hidden", skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Compression {
    #[default]
    None,
    Gzip,
}

impl Upstream {
    /// The longest id that the spool takes.
    const MAX_ID: usize = 64;

    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), compression: Compression::None, headers: BTreeMap::new() }
    }

    /// Its transport; fails when the URL cannot be used.
    pub(crate) fn transport(&self) -> Result<Otlp, Failure> {
        if self.url.contains(['@', '?', '#']) {
            return Err(Failure::usage(format!(
                "the endpoint {} has a user, a query or a fragment; leave them out, credentials go into the config's \
                 upstream.headers",
                self.shown()
            )));
        }
        Otlp::new(Signal::ALL.map(|signal| self.endpoint(signal)))
            .map_err(|error| Failure::usage(error.to_string()))
    }

    fn endpoint(&self, signal: Signal) -> Endpoint {
        let compression = match self.compression {
            Compression::None => transport::Compression::None,
            Compression::Gzip => transport::Compression::Gzip,
        };
        let headers = self.headers.clone().into_iter().collect();
        Endpoint { compression, headers, ..Endpoint::under(&self.url, signal) }
    }

    /// The spool's name for it: the same as long as the URL is, and without secrets.
    pub(crate) fn id(&self) -> String {
        let id = format!("otlp:{}", self.shown());
        if id.len() <= Self::MAX_ID {
            return id;
        }
        // FNV-1a: all that is asked of it is to be the same in every version.
        let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let cut = (0..=Self::MAX_ID - 17).rev().find(|&at| id.is_char_boundary(at)).unwrap_or(0);
        format!("{}#{hash:016x}", &id[..cut])
    }

    /// The URL without user, password, query and last slash.
    pub(crate) fn shown(&self) -> String {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("", &self.url));
        let rest = rest.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = authority.rsplit('@').next().unwrap_or_default();
        format!("{}://{}{path}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase())
    }

    /// Refuses an endpoint that is this gateway's own listener: it would send every request to itself for ever.
    pub(super) fn is_not(&self, own: &[(&str, Listen)]) -> Result<(), Failure> {
        let (ip, port) = self.address();
        let met = own.iter().find(|(_, own)| ip.is_some_and(|ip| own.is_reached_by(ip, port)));
        met.map_or(Ok(()), |(name, own)| {
            let url = self.shown();
            Err(Failure::usage(format!(
                "the upstream {url} is this gateway itself (--{name} {own}); name another one, \
                 or unset OTEL_EXPORTER_OTLP_ENDPOINT"
            )))
        })
    }

    /// The host, if it is an address or `localhost`, and the port.
    fn address(&self) -> (Option<IpAddr>, u16) {
        let shown = self.shown();
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
}

/// The flag's upstream, else the file's, else the environment's.
pub(super) fn choose(
    flags: &[String],
    file: Vec<Upstream>,
    env: &impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Upstream>, Failure> {
    let mut all: Vec<_> = flags.iter().map(Upstream::new).collect();
    if all.is_empty() {
        all = file;
    }
    if all.is_empty() {
        let url = env("OTEL_EXPORTER_OTLP_ENDPOINT").and_then(|url| url.into_string().ok());
        all.extend(url.filter(|url| !url.is_empty()).map(Upstream::new));
    }
    if all.len() > 1 {
        return Err(Failure::usage("this version forwards to one upstream; name only one"));
    }
    let Some(upstream) = all.pop() else { return Ok(None) };
    upstream.transport()?;
    Ok(Some(upstream))
}

/// As the config file has it: a list.
pub(super) fn as_list<S: Serializer>(upstream: &Option<Upstream>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(upstream)
}

fn hidden<S: Serializer>(headers: &BTreeMap<String, String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.keys().map(|name| (name, "(hidden)")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_stable_short_and_without_secrets() {
        let id = |url: &str| Upstream::new(url).id();
        assert_eq!(id("http://Host:4318/a/"), "otlp:http://host:4318/a");
        assert_eq!(id("https://user:secret@host/a?key=secret"), "otlp:https://host/a");
        let long = format!("http://host/{}", "ä".repeat(60));
        assert!(id(&long).len() <= 64);
        assert_ne!(id(&long), id(&format!("{long}b")));
    }
}
