//! What a pipeline says of itself: `otel.sdk.*`, from counts that are kept anyway.

use super::{Meter, Observer};
use crate::counters::{Counters, Loss, ParentOrigin};
use crate::otlp::Signal;
use crate::otlp::common::{Key, Value};
use crate::platform::Platform;
use crate::sampler::Decision;

const RESULT: Key<'static> = Key::new("otel.span.sampling_result");
const ORIGIN: Key<'static> = Key::new("otel.span.parent.origin");
const TYPE: Key<'static> = Key::new("otel.component.type");
const NAME: Key<'static> = Key::new("otel.component.name");
const ERROR: Key<'static> = Key::new("error.type");

impl<P: Platform> Meter<P>
where
    &'static str: Into<P::Text>,
    P::Callback: From<fn(&mut Observer<'_, P>)>,
{
    /// Sends with each collection what the pipeline knows of itself, by the
    /// [semantic conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/), which are in
    /// development: `otel.sdk.span.live`, `otel.sdk.span.started`, `otel.sdk.log.created` and
    /// `otel.sdk.processor.{span,log}.processed`, five instruments in all. The sizes of queues are left
    /// out: a lane holds bytes, and has no capacity in spans.
    ///
    /// ```
    /// # use smoltel_core::{Pipeline, Seed};
    /// # static TELEMETRY: Pipeline = Pipeline::new(|| 0);
    /// # fn cell<T>(value: T) -> &'static mut T { Box::leak(Box::new(value)) }
    /// # TELEMETRY.init(cell([0; 4096]), cell([[0; 512]; 2]), Seed::Unique([1; 16]));
    /// # TELEMETRY.init_metrics(cell([0; 4096]));
    /// TELEMETRY.meter("smoltel").observe_pipeline();
    /// TELEMETRY.logger("main").info("ready");
    /// TELEMETRY.collect();
    /// assert!(TELEMETRY.counters().recorded(smoltel_core::Signal::Metrics) > 0);
    /// ```
    pub fn observe_pipeline(&self) {
        let callback = |observe: fn(&mut Observer<'_, P>)| P::Callback::from(observe);
        let of = |name, unit| self.instrument::<&'static str>(name).unit(unit);
        of("otel.sdk.span.live", "{span}").observable_up_down_counter(callback(spans_live));
        of("otel.sdk.span.started", "{span}").observable_counter(callback(spans_started));
        of("otel.sdk.processor.span.processed", "{span}").observable_counter(callback(spans_processed));
        of("otel.sdk.log.created", "{log_record}").observable_counter(callback(logs_created));
        of("otel.sdk.processor.log.processed", "{log_record}").observable_counter(callback(logs_processed));
    }
}

const fn result(decision: Decision) -> &'static str {
    match decision {
        Decision::Drop => "DROP",
        Decision::RecordOnly => "RECORD_ONLY",
        Decision::RecordAndSample => "RECORD_AND_SAMPLE",
    }
}

fn spans_live<P: Platform>(observer: &mut Observer<'_, P>) {
    let counters = observer.pipeline().counters();
    for decision in [Decision::RecordOnly, Decision::RecordAndSample] {
        let live = i64::try_from(counters.live(decision)).unwrap_or(i64::MAX);
        observer.observe(live, &[(RESULT, result(decision).into())]);
    }
}

fn spans_started<P: Platform>(observer: &mut Observer<'_, P>) {
    let counters = observer.pipeline().counters();
    for decision in [Decision::Drop, Decision::RecordOnly, Decision::RecordAndSample] {
        for origin in ParentOrigin::ALL {
            let started = counters.started(decision, origin);
            if started > 0 {
                let attributes = [(RESULT, result(decision).into()), (ORIGIN, origin.name().into())];
                observer.observe(started, &attributes);
            }
        }
    }
}

fn logs_created<P: Platform>(observer: &mut Observer<'_, P>) {
    let created = observer.pipeline().counters().recorded(Signal::Logs);
    observer.observe(created, &[]);
}

fn spans_processed<P: Platform>(observer: &mut Observer<'_, P>) {
    processed(observer, Signal::Traces, ["batching_span_processor", "batching_span_processor/0"]);
}

fn logs_processed<P: Platform>(observer: &mut Observer<'_, P>) {
    processed(observer, Signal::Logs, ["batching_log_processor", "batching_log_processor/0"]);
}

/// What was handed on, and what was not, by reason. What becomes of it behind the lane does not count.
fn processed<P: Platform>(observer: &mut Observer<'_, P>, signal: Signal, component: [&'static str; 2]) {
    let counters = observer.pipeline().counters();
    let [kind, name] = component.map(Value::Str);
    let before = |reason: &Loss| !matches!(reason, Loss::Rejected | Loss::Expired);
    let mut handed_on = counters.recorded(signal);
    for reason in Loss::ALL.into_iter().filter(before) {
        handed_on = handed_on.saturating_sub(counters.lost(signal, reason));
        let lost = lost_as(&counters, signal, reason);
        if lost > 0 {
            observer.observe(lost, &[(TYPE, kind), (NAME, name), (ERROR, error_type(reason).into())]);
        }
    }
    observer.observe(handed_on, &[(TYPE, kind), (NAME, name)]);
}

/// Items that were lost for the reason, and for those that have the same name here.
fn lost_as(counters: &Counters, signal: Signal, reason: Loss) -> u64 {
    let same = Loss::ALL.into_iter().filter(|other| error_type(*other) == error_type(reason));
    same.map(|reason| counters.lost(signal, reason)).sum()
}

const fn error_type(reason: Loss) -> &'static str {
    match reason {
        Loss::Full | Loss::Evicted => "queue_full",
        Loss::Closed => "already_shutdown",
        other => other.name(),
    }
}
