use std::fmt;
use std::sync::PoisonError;

use tracing_core::Metadata;
use tracing_core::field::{Field, Visit};
use tracing_core::span::Attributes;

use super::super::text::with_text;
use super::fields::Fields;
use super::open::Shared;
use crate::{Key, Span, SpanKind, Value};

/// The fields of a span that has just been started: nobody else knows it yet.
impl Fields for &mut Span {
    fn set(&mut self, key: Key<'_>, value: Value<'_>) {
        special_or_set(self, key, value);
    }
}

/// Fields that come later, of a span that other threads may write to.
impl Fields for &Shared {
    fn set(&mut self, key: Key<'_>, value: Value<'_>) {
        if let Some(span) = &mut *self.lock().unwrap_or_else(PoisonError::into_inner) {
            special_or_set(span, key, value);
        }
    }
}

/// Fields that say something of the span itself.
fn special_or_set(span: &mut Span, key: Key<'_>, value: Value<'_>) {
    let Some(special) = key.name().strip_prefix("otel.") else {
        span.set(key, value);
        return;
    };
    match (special, value) {
        ("kind", _) => {}
        ("name", Value::Str(name)) => _ = span.rename(name),
        ("status_code", Value::Str(code)) if code.eq_ignore_ascii_case("ok") => _ = span.succeed(),
        ("status_code", Value::Str(code)) if code.eq_ignore_ascii_case("error") => _ = span.fail(""),
        ("status_code", _) => {}
        ("status_description" | "status_message", Value::Str(reason)) => _ = span.fail(reason),
        _ => _ = span.set(key, value),
    }
}

/// The kind that a span's field `otel.kind` says; it is part of what a span starts with.
pub(super) fn kind(attributes: &Attributes<'_>) -> SpanKind {
    let mut kind = Kind(SpanKind::Internal);
    if has_field(attributes.metadata(), "otel.kind") {
        attributes.record(&mut kind);
    }
    kind.0
}

fn has_field(metadata: &Metadata<'_>, name: &str) -> bool {
    metadata.fields().iter().any(|field| field.name() == name)
}

struct Kind(SpanKind);

impl Visit for Kind {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "otel.kind" {
            with_text(format_args!("{value:?}"), |text| self.record_str(field, text));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        use SpanKind::{Client, Consumer, Producer, Server};
        if field.name() == "otel.kind" {
            let names =
                [("server", Server), ("client", Client), ("producer", Producer), ("consumer", Consumer)];
            let known = names.into_iter().find(|(name, _)| value.eq_ignore_ascii_case(name));
            self.0 = known.map_or(SpanKind::Internal, |(_, kind)| kind);
        }
    }
}
