//! A program that records spans, logs and a counter and sends them to an OTLP endpoint.
//!
//! ```console
//! $ cargo run -p smoltel --example thermostat -- http://127.0.0.1:4318
//! ```
//!
//! With a second argument, a directory, what cannot be sent now is kept there and sent next time.

use std::time::Duration;

use smoltel::{Severity, SpanKind, Telemetry};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let mut builder = Telemetry::builder("thermostat").resource("deployment.environment.name", "demo");
    if let Some(endpoint) = args.next() {
        builder = builder.endpoint(endpoint);
    }
    if let Some(dir) = args.next() {
        builder = builder.spool(dir);
    }
    let telemetry = builder.build()?;
    let tracer = telemetry.tracer("control-loop");
    let logger = telemetry.logger("control-loop");
    let moves = telemetry.meter("control-loop").counter_in("valve.moves", "{move}");

    for celsius in [19.5, 20.0, 21.5, 35.0] {
        let mut turn = tracer.span("turn").kind(SpanKind::Internal).start();
        let mut adjust = tracer.span("adjust").parent(turn.context()).start();
        adjust.set("target.celsius", celsius);
        if celsius > 30.0 {
            adjust.fail("the target is out of range");
            let log = logger.log(Severity::Error).context(adjust.context()).set("target.celsius", celsius);
            log.body(format_args!("{celsius} °C is more than the valve can do")).emit();
        } else {
            moves.add(1, &[("valve.id".into(), 3.into())]);
            logger.info("valve opened");
        }
        adjust.end();
        turn.set("done", true);
        turn.end();
    }

    let report = telemetry.shutdown(Duration::from_secs(5));
    println!("{report}");
    if report.dropped() + report.in_doubt > 0 { Err("not everything is safe".into()) } else { Ok(()) }
}
