//! Bounds on what each crate may depend on, read from `cargo tree`, and on what core may leave without an example.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::examples;
use crate::repo::{Repo, output};
use crate::step::{Log, Outcome};

/// All that smoltel-core may link, with every feature on. A crate comes in here only after a look at its source: it
/// must be no_std and need no allocator in the features that smoltel-core asks for.
const CORE_MAY_HOLD: &[&str] = &[
    "cobs",
    "critical-section",
    "embedded-io",
    "embedded-storage",
    "heapless",
    "portable-atomic",
    "rand_core",
    "rand_xoshiro",
    "siphasher",
    "smoltel-core",
    // What heapless stands on.
    "byteorder",
    "hash32",
    "stable_deref_trait",
    // The feature `link-aead`: RustCrypto, whose allocating parts are features that are off.
    "aead",
    "block-buffer",
    "cfg-if",
    "chacha20",
    "chacha20poly1305",
    "cipher",
    "cmov",
    "cpufeatures",
    "crypto-common",
    "ctutils",
    "hybrid-array",
    "inout",
    // Bindings without an allocator, which cpufeatures asks the system with, on 64-bit Arm with an operating system only.
    "libc",
    "poly1305",
    "typenum",
    "universal-hash",
    // The feature `defmt-1`. All but the first two are its macros', and run on the host.
    "bitflags",
    "defmt",
    "defmt-macros",
    "defmt-parser",
    "proc-macro2",
    "quote",
    "syn",
    "thiserror",
    "thiserror-impl",
    "unicode-ident",
];

/// What only the gateway's receiving side and the `grpc` feature may bring.
const CLIENT_MUST_NOT_HOLD: &[&str] = &["hyper", "native-tls", "openssl", "openssl-sys", "reqwest", "tokio"];

pub(crate) fn run(repo: &Repo, _log: &Log) -> Outcome {
    let core = crates_of(repo, "smoltel-core", &["--all-features"])?;
    check(core.iter().all(|name| CORE_MAY_HOLD.contains(&name.as_str())), || {
        let extra: Vec<_> = core.iter().filter(|name| !CORE_MAY_HOLD.contains(&name.as_str())).collect();
        format!(
            "smoltel-core depends on {extra:?}; if they need no allocator, list them in xtask/src/guards.rs"
        )
    })?;

    let features = features_but_grpc(&repo.metadata("")?);
    let client = crates_of(repo, "smoltel", &["--no-default-features", "--features", &features])?;
    let unwanted: Vec<_> = CLIENT_MUST_NOT_HOLD.iter().filter(|name| client.contains(**name)).collect();
    check(unwanted.is_empty(), || format!("smoltel without `grpc` depends on {unwanted:?}"))?;

    let spool = crates_of(repo, "smoltel-spool", &["--all-features"])?;
    let ours: Vec<_> =
        spool.iter().filter(|name| name.starts_with("smoltel") && *name != "smoltel-spool").collect();
    check(ours.is_empty(), || format!("smoltel-spool must stand alone, and depends on {ours:?}"))?;

    let types = examples::check(repo)?;
    let (core, client, spool) = (core.len(), client.len(), spool.len());
    Ok(format!(
        "core {core}, client {client}, spool {spool} crates; core's {types} public types have examples"
    ))
}

fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// The names in `package`'s tree of ordinary dependencies, on any target, itself included.
fn crates_of(repo: &Repo, package: &str, features: &[&str]) -> Result<BTreeSet<String>, String> {
    let tree = ["tree", "-p", package, "--edges", "normal", "--target", "all", "--prefix", "none"];
    let printed = output(repo.cargo(&tree).args(["--format", "{p}"]).args(features))?;
    Ok(printed.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
}

/// All features of smoltel that must do without an async runtime.
fn features_but_grpc(metadata: &Value) -> String {
    let packages = metadata["packages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let smoltel = packages.iter().find(|package| package["name"] == "smoltel");
    let features = smoltel.and_then(|package| package["features"].as_object());
    let names = features.into_iter().flatten().map(|(name, _)| name.as_str());
    names.filter(|name| *name != "grpc").collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_is_the_only_feature_left_out() {
        let metadata = serde_json::json!({"packages": [
            {"name": "other", "features": {"z": []}},
            {"name": "smoltel", "features": {"default": [], "grpc": [], "rustls": []}},
        ]});
        assert_eq!(features_but_grpc(&metadata), "default,rustls");
    }
}
