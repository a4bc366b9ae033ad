//! Real peers: official SDKs and other collectors send, and other collectors and databases get what we relay.
//!
//! What `cargo xtask test --install` installs is always tried; without it these tests fail: what cannot run is not reported as passed.
//! Servers that take minutes to get (the Collector, VictoriaMetrics) are tried by `cargo xtask interop PEERS_DIR`. Each pair that was
//! found to work prints a line.

#[path = "../support/mod.rs"]
mod support;

mod archive;
mod nginx;
mod peers;
mod receivers;
mod senders;
