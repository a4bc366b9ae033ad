//! Spans, log records and exemplars find the span that their thread works on, as their receiver sees it.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use prost::Message;
use smoltel::propagation::TraceState;
use smoltel::{Severity, Span, SpanContext, SpanId, Telemetry, TraceId, context};
use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;
use smoltel_proto::types::collector::metrics::v1::ExportMetricsServiceRequest;
use smoltel_proto::types::collector::trace::v1::ExportTraceServiceRequest;
use smoltel_proto::types::logs::v1::LogRecord;
use smoltel_proto::types::metrics::v1::{Exemplar, metric::Data};
use smoltel_proto::types::trace::v1;
use smoltel_tests::sink::Sink;

const REMOTE: SpanContext =
    SpanContext { trace_id: TraceId([7; 16]), span_id: SpanId([9; 8]), flags: 1, is_remote: true };

/// What arrives of that which `record` records.
struct Arrived {
    spans: HashMap<String, v1::Span>,
    logs: HashMap<String, LogRecord>,
    exemplars: HashMap<String, Vec<Exemplar>>,
}

impl Arrived {
    fn of(record: impl FnOnce(&Telemetry)) -> Self {
        let sink = Sink::start();
        let telemetry = Telemetry::builder("t").endpoint(sink.url()).build().unwrap();
        record(&telemetry);
        let report = telemetry.shutdown(Duration::from_secs(30));
        assert_eq!(report.exported, report.recorded, "{report}");
        let (mut spans, mut logs, mut exemplars) = (HashMap::new(), HashMap::new(), HashMap::new());
        for received in sink.received("/v1/traces") {
            let request = ExportTraceServiceRequest::decode(&received.body[..]).unwrap();
            let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            spans.extend(scopes.flat_map(|scope| scope.spans).map(|span| (span.name.clone(), span)));
        }
        for received in sink.received("/v1/logs") {
            let request = ExportLogsServiceRequest::decode(&received.body[..]).unwrap();
            let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
            logs.extend(scopes.flat_map(|scope| scope.log_records).map(|log| (log.event_name.clone(), log)));
        }
        for received in sink.received("/v1/metrics") {
            let request = ExportMetricsServiceRequest::decode(&received.body[..]).unwrap();
            let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
            for metric in scopes.flat_map(|scope| scope.metrics) {
                let of: Vec<Exemplar> = match metric.data.unwrap() {
                    Data::Sum(sum) => sum.data_points.into_iter().flat_map(|p| p.exemplars).collect(),
                    Data::Gauge(gauge) => gauge.data_points.into_iter().flat_map(|p| p.exemplars).collect(),
                    Data::Histogram(all) => all.data_points.into_iter().flat_map(|p| p.exemplars).collect(),
                    other => panic!("{other:?}"),
                };
                exemplars.insert(metric.name, of);
            }
        }
        Self { spans, logs, exemplars }
    }

    fn is_child(&self, child: &str, parent: &str) -> bool {
        let (child, parent) = (&self.spans[child], &self.spans[parent]);
        (&child.trace_id, &child.parent_span_id) == (&parent.trace_id, &parent.span_id)
    }

    fn is_root(&self, name: &str) -> bool {
        self.spans[name].parent_span_id.is_empty()
    }
}

#[test]
fn children_find_their_parent_until_it_is_left() {
    let arrived = Arrived::of(|telemetry| {
        let tracer = telemetry.tracer("t");
        let outer = tracer.start("outer");
        tracer.start("not entered yet").end();
        let entered = outer.enter();
        {
            let inner = tracer.start("inner");
            let _entered = inner.enter();
            telemetry.tracer("another component").start("innermost").end();
        }
        tracer.start("second").end();
        tracer.span("root").root().start().end();
        tracer.span("no parent").parent(None).start().end();
        tracer.span("told otherwise").parent(REMOTE).start().end();
        drop(entered);
        tracer.start("after").end();
    });
    for (child, parent) in [("inner", "outer"), ("innermost", "inner"), ("second", "outer")] {
        assert!(arrived.is_child(child, parent), "{child}");
    }
    for root in ["outer", "not entered yet", "root", "no parent", "after"] {
        assert!(arrived.is_root(root), "{root}");
    }
    assert_eq!(arrived.spans["told otherwise"].parent_span_id, REMOTE.span_id.0);
}

#[test]
fn log_records_belong_to_the_current_span_unless_told_otherwise() {
    let arrived = Arrived::of(|telemetry| {
        let logger = telemetry.logger("l");
        let log = |name| logger.log(Severity::Info).event_name(name);
        log("before").emit();
        let span = telemetry.tracer("t").start("span");
        let _entered = span.enter();
        log("inside").emit();
        log("none").context(None).emit();
        log("other").context(REMOTE).emit();
        log("first counts").context(REMOTE).context(span.context()).emit();
        // As long as a record can be: the ids have their place nevertheless.
        log("long").text(&"x".repeat(1 << 20)).emit();
    });
    let span = &arrived.spans["span"];
    for name in ["inside", "long"] {
        let log = &arrived.logs[name];
        assert_eq!((&log.trace_id, &log.span_id, log.flags), (&span.trace_id, &span.span_id, 3), "{name}");
    }
    for name in ["before", "none"] {
        assert!(arrived.logs[name].trace_id.is_empty() && arrived.logs[name].span_id.is_empty(), "{name}");
    }
    for name in ["other", "first counts"] {
        assert_eq!(arrived.logs[name].span_id, REMOTE.span_id.0, "{name}");
    }
}

#[test]
fn a_trace_based_logger_leaves_out_what_belongs_to_a_current_span_that_is_not_sampled() {
    let arrived = Arrived::of(|telemetry| {
        let logger = telemetry.logger("l").trace_based();
        let _entered = context::attach(SpanContext { flags: 0, ..REMOTE });
        logger.log(Severity::Error).event_name("left out").emit();
        logger.log(Severity::Error).event_name("kept").context(REMOTE).emit();
    });
    assert_eq!(arrived.logs.keys().collect::<Vec<_>>(), ["kept"]);
}

#[test]
fn exemplars_are_of_the_current_span() {
    let arrived = Arrived::of(|telemetry| {
        let (meter, tracer) = (telemetry.meter("m"), telemetry.tracer("t"));
        let span = tracer.start("span");
        let (counter, histogram) = (meter.counter("counter"), meter.histogram("histogram"));
        let (bound, bound_histogram) = (meter.counter("bound").bind(&[]), meter.histogram("bound.histogram"));
        let bound_histogram = bound_histogram.bind(&[]);
        let (outside, told) = (meter.counter("outside"), meter.counter("told"));
        outside.add(1, &[]);
        let _entered = span.enter();
        counter.add(1, &[]);
        histogram.record(3.0, &[]);
        bound.add(1);
        bound_histogram.record(3.0);
        meter.instrument("gauge").gauge().record(1.0f64, &[]);
        meter.instrument("up.down").up_down_counter().add(-1i64, &[]);
        told.add_in(None, 1, &[]);
        let _unsampled = context::attach(SpanContext { flags: 0, ..REMOTE });
        outside.add(1, &[]);
    });
    for name in ["counter", "histogram", "bound", "bound.histogram", "gauge", "up.down"] {
        let [exemplar] = &arrived.exemplars[name][..] else { panic!("one exemplar of {name}") };
        assert_eq!(exemplar.span_id, arrived.spans["span"].span_id, "{name}");
    }
    assert!(arrived.exemplars["outside"].is_empty() && arrived.exemplars["told"].is_empty());
}

#[test]
fn guards_may_be_dropped_in_any_order_and_after_their_span() {
    let telemetry =
        Telemetry::builder("t").endpoint("http://127.0.0.1:9").on_message(|_| {}).build().unwrap();
    let tracer = telemetry.tracer("t");
    let spans: Vec<Span> = (0..4).map(|_| tracer.span("s").root().start()).collect();
    let contexts: Vec<SpanContext> = spans.iter().map(Span::context).collect();
    // Every order of dropping four guards: the current one is always the last entered of those that are left.
    for mut order in 0..24 {
        let mut guards: Vec<_> = spans.iter().map(|span| Some(span.enter())).collect();
        for n in (1..=4).rev() {
            let held: Vec<usize> = (0..4).filter(|at| guards[*at].is_some()).collect();
            guards[held[order % n]] = None;
            order /= n;
            let top = (0..4).rev().find(|at| guards[*at].is_some());
            assert_eq!(context::current(), top.map(|at| contexts[at]));
        }
    }
    let entered = spans[0].enter();
    drop(spans);
    assert_eq!(context::current(), Some(contexts[0]), "the guard does not borrow its span");
    assert_eq!(tracer.start("late child").context().trace_id, contexts[0].trace_id);
    drop(entered);
    assert_eq!(context::current(), None);
    telemetry.shutdown(Duration::ZERO);
}

#[test]
fn a_panic_leaves_what_it_unwinds_through() {
    let arrived = Arrived::of(|telemetry| {
        let tracer = telemetry.tracer("t");
        let outer = tracer.start("outer");
        let _outer = outer.enter();
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            let inner = tracer.start("inner");
            let _inner = inner.enter();
            panic!("on purpose");
        }));
        assert!(unwound.is_err());
        tracer.start("after").end();
    });
    assert!(arrived.is_child("inner", "outer"), "what was unwound has ended and arrives");
    assert!(arrived.is_child("after", "outer"));
}

#[test]
fn a_remote_parent_is_attached_with_its_trace_state() {
    let arrived = Arrived::of(|telemetry| {
        let tracer = telemetry.tracer("t");
        let state = TraceState::parse(b"vendor=1").unwrap();
        let _remote = context::attach_with(REMOTE, state);
        let child = tracer.start("child");
        {
            let _child = child.enter();
            tracer.start("grandchild").end();
            let _none = context::attach(None);
            tracer.start("hidden").end();
            let _invalid = context::attach(SpanContext { span_id: SpanId([0; 8]), ..REMOTE });
            tracer.start("invalid").end();
        }
        let own = TraceState::parse(b"own=2").unwrap();
        tracer.span("own state").trace_state(own).start().end();
    });
    let child = &arrived.spans["child"];
    assert_eq!(
        (&child.trace_id[..], &child.parent_span_id[..]),
        (&REMOTE.trace_id.0[..], &REMOTE.span_id.0[..])
    );
    assert_eq!(child.flags & 0x300, 0x300, "the parent is known to be remote");
    assert!(arrived.is_child("grandchild", "child"));
    for (name, state) in [("child", "vendor=1"), ("grandchild", "vendor=1"), ("own state", "own=2")] {
        assert_eq!(arrived.spans[name].trace_state, state, "{name}");
    }
    assert!(arrived.is_root("hidden") && arrived.is_root("invalid"));
    assert_eq!(arrived.spans["hidden"].trace_state, "");
}

#[test]
fn each_thread_has_a_current_span_of_its_own() {
    let arrived = Arrived::of(|telemetry| {
        let tracer = telemetry.tracer("t");
        let span = tracer.start("span");
        let _entered = span.enter();
        let here = context::current();
        std::thread::scope(|scope| {
            scope.spawn(|| tracer.start("elsewhere").end());
            scope.spawn(|| {
                let _entered = context::attach(here);
                tracer.start("taken along").end();
            });
        });
    });
    assert!(arrived.is_root("elsewhere"));
    assert!(arrived.is_child("taken along", "span"));
}

/// Enters and leaves while its thread is ending.
struct Late;

impl Drop for Late {
    fn drop(&mut self) {
        drop(context::attach(REMOTE));
        let _ = context::current();
    }
}

#[test]
fn a_thread_that_is_ending_enters_without_harm() {
    thread_local!(static LATE: Late = const { Late });
    let ended = std::thread::spawn(|| {
        // Registered before and after the thread's own list, so that one of both outlives it.
        LATE.with(|_| ());
        drop(context::attach(REMOTE));
    });
    ended.join().unwrap();
    let ended = std::thread::spawn(|| {
        drop(context::attach(REMOTE));
        LATE.with(|_| ());
    });
    ended.join().unwrap();
}
