//! `devices`: what a running gateway knows of the devices on its link.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use crate::cli;
use crate::failure::Failure;

/// A status is a few hundred bytes for each device.
const MOST: u64 = 64 << 20;

pub(crate) fn execute(args: &cli::Devices) -> Result<(), Failure> {
    let devices = ask(args)?["devices"].take();
    if args.json {
        return crate::print(&format!("{devices}\n"));
    }
    let mut out = String::new();
    for device in devices.as_array().into_iter().flatten() {
        let text = |key: &str| device[key].as_str().unwrap_or("-").to_owned();
        let state = if device["connected"] == true { "connected" } else { "gone" };
        let count = |key: &str| device[key].as_u64().unwrap_or(0);
        let lost: u64 =
            device["lostItems"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
        // Writing to a String does not fail.
        _ = writeln!(
            out,
            "{}: {state}, seen {} s ago, build {}, {} items stored, {lost} lost by the device, {} bytes of gaps",
            text("id"),
            count("lastSeenSeconds"),
            text("build"),
            count("items"),
            count("gapBytes"),
        );
    }
    crate::print(if out.is_empty() { "no device was met since the start\n" } else { &out })
}

fn ask(args: &cli::Devices) -> Result<Value, Failure> {
    let from = &args.from;
    let failed = |error: &dyn std::fmt::Display| {
        Failure::other(format!("{from} does not say: {error}; is the gateway running, and is --from right?"))
    };
    let mut config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(10))).proxy(None);
    if let Some(file) = &args.ca_file {
        config = config.tls_config(trusting(file)?);
    }
    let agent = ureq::Agent::new_with_config(config.build());
    let mut request = agent.get(format!("{}/api/status", from.trim_end_matches('/')));
    if let Some(file) = &args.token_file {
        let text = fs::read_to_string(file).map_err(|error| {
            Failure::usage(format!("cannot read {}: {error}; check --token-file", file.display()))
        })?;
        let mut tokens =
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let token = tokens.next().unwrap_or_default();
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let mut answer = request.call().map_err(|error| failed(&error))?;
    let text =
        answer.body_mut().with_config().limit(MOST).read_to_string().map_err(|error| failed(&error))?;
    serde_json::from_str(&text).map_err(|error| failed(&error))
}

/// Trusts the authorities of that file alone.
fn trusting(file: &Path) -> Result<TlsConfig, Failure> {
    let unusable = |why: &str| {
        Failure::usage(format!("cannot use the authorities {}: {why}; check --ca-file", file.display()))
    };
    let pem = fs::read(file).map_err(|error| unusable(&error.to_string()))?;
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let all: Vec<_> = certificates.collect();
    if all.is_empty() {
        return Err(unusable("there is no certificate in PEM in it"));
    }
    Ok(TlsConfig::builder().root_certs(RootCerts::from(all)).build())
}
