use crate::context::{SpanContext, TraceId};
use crate::counters::Loss;
use crate::otlp::Signal;
use crate::otlp::common::{Key, Value};
use crate::otlp::trace::{ATTRIBUTES, END_MAX, SpanKind, Start, start};
use crate::pipeline::MARK;
use crate::platform::{Device, Platform};
use crate::propagation::{ThresholdChange, TraceState};
use crate::sampler::{Sampler, SamplingInput, SamplingResult};
use crate::wire::{SMALL, text};

use super::Span;
use super::open::Open;

/// Makes spans for one component. Cheap to clone and to keep.
///
/// ```
/// # use smoltel_core::Tracer;
/// fn adjust(tracer: &Tracer) {
///     let span = tracer.start("adjust");
///     span.end();
/// }
/// ```
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

    /// Starts a span of kind [`SpanKind::Internal`], a child of the thread's current span where threads have
    /// one.
    pub fn start(&self, name: &str) -> Span<P> {
        if SMALL {
            return self.span(name).start();
        }
        // Where all is as usual no description is put together in memory.
        P::with_current(|current, current_state| self.span(name).begin(current, current_state))
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
        let kind = SpanKind::Internal;
        SpanBuilder {
            tracer: self,
            name,
            kind,
            parent: None,
            inherits: true,
            trace_state: TraceState::EMPTY,
            attributes: &[],
            time: None,
        }
    }
}

/// What a span is to be when it starts.
///
/// ```
/// # use smoltel_core::{SpanContext, SpanKind, Tracer};
/// fn handle(tracer: &Tracer, caller: Option<SpanContext>) {
///     tracer.span("request").kind(SpanKind::Server).parent(caller).start().end();
/// }
/// ```
#[must_use = "a span exists from start() on"]
pub struct SpanBuilder<'a, P: Platform = Device> {
    tracer: &'a Tracer<P>,
    name: &'a str,
    kind: SpanKind,
    parent: Option<SpanContext>,
    /// Whether its parent is the thread's current span: nothing else was said.
    inherits: bool,
    trace_state: TraceState<'a>,
    attributes: &'a [(Key<'a>, Value<'a>)],
    time: Option<u64>,
}

impl<'a, P: Platform> SpanBuilder<'a, P> {
    /// Sets the kind.
    #[inline]
    pub fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }

    /// Makes the span a child of that one, whatever the current span is; a context that is not valid, and `None`,
    /// is no parent. What came from another service brings its [`trace_state`](Self::trace_state) with it.
    #[inline]
    pub fn parent(mut self, parent: impl Into<Option<SpanContext>>) -> Self {
        self.parent = parent.into().filter(SpanContext::is_valid);
        self.inherits = false;
        self
    }

    /// Begins a new trace, whatever the current span is.
    #[inline]
    pub fn root(self) -> Self {
        self.parent(None)
    }

    /// Makes the span a child of one that is here, with its trace state.
    #[inline]
    pub fn child_of(self, parent: &'a Span<P>) -> Self {
        self.parent(parent.context()).trace_state(parent.trace_state())
    }

    /// The W3C trace state that came with the parent, or one that a new trace begins with. Of one that
    /// does not fit into the slot, whole members are left out, by the rules of [`TraceState::fit`].
    #[inline]
    pub fn trace_state(mut self, trace_state: TraceState<'a>) -> Self {
        self.trace_state = trace_state;
        self
    }

    /// Sets attributes that the sampler gets to see.
    #[inline]
    pub fn attributes(mut self, attributes: &'a [(Key<'a>, Value<'a>)]) -> Self {
        self.attributes = attributes;
        self
    }

    /// Says when the span started, in the nanoseconds of the pipeline's clock; now, without it.
    #[inline]
    pub fn start_time(mut self, time: u64) -> Self {
        self.time = Some(time);
        self
    }

    /// Starts the span now, if the sampler wants it. When no slot is free it is counted as lost, and what
    /// is set on it goes nowhere; its context is as good as any.
    #[inline]
    pub fn start(self) -> Span<P> {
        P::with_current(|current, current_state| {
            let parent = if self.inherits { current } else { self.parent.as_ref() };
            let inherits_state = self.inherits && self.trace_state.is_empty();
            self.begin(parent, if inherits_state { current_state } else { self.trace_state })
        })
    }

    #[inline(always)]
    fn begin(&self, parent: Option<&SpanContext>, trace_state: TraceState<'_>) -> Span<P> {
        let Tracer { pipeline, scope } = self.tracer;
        let (mut context, slot) = pipeline.new_span(parent);
        let SamplingResult { decision, threshold } = self.sample(parent, trace_state, context.trace_id);
        context.set_sampled(decision.is_sampled());
        let slot = if decision.is_sampled() {
            pipeline.slot_or_loss(slot)
        } else {
            // A span that is not recorded keeps a slot for its trace state, which its children inherit.
            let keeps = decision.is_recording() || !trace_state.is_empty();
            pipeline.not_sampled(decision, parent, slot, keeps)
        };
        let time = self.time.unwrap_or_else(|| pipeline.now());
        let is_stateless = trace_state.is_empty() && threshold == ThresholdChange::Keep;
        let open = slot.and_then(|slot| {
            let start = Start { context: &context, parent, kind: self.kind, name: self.name, time };
            self.open(slot, start)
        });
        let recording = decision.is_recording() && open.is_some();
        let span = |open| Span::new(pipeline.clone(), *scope, context, open, (recording, is_stateless), time);
        if is_stateless && self.attributes.is_empty() {
            return span(open);
        }
        span(open).begun_with(trace_state.change_threshold(threshold), self.attributes)
    }

    #[inline]
    fn sample(
        &self,
        parent: Option<&SpanContext>,
        trace_state: TraceState<'_>,
        trace_id: TraceId,
    ) -> SamplingResult {
        let Self { name, kind, attributes, .. } = *self;
        let input = SamplingInput { parent, trace_id, name, kind, trace_state, attributes };
        self.tracer.pipeline.sampler().should_sample(&input)
    }

    #[inline]
    fn open(&self, slot: P::Buffer, span: Start<'_>) -> Option<Open<P>> {
        /// Ids, flags, kind, start and the name's head, at the most; what a name leaves to the rest.
        const FIXED: usize = 64;
        let pipeline = &self.tracer.pipeline;
        let name = text::cut(self.name, slot.len().saturating_sub(FIXED + END_MAX + MARK));
        let span = Start { name, ..span };
        let limits = pipeline.limits().span;
        match Open::new(slot, (ATTRIBUTES, limits), END_MAX, |w| start(w, &span)) {
            Ok(mut open) => {
                // A name that was cut counts as one: the record says that it is not whole.
                open.dropped += u32::from(name.len() < self.name.len());
                #[cfg(feature = "recorder")]
                if span.context.is_sampled() {
                    open.survive(self.tracer.scope);
                }
                Some(open)
            }
            Err(slot) => {
                self.lose(slot, span.context.is_sampled());
                None
            }
        }
    }

    /// Not even its ids fit.
    #[cold]
    fn lose(&self, slot: P::Buffer, is_sampled: bool) {
        self.tracer.pipeline.give_back(slot);
        if is_sampled {
            self.tracer.pipeline.add_unrecorded(Signal::Traces, Loss::TooLarge);
        }
    }
}

crate::opaque_debug!(Tracer<P>);
crate::opaque_debug!(SpanBuilder<'_, P>);
