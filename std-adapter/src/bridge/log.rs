use std::time::Duration;

use log::kv::{self, VisitSource, VisitValue};
use log::{LevelFilter, Metadata, Record, SetLoggerError};

use super::scopes::Scopes;
use super::text::{Chain, with_text};
use crate::command::{Command, Commands};
use crate::{Key, Log, Severity, Telemetry, Value, silence};

/// A logger for the `log` crate: its records go where smoltel's go.
///
/// | of the `log` crate | becomes |
/// |---|---|
/// | target | the scope's name |
/// | level | severity |
/// | message | body |
/// | module, file, line | `code.module.name`, `code.file.path`, `code.line.number` |
/// | key-values | attributes; an error becomes `exception.message` and `exception.stacktrace` as well |
/// | the current span | the span that the record belongs to |
///
/// `log::logger().flush()` sends what is there and waits for five seconds at the most.
///
/// ```
/// use smoltel::Telemetry;
/// use smoltel::bridge::LogBridge;
///
/// # let telemetry = Telemetry::builder("thermostat").endpoint("http://127.0.0.1:9").on_message(|_| {}).build()?;
/// LogBridge::new(&telemetry).level(log::LevelFilter::Info).install()?;
/// log::info!(valve = 3; "valve opened");
/// # telemetry.shutdown(std::time::Duration::ZERO);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LogBridge {
    scopes: Scopes,
    worker: Commands,
    level: LevelFilter,
    other: Option<Box<dyn log::Log>>,
}

/// How long a flush may take: the `log` crate has no word for it.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

const MODULE: Key<'static> = Key::new("code.module.name");
const FILE: Key<'static> = Key::new("code.file.path");
const LINE: Key<'static> = Key::new("code.line.number");

impl LogBridge {
    /// A logger that takes all levels.
    pub fn new(telemetry: &Telemetry) -> Self {
        let (scopes, worker) = (Scopes::new(telemetry.pipeline.clone()), telemetry.commands.clone());
        Self { scopes, worker, level: LevelFilter::Trace, other: None }
    }

    /// Takes nothing below that level.
    #[must_use]
    pub fn level(self, level: LevelFilter) -> Self {
        Self { level, ..self }
    }

    /// Gives every record to another logger as well, which has a level of its own.
    #[must_use]
    pub fn and(self, other: impl log::Log + 'static) -> Self {
        Self { other: Some(Box::new(other)), ..self }
    }

    /// Makes it the program's logger. With another one beside it, `log::set_max_level` is for the program to say;
    /// it is as for all levels here.
    ///
    /// # Errors
    /// There is a logger already: it was set before.
    pub fn install(self) -> Result<(), SetLoggerError> {
        let level = if self.other.is_some() { LevelFilter::Trace } else { self.level };
        log::set_boxed_logger(Box::new(self))?;
        log::set_max_level(level);
        Ok(())
    }

    fn takes(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.level && !silence::is_silent()
    }

    fn emit(&self, record: &Record<'_>) {
        let severity = severity(record.level());
        let mut log = self.scopes.with(record.target(), |scope| scope.logger().log(severity));
        if let Some(module) = record.module_path() {
            log = log.set(MODULE, module);
        }
        if let Some(file) = record.file() {
            log = log.set(FILE, file);
        }
        if let Some(line) = record.line() {
            log = log.set(LINE, line);
        }
        let mut pairs = Pairs(Some(log));
        // Only code of the program's can fail here.
        let _ = record.key_values().visit(&mut pairs);
        if let Some(log) = pairs.0 {
            log.body(*record.args()).emit();
        }
    }
}

fn severity(level: log::Level) -> Severity {
    match level {
        log::Level::Error => Severity::Error,
        log::Level::Warn => Severity::Warn,
        log::Level::Info => Severity::Info,
        log::Level::Debug => Severity::Debug,
        log::Level::Trace => Severity::Trace,
    }
}

impl log::Log for LogBridge {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.takes(metadata) || self.other.as_ref().is_some_and(|other| other.enabled(metadata))
    }

    fn log(&self, record: &Record<'_>) {
        if let Some(other) = &self.other {
            other.log(record);
        }
        if self.takes(record.metadata()) {
            self.emit(record);
        }
    }

    fn flush(&self) {
        if let Some(other) = &self.other {
            other.flush();
        }
        self.worker.ask(FLUSH_TIMEOUT, Command::Flush);
    }
}

/// The record that key-values are set on. It is always there: setting one takes it and puts it back.
struct Pairs(Option<Log>);

impl Pairs {
    fn set(&mut self, key: &str, value: Value<'_>) {
        self.0 = self.0.take().map(|log| log.set(key, value));
    }
}

impl<'kvs> VisitSource<'kvs> for Pairs {
    fn visit_pair(&mut self, key: kv::Key<'kvs>, value: kv::Value<'kvs>) -> Result<(), kv::Error> {
        value.visit(Pair { pairs: self, key: key.as_str() })
    }
}

struct Pair<'a> {
    pairs: &'a mut Pairs,
    key: &'a str,
}

impl Pair<'_> {
    fn set(&mut self, value: Value<'_>) -> Result<(), kv::Error> {
        self.pairs.set(self.key, value);
        Ok(())
    }

    /// What OTLP has no type for goes out as text.
    fn text(&mut self, value: std::fmt::Arguments<'_>) -> Result<(), kv::Error> {
        with_text(value, |text| self.set(text.into()))
    }
}

impl<'v> VisitValue<'v> for Pair<'_> {
    fn visit_any(&mut self, value: kv::Value<'_>) -> Result<(), kv::Error> {
        self.text(format_args!("{value}"))
    }

    fn visit_null(&mut self) -> Result<(), kv::Error> {
        self.set(Value::Empty)
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), kv::Error> {
        self.visit_i128(value.into())
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), kv::Error> {
        self.set(value.into())
    }

    fn visit_u128(&mut self, value: u128) -> Result<(), kv::Error> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => self.text(format_args!("{value}")),
        }
    }

    fn visit_i128(&mut self, value: i128) -> Result<(), kv::Error> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => self.text(format_args!("{value}")),
        }
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), kv::Error> {
        self.set(value.into())
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), kv::Error> {
        self.set(value.into())
    }

    fn visit_str(&mut self, value: &str) -> Result<(), kv::Error> {
        self.set(value.into())
    }

    fn visit_char(&mut self, value: char) -> Result<(), kv::Error> {
        self.set((&*value.encode_utf8(&mut [0; 4])).into())
    }

    fn visit_borrowed_error(
        &mut self,
        error: &'v (dyn std::error::Error + 'static),
    ) -> Result<(), kv::Error> {
        self.visit_error(error)
    }

    fn visit_error(&mut self, error: &(dyn std::error::Error + 'static)) -> Result<(), kv::Error> {
        let pairs = &mut *self.pairs;
        with_text(format_args!("{error}"), |text| {
            pairs.set(self.key, text.into());
            pairs.set("exception.message", text.into());
        });
        if error.source().is_some() {
            with_text(format_args!("{}", Chain(error)), |text| {
                pairs.set("exception.stacktrace", text.into());
            });
        }
        Ok(())
    }
}

impl std::fmt::Debug for LogBridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogBridge").field("level", &self.level).finish_non_exhaustive()
    }
}
