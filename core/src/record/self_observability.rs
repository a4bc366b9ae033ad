//! What a pipeline says of itself: `otel.sdk.*`, from counts that are kept anyway.

use super::{Meter, Observer};
use crate::counters::{Counters, Loss, ParentOrigin};
use crate::otlp::Signal;
use crate::otlp::common::{Key, Value};
use crate::platform::{Device, Platform};
use crate::processor::Processor;
use crate::sampler::{Decision, Sampler};

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
    /// `otel.sdk.processor.{span,log}.{processed,queue.size}`, seven instruments in all. Queues have no
    /// `queue.capacity`: a lane's is in bytes.
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
        of("otel.sdk.processor.span.queue.size", "{span}").observable_up_down_counter(callback(spans_queued));
        of("otel.sdk.processor.span.processed", "{span}").observable_counter(callback(spans_processed));
        of("otel.sdk.log.created", "{log_record}").observable_counter(callback(logs_created));
        of("otel.sdk.processor.log.queue.size", "{log_record}")
            .observable_up_down_counter(callback(logs_queued));
        of("otel.sdk.processor.log.processed", "{log_record}").observable_counter(callback(logs_processed));
    }
}

impl<C, S> Meter<Device<C, S>>
where
    C: Processor + Send + Sync + 'static,
    S: Sampler + Send + Sync + 'static,
{
    /// Sends with each collection what became of what [`Http`](crate::transport::http::Http) was given:
    /// `otel.sdk.exporter.{span,log,metric_data_point}.{inflight,exported}`, six instruments in all.
    ///
    /// ```
    /// # use smoltel_core::Pipeline;
    /// # static TELEMETRY: Pipeline = Pipeline::new(|| 0);
    /// TELEMETRY.meter("smoltel").observe_exporter();
    /// assert_eq!(TELEMETRY.metric_usage().instruments, 6);
    /// ```
    pub fn observe_exporter(&self) {
        let of = |name, unit| self.instrument::<&'static str>(name).unit(unit);
        let (span, log, point) = ("{span}", "{log_record}", "{data_point}");
        of("otel.sdk.exporter.span.inflight", span).observable_up_down_counter(spans_in_flight);
        of("otel.sdk.exporter.span.exported", span).observable_counter(spans_exported);
        of("otel.sdk.exporter.log.inflight", log).observable_up_down_counter(logs_in_flight);
        of("otel.sdk.exporter.log.exported", log).observable_counter(logs_exported);
        of("otel.sdk.exporter.metric_data_point.inflight", point)
            .observable_up_down_counter(points_in_flight);
        of("otel.sdk.exporter.metric_data_point.exported", point).observable_counter(points_exported);
    }
}

/// The component's type and name.
type Component = [&'static str; 2];

const SPAN_PROCESSOR: Component = ["batching_span_processor", "batching_span_processor/0"];
const LOG_PROCESSOR: Component = ["batching_log_processor", "batching_log_processor/0"];
const SPAN_EXPORTER: Component = ["otlp_http_span_exporter", "otlp_http_span_exporter/0"];
const LOG_EXPORTER: Component = ["otlp_http_log_exporter", "otlp_http_log_exporter/0"];
const METRIC_EXPORTER: Component = ["otlp_http_metric_exporter", "otlp_http_metric_exporter/0"];

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

fn spans_queued<P: Platform>(observer: &mut Observer<'_, P>) {
    queued(observer, Signal::Traces, SPAN_PROCESSOR);
}

fn logs_queued<P: Platform>(observer: &mut Observer<'_, P>) {
    queued(observer, Signal::Logs, LOG_PROCESSOR);
}

fn queued<P: Platform>(observer: &mut Observer<'_, P>, signal: Signal, component: Component) {
    let queued = observer.pipeline().counters().queued(signal);
    level(observer, queued, component);
}

fn spans_processed<P: Platform>(observer: &mut Observer<'_, P>) {
    // What is recorded only is done with when it ends.
    let unsampled = observer.pipeline().counters().ended_unsampled();
    processed(observer, Signal::Traces, unsampled, SPAN_PROCESSOR);
}

fn logs_processed<P: Platform>(observer: &mut Observer<'_, P>) {
    processed(observer, Signal::Logs, 0, LOG_PROCESSOR);
}

/// What was given to an exporter, with `others` that were not to be; and what was lost before, by reason.
fn processed<P: Platform>(observer: &mut Observer<'_, P>, signal: Signal, others: u64, component: Component) {
    let counters = observer.pipeline().counters();
    for reason in Loss::ALL.into_iter().filter(|reason| !reason.is_exporters()) {
        let lost = lost_as(&counters, signal, reason);
        failed(observer, lost, component, error_type(reason));
    }
    let [kind, name] = component.map(Value::Str);
    observer.observe(counters.processed(signal) + others, &[(TYPE, kind), (NAME, name)]);
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

fn spans_in_flight<P: Platform>(observer: &mut Observer<'_, P>) {
    in_flight(observer, Signal::Traces, SPAN_EXPORTER);
}

fn logs_in_flight<P: Platform>(observer: &mut Observer<'_, P>) {
    in_flight(observer, Signal::Logs, LOG_EXPORTER);
}

fn points_in_flight<P: Platform>(observer: &mut Observer<'_, P>) {
    in_flight(observer, Signal::Metrics, METRIC_EXPORTER);
}

fn in_flight<P: Platform>(observer: &mut Observer<'_, P>, signal: Signal, component: Component) {
    let in_flight = observer.pipeline().counters().in_flight(signal);
    level(observer, in_flight, component);
}

fn spans_exported<P: Platform>(observer: &mut Observer<'_, P>) {
    exported(observer, Signal::Traces, SPAN_EXPORTER);
}

fn logs_exported<P: Platform>(observer: &mut Observer<'_, P>) {
    exported(observer, Signal::Logs, LOG_EXPORTER);
}

fn points_exported<P: Platform>(observer: &mut Observer<'_, P>) {
    exported(observer, Signal::Metrics, METRIC_EXPORTER);
}

fn exported<P: Platform>(observer: &mut Observer<'_, P>, signal: Signal, component: Component) {
    let counters = observer.pipeline().counters();
    failed(observer, counters.lost(signal, Loss::Rejected), component, Loss::Rejected.name());
    let [kind, name] = component.map(Value::Str);
    observer.observe(counters.exported(signal), &[(TYPE, kind), (NAME, name)]);
}

/// Items that are there now.
fn level<P: Platform>(observer: &mut Observer<'_, P>, items: u64, component: Component) {
    let [kind, name] = component.map(Value::Str);
    observer.observe(i64::try_from(items).unwrap_or(i64::MAX), &[(TYPE, kind), (NAME, name)]);
}

/// Items that came to nothing, if there are any.
fn failed<P: Platform>(observer: &mut Observer<'_, P>, items: u64, component: Component, error: &str) {
    if items > 0 {
        let [kind, name] = component.map(Value::Str);
        observer.observe(items, &[(TYPE, kind), (NAME, name), (ERROR, error.into())]);
    }
}
