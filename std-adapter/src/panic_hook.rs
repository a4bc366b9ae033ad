use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::time::Duration;

use smoltel_core::{Pipeline, Scope};

use crate::command::Command;
use crate::platform::Threads;
use crate::{Logger, Scoped, Severity, Telemetry, silence};

impl Telemetry {
    /// From now on a panic is told as a log record of severity `FATAL`, and everything recorded is sent before the program
    /// goes on: within `timeout`, whatever the endpoint does, and with a spool at least to the disk. Then the hook that was
    /// there before is called. This works where a panic aborts the program, too.
    ///
    /// The record has the message as its body and as `exception.message`, the place as `code.file.path`,
    /// `code.line.number` and `code.column.number`, `thread.name`, and, where `RUST_BACKTRACE` asks for it,
    /// `exception.stacktrace`. It belongs to the thread's current span. A span that a panic ends has failed, with or without
    /// this hook.
    ///
    /// ```
    /// use std::time::Duration;
    /// let telemetry = smoltel::Telemetry::builder("thermostat").endpoint("http://127.0.0.1:9").build()?;
    /// telemetry.install_panic_hook(Duration::from_secs(2));
    /// # telemetry.shutdown(Duration::ZERO);
    /// # Ok::<(), smoltel::ConfigError>(())
    /// ```
    pub fn install_panic_hook(&self, timeout: Duration) {
        let logger = logger(&self.pipeline);
        let worker = self.commands.clone();
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            report(&logger, info);
            // A worker that waits for itself waits in vain; its records are sent on its next turn.
            if !silence::is_worker() {
                worker.ask(timeout, Command::Flush);
            }
            before(info);
        }));
    }
}

fn logger(pipeline: &Arc<Pipeline<Threads>>) -> Logger {
    Scoped::new(pipeline.clone(), pipeline.declare((&Scope::new("std::panic")).into())).logger()
}

fn report(logger: &Logger, info: &PanicHookInfo<'_>) {
    let message = message(info);
    let backtrace = Backtrace::capture();
    let stack = match backtrace.status() {
        BacktraceStatus::Captured => backtrace.to_string(),
        _ => String::new(),
    };
    let mut log = logger.log(Severity::Fatal).text(message).exception("panic", message, &stack);
    if let Some(place) = info.location() {
        log = log.set("code.file.path", place.file());
        log = log.set("code.line.number", place.line()).set("code.column.number", place.column());
    }
    if let Some(name) = std::thread::current().name() {
        log = log.set("thread.name", name);
    }
    log.emit();
}

fn message<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}
