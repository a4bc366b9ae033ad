//! A program that is instrumented with `tracing`: one layer more, and its spans and events go to an OTLP endpoint.
//!
//! ```console
//! $ cargo run -p smoltel --features bridge-tracing --example tracing_app -- http://127.0.0.1:4318
//! ```

use std::time::Duration;

use smoltel::Telemetry;
use smoltel::bridge::TracingLayer;
use tracing::level_filters::LevelFilter;
use tracing::{debug, error, info, info_span, warn};
use tracing_subscriber::layer::{Layer, SubscriberExt};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = Telemetry::builder("pump");
    if let Some(endpoint) = std::env::args().nth(1) {
        builder = builder.endpoint(endpoint);
    }
    let telemetry = builder.build()?;
    // Beside it there may be others, tracing_subscriber::fmt::layer() for one.
    let layer = TracingLayer::new(&telemetry).with_filter(LevelFilter::INFO);
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;

    for turn in 0..3 {
        let span = info_span!("turn", turn, otel.kind = "internal");
        let _entered = span.enter();
        debug!("filtered");
        pump(f64::from(turn) * 0.6);
    }

    let report = telemetry.shutdown(Duration::from_secs(5));
    println!("{report}");
    if report.dropped() + report.in_doubt > 0 { Err("not everything has arrived".into()) } else { Ok(()) }
}

fn pump(pressure: f64) {
    let span = info_span!("pump", pressure, result = tracing::field::Empty);
    let _entered = span.enter();
    match pressure {
        ..0.5 => info!("primed"),
        0.5..1.0 => warn!(pressure, "pressure is high"),
        _ => error!(error = "valve shut", "stopped"),
    }
    span.record("result", "done");
}
