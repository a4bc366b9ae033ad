use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use smoltel_spool::{Codec, Key, Options};

use super::door::Written;
use super::{Defmt, Destination, Devices};
use crate::failure::Failure;
use crate::gap;

const MIB: u64 = 1 << 20;

/// The config file. Its keys are the flags' names.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) http: Option<Written>,
    pub(super) grpc: Option<Written>,
    pub(super) link: Option<String>,
    pub(super) serial: Vec<String>,
    pub(super) admin: Option<Written>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) shutdown_seconds: u32,
    pub(super) log_format: LogFormat,
    pub(super) own_metrics_seconds: Option<u32>,
    pub(super) own_logs: bool,
    /// `[[upstream]]` is what it was called.
    #[serde(alias = "upstream")]
    pub(super) destination: Vec<Destination>,
    pub(super) spool: SpoolSection,
    pub(super) limits: Limits,
    pub(super) devices: Devices,
    pub(super) defmt: Defmt,
}

/// What lines of the log look like.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// How much the spool holds.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct SpoolSection {
    capacity_mib: u64,
    compression: AtRest,
    /// What requests are encrypted with.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_file: Option<PathBuf>,
}

/// What requests are compressed with on the disk.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum AtRest {
    #[default]
    None,
    Gzip,
    Zstd,
}

/// What one sender, and all together, may take.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Limits {
    pub(crate) request_mib: u32,
    pub(crate) in_flight_mib: u32,
    pub(crate) connections: u32,
    /// Of one sender, on one port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sender_connections: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sender_requests_per_second: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sender_kib_per_second: Option<u32>,
}

impl File {
    /// An empty one when there is no path.
    pub(super) fn load(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("cannot read the config file {}: {error}; check --config", path.display()))
        })?;
        toml::from_str(&text).map_err(|error| {
            let line =
                error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let what = error.message().replace('\n', " ");
            Failure::usage(format!("config file {}, line {line}: {what}; mend that line", path.display()))
        })
    }
}

impl SpoolSection {
    pub(super) fn checked(self) -> Result<Self, Failure> {
        within("spool.capacity-mib", self.capacity_mib, 4, 262_144)?;
        if !self.codec().is_supported() {
            let name = self.codec().name();
            return Err(Failure::usage(format!(
                "the config's spool.compression is {name}, which this program is built without; build it with \
                 --features {name}, or choose gzip"
            )));
        }
        Ok(self)
    }

    /// What requests are compressed with.
    pub(crate) fn codec(&self) -> Codec {
        match self.compression {
            AtRest::None => Codec::Identity,
            AtRest::Gzip => Codec::Gzip,
            AtRest::Zstd => Codec::Zstd,
        }
    }

    /// The spool's options; reads the key.
    pub(crate) fn options(&self, in_flight: usize) -> Result<Options, Failure> {
        let key = self.key_file.as_ref().map(Key::read).transpose();
        let key =
            key.map_err(|error| Failure::usage(format!("{error}; it is the config's spool.key-file")))?;
        let codec = self.codec();
        let capacity = self.capacity_mib * MIB;
        // A record is at most a segment, and at least four segments have to fit.
        let segment = 1 << (capacity / 4).min(4 * MIB).ilog2();
        let (segment_size, report) = (Some(segment), Some(gap::report as fn(&_) -> _));
        Ok(Options { capacity, segment_size, codec, key, report, in_flight, ..Options::default() })
    }
}

impl Limits {
    pub(super) fn checked(self) -> Result<Self, Failure> {
        within("limits.request-mib", self.request_mib.into(), 1, 64)?;
        within("limits.connections", self.connections.into(), 1, 10_000)?;
        within_if("limits.sender-connections", self.sender_connections, 10_000)?;
        within_if("limits.sender-requests-per-second", self.sender_requests_per_second, 1_000_000)?;
        within_if("limits.sender-kib-per-second", self.sender_kib_per_second, 16 << 20)?;
        // Less, and the largest request would never be taken.
        within("limits.in-flight-mib", self.in_flight_mib.into(), u64::from(self.request_mib) + 4, 1024)?;
        Ok(self)
    }

    pub(crate) fn sender_connections(&self) -> u32 {
        self.sender_connections.unwrap_or(u32::MAX)
    }

    /// The longest body, in bytes after decompression.
    pub(crate) fn request(&self) -> usize {
        self.request_mib as usize * MIB as usize
    }

    /// The most bytes of all bodies together that are held before they are durable.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight_mib as usize * MIB as usize
    }
}

pub(super) fn within_if(key: &str, value: Option<u32>, max: u64) -> Result<(), Failure> {
    value.map_or(Ok(()), |value| within(key, value.into(), 1, max))
}

fn within(key: &str, value: u64, min: u64, max: u64) -> Result<(), Failure> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(Failure::usage(format!("the config's {key} is {value}; it has to be from {min} to {max}")))
}

impl Default for File {
    fn default() -> Self {
        Self {
            http: None,
            grpc: None,
            link: None,
            serial: Vec::new(),
            admin: None,
            data_dir: None,
            shutdown_seconds: 5,
            log_format: LogFormat::Text,
            own_metrics_seconds: None,
            own_logs: false,
            destination: Vec::new(),
            spool: SpoolSection::default(),
            limits: Limits::default(),
            devices: Devices::default(),
            defmt: Defmt::default(),
        }
    }
}

impl Default for SpoolSection {
    fn default() -> Self {
        Self { capacity_mib: 256, compression: AtRest::None, key_file: None }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_mib: 16,
            in_flight_mib: 32,
            connections: 256,
            sender_connections: None,
            sender_requests_per_second: None,
            sender_kib_per_second: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<File, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        File::load(Some(file.path())).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_fault_names_its_line() {
        let error = load("http = 'off'\nadmn = 'off'\n").unwrap_err();
        assert!(error.contains("line 2: unknown field `admn`"), "{error}");
        let error = load("[limits]\nrequest-mib = -1\n").unwrap_err();
        assert!(error.contains("line 2"), "{error}");
        assert!(load("= =").unwrap_err().contains("line 1"));
    }

    #[test]
    fn every_capacity_has_room_for_four_segments() {
        for capacity_mib in [4, 5, 15, 16, 17, 256, 1000, 262_144] {
            let section = SpoolSection { capacity_mib, ..SpoolSection::default() };
            let options = section.checked().unwrap().options(1).unwrap();
            let segment = u64::from(options.segment_size.unwrap());
            assert!((4..=65_536).contains(&(options.capacity / segment)), "{capacity_mib}");
        }
    }
}
