use std::error::Error;
use std::fmt::{self, Debug};

use tracing_core::field::{Field, Visit};

use super::super::text::{Chain, with_text};
use crate::{Key, Value};

const EXCEPTION_MESSAGE: Key<'static> = Key::new("exception.message");
const EXCEPTION_STACKTRACE: Key<'static> = Key::new("exception.stacktrace");

/// The field that `#[instrument(err)]` writes an error into, as text.
pub(super) const ERROR: &str = "error";

/// Where the fields of a span or an event go.
pub(super) trait Fields {
    /// Takes a field that has a type of OTLP's.
    fn set(&mut self, key: Key<'_>, value: Value<'_>);

    /// Takes a field that is only known by what it prints.
    fn print(&mut self, name: &str, value: fmt::Arguments<'_>) {
        with_text(value, |text| self.set(name.into(), text.into()));
    }
}

/// Hands each field on as what OTLP has for it.
pub(super) struct Visitor<F>(pub(super) F);

impl<F: Fields> Visitor<F> {
    fn set<'a>(&mut self, field: &Field, value: impl Into<Value<'a>>) {
        self.0.set(field.name().into(), value.into());
    }
}

impl<F: Fields> Visit for Visitor<F> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.print(field.name(), format_args!("{value:?}"));
        if field.name() == ERROR {
            with_text(format_args!("{value:?}"), |text| self.0.set(EXCEPTION_MESSAGE, text.into()));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
        if field.name() == ERROR {
            self.0.set(EXCEPTION_MESSAGE, value.into());
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record_i128(field, value.into());
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        match i64::try_from(value) {
            Ok(value) => self.set(field, value),
            // OTLP's integers end there.
            Err(_) => self.0.print(field.name(), format_args!("{value}")),
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        match i64::try_from(value) {
            Ok(value) => self.set(field, value),
            Err(_) => self.0.print(field.name(), format_args!("{value}")),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.set(field, value);
    }

    /// As the semantic conventions have exceptions, and under the field's own name as well.
    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.0.print(field.name(), format_args!("{error}"));
        with_text(format_args!("{error}"), |text| self.0.set(EXCEPTION_MESSAGE, text.into()));
        if error.source().is_some() {
            let chain = format_args!("{}", Chain(error)).to_string();
            self.0.set(EXCEPTION_STACKTRACE, chain.as_str().into());
        }
    }
}
