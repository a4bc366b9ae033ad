//! The Debian package: built, and put through what an operator does with it, under systemd in a container.

use std::path::{Path, PathBuf};

use crate::install::{self, Need};
use crate::repo::Repo;
use crate::step::{Log, Outcome, Step};

/// Two packages of the same program: an upgrade needs one to begin with.
const VERSIONS: [(&str, &str); 2] = [("old.deb", "0.0.1"), ("new.deb", "99.0.0")];

pub(crate) fn step() -> Step {
    Step {
        name: "package",
        about: "the Debian package installs, runs sandboxed, upgrades, and purges, as docs/GATEWAY.md says",
        needs: &[Need::Package],
        run: Box::new(run),
    }
}

/// Builds the package, and tries it where there is a right to make containers.
fn run(repo: &Repo, log: &Log) -> Outcome {
    let folder = repo.target_dir().join("package");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let package = build(repo, log, &folder.join("smoltel-gateway.deb"), None)?;
    for (name, version) in VERSIONS {
        build(repo, log, &folder.join(name), Some(version))?;
    }
    let boot = repo.root.join("xtask/package/boot.sh");
    let install = repo.root.join("xtask/package/install.sh");
    std::fs::copy(&install, folder.join("install.sh")).map_err(|error| error.to_string())?;
    let said = folder.join("said");
    let _ = std::fs::remove_file(&said);
    let container: &[&str] = &["sudo", "unshare", "--mount", "sh"];
    let container = &container[usize::from(install::is_root(repo))..];
    let mut container = repo.command(container[0], &container[1..]);
    container.arg(boot).arg(&folder);
    let Err(error) = log.run(&mut container) else { return Ok(package.display().to_string()) };
    match std::fs::read_to_string(said) {
        Ok(said) => {
            let end = said.lines().rev().take(40).collect::<Vec<_>>().into_iter().rev();
            Err(format!("{error}\n{}", end.collect::<Vec<_>>().join("\n")))
        }
        // Not the package's fault: a machine that is a container itself may have no right to boot another one.
        Err(_) => Ok(format!("{}; NOT RUN in a container, which did not boot: {error}", package.display())),
    }
}

/// A package at that path, with the workspace's version unless another one is given.
fn build(repo: &Repo, log: &Log, path: &Path, version: Option<&str>) -> Result<PathBuf, String> {
    let mut cargo = repo.cargo(&["deb", "-p", "smoltel-gateway", "--locked", "--output"]);
    cargo.arg(path);
    if let Some(version) = version {
        // What has been built just now.
        cargo.args(["--no-build", "--deb-version", version]);
    }
    log.run(&mut cargo)?;
    Ok(path.to_owned())
}
