//! The command line.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use crate::failure::Failure;

const AFTER: &str = "\
Without an upstream, requests go to OTLP JSON Lines files under DIR/archive.
Flags win over the config file, the file over the environment ($OTEL_EXPORTER_OTLP_ENDPOINT, $STATE_DIRECTORY).";

/// Receives OTLP, stores it durably, forwards it.
///
/// Without a command it runs until SIGTERM or SIGINT.
#[derive(Debug, Parser)]
#[command(name = "smoltel-gateway", version, after_help = AFTER, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) flags: Flags,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What the gateway is to do; `None` leaves it to the config file, the environment or the default.
#[derive(Debug, Default, Args)]
pub(crate) struct Flags {
    /// OTLP/HTTP listens here, or `off` [default: 127.0.0.1:4318]
    #[arg(long, value_name = "ADDR")]
    pub(crate) http: Option<String>,
    /// OTLP/gRPC listens here, or `off` [default: 127.0.0.1:4317]
    #[arg(long, value_name = "ADDR")]
    pub(crate) grpc: Option<String>,
    /// The device link over TCP listens here, or `off` [default: 127.0.0.1:4319]
    #[arg(long, value_name = "ADDR")]
    pub(crate) link: Option<String>,
    /// A serial line with a device at its other end; may be repeated [default speed: 115200]
    #[arg(long, value_name = "PATH[:BAUD]")]
    pub(crate) serial: Vec<String>,
    /// Status page, /metrics, /healthz, /readyz and /api/status, or `off` [default: 127.0.0.1:4328]
    #[arg(long, value_name = "ADDR")]
    pub(crate) admin: Option<String>,
    /// The certificate of both OTLP listeners, and those above it, in PEM: they speak TLS
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) certificate: Option<PathBuf>,
    /// The certificate's private key, in PEM
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) key: Option<PathBuf>,
    /// Senders have to show a certificate of an authority in this file
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(crate) client_ca: Option<PathBuf>,
    /// Senders have to show a token of this file, which has one a line
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Where to forward to by OTLP/HTTP, such as http://collector:4318; when it fails, to the next one, if it is repeated
    #[arg(long, value_name = "URL")]
    pub(crate) upstream: Vec<String>,
    #[command(flatten)]
    pub(crate) place: Place,
}

/// Where the data are.
#[derive(Debug, Default, Args)]
pub(crate) struct Place {
    /// The spool and the archive [default: $STATE_DIRECTORY or ./smoltel-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// A config file in TOML
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Validates the configuration and prints the effective one
    Check(Box<Check>),
    /// Looks into the spool
    #[command(subcommand)]
    Spool(SpoolCommand),
    /// Shows the devices that a running gateway has met
    Devices(Devices),
    /// Sends test telemetry to an OTLP/HTTP endpoint
    Send(Send),
}

#[derive(Debug, Subcommand)]
pub(crate) enum SpoolCommand {
    /// Shows what waits for whom
    Ls(Look),
    /// Reads everything, and says what is damaged and what that means; changes nothing unless told
    Verify(Verify),
    /// Writes everything that is kept, delivered or not, as OTLP JSON Lines; the spool keeps it, and a gateway may run
    Export(Export),
    /// Sends what waits for a destination somewhere else, and lets go of it
    Drain(Drain),
    /// Forgets a destination: nothing is kept for it any more
    Retire(Retire),
    /// Shows what was set aside: damaged segments, and records that a destination refused for good
    Quarantine(Quarantine),
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

#[derive(Debug, Args)]
pub(crate) struct Look {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Quarantine {
    /// The refused records themselves, as OTLP JSON Lines
    #[arg(long)]
    pub(crate) export: bool,
    #[command(flatten)]
    pub(crate) look: Look,
}

#[derive(Debug, Args)]
pub(crate) struct Devices {
    /// The gateway's admin port
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4328")]
    pub(crate) from: String,
    /// A file with the token that it asks for
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Authorities in PEM to trust instead of Mozilla's, for an https URL
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Gives up and counts what is damaged; the gateway must not run
    #[arg(long)]
    pub(crate) repair: bool,
    #[command(flatten)]
    pub(crate) look: Look,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Into {traces,metrics,logs}.jsonl in this directory, instead of stdout
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Drain {
    /// An OTLP/HTTP endpoint, such as http://collector:4318
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// The destination for which they wait, if there are several
    #[arg(long, value_name = "ID")]
    pub(crate) destination: Option<String>,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Retire {
    /// The destination's id, as `spool ls` shows it
    #[arg(value_name = "ID")]
    pub(crate) destination: String,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Send {
    /// Where to send to
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4318")]
    pub(crate) to: String,
    /// How many spans
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) traces: u32,
    /// How many data points
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) metrics: u32,
    /// How many log records
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) logs: u32,
}

/// Reads the command line. `Ok(None)` when it only asked for help or the version, which has been printed.
pub(crate) fn parse() -> Result<Option<Cli>, Failure> {
    match Cli::try_parse() {
        Ok(cli) => Ok(Some(cli)),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            _ = error.print();
            Ok(None)
        }
        Err(error) => Err(Failure::usage(one_line(&error.to_string()))),
    }
}

/// Clap explains over several lines; the usage below them is what `--help` shows.
fn one_line(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let end = text.find("\n\nUsage:").or_else(|| text.find("\n\nFor more")).unwrap_or(text.len());
    let parts: Vec<_> = text[..end].lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let place = if text.contains("the subcommand") { "put it behind the command, and " } else { "" };
    format!("{}; {place}see smoltel-gateway --help", parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_refusal_is_one_line_with_its_tip() {
        let error = Cli::try_parse_from(["smoltel-gateway", "--htp", "x"]).unwrap_err();
        let line = one_line(&error.to_string());
        assert!(line.starts_with("unexpected argument '--htp' found"), "{line}");
        assert!(line.contains("'--http'") && !line.contains('\n'), "{line}");
    }
}
