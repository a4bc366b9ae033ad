//! What spans and log records carry, as prost decodes it.

use prost::Message;
use smoltel_core::platform::{Device, Platform};
use smoltel_core::processor::{Deny, Processor, Record, Verdict};
use smoltel_core::propagation::TraceState;
use smoltel_core::sampler::{AlwaysOff, AlwaysOn, AlwaysRecord, Decision, ParentBased, Probability};
use smoltel_core::{
    AttributeLimits, Current, Key, Limits, Loss, ParentOrigin, Pipeline, Seed, Severity, Signal, SpanContext,
    SpanId, TraceId, Value,
};
use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;
use smoltel_proto::types::collector::trace::v1::ExportTraceServiceRequest;
use smoltel_proto::types::common::v1::{KeyValue, any_value};
use smoltel_proto::types::logs::v1::LogRecord;
use smoltel_proto::types::trace::v1::Span;
use smoltel_tests::device::{self, KEEP, LOW, pipeline, request};

const REMOTE: SpanContext =
    SpanContext { trace_id: TraceId([1; 16]), span_id: SpanId([2; 8]), flags: 0x03, is_remote: true };

fn spans<P: Platform>(pipeline: &Pipeline<P>, lane: usize) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(&request(pipeline, lane, Signal::Traces)[..]).unwrap();
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

fn logs<P: Platform>(pipeline: &Pipeline<P>, lane: usize) -> Vec<LogRecord> {
    let request = ExportLogsServiceRequest::decode(&request(pipeline, lane, Signal::Logs)[..]).unwrap();
    let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
    scopes.flat_map(|scope| scope.log_records).collect()
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match &found.value.as_ref()?.value {
        Some(any_value::Value::StringValue(text)) => Some(text.clone()),
        _ => None,
    }
}

fn keys(attributes: &[KeyValue]) -> Vec<&str> {
    attributes.iter().map(|attribute| attribute.key.as_str()).collect()
}

#[test]
fn b3s_debug_flag_is_inherited_and_not_sent() {
    let pipeline = pipeline();
    let debugged = SpanContext { flags: SpanContext::DEBUG | SpanContext::SAMPLED, ..REMOTE };
    let mut span = pipeline.tracer("t").span("s").parent(debugged).start();
    span.link(&debugged, TraceState::EMPTY, &[]);
    assert_eq!(span.context().flags, debugged.flags);
    pipeline.logger("l").log(Severity::Info).context(span.context()).text("hello").emit();
    span.end();
    assert_eq!(logs(pipeline, LOW)[0].flags, 0x01);
    let span = &spans(pipeline, LOW)[0];
    assert_eq!((span.flags, span.links[0].flags), (0x301, 0x301));
}

#[test]
fn a_child_carries_its_parents_trace_flags_and_state() {
    let tracer = pipeline().tracer("t");
    let pipeline = pipeline();
    let parent = pipeline
        .tracer("t")
        .span("parent")
        .parent(REMOTE)
        .trace_state(TraceState::parse(b"a=1,b=2").unwrap())
        .start();
    let child = pipeline.tracer("t").span("child").child_of(&parent).start();
    assert_eq!(child.trace_state().to_string(), "a=1,b=2");
    assert!(!child.context().is_remote);
    let parent_id = parent.context().span_id;
    child.end();
    parent.end();
    let found = spans(pipeline, LOW);
    let (child, parent) = (&found[0], &found[1]);
    assert_eq!((&child.trace_id, &parent.trace_id), (&vec![1; 16], &vec![1; 16]));
    assert_eq!((child.trace_state.as_str(), parent.trace_state.as_str()), ("a=1,b=2", "a=1,b=2"));
    assert_eq!((child.parent_span_id.as_slice(), &parent.parent_span_id), (&parent_id.0[..], &vec![2; 8]));
    assert_eq!((child.flags, parent.flags), (0x103, 0x303), "only the parent's parent was remote");
    let root = tracer.start("root");
    assert_eq!((root.trace_state().is_empty(), root.context().flags), (true, SpanContext::SAMPLED));
}

#[test]
fn links_and_events_keep_their_order_and_all_that_they_say() {
    let pipeline = pipeline();
    let mut span = pipeline.tracer("t").start("s");
    let local = SpanContext { flags: 0x01, is_remote: false, ..REMOTE };
    let nobody =
        SpanContext { trace_id: TraceId([0; 16]), span_id: SpanId([0; 8]), flags: 0, is_remote: false };
    let none = TraceState::EMPTY;
    span.link(&REMOTE, TraceState::parse(b"a=1").unwrap(), &[("k".into(), "v".into())]).link(
        &local,
        none,
        &[],
    );
    span.link(&nobody, none, &[("only".into(), "an attribute".into())]).link(&nobody, none, &[]);
    span.event_at(3, "before it began", &[]).event("now", &[("k".into(), 0.into()), ("k".into(), 1.into())]);
    span.end();
    let span = &spans(pipeline, LOW)[0];
    let flags: Vec<_> = span.links.iter().map(|link| link.flags).collect();
    assert_eq!(flags, [0x303, 0x101, 0x100]);
    assert_eq!(
        (span.links[0].trace_state.as_str(), text(&span.links[0].attributes, "k").as_deref()),
        ("a=1", Some("v"))
    );
    assert_eq!((&span.links[0].trace_id, &span.links[0].span_id), (&vec![1; 16], &vec![2; 8]));
    assert_eq!(span.dropped_links_count, 1, "one that says nothing");
    let events: Vec<_> =
        span.events.iter().map(|e| (e.name.as_str(), e.time_unix_nano, e.attributes.len())).collect();
    assert_eq!(events, [("before it began", 3, 0), ("now", 7, 1)]);
}

#[test]
fn what_is_over_a_limit_is_left_out_and_counted() {
    let attributes = AttributeLimits { count: 2, value_len: 3, depth: 1 };
    let limits = Limits {
        span: attributes,
        log: attributes,
        events: 1,
        links: 1,
        event_attributes: 1,
        link_attributes: 0,
    };
    let pipeline = device::on(Device { limits, ..Device::new(|| 7) });
    let mut span = pipeline.tracer("t").start("s");
    span.set("a", "äöüß").set("b", &b"bytes"[..]).set("c", 1).set("a", "again");
    let two = [("x".into(), "a long value".into()), ("y".into(), 2.into())];
    span.event("kept", &two).event("dropped", &[]).link(&REMOTE, TraceState::EMPTY, &two).link(
        &REMOTE,
        TraceState::EMPTY,
        &[],
    );
    span.end();
    let nested = [Value::Str("a long value"), Value::Array(&[Value::Int(1)])];
    let body = "a body is exempt";
    pipeline.logger("l").log(Severity::Info).set("a", &nested).set("b", 1).set("c", 2).text(body).emit();
    let span = &spans(pipeline, LOW)[0];
    assert_eq!((keys(&span.attributes), span.dropped_attributes_count), (vec!["b", "a"], 1));
    assert_eq!(text(&span.attributes, "a").as_deref(), Some("aga"), "three characters, and the last value");
    let bytes = span.attributes[0].value.clone().unwrap().value;
    assert_eq!(bytes, Some(any_value::Value::BytesValue(b"byt".to_vec())));
    assert_eq!((span.events.len(), span.dropped_events_count), (1, 1));
    assert_eq!((keys(&span.events[0].attributes), span.events[0].dropped_attributes_count), (vec!["x"], 1));
    assert_eq!(text(&span.events[0].attributes, "x").as_deref(), Some("a l"));
    assert_eq!((span.links.len(), span.dropped_links_count), (1, 1));
    assert_eq!((span.links[0].attributes.len(), span.links[0].dropped_attributes_count), (0, 2));
    let log = &logs(pipeline, LOW)[0];
    assert_eq!((keys(&log.attributes), log.dropped_attributes_count), (vec!["a", "b"], 1));
    let Some(any_value::Value::ArrayValue(array)) = &log.attributes[0].value.as_ref().unwrap().value else {
        panic!("an array")
    };
    assert_eq!(array.values[0].value, Some(any_value::Value::StringValue("a l".into())));
    assert_eq!(array.values[1].value, None, "too deep");
    assert_eq!(log.body.clone().unwrap().value, Some(any_value::Value::StringValue(body.into())));
}

#[test]
fn an_exception_is_an_event_whose_given_attributes_win() {
    let pipeline = pipeline();
    let mut span = pipeline.tracer("t").start("s");
    span.exception("Overheat", "91 °C", "at boiler", &[("exception.message".into(), "too hot".into())]);
    span.exception("Overheat", "92 °C", "", &[]);
    span.end();
    let events = &spans(pipeline, LOW)[0].events;
    assert_eq!((events[0].name.as_str(), events[1].name.as_str()), ("exception", "exception"));
    assert_eq!(text(&events[0].attributes, "exception.message").as_deref(), Some("too hot"));
    assert_eq!(text(&events[0].attributes, "exception.type").as_deref(), Some("Overheat"));
    assert_eq!(text(&events[0].attributes, "exception.stacktrace").as_deref(), Some("at boiler"));
    assert_eq!(keys(&events[1].attributes), ["exception.type", "exception.message"]);
    let log = pipeline.logger("l").log(Severity::Info).set("exception.message", "mine");
    log.exception("Overheat", "theirs", "").emit();
    let log = &logs(pipeline, LOW)[0];
    assert_eq!(text(&log.attributes, "exception.message").as_deref(), Some("mine"));
    assert_eq!(text(&log.attributes, "exception.type").as_deref(), Some("Overheat"));
}

#[test]
fn a_status_only_rises_and_has_a_message_only_when_it_failed() {
    let pipeline = pipeline();
    let tracer = pipeline.tracer("t");
    tracer.start("unset").end();
    tracer.start("ok").fail("no").succeed().fail("too late");
    tracer.start("failed").fail("first").fail("last");
    let status = |span: &Span| span.status.clone().map(|status| (status.code, status.message));
    let found = spans(pipeline, LOW);
    assert_eq!(found.iter().map(status).collect::<Vec<_>>(), [None, Some((1, String::new()))]);
    assert_eq!(status(&spans(pipeline, KEEP)[0]), Some((2, "last".into())));
}

#[test]
fn a_span_can_be_renamed_and_placed_in_time() {
    let pipeline = pipeline();
    let mut span =
        pipeline.tracer("t").span("GET").start_time(3).attributes(&[("k".into(), "v".into())]).start();
    span.rename("GET /orders");
    span.end_at(5);
    let early = pipeline.tracer("t").span("early").start_time(6).start();
    early.end_at(5);
    let found = spans(pipeline, LOW);
    let (span, early) = (&found[0], &found[1]);
    assert_eq!(
        (span.name.as_str(), span.start_time_unix_nano, span.end_time_unix_nano),
        ("GET /orders", 3, 5)
    );
    assert_eq!(text(&span.attributes, "k").as_deref(), Some("v"));
    assert!(early.end_time_unix_nano >= early.start_time_unix_nano, "a span does not end before it starts");
}

#[test]
fn a_log_record_carries_everything_that_the_data_model_has() {
    let pipeline = pipeline();
    let map = [("list".into(), Value::Array(&[Value::Empty, Value::Bool(false)]))];
    let log = pipeline.logger("l").log(Severity::Error2).severity_text("ALERT").event_name("boiler.overheat");
    log.context(REMOTE)
        .context(SpanContext { flags: 0, ..REMOTE })
        .time(5)
        .value(&Value::Map(&map))
        .text("no")
        .emit();
    pipeline.logger("l").log(Severity::Unspecified).value(&Value::Empty).emit();
    let log = &logs(pipeline, KEEP)[0];
    assert_eq!((log.severity_number, log.severity_text.as_str()), (18, "ALERT"));
    assert_eq!((log.time_unix_nano, log.observed_time_unix_nano), (5, 7));
    assert_eq!((log.event_name.as_str(), log.flags), ("boiler.overheat", 0x03));
    assert_eq!((&log.trace_id, &log.span_id), (&vec![1; 16], &vec![2; 8]));
    let Some(any_value::Value::KvlistValue(map)) = log.body.clone().unwrap().value else { panic!("a map") };
    let Some(any_value::Value::ArrayValue(list)) = map.values[0].value.clone().unwrap().value else {
        panic!()
    };
    assert_eq!((list.values[0].value.clone(), list.values.len()), (None, 2), "an empty value is a value");
    let unspecified = &logs(pipeline, LOW)[0];
    assert_eq!((unspecified.severity_number, unspecified.severity_text.as_str()), (0, ""));
    assert_eq!(unspecified.body.as_ref().map(|body| body.value.clone()), Some(None));
}

#[test]
fn a_logger_leaves_out_what_it_is_told_to() {
    let pipeline = pipeline();
    let logger = pipeline.logger("l").minimum_severity(Severity::Info).trace_based();
    for severity in [Severity::Debug4, Severity::Info, Severity::Unspecified] {
        logger.log(severity).text(severity.text()).emit();
    }
    logger
        .log(Severity::Info)
        .context(SpanContext { flags: 0, ..REMOTE })
        .text("of a span nobody sees")
        .emit();
    logger.log(Severity::Info).context(REMOTE).text("of a span").emit();
    let numbers: Vec<_> = logs(pipeline, LOW).iter().map(|log| (log.severity_number, log.flags)).collect();
    assert_eq!(numbers, [(9, 0), (0, 0), (9, 3)]);
    assert!(!logger.is_enabled(Severity::Debug) && logger.is_enabled(Severity::Unspecified));
    assert_eq!(pipeline.counters().lost_in_all(), 0, "what nobody wanted is not lost");
}

#[test]
fn the_current_span_is_the_one_entered_last() {
    static CURRENT: Current = Current::new();
    let pipeline = pipeline();
    let outer = pipeline.tracer("t").span("outer").parent(CURRENT.get()).start();
    let entered = CURRENT.enter(outer.context());
    let inner = pipeline.tracer("t").span("inner").parent(CURRENT.get()).start();
    {
        let _entered = CURRENT.enter(inner.context());
        pipeline.logger("l").log(Severity::Info).context(CURRENT.get()).text("x").emit();
    }
    assert_eq!(CURRENT.get(), Some(outer.context()));
    drop(entered);
    assert_eq!(CURRENT.get(), None);
    assert_eq!(logs(pipeline, LOW)[0].span_id, inner.context().span_id.0);
    assert_eq!(inner.context().trace_id, outer.context().trace_id);
}

#[test]
fn a_processor_sees_every_record_and_what_it_drops_is_counted() {
    struct Picky;
    impl Processor for Picky {
        fn process(&self, record: &mut Record<'_>) -> Verdict {
            let failed = record.is_failed() || record.severity() >= 17;
            if failed { Verdict::Keep } else { Verdict::Drop(Loss::Filtered) }
        }
    }
    let processor = (Picky, Deny::new(&["password"]));
    let pipeline = device::on(Device {
        processor,
        clock: || 7,
        limits: Limits::DEFAULT,
        sampler: ParentBased::new(AlwaysOn),
    });
    let mut span = pipeline.tracer("t").start("s");
    span.set("password", "secret").set("user", "me").fail("denied");
    span.end();
    pipeline.tracer("t").start("fine").end();
    pipeline.logger("l").info("fine");
    let found = spans(pipeline, KEEP);
    assert_eq!((found.len(), keys(&found[0].attributes)), (1, vec!["user"]));
    assert!(spans(pipeline, LOW).is_empty() && logs(pipeline, LOW).is_empty());
    let counters = pipeline.counters();
    assert_eq!(counters.lost(Signal::Traces, Loss::Filtered), 1);
    assert_eq!(counters.lost(Signal::Logs, Loss::Filtered), 1);
    assert_eq!((counters.recorded(Signal::Traces), counters.recorded(Signal::Logs)), (2, 1));
}

#[test]
fn a_slot_comes_back_whatever_becomes_of_its_record() {
    let pipeline: &'static Pipeline = Box::leak(Box::new(Pipeline::new(|| 7)));
    pipeline.init(vec![0; 4096].leak(), vec![[0; 256]; 2].leak(), Seed::Unique([3; 16]));
    let key = Key::new("k");
    for _ in 0..100 {
        pipeline.tracer("t").start("s").end();
        drop(pipeline.logger("l").log(Severity::Info).set(key, 1));
        pipeline.logger("l").info("x");
    }
    assert_eq!(pipeline.counters().lost(Signal::Traces, Loss::NoSlot), 0);
    let kept = pipeline.tracer("t").start("a span that is forgotten");
    std::mem::forget(kept);
    let second = pipeline.tracer("t").start("no slot: the last is for logs");
    assert!(!second.is_recording() && second.context().is_valid());
    pipeline.logger("l").info("still logged");
    drop(second);
    assert_eq!(pipeline.counters().lost(Signal::Traces, Loss::NoSlot), 1);
    assert_eq!(pipeline.counters().lost(Signal::Logs, Loss::NoSlot), 0);
}

#[test]
fn a_span_that_is_not_sampled_goes_nowhere_but_its_trace_goes_on() {
    let device =
        Device { clock: || 7, limits: Limits::DEFAULT, processor: (), sampler: ParentBased::new(AlwaysOff) };
    let pipeline = device::on(device);
    let state = TraceState::parse(b"a=1").unwrap();
    let unsampled = SpanContext { flags: 0x02, ..REMOTE };
    for _ in 0..100 {
        let mut parent = pipeline.tracer("t").span("p").parent(unsampled).trace_state(state).start();
        assert!(!parent.is_recording() && !parent.context().is_sampled() && parent.context().flags == 0x02);
        parent.set("k", 1).event("e", &[]).fail("x");
        let child = pipeline.tracer("t").span("c").child_of(&parent).start();
        assert_eq!(
            (child.context().trace_id, child.trace_state().to_string().as_str()),
            (TraceId([1; 16]), "a=1")
        );
    }
    assert!(!pipeline.tracer("t").start("root").is_recording());
    let sampled = pipeline.tracer("t").span("s").parent(REMOTE).start();
    assert_eq!(pipeline.counters().live(Decision::RecordAndSample), 1);
    sampled.end();
    let found = spans(pipeline, LOW);
    assert_eq!((found.len(), spans(pipeline, KEEP).len(), found[0].name.as_str()), (1, 0, "s"));
    let counters = pipeline.counters();
    assert_eq!(counters.started(Decision::Drop, ParentOrigin::Remote), 100);
    assert_eq!(counters.started(Decision::Drop, ParentOrigin::Local), 100);
    assert_eq!(counters.started(Decision::Drop, ParentOrigin::None), 1);
    assert_eq!(counters.started(Decision::RecordAndSample, ParentOrigin::Remote), 1);
    assert_eq!((counters.recorded(Signal::Traces), counters.lost_in_all()), (1, 0));
}

#[test]
fn a_span_that_is_only_recorded_is_not_sent() {
    let device =
        Device { clock: || 7, limits: Limits::DEFAULT, processor: (), sampler: AlwaysRecord(AlwaysOff) };
    let pipeline = device::on(device);
    let span = pipeline.tracer("t").start("s");
    assert!(span.is_recording() && !span.context().is_sampled());
    assert_eq!(pipeline.counters().live(Decision::RecordOnly), 1);
    span.end();
    assert!(spans(pipeline, LOW).is_empty());
    assert_eq!((pipeline.counters().live(Decision::RecordOnly), pipeline.counters().lost_in_all()), (0, 0));
}

#[test]
fn a_sampled_span_says_with_what_probability() {
    let sampler = Probability::new(0.25).unwrap();
    let pipeline = device::on(Device { clock: || 7, limits: Limits::DEFAULT, processor: (), sampler });
    for number in 0..100 {
        pipeline.tracer("t").span("s").start_time(number).start().end();
    }
    let found = spans(pipeline, LOW);
    assert!((10..40).contains(&found.len()), "{} of 100", found.len());
    assert!(found.iter().all(|span| span.trace_state == "ot=th:c" && span.trace_id[9] >= 0xC0));
}
