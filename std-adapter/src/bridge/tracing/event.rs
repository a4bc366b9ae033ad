use std::fmt;

use tracing_core::field::{Field, Visit};
use tracing_core::{Event, Level, Metadata};

use super::super::text::with_text;
use super::fields::{ERROR, Fields, Visitor};
use crate::{Key, Log, Logger, Severity, Span, Value};

/// Makes a log record of an event.
pub(super) fn log_record(logger: &Logger, event: &Event<'_>) -> Log {
    let metadata = event.metadata();
    let mut log = logger.log(severity(*metadata.level()));
    if let Some(name) = own_name(metadata) {
        log = log.event_name(name);
    }
    let mut fields = Visitor(Record(Some(log)));
    super::location(metadata, |key, value| fields.0.set(key, value));
    event.record(&mut fields);
    // It is always there: setting a field takes it and puts it back.
    fields.0.0.unwrap_or_else(|| logger.log(Severity::Unspecified))
}

fn severity(level: Level) -> Severity {
    match level {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warn,
        Level::INFO => Severity::Info,
        Level::DEBUG => Severity::Debug,
        Level::TRACE => Severity::Trace,
    }
}

/// The name that a program gave an event; those that it gave none are named after their place.
fn own_name(metadata: &Metadata<'static>) -> Option<&'static str> {
    Some(metadata.name()).filter(|name| !name.starts_with("event "))
}

struct Record(Option<Log>);

impl Fields for Record {
    fn set(&mut self, key: Key<'_>, value: Value<'_>) {
        self.0 = self.0.take().map(|log| match value {
            Value::Str(text) if key.name() == MESSAGE => log.text(text),
            _ => log.set(key, value),
        });
    }

    fn print(&mut self, name: &str, value: fmt::Arguments<'_>) {
        if name == MESSAGE {
            // Into the record's own memory: no lock is held while the program's code formats it.
            self.0 = self.0.take().map(|log| log.body(value));
        } else {
            with_text(value, |text| self.set(name.into(), text.into()));
        }
    }
}

const MESSAGE: &str = "message";

/// Calls `f` with what an event says went wrong: its message, or the error that it shows.
pub(super) fn with_reason(event: &Event<'_>, f: impl FnOnce(&str)) {
    let mut reason = Reason(Some(f));
    event.record(&mut reason);
    if let Some(f) = reason.0 {
        f("");
    }
}

struct Reason<F>(Option<F>);

impl<F: FnOnce(&str)> Visit for Reason<F> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if matches!(field.name(), MESSAGE | ERROR) {
            with_text(format_args!("{value:?}"), |text| self.record_str(field, text));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if let Some(f) = self.0.take_if(|_| matches!(field.name(), MESSAGE | ERROR)) {
            f(value);
        }
    }
}

/// The most fields that `tracing` lets an event have, two that come with an error, and the place and level.
const FIELDS: usize = 32 + 2 + 4;

/// The fields of an event, kept until all are known; what is text lies in `text`.
pub(super) struct Collected<'t> {
    text: &'t mut String,
    fields: [(Place, Kept); FIELDS],
    len: usize,
    message: Place,
}

/// From where to where in the text.
type Place = (u32, u32);

#[derive(Clone, Copy)]
enum Kept {
    Text(Place),
    Bool(bool),
    Int(i64),
    Double(f64),
}

impl<'t> Collected<'t> {
    pub(super) fn of(event: &Event<'_>, text: &'t mut String) -> Self {
        let fields = [((0, 0), Kept::Bool(false)); FIELDS];
        let mut collected = Visitor(Self { text, fields, len: 0, message: (0, 0) });
        super::location(event.metadata(), |key, value| collected.0.set(key, value));
        collected.0.set("level".into(), event.metadata().level().as_str().into());
        event.record(&mut collected);
        collected.0
    }

    /// Adds the event to a span. Without a message it is called as it is named.
    pub(super) fn add_to(&self, span: &mut Span, name: &str) {
        let text = |(start, end): Place| self.text.get(start as usize..end as usize).unwrap_or_default();
        let attributes: [_; FIELDS] = std::array::from_fn(|i| {
            let (key, kept) = self.fields[i];
            let value = match kept {
                Kept::Text(place) => text(place).into(),
                Kept::Bool(value) => value.into(),
                Kept::Int(value) => value.into(),
                Kept::Double(value) => value.into(),
            };
            (Key::new(text(key)), value)
        });
        let message = text(self.message);
        span.event(if message.is_empty() { name } else { message }, &attributes[..self.len]);
    }

    fn keep(&mut self, text: fmt::Arguments<'_>) -> Place {
        let start = self.text.len();
        // Only code of the program's can fail here: what it wrote until then is what there is.
        let _ = fmt::Write::write_fmt(self.text, text);
        (start as u32, self.text.len() as u32)
    }

    fn push(&mut self, name: &str, kept: Kept) {
        let key = self.keep(format_args!("{name}"));
        if let Some(place) = self.fields.get_mut(self.len) {
            *place = (key, kept);
            self.len += 1;
        }
    }
}

impl Fields for Collected<'_> {
    fn set(&mut self, key: Key<'_>, value: Value<'_>) {
        match value {
            Value::Str(text) => self.print(key.name(), format_args!("{text}")),
            Value::Bool(value) => self.push(key.name(), Kept::Bool(value)),
            Value::Int(value) => self.push(key.name(), Kept::Int(value)),
            Value::Double(value) => self.push(key.name(), Kept::Double(value)),
            other => self.print(key.name(), format_args!("{other:?}")),
        }
    }

    fn print(&mut self, name: &str, value: fmt::Arguments<'_>) {
        let place = self.keep(value);
        if name == MESSAGE {
            self.message = place;
        } else {
            self.push(name, Kept::Text(place));
        }
    }
}
