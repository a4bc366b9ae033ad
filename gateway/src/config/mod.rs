//! What the gateway is to do: flags over the config file over the environment over the defaults.

mod defmt;
mod destination;
mod devices;
mod door;
mod file;
mod line;
mod listen;
mod signals;
mod url;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use smoltel_spool::Options;

use crate::cli::{Flags, Place};
use crate::failure::Failure;
pub(crate) use defmt::Defmt;
pub(crate) use destination::Destination;
pub(crate) use devices::Devices;
pub(crate) use door::Door;
use door::Keys;
use file::File;
pub(crate) use file::{Limits, LogFormat, SpoolSection};
pub(crate) use line::Line;
pub(crate) use listen::Listen;

/// A configuration that can be run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Config {
    #[serde(serialize_with = "door::short")]
    pub(crate) http: Door,
    #[serde(serialize_with = "door::short")]
    pub(crate) grpc: Door,
    pub(crate) link: Listen,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) serial: Vec<Line>,
    #[serde(serialize_with = "door::short")]
    pub(crate) admin: Door,
    pub(crate) data_dir: PathBuf,
    pub(crate) shutdown_seconds: u32,
    pub(crate) log_format: LogFormat,
    /// How often the gateway's own metrics go where everything goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) own_metrics_seconds: Option<u32>,
    /// Whether the warnings of its log do.
    pub(crate) own_logs: bool,
    pub(crate) spool: SpoolSection,
    pub(crate) limits: Limits,
    #[serde(skip_serializing_if = "Devices::is_empty")]
    pub(crate) devices: Devices,
    pub(crate) defmt: Defmt,
    pub(crate) destination: Vec<Destination>,
}

impl Config {
    /// Puts the layers together. `env` reads an environment variable.
    pub(crate) fn load(flags: &Flags, env: impl Fn(&str) -> Option<OsString>) -> Result<Self, Failure> {
        let file = File::load(flags.place.config.as_deref())?;
        let keys = keys(flags);
        let data_dir = data_dir(&flags.place, file.data_dir, &env);
        let config = Self {
            http: Door::choose("http", flags.http.as_deref(), &keys, file.http, 4318)?,
            grpc: Door::choose("grpc", flags.grpc.as_deref(), &keys, file.grpc, 4317)?,
            link: Listen::choose("link", flags.link.as_deref(), file.link.as_deref(), 4319)?,
            serial: Line::choose(&flags.serial, &file.serial)?,
            admin: Door::choose("admin", flags.admin.as_deref(), &Keys::default(), file.admin, 4328)?,
            shutdown_seconds: file.shutdown_seconds,
            log_format: file.log_format,
            own_metrics_seconds: file.own_metrics_seconds,
            own_logs: file.own_logs,
            destination: destination::choose(&flags.upstream, file.destination, &env, &data_dir)?,
            data_dir,
            spool: file.spool.checked()?,
            limits: file.limits.checked()?,
            devices: file.devices.checked()?,
            defmt: file.defmt.checked()?,
        };
        file::within_if("own-metrics-seconds", config.own_metrics_seconds, 86_400)?;
        for destination in &config.destination {
            destination.is_not(&[("http", config.http.listen), ("grpc", config.grpc.listen)])?;
        }
        Ok(config)
    }

    /// The keys that another configuration has otherwise, and that take a restart.
    pub(crate) fn differs_from(&self, other: &Self) -> Vec<String> {
        let listens = |config: &Self| [&config.http, &config.grpc, &config.admin].map(|door| door.listen);
        // It prints by how it is made. What a reload takes is left out.
        let rest = |config: &Self| {
            let mut table = toml::Table::try_from(config).unwrap_or_default();
            table.retain(|key, _| !["http", "grpc", "admin", "destination", "devices"].contains(&key));
            table
        };
        let (own, others) = (rest(self), rest(other));
        let mut keys: Vec<String> =
            own.keys().filter(|key| own.get(*key) != others.get(*key)).cloned().collect();
        if listens(self) != listens(other) {
            keys.push("where to listen".to_owned());
        }
        keys
    }

    pub(crate) fn spool_dir(&self) -> PathBuf {
        self.data_dir.join("spool")
    }

    /// Reads the spool's key, if there is one.
    pub(crate) fn spool_options(&self) -> Result<Options, Failure> {
        self.spool.options(self.limits.in_flight())
    }

    pub(crate) fn shutdown(&self) -> Duration {
        Duration::from_secs(self.shutdown_seconds.into())
    }
}

/// The spool's directory, for the commands that only look into it.
pub(crate) fn spool_dir(place: &Place) -> Result<PathBuf, Failure> {
    let file = File::load(place.config.as_deref())?;
    Ok(data_dir(place, file.data_dir, &|name: &str| std::env::var_os(name)).join("spool"))
}

/// The spool's options, for the commands that open it.
pub(crate) fn spool_options(place: &Place) -> Result<Options, Failure> {
    let file = File::load(place.config.as_deref())?;
    file.spool.checked()?.options(file.limits.checked()?.in_flight())
}

/// What the flags say that senders have to show.
fn keys(flags: &Flags) -> Keys {
    Keys {
        certificate: flags.certificate.clone(),
        key: flags.key.clone(),
        client_ca: flags.client_ca.clone(),
        token: flags.token_file.clone(),
    }
}

fn data_dir(place: &Place, file: Option<PathBuf>, env: &impl Fn(&str) -> Option<OsString>) -> PathBuf {
    // systemd may name several directories, with colons between them.
    let state = || {
        let all = env("STATE_DIRECTORY")?.into_string().ok()?;
        all.split(':').next().filter(|dir| !dir.is_empty()).map(PathBuf::from)
    };
    let given = place.data_dir.clone().or(file);
    given.or_else(state).unwrap_or_else(|| Path::new("./smoltel-data").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(flags: Flags, env: &[(&str, &str)]) -> Result<Config, String> {
        let get = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into());
        Config::load(&flags, get).map_err(|failure| failure.to_string())
    }

    #[test]
    fn nothing_given_is_the_contract() {
        let config = load(Flags::default(), &[]).unwrap();
        assert_eq!(config.http.listen.to_string(), "127.0.0.1:4318");
        assert_eq!(config.grpc.listen.to_string(), "127.0.0.1:4317");
        assert_eq!(config.link.to_string(), "127.0.0.1:4319");
        assert_eq!(config.admin.listen.to_string(), "127.0.0.1:4328");
        assert_eq!(config.data_dir, Path::new("./smoltel-data"));
        assert_eq!(config.destination[0].archive.as_deref(), Some(Path::new("./smoltel-data/archive")));
    }

    #[test]
    fn the_environment_gives_way_to_the_file_and_the_file_to_flags() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.toml");
        let text = "data-dir = '/from/file'\nhttp = 'off'\n[[upstream]]\nurl = 'http://file:1'\n";
        std::fs::write(&path, text).unwrap();
        let env = [("STATE_DIRECTORY", "/from/env:/more"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://env:1")];
        let url = |config: Config| config.destination[0].url.join(" ");

        let config = load(Flags::default(), &env).unwrap();
        assert_eq!(config.data_dir, Path::new("/from/env"));
        assert_eq!(url(config), "http://env:1");

        let place = Place { config: Some(path.clone()), data_dir: None };
        let config = load(Flags { place, ..Flags::default() }, &env).unwrap();
        assert_eq!((config.data_dir.to_str(), config.http.listen), (Some("/from/file"), Listen::OFF));
        assert_eq!(url(config), "http://file:1");

        let place = Place { config: Some(path), data_dir: Some("/from/flag".into()) };
        let upstream = vec!["http://flag:1".into(), "http://flag:2".into()];
        let config = load(Flags { place, upstream, ..Flags::default() }, &env).unwrap();
        assert_eq!(config.data_dir, Path::new("/from/flag"));
        assert_eq!(url(config), "http://flag:1 http://flag:2", "two endpoints of one destination");
    }

    #[test]
    fn forwarding_to_itself_is_refused() {
        for url in
            ["http://localhost:4318", "http://127.0.0.1:4318/", "http://127.9.9.9:4318", "http://[::1]:4318"]
        {
            let flags = Flags { upstream: vec![url.into()], ..Flags::default() };
            assert!(load(flags, &[]).unwrap_err().contains("itself"), "{url}");
        }
        for url in ["http://localhost:14318", "http://192.0.2.1:4318"] {
            let flags = Flags { upstream: vec![url.into()], ..Flags::default() };
            assert!(load(flags, &[]).is_ok(), "{url}");
        }
    }
}
