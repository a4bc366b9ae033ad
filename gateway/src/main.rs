//! A small OTLP gateway: receives, stores durably, forwards. docs/GATEWAY.md says how to run it.
//!
//! ```text
//!  senders ──▶ server ──▶ receive ──▶ spool ──▶ forward ──▶ destinations
//!                 ▲          │ 200 when durable     │ release when accepted
//!                 │          ▼                      ▼
//!                 └─ admin ◀── ledger, spool statistics, health
//! ```
//!
//! One thread runs the servers (tokio), one writes the spool, one for each destination and signal forwards.

mod admin;
mod cli;
mod config;
mod devices;
mod failure;
mod forward;
mod gap;
mod ledger;
mod link;
mod log;
mod loss;
mod notify;
mod own;
mod receive;
mod reload;
mod run;
mod send;
mod server;
mod signals;
mod spool_commands;
mod warnings;

use std::process::ExitCode;

use cli::{Cli, Command, Flags};
use config::{Config, LogFormat};
use failure::Failure;

fn main() -> ExitCode {
    match cli::parse().and_then(|cli| cli.map_or(Ok(()), execute)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            log::error(&failure);
            failure.exit_code()
        }
    }
}

fn execute(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        None => {
            let config = load(&cli.flags)?;
            log::in_json(config.log_format == LogFormat::Json);
            run::run(&config, &|| load(&cli.flags))
        }
        Some(Command::Check(args)) => check(&load(&args.flags)?, args.json),
        Some(Command::Spool(command)) => spool_commands::execute(command),
        Some(Command::Devices(args)) => devices::execute(&args),
        Some(Command::Send(send)) => send::execute(&send),
    }
}

fn load(flags: &Flags) -> Result<Config, Failure> {
    Config::load(flags, |name| std::env::var_os(name))
}

/// Prints the effective configuration, but for the values of headers.
fn check(config: &Config, json: bool) -> Result<(), Failure> {
    config.spool_options()?;
    for (door, http2) in [(&config.http, true), (&config.grpc, true), (&config.admin, false)] {
        server::Guard::load(door, http2)?;
    }
    let unprintable =
        |error: &dyn std::fmt::Display| Failure::other(format!("cannot print the config: {error}"));
    if json {
        return print(&(serde_json::to_string(config).map_err(|error| unprintable(&error))? + "\n"));
    }
    print(&toml::to_string(config).map_err(|error| unprintable(&error))?)
}

/// Writes to stdout. Whoever closes it early has seen enough.
fn print(text: &str) -> Result<(), Failure> {
    use std::io::{ErrorKind, Write, stdout};
    match stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::other(format!("cannot write: {error}")))
        }
        _ => Ok(()),
    }
}
