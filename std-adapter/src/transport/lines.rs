use std::io::{self, Stdout, Write};
use std::time::Instant;

use super::{Answer, Outcome, Request, Transport, json};
use crate::Signal;

/// Writes requests to a stream, each as a line of OTLP JSON: standard output, a pipe, whatever can be written to.
///
/// ```
/// use smoltel::Telemetry;
/// use smoltel::transport::JsonLines;
///
/// let telemetry = Telemetry::builder("thermostat").transport(JsonLines::stdout()).build()?;
/// telemetry.logger("control-loop").info("valve opened");
/// telemetry.shutdown(std::time::Duration::from_secs(1));
/// # Ok::<(), smoltel::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct JsonLines<W = Stdout> {
    out: W,
    name: &'static str,
    line: Vec<u8>,
}

impl JsonLines {
    /// Lines on standard output.
    pub fn stdout() -> Self {
        Self { out: io::stdout(), name: "standard output", line: Vec::new() }
    }
}

impl<W: Write + Send> JsonLines<W> {
    /// Lines on any stream. A request is accepted when its line is written and the stream flushed.
    pub fn new(out: W) -> Self {
        Self { out, name: "a stream of lines", line: Vec::new() }
    }
}

impl<W: Write + Send> Transport for JsonLines<W> {
    fn send(&mut self, request: &Request<'_>, _: Instant) -> Outcome {
        self.line.clear();
        if let Err(outcome) = json::append(request, &mut self.line) {
            return outcome;
        }
        self.line.push(b'\n');
        match self.out.write_all(&self.line).and_then(|()| self.out.flush()) {
            Ok(()) => Outcome::new(Answer::Accepted { rejected: 0 }, ""),
            // A part of the line may be written: only a reader can tell.
            Err(error) => Outcome { in_doubt: true, ..Outcome::new(Answer::NONE, error.to_string()) },
        }
    }

    fn destination(&self, _: Signal) -> String {
        self.name.to_owned()
    }
}
