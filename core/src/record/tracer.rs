use crate::context::SpanContext;
use crate::counters::Loss;
use crate::otlp::Signal;
use crate::otlp::trace::{ATTRIBUTES, END_MAX, SpanKind, Start, start};
use crate::platform::{Device, Platform};
use crate::wire::text;

use super::Span;
use super::open::Open;

/// Makes spans for one component. Cheap to clone and to keep.
pub struct Tracer<P: Platform = Device> {
    pipeline: P::Handle,
    scope: u16,
}

impl<P: Platform> Clone for Tracer<P> {
    fn clone(&self) -> Self {
        Self { pipeline: self.pipeline.clone(), scope: self.scope }
    }
}

impl<P: Platform> Tracer<P> {
    /// A tracer over `pipeline` for a scope that was declared there.
    pub fn new(pipeline: P::Handle, scope: u16) -> Self {
        Self { pipeline, scope }
    }

    /// Starts a span without a parent, of kind [`SpanKind::Internal`].
    #[inline]
    pub fn start(&self, name: &str) -> Span<P> {
        self.span(name).start()
    }

    /// A span to be described before it starts.
    ///
    /// ```
    /// # use smoltel_core::{Pipeline, Span, SpanKind, Tracer};
    /// fn handle(tracer: &Tracer) {
    ///     let request = tracer.span("request").kind(SpanKind::Server).start();
    ///     let query = tracer.span("query").kind(SpanKind::Client).parent(request.context()).start();
    ///     query.end();
    /// }
    /// ```
    #[inline]
    pub fn span<'a>(&'a self, name: &'a str) -> SpanBuilder<'a, P> {
        SpanBuilder { tracer: self, name, kind: SpanKind::Internal, parent: None }
    }
}

/// What a span is to be when it starts.
#[must_use = "a span exists from start() on"]
pub struct SpanBuilder<'a, P: Platform = Device> {
    tracer: &'a Tracer<P>,
    name: &'a str,
    kind: SpanKind,
    parent: Option<SpanContext>,
}

impl<P: Platform> SpanBuilder<'_, P> {
    /// Sets the kind.
    #[inline]
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }

    /// Makes the span a child; a context that is not valid is no parent.
    #[inline]
    pub fn parent(mut self, parent: SpanContext) -> Self {
        self.parent = parent.is_valid().then_some(parent);
        self
    }

    /// Starts the span now. When no slot is free it is counted as lost, and what is set on it goes
    /// nowhere; its context is as good as any.
    #[inline]
    pub fn start(self) -> Span<P> {
        let Tracer { pipeline, scope } = self.tracer;
        let (context, slot) = pipeline.open_span(self.parent.as_ref());
        let open = slot.and_then(|slot| self.open(&context, slot));
        Span::new(pipeline.clone(), *scope, context, open)
    }

    fn open(&self, context: &SpanContext, slot: P::Buffer) -> Option<Open<P>> {
        /// Ids, flags, kind, start and the name's head, at the most; what a name leaves to the rest.
        const FIXED: usize = 64;
        let pipeline = &self.tracer.pipeline;
        let name = text::cut(self.name, slot.len().saturating_sub(FIXED + END_MAX));
        let span =
            Start { context, parent: self.parent.as_ref(), kind: self.kind, name, time: pipeline.now() };
        match Open::new(slot, ATTRIBUTES, END_MAX, |w| start(w, &span)) {
            Ok(mut open) => {
                // A name that was cut counts as one: the record says that it is not whole.
                open.dropped += u32::from(name.len() < self.name.len());
                Some(open)
            }
            Err(slot) => {
                pipeline.give_back(slot);
                pipeline.add_unrecorded(Signal::Traces, Loss::TooLarge);
                None
            }
        }
    }
}

crate::opaque_debug!(Tracer<P>);
crate::opaque_debug!(SpanBuilder<'_, P>);
