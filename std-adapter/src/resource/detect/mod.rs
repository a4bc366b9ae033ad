//! What can be found out about where a program runs.
//!
//! A file for each detector: what it reads, and which attributes of the semantic conventions come of it. What is not there is not
//! there: finding nothing is no error. All reads are bounded.

mod cloud;
mod container;
mod host;
mod kubernetes;
mod metadata;
mod os;
mod process;
mod systemd;

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use super::{Attribute, Attributes};
use crate::Value;

/// The conventions that the names of detected attributes follow.
pub(crate) const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.34.0";

/// Finds attributes of the resource when the telemetry is built. [`Builder::detect`](crate::Builder::detect) takes them.
///
/// ```
/// use smoltel::{Detector, Telemetry};
/// let telemetry = Telemetry::builder("thermostat")
///     .endpoint("http://127.0.0.1:9")
///     .detect(Detector::LOCAL)
///     .build()?;
/// # telemetry.shutdown(std::time::Duration::ZERO);
/// # Ok::<(), smoltel::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Detector {
    find: fn(&mut Found<'_>),
    /// Where a metadata service is.
    base: &'static str,
}

impl Detector {
    /// `process.pid`, `process.parent_pid`, `process.executable.name` and `.path`, `process.owner`. Arguments are left out: they
    /// may hold secrets.
    pub const PROCESS: Self = Self::reading(process::find);
    /// `host.name`, `host.arch`, and `host.id` from `/etc/machine-id`.
    pub const HOST: Self = Self::reading(host::find);
    /// `os.type`, and from `os-release` `os.name`, `os.version`, `os.description` and `os.build_id`.
    pub const OS: Self = Self::reading(os::find);
    /// `container.id` from the cgroup (version 1) or the mounts (version 2) of Docker, containerd, CRI-O and Podman.
    pub const CONTAINER: Self = Self::reading(container::find);
    /// `k8s.*` from the variables and files of the downward API: the variables `POD_NAME`, `POD_UID`, `POD_NAMESPACE`,
    /// `NODE_NAME`, `CONTAINER_NAME` or with the prefix `K8S_`, the files of `/etc/podinfo`, and the service account's namespace.
    pub const KUBERNETES: Self = Self::reading(kubernetes::find);
    /// `systemd.unit`, the service that the process belongs to, and `systemd.invocation_id`.
    pub const SYSTEMD: Self = Self::reading(systemd::find);
    /// `cloud.*` and `faas.*` from the variables that AWS, Google Cloud and Azure set for functions, containers and apps.
    pub const CLOUD: Self = Self::reading(cloud::find);
    /// `cloud.*` and `host.*` of a virtual machine, from the metadata service of AWS (IMDSv2), Google Cloud or Azure. It asks over the
    /// network, at the link-local address 169.254.169.254, and delays [`build`](crate::Builder::build) by a second at the most where
    /// nobody answers.
    pub const METADATA: Self = Self::metadata_at("http://169.254.169.254");

    /// All that need no network.
    pub const LOCAL: [Self; 7] =
        [Self::OS, Self::HOST, Self::PROCESS, Self::CONTAINER, Self::SYSTEMD, Self::KUBERNETES, Self::CLOUD];

    /// [`METADATA`](Self::METADATA) at another address, a base URL such as of a proxy for it.
    pub const fn metadata_at(base: &'static str) -> Self {
        Self { find: metadata::find, base }
    }

    const fn reading(find: fn(&mut Found<'_>)) -> Self {
        Self { find, base: "" }
    }

    /// Adds to `attributes` what it finds.
    pub(crate) fn detect(self, env: &dyn Fn(&str) -> Option<String>, attributes: &mut Attributes) {
        (self.find)(&mut Found { root: PathBuf::from("/"), env, base: self.base, attributes });
    }
}

/// What a detector looks at, and where it puts what it finds.
struct Found<'a> {
    root: PathBuf,
    env: &'a dyn Fn(&str) -> Option<String>,
    base: &'static str,
    attributes: &'a mut Attributes,
}

impl Found<'_> {
    /// The most that is read of a file.
    const MAX: u64 = 64 << 10;

    /// A file's text, without white space around it; `None` when there is none.
    fn file(&self, path: &str) -> Option<String> {
        let file = File::open(self.root.join(path.trim_start_matches('/'))).ok()?;
        let mut bytes = Vec::new();
        file.take(Self::MAX).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    /// A variable that is set and not empty.
    fn env(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.is_empty())
    }

    fn set<'v>(&mut self, key: &str, value: impl Into<Value<'v>>) {
        self.attributes.replace(Attribute::new(key, &value.into()));
    }

    fn set_some(&mut self, key: &str, value: Option<String>) {
        if let Some(value) = value {
            self.set(key, value.as_str());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// What a detector finds below a folder with those files and with those variables.
    pub(super) fn found(
        detector: Detector,
        files: &[(&str, &str)],
        variables: &[(&str, &str)],
    ) -> HashMap<String, String> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
            fs::write(path, text).unwrap();
        }
        let env =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned());
        let mut attributes = Attributes::default();
        let root = root.path().to_owned();
        (detector.find)(&mut Found { root, env: &env, base: detector.base, attributes: &mut attributes });
        attributes.0.iter().map(|attribute| (attribute.key.clone(), attribute.text())).collect()
    }

    pub(super) fn map(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn where_nothing_is_nothing_is_found_and_that_is_no_error() {
        for detector in [Detector::CONTAINER, Detector::KUBERNETES, Detector::SYSTEMD, Detector::CLOUD] {
            assert_eq!(found(detector, &[], &[]), HashMap::new());
        }
        assert_eq!(found(Detector::HOST, &[], &[]).keys().collect::<Vec<_>>(), ["host.arch"]);
        assert_eq!(found(Detector::OS, &[], &[]), map(&[("os.type", "linux")]));
    }

    #[test]
    fn of_an_endless_file_only_the_beginning_is_read() {
        let long = "x".repeat(200_000);
        let host = found(Detector::HOST, &[("proc/sys/kernel/hostname", &long)], &[]);
        assert_eq!(host["host.name"].len(), 64 << 10);
    }
}
