//! `tracing`'s spans and events as smoltel's.

mod current;
mod event;
mod fields;
mod open;
mod span;

use std::cell::Cell;
use std::fmt;
use std::ptr;

use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use self::event::Collected;
use self::fields::Visitor;
use self::open::OpenSpans;
use super::scopes::Scopes;
use crate::propagation::TraceState;
use crate::{Key, Span, Telemetry, Value, silence};

/// A layer for `tracing`: its spans become spans, its events log records of the span that they happen in.
///
/// | of `tracing` | becomes |
/// |---|---|
/// | target | the scope's name |
/// | span, its parent, `follows_from` | span, parent, link |
/// | level | `level` of a span, severity of a log record |
/// | module, file, line | `code.module.name`, `code.file.path`, `code.line.number` |
/// | fields, at once or by `record` | attributes; what is only `Debug` or `Display` as text |
/// | `message` | body |
/// | a field `error`, or one that is an error | text under its name, `exception.message`, and `exception.stacktrace` if it has a cause |
/// | an event's `name:` | event name |
/// | an event of level `ERROR` | its span has failed, too, with the message as the reason |
///
/// A span that is entered is the thread's [current span](crate::context), and the current span is the parent of the next:
/// spans of `tracing` and of smoltel's own tracers nest in each other. A service makes its caller the parent by
/// [`context::attach`](crate::context::attach) before it makes its span.
///
/// These fields of a span say something of the span itself, as users of tracing-opentelemetry know them:
///
/// | field | says |
/// |---|---|
/// | `otel.name` | what the span is called, in place of the name in the source |
/// | `otel.kind` | `server`, `client`, `producer` or `consumer`; only when the span is made, not by `record` |
/// | `otel.status_code` | `ok` or `error` |
/// | `otel.status_description` | why it failed; it has, then |
///
/// Nothing is allocated for a span or an event once as many were open before. Any filter of tracing-subscriber may stand
/// before it.
///
/// ```
/// use smoltel::Telemetry;
/// use smoltel::bridge::TracingLayer;
/// use tracing_subscriber::layer::SubscriberExt;
///
/// # let telemetry = Telemetry::builder("thermostat").endpoint("http://127.0.0.1:9").on_message(|_| {}).build()?;
/// let subscriber = tracing_subscriber::registry().with(TracingLayer::new(&telemetry));
/// tracing::subscriber::with_default(subscriber, || {
///     let span = tracing::info_span!("adjust", target.celsius = 21.5, otel.kind = "server");
///     span.in_scope(|| tracing::warn!(valve = 3, "valve stuck"));
/// });
/// # telemetry.shutdown(std::time::Duration::ZERO);
/// # Ok::<(), smoltel::ConfigError>(())
/// ```
pub struct TracingLayer {
    scopes: Scopes,
    open: OpenSpans,
    events: Events,
}

/// What becomes of an event.
///
/// ```
/// # use smoltel::{Telemetry, bridge::{Events, TracingLayer}};
/// # fn layer(telemetry: &Telemetry) -> TracingLayer {
/// TracingLayer::new(telemetry).events(Events::InSpans)
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Events {
    /// A log record that belongs to the span it happens in. OpenTelemetry has given up events in spans for these.
    #[default]
    AsLogs,
    /// An event of the span that it happens in; outside of any, a log record.
    InSpans,
}

const LEVEL: Key<'static> = Key::new("level");
const MODULE: Key<'static> = Key::new("code.module.name");
const FILE: Key<'static> = Key::new("code.file.path");
const LINE: Key<'static> = Key::new("code.line.number");

impl TracingLayer {
    /// A layer whose events become log records.
    pub fn new(telemetry: &Telemetry) -> Self {
        let (scopes, open) = (Scopes::new(telemetry.pipeline.clone()), OpenSpans::default());
        Self { scopes, open, events: Events::AsLogs }
    }

    /// Says what becomes of events.
    #[must_use]
    pub fn events(self, events: Events) -> Self {
        Self { events, ..self }
    }

    /// Tells layers apart.
    fn identity(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    fn start(&self, attributes: &Attributes<'_>) -> Span {
        let metadata = attributes.metadata();
        let tracer = self.scopes.with(metadata.target(), crate::Scoped::tracer);
        let builder = || tracer.span(metadata.name()).kind(span::kind(attributes));
        if attributes.is_root() {
            return builder().root().start();
        }
        // A parent that this layer does not listen to is none; then the current span is.
        let parent = attributes.parent();
        let child = parent.and_then(|id| self.open.with(id, |parent| builder().child_of(parent).start()));
        child.unwrap_or_else(|| builder().start())
    }

    fn add_event(&self, event: &Event<'_>, span: &Id) {
        thread_local! {
            static TEXT: Cell<String> = const { Cell::new(String::new()) };
        }
        // Nobody else's while it is in use: what an event shows may make events of its own.
        let mut text = TEXT.try_with(Cell::take).unwrap_or_default();
        text.clear();
        let collected = Collected::of(event, &mut text);
        self.open.with(span, |span| collected.add_to(span, event.metadata().name()));
        let _ = TEXT.try_with(|kept| kept.set(text));
    }

    fn log(&self, event: &Event<'_>) {
        self.scopes.with(event.metadata().target(), |scope| {
            let log = event::log_record(&scope.logger(), event);
            let log = match event.parent() {
                Some(parent) => log.context(self.open.with(parent, |span| span.context())),
                None if event.is_root() => log.context(None),
                None => log,
            };
            log.emit();
        });
    }
}

/// What tells where in the source something is.
fn location(metadata: &Metadata<'_>, mut set: impl FnMut(Key<'_>, Value<'_>)) {
    if let Some(module) = metadata.module_path() {
        set(MODULE, module.into());
    }
    if let Some(file) = metadata.file() {
        set(FILE, file.into());
    }
    if let Some(line) = metadata.line() {
        set(LINE, line.into());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for TracingLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        if silence::is_silent() {
            return;
        }
        let mut span = self.start(attributes);
        if span.is_recording() {
            let metadata = attributes.metadata();
            span.set(LEVEL, metadata.level().as_str());
            location(metadata, |key, value| _ = span.set(key, value));
            attributes.record(&mut Visitor(&mut span));
        }
        self.open.insert(id, span);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        if let Some(span) = self.open.get(id) {
            values.record(&mut Visitor(&span));
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, _: Context<'_, S>) {
        // One after the other: whoever holds two spans may meet somebody who holds them the other way round.
        let cause = self.open.with(follows, |span| (span.context(), span.trace_state().to_string()));
        let Some((context, state)) = cause else { return };
        let state = TraceState::parse(state.as_bytes()).unwrap_or_default();
        self.open.with(id, |span| _ = span.link(&context, state, &[]));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if silence::is_silent() {
            return;
        }
        let is_error = *event.metadata().level() == Level::ERROR;
        let span = (is_error || self.events == Events::InSpans).then(|| context.event_span(event)).flatten();
        let span = span.map(|span| span.id());
        match &span {
            Some(span) if self.events == Events::InSpans => self.add_event(event, span),
            _ => self.log(event),
        }
        if let Some(span) = span.filter(|_| is_error) {
            event::with_reason(event, |reason| {
                self.open.with(&span, |span| _ = span.fail(reason));
            });
        }
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        if let Some(entered) = self.open.with(id, |span| span.enter()) {
            current::enter(self.identity(), id, entered);
        }
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        current::exit(self.identity(), id);
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        drop(self.open.remove(&id));
    }
}

impl fmt::Debug for TracingLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracingLayer").field("events", &self.events).finish_non_exhaustive()
    }
}
