//! What must be on the machine before a step can run, and the commands that put it there.

use std::fmt::Write as _;
use std::path::Path;

use crate::repo::{Repo, output};
use crate::step::Step;

/// Something that a step cannot do without.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// rustfmt and clippy.
    RustComponents,
    /// Debian's Rust with the source of `core`, under the name `debian` in rustup.
    BareMetal,
    /// An emulator and a linker for Arm microcontrollers.
    Qemu,
    /// A C++ compiler, for libFuzzer.
    Cxx,
    /// cargo-mutants.
    Mutants,
    /// What makes a Debian package, and a container to try it in.
    Package,
    /// What counts instructions.
    Valgrind,
    /// What shows system calls.
    Strace,
    /// What makes file systems, and what makes them fail.
    Disks,
    /// What shows the gateway's page.
    Browser,
    /// The receivers and SDKs of others, in `.peers`.
    Peers,
    /// The SDK for JavaScript, in `.peers/js`.
    JavaScript,
    /// A proxy that upstreams stand behind.
    Nginx,
    /// A standard library for 64-bit Arm, compilers for what is C, and what runs such programs here.
    Arm,
}

/// rotel links the Python that its wheel is made for.
const PEERS_PACKAGES: &[&str] = &["libpython3.11", "python3-venv"];
const BARE_METAL_PACKAGES: &[&str] = &["cargo-web", "rust-web-clippy", "rust-web-src", "rustc-web"];
const QEMU_PACKAGES: &[&str] = &["binutils-arm-none-eabi", "qemu-system-arm"];

/// Packages that other packages stand in for, and the program that is wanted of them.
const OWN_PROGRAMS: [(&str, &str); 2] = [("npm", "/usr/bin/npm"), ("nginx-light", "/usr/sbin/nginx")];

const ARM_PACKAGES: &[&str] = &[
    "file",
    "gcc-aarch64-linux-gnu",
    "gcc-arm-linux-gnueabihf",
    "libc6-dev-arm64-cross",
    "libc6-dev-armhf-cross",
    "qemu-user-static",
];

const ARM: &str = "rustup target add aarch64-unknown-linux-musl && { sh xtask/armv7.sh || true; }";
/// Not every day of rustup's has it.
pub(crate) const ARMV7: &str = "sh xtask/armv7.sh";
const COMPONENTS: &str = "rustup component add clippy rustfmt";
const TOOLCHAIN: &str = "rustup toolchain link debian /usr";
const PACKAGE_PACKAGES: &[&str] = &["adduser", "curl", "dpkg-dev", "openssl", "systemd", "systemd-container"];
/// Its default features would link a liblzma of the system; without them it calls `xz`.
const CARGO_DEB: &str = "cargo install cargo-deb --locked --no-default-features --version 3.8.0";
const MUTANTS: &str = "cargo install cargo-mutants --locked --version 27.1.0";
/// Debian's Python, for which libpython3.11 is.
const PEERS: &str = "rm -rf .peers/py .peers/bin && /usr/bin/python3 -m venv .peers/py \
    && .peers/py/bin/pip install --quiet --disable-pip-version-check -r xtask/peers.txt \
    && install -D -m 755 .peers/py/lib/python3.11/site-packages/rotel/rotel-agent .peers/bin/rotel \
    && cp xtask/peers.txt .peers/installed.txt";

/// Exact versions; nothing of what comes along is run.
const JAVASCRIPT: &str = "mkdir -p .peers/js && cp xtask/peers.json .peers/js/package.json \
    && npm install --prefix .peers/js --no-audit --no-fund --ignore-scripts --silent";

impl Need {
    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::RustComponents => &[],
            Self::BareMetal => BARE_METAL_PACKAGES,
            Self::Qemu => QEMU_PACKAGES,
            Self::Cxx => &["g++"],
            Self::Mutants => &[],
            Self::Package => PACKAGE_PACKAGES,
            Self::Valgrind => &["valgrind"],
            Self::Strace => &["strace"],
            Self::Disks => &["e2fsprogs", "fiu-utils"],
            Self::Browser => &["chromium", "chromium-driver"],
            Self::Peers => PEERS_PACKAGES,
            Self::JavaScript => &["nodejs", "npm"],
            Self::Nginx => &["nginx-light"],
            Self::Arm => ARM_PACKAGES,
        }
    }

    /// What has to be done beyond Debian's packages, if it is not done yet.
    fn command(self, repo: &Repo) -> Option<&'static str> {
        let (done, command) = match self {
            Self::RustComponents => (has_components(repo), COMPONENTS),
            Self::BareMetal => (has_toolchain(repo), TOOLCHAIN),
            Self::Mutants => (has(repo, "mutants", MUTANTS), MUTANTS),
            Self::Package => (has(repo, "deb", CARGO_DEB), CARGO_DEB),
            Self::JavaScript => (has_javascript(repo), JAVASCRIPT),
            Self::Arm => (has_arm(repo), ARM),
            Self::Qemu
            | Self::Cxx
            | Self::Valgrind
            | Self::Strace
            | Self::Disks
            | Self::Browser
            | Self::Nginx => return None,
            Self::Peers => (has_peers(repo), PEERS),
        };
        (!done).then_some(command)
    }
}

/// Makes sure that what `steps` need is there: installs it, or says how to and returns false.
pub(crate) fn ensure(repo: &Repo, steps: &[Step], install: bool) -> bool {
    let mut needs: Vec<Need> = steps.iter().flat_map(|step| step.needs.iter().copied()).collect();
    needs.sort_unstable();
    needs.dedup();
    let commands = commands(repo, &needs);
    if commands.is_empty() {
        return true;
    }
    if install {
        return commands.iter().all(|command| run(repo, command));
    }
    let mut text = String::from("Something is missing. In the repository's root, run\n");
    for command in commands {
        let _ = writeln!(text, "  {command}");
    }
    eprintln!("{text}or let `cargo xtask test --install` do it.");
    false
}

fn commands(repo: &Repo, needs: &[Need]) -> Vec<String> {
    let wanted: Vec<&str> = needs.iter().flat_map(|need| need.packages()).copied().collect();
    let missing = missing_packages(repo, &wanted);
    let packages = (!missing.is_empty()).then(|| apt_get(&missing, is_root(repo)));
    packages
        .into_iter()
        .chain(needs.iter().filter_map(|need| need.command(repo)).map(str::to_owned))
        .collect()
}

fn apt_get(packages: &[&str], root: bool) -> String {
    let apt = if root { "apt-get" } else { "sudo apt-get" };
    // Another installation may be under way: wait for it.
    let wait = "-o DPkg::Lock::Timeout=600";
    let names = packages.join(" ");
    format!("{apt} {wait} -qq update && {apt} {wait} -qq install -y --no-install-recommends {names}")
}

fn run(repo: &Repo, command: &str) -> bool {
    println!("$ {command}");
    let status = repo.command("sh", &["-c", command]).env("DEBIAN_FRONTEND", "noninteractive").status();
    let done = status.is_ok_and(|status| status.success());
    if !done {
        eprintln!("this did not work; nothing has been checked: {command}");
    }
    done
}

/// Those of `packages` that dpkg does not know as installed, but for those whose program came in another way.
fn missing_packages<'a>(repo: &Repo, packages: &[&'a str]) -> Vec<&'a str> {
    let installed = |package: &str| {
        if OWN_PROGRAMS.iter().any(|(own, program)| *own == package && Path::new(program).exists()) {
            return true;
        }
        let query = ["--show", "--showformat=${db:Status-Status}", package];
        output(&mut repo.command("dpkg-query", &query)).is_ok_and(|status| status == "installed")
    };
    packages.iter().copied().filter(|package| !installed(package)).collect()
}

pub(crate) fn is_root(repo: &Repo) -> bool {
    output(&mut repo.command("id", &["-u"])).is_ok_and(|id| id.trim() == "0")
}

fn has_components(repo: &Repo) -> bool {
    let works = |tool| output(&mut repo.cargo(&[tool, "--version"])).is_ok();
    works("clippy") && works("fmt")
}

fn has_toolchain(repo: &Repo) -> bool {
    output(&mut repo.command("rustup", &["toolchain", "list"]))
        .is_ok_and(|list| list.lines().any(|line| line.split(' ').next() == Some("debian")))
}

/// Whether that subcommand of cargo is there, in the version that ends the command to install it.
fn has(repo: &Repo, subcommand: &str, command: &str) -> bool {
    let installed = output(&mut repo.cargo(&[subcommand, "--version"])).unwrap_or_default();
    installed.trim_end().ends_with(command.rsplit(' ').next().unwrap_or_default())
}

fn has_arm(repo: &Repo) -> bool {
    has_target(repo, "aarch64-unknown-linux-musl")
}

/// Whether Rust has a standard library for that target, wherever it came from.
pub(crate) fn has_target(repo: &Repo, name: &str) -> bool {
    output(&mut repo.command("rustc", &["--print", "target-libdir", "--target", name]))
        .is_ok_and(|dir| Path::new(dir.trim()).is_dir())
}

fn has_javascript(repo: &Repo) -> bool {
    let wanted = std::fs::read(repo.root.join("xtask/peers.json")).ok();
    let js = repo.peers().join("js");
    // npm writes this list when all is there.
    js.join("node_modules/.package-lock.json").exists()
        && wanted == std::fs::read(js.join("package.json")).ok()
}

/// The list is copied last, so it is there only when everything in it is.
fn has_peers(repo: &Repo) -> bool {
    let wanted = std::fs::read(repo.root.join("xtask/peers.txt")).ok();
    wanted.is_some() && wanted == std::fs::read(repo.peers().join("installed.txt")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_for_debian_asks_for_rights_only_where_they_are_missing() {
        let root = apt_get(&["a", "b"], true);
        assert!(
            root.starts_with("apt-get ") && root.ends_with("install -y --no-install-recommends a b"),
            "{root}"
        );
        let user = apt_get(&["a"], false);
        assert_eq!(user.matches("sudo apt-get ").count(), 2, "{user}");
    }

    #[test]
    fn what_dpkg_does_not_know_is_missing() {
        assert_eq!(missing_packages(&Repo::here(), &["no-such-package"]), ["no-such-package"]);
    }
}
