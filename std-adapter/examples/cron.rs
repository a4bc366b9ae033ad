//! A job that runs for a moment and must not lose its last spans: what the endpoint does not take now stays in a spool, and
//! the next run sends it.
//!
//! ```console
//! $ cargo run -p smoltel --example cron -- http://127.0.0.1:4318 /var/spool/backup
//! ```
//!
//! It ends with an error only if something is lost: an endpoint that is down is no reason for cron to write mail.

use std::process::ExitCode;
use std::time::Duration;

use smoltel::{Telemetry, Tracer};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (Some(endpoint), Some(spool)) = (args.next(), args.next()) else {
        eprintln!("usage: cron ENDPOINT SPOOL");
        return ExitCode::from(2);
    };
    let telemetry = match Telemetry::builder("backup").endpoint(endpoint).spool(spool).build() {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("cron: {error}");
            return ExitCode::from(2);
        }
    };
    work(&telemetry.tracer("backup"));
    // Everything is at the endpoint or on the disk when this returns, or the report says what is not.
    let report = telemetry.shutdown(Duration::from_secs(10));
    println!("{report}");
    if report.dropped() + report.in_doubt > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn work(tracer: &Tracer) {
    let job = tracer.start("backup");
    let _current = job.enter();
    for table in ["orders", "customers", "valves"] {
        let mut span = tracer.start("copy table");
        span.set("db.collection.name", table);
    }
    let mut last = tracer.start("check");
    last.set("backup.tables", 3);
}
