use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use smoltel::Signal;
use smoltel::transport::{self, Endpoint, Otlp, Tls, pool};

use super::file::within_if;
use super::signals::Signals;
use super::{Listen, url};
use crate::failure::Failure;
use crate::signals;

/// A place that records go to: endpoints of which each will do, or files.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Destination {
    /// The spool's name for it, if it is not made of the URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Bases: `/v1/traces` and so on come behind them, but for gRPC.
    #[serde(with = "url::list", skip_serializing_if = "Vec::is_empty")]
    pub(crate) url: Vec<String>,
    /// OTLP JSON Lines in this directory, instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) archive: Option<PathBuf>,
    /// What it takes, if not all.
    #[serde(skip_serializing_if = "is_default")]
    signals: Signals,
    #[serde(skip_serializing_if = "is_default")]
    strategy: Strategy,
    #[serde(skip_serializing_if = "is_default")]
    protocol: Protocol,
    compression: Compression,
    /// Whom to trust instead of Mozilla's authorities.
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<PathBuf>,
    /// What the endpoints are shown, with `key_file`.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_file: Option<PathBuf>,
    /// Records that are older are given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_seconds: Option<u32>,
    /// Of more than that the oldest are given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_mib: Option<u32>,
    /// What may leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kib_per_hour: Option<u32>,
    /// Sent with every request; may hold credentials.
    #[serde(serialize_with = "hidden", skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
}

/// Which of several endpoints gets a request.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Strategy {
    #[default]
    Failover,
    RoundRobin,
    LeastPending,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq)]
enum Protocol {
    #[default]
    #[serde(rename = "http/protobuf")]
    Http,
    #[serde(rename = "grpc")]
    Grpc,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Compression {
    #[default]
    None,
    Gzip,
}

impl Destination {
    /// The longest id that the spool takes, and the most destinations.
    const MAX_ID: usize = 64;
    const MOST: usize = 16;

    /// One or several endpoints by OTLP/HTTP, and nothing special.
    pub(crate) fn to(url: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { url: url.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Where everything goes when nobody says where.
    fn archive(dir: PathBuf) -> Self {
        Self { archive: Some(dir), ..Self::default() }
    }

    /// Refuses what cannot be used.
    pub(crate) fn checked(self) -> Result<Self, Failure> {
        if let Some(fault) = self.fault() {
            let whose = self.name.clone().unwrap_or_else(|| self.id());
            return Err(Failure::usage(format!("the destination {whose:?} {fault}")));
        }
        within_if("destination.age-seconds", self.age_seconds, u32::MAX.into())?;
        within_if("destination.lag-mib", self.lag_mib, 262_144)?;
        within_if("destination.kib-per-hour", self.kib_per_hour, 1 << 30)?;
        self.transports()?;
        Ok(self)
    }

    fn fault(&self) -> Option<&'static str> {
        if self.url.is_empty() == self.archive.is_none() {
            return Some("has to have either a url or an archive; give it one of them");
        }
        if self.name.as_ref().is_some_and(|name| name.is_empty() || name.len() > Self::MAX_ID) {
            return Some("has a name that is not 1 to 64 bytes long; choose another one");
        }
        if self.url.iter().any(|url| url.contains(['@', '?', '#'])) {
            return Some(
                "has an endpoint with a user, a query or a fragment; leave them out, credentials go into the \
                 destination's headers",
            );
        }
        if self.certificate_file.is_some() != self.key_file.is_some() {
            return Some("has a certificate-file or a key-file, but not both; give both");
        }
        let more = self.archive.is_some() && *self != self.as_archive();
        more.then_some(
            "is an archive, which only name, signals, age-seconds, lag-mib and kib-per-hour go with; leave the rest out",
        )
    }

    /// A transport for each endpoint; fails when a URL or a certificate cannot be used.
    pub(crate) fn transports(&self) -> Result<Vec<Otlp>, Failure> {
        let one = |url: &String| Otlp::new(Signal::ALL.map(|signal| self.endpoint(url, signal)));
        let all: Result<Vec<_>, _> = self.url.iter().map(one).collect();
        all.map_err(|error| Failure::usage(error.to_string()))
    }

    /// What of it an archive can have.
    fn as_archive(&self) -> Self {
        let Self { name, archive, signals, age_seconds, lag_mib, kib_per_hour, .. } = self.clone();
        Self { name, archive, signals, age_seconds, lag_mib, kib_per_hour, ..Self::default() }
    }

    /// How to reach that endpoint for a signal. Bodies are compressed before, so that their length is known.
    fn endpoint(&self, url: &str, signal: Signal) -> Endpoint {
        let protocol = match self.protocol {
            Protocol::Http => transport::Protocol::HttpProtobuf,
            Protocol::Grpc => transport::Protocol::Grpc,
        };
        let tls = Tls {
            certificate: self.ca_file.clone(),
            client_certificate: self.certificate_file.clone(),
            client_key: self.key_file.clone(),
            ..Tls::default()
        };
        let headers = self.headers.clone().into_iter().collect();
        Endpoint { headers, tls, ..Endpoint::by(protocol, url, signal) }
    }

    pub(crate) fn compression(&self) -> transport::Compression {
        match self.compression {
            Compression::None => transport::Compression::None,
            Compression::Gzip => transport::Compression::Gzip,
        }
    }

    pub(crate) fn strategy(&self) -> pool::Strategy {
        match self.strategy {
            Strategy::Failover => pool::Strategy::Failover,
            Strategy::RoundRobin => pool::Strategy::RoundRobin,
            Strategy::LeastPending => pool::Strategy::LeastPending,
        }
    }

    /// What it puts up with. One that may not get everything gets the dearest first.
    pub(crate) fn limits(&self) -> smoltel_spool::Limits {
        smoltel_spool::Limits {
            age: self.age_seconds.map(|age| Duration::from_secs(age.into())),
            lag: self.lag_mib.map(|lag| u64::from(lag) << 20),
            dearest_first: self.kib_per_hour.is_some(),
            unwanted: smoltel_spool::Signal::ALL
                .map(|stored| signals::loaded(stored).is_some_and(|signal| !self.takes(signal))),
            ..smoltel_spool::Limits::default()
        }
    }

    /// Whether records of that signal go there.
    pub(crate) fn takes(&self, signal: Signal) -> bool {
        self.signals.have(signal)
    }

    /// Whether it may not get everything, so that it matters what is dear.
    pub(crate) fn chooses(&self) -> bool {
        self.lag_mib.is_some() || self.kib_per_hour.is_some()
    }

    /// The spool's name for it: the same as long as its name is, or its first URL, and without secrets.
    pub(crate) fn id(&self) -> String {
        let id = match (&self.name, self.url.first()) {
            (Some(name), _) => return name.clone(),
            (None, Some(url)) => format!("otlp:{}", url::shown(url)),
            (None, None) => return "archive".into(),
        };
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

    /// Where it is, for people.
    pub(crate) fn shown(&self) -> String {
        match &self.archive {
            Some(dir) => format!("the archive {}", dir.display()),
            None => self.urls().collect::<Vec<_>>().join(" or "),
        }
    }

    /// Its endpoints, for people.
    pub(crate) fn urls(&self) -> impl Iterator<Item = String> {
        self.url.iter().map(|url| url::shown(url))
    }

    /// Refuses an endpoint that is this gateway's own listener: it would send every request to itself for ever.
    pub(super) fn is_not(&self, own: &[(&str, Listen)]) -> Result<(), Failure> {
        for url in &self.url {
            let (ip, port) = url::address(url);
            let met = own.iter().find(|(_, own)| ip.is_some_and(|ip| own.is_reached_by(ip, port)));
            if let Some((name, own)) = met {
                let url = url::shown(url);
                return Err(Failure::usage(format!(
                    "the upstream {url} is this gateway itself (--{name} {own}); name another one, \
                     or unset OTEL_EXPORTER_OTLP_ENDPOINT"
                )));
            }
        }
        Ok(())
    }
}

/// The flags' endpoints, which are one destination; else the file's destinations, else the environment's, else the archive.
pub(super) fn choose(
    flags: &[String],
    file: Vec<Destination>,
    env: &impl Fn(&str) -> Option<OsString>,
    data_dir: &Path,
) -> Result<Vec<Destination>, Failure> {
    let mut all = if flags.is_empty() { file } else { vec![Destination::to(flags)] };
    if all.is_empty() {
        let url = env("OTEL_EXPORTER_OTLP_ENDPOINT").and_then(|url| url.into_string().ok());
        all.extend(url.filter(|url| !url.is_empty()).map(|url| Destination::to([url])));
    }
    if all.is_empty() {
        all.push(Destination::archive(data_dir.join("archive")));
    }
    if all.len() > Destination::MOST {
        return Err(Failure::usage(format!("there are {} destinations; 16 are the most", all.len())));
    }
    let all: Vec<_> = all.into_iter().map(Destination::checked).collect::<Result<_, _>>()?;
    if let Some(signal) = Signal::ALL.into_iter().find(|signal| !all.iter().any(|one| one.takes(*signal))) {
        let name = signal.name();
        return Err(Failure::usage(format!(
            "no destination takes {name}, so they would be lost; add {name:?} to the signals of one, or an archive for them"
        )));
    }
    let mut ids: Vec<_> = all.iter().map(Destination::id).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Failure::usage(format!(
            "two destinations are called {:?}; give each a name of its own",
            pair[0]
        ))),
        None => Ok(all),
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn hidden<S: Serializer>(headers: &BTreeMap<String, String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.keys().map(|name| (name, "(hidden)")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_stable_short_and_without_secrets() {
        let id = |url: &str| Destination::to([url]).id();
        assert_eq!(id("http://Host:4318/a/"), "otlp:http://host:4318/a");
        assert_eq!(id("https://user:secret@host/a?key=secret"), "otlp:https://host/a");
        let long = format!("http://host/{}", "ä".repeat(60));
        assert!(id(&long).len() <= 64);
        assert_ne!(id(&long), id(&format!("{long}b")));
        let two = Destination::to(["http://a", "http://b"]);
        assert_eq!(two.id(), "otlp:http://a", "an endpoint more is the same destination");
    }

    fn all(text: &str) -> Result<Vec<Destination>, String> {
        #[derive(Deserialize)]
        struct File {
            destination: Vec<Destination>,
        }
        let file: File = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        choose(&[], file.destination, &|_: &str| None, Path::new("d")).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_table_says_one_place_and_its_name_is_its_own() {
        let good = all("[[destination]]\nurl = ['http://a', 'http://b']\nstrategy = 'round-robin'\n\
                        [[destination]]\narchive = 'x'\n[[destination]]\nname = 'n'\nurl = 'http://a'");
        assert_eq!(
            good.unwrap().iter().map(Destination::id).collect::<Vec<_>>(),
            ["otlp:http://a", "archive", "n"]
        );
        for (text, word) in [
            ("name = 'n'", "either a url or an archive"),
            ("url = 'http://a'\narchive = 'x'", "either a url or an archive"),
            ("url = 1", "a URL, or a list"),
            ("url = 'http://me:hush@a'", "credentials go into"),
            ("url = 'http://a'\nlag-mib = 0", "from 1 to"),
            ("url = 'http://a'\nkey-file = 'k'", "but not both"),
            ("url = 'http://a'\nsignals = []", "at least one signal"),
            ("url = 'http://a'\nsignals = ['profiles']", "expected one of `traces`, `metrics`, `logs`"),
            (
                "url = 'http://a'\nsignals = ['metrics']\n[[destination]]\narchive = 'x'\nsignals = ['logs']",
                "no destination takes traces",
            ),
            (
                "url = 'http://a'\n[[destination]]\nurl = ['http://A/', 'http://b']",
                "two destinations are called",
            ),
        ] {
            let error = all(&format!("[[destination]]\n{text}")).unwrap_err();
            assert!(error.contains(word) && !error.contains("hush"), "{text}: {error}");
        }
    }
}
