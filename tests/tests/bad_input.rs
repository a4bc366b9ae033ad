//! What must not happen happens: no memory, no room, times that run backwards, ids of zero, bytes that are no text, more
//! than anyone would record. Each has a defined result, and what is lost is counted.
//!
//! What metrics make of numbers that are none is with the tests of metrics.

use std::cell::Cell;

use proptest::prelude::*;
use prost::Message;
use smoltel_core::otlp::collector::Response;
use smoltel_core::platform::Device;
use smoltel_core::propagation::{Baggage, TraceState};
use smoltel_core::transport::{Transport, http::Http};
use smoltel_core::wire::Malformed;
use smoltel_core::{
    AttributeLimits, Limits, Loss, Pipeline, Seed, Severity, Signal, SpanContext, SpanId, TraceId,
};
use smoltel_proto::types::collector::logs::v1::ExportLogsServiceRequest;
use smoltel_proto::types::collector::trace::v1::ExportTraceServiceRequest;
use smoltel_proto::types::logs::v1::LogRecord;
use smoltel_proto::types::trace::v1::Span;
use smoltel_tests::device::{self, KEEP, LOW, request};

fn spans(pipeline: &Pipeline, lane: usize) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(&request(pipeline, lane, Signal::Traces)[..]).unwrap();
    let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

fn logs(pipeline: &Pipeline, lane: usize) -> Vec<LogRecord> {
    let request = ExportLogsServiceRequest::decode(&request(pipeline, lane, Signal::Logs)[..]).unwrap();
    let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
    scopes.flat_map(|scope| scope.log_records).collect()
}

/// A pipeline with that much memory and no more.
fn with_memory<const SLOT: usize>(ring: usize, slots: usize, points: usize) -> &'static Pipeline {
    let pipeline: &'static Pipeline = Box::leak(Box::new(Pipeline::new(|| 7)));
    pipeline.init(vec![0; ring].leak(), vec![[0; SLOT]; slots].leak(), Seed::Unique([3; 16]));
    pipeline.init_metrics(vec![0; points].leak());
    pipeline
}

/// Records some of everything, also several at once.
fn exercise(pipeline: &'static Pipeline) {
    let (tracer, logger) = (pipeline.tracer("t"), pipeline.logger("l"));
    let counter = pipeline.meter("m").counter("c");
    for i in 0..3 {
        let mut outer = tracer.start("outer");
        let mut inner = tracer.span("inner").child_of(&outer).start();
        inner.set("key", "value").event("event", &[("k".into(), i.into())]).fail("a reason");
        outer.set("key", i).rename("another name").link(&inner.context(), TraceState::EMPTY, &[]);
        logger.log(Severity::Error).set("key", i).body(format_args!("body {i}")).emit();
        logger.info("text");
        drop(logger.log(Severity::Info).text("never emitted"));
        inner.end();
        counter.add(1, &[("key".into(), i.into())]);
        pipeline.collect();
    }
}

/// Items of each signal that wait in a lane.
fn waiting(pipeline: &Pipeline, signal: Signal) -> u64 {
    let in_lane = |lane| {
        let count = pipeline.with_lane(lane, |ring| {
            let of_signal = ring.records(0).filter(|(_, header)| header.kind == signal as u8);
            of_signal.map(|(_, header)| u64::from(header.items)).sum::<u64>()
        });
        count.unwrap_or(0)
    };
    in_lane(LOW) + in_lane(KEEP)
}

/// Everything that was recorded waits to be sent or was counted as lost.
fn nothing_vanished(pipeline: &Pipeline, memory: &str) {
    let counters = pipeline.counters();
    for signal in [Signal::Traces, Signal::Logs] {
        let lost: u64 = Loss::ALL.iter().map(|reason| counters.lost(signal, *reason)).sum();
        assert_eq!(counters.recorded(signal), waiting(pipeline, signal) + lost, "{signal:?} with {memory}");
        assert_eq!(counters.recorded(signal), 6, "{signal:?} with {memory}");
    }
}

#[test]
fn with_any_amount_of_memory_or_none_every_record_waits_or_is_counted() {
    fn slots_of<const SLOT: usize>() {
        for slots in 0..=3 {
            for ring in [0, 1, 4, 5, 6, 40, 100, 250, 700, 5000] {
                for points in [0, 1, 39, 60, 500] {
                    let pipeline = with_memory::<SLOT>(ring, slots, points);
                    exercise(pipeline);
                    nothing_vanished(pipeline, &format!("{slots} slots of {SLOT}, {ring}, {points}"));
                }
            }
        }
    }
    slots_of::<0>();
    slots_of::<1>();
    slots_of::<30>();
    slots_of::<70>();
    slots_of::<120>();
    slots_of::<300>();
}

#[test]
fn without_a_ring_losses_say_that_there_was_none() {
    let pipeline = with_memory::<300>(0, 3, 0);
    pipeline.logger("l").info("text");
    assert_eq!(pipeline.counters().lost(Signal::Logs, Loss::Closed), 1);
    let pipeline = with_memory::<0>(1000, 3, 0);
    pipeline.logger("l").info("text");
    assert_eq!(pipeline.counters().lost(Signal::Logs, Loss::TooLarge), 1);
}

#[test]
fn a_record_beyond_64_kib_is_counted_as_too_large() {
    let pipeline: &'static Pipeline = Box::leak(Box::new(Pipeline::new(|| 7)));
    pipeline.init(vec![0; 1 << 20].leak(), vec![[0; 100_000]; 2].leak(), Seed::Unique([3; 16]));
    pipeline.logger("l").info(&"x".repeat(80_000));
    assert_eq!(pipeline.counters().lost(Signal::Logs, Loss::TooLarge), 1);
    pipeline.logger("l").info(&"x".repeat(60_000));
    assert_eq!(logs(pipeline, LOW).len(), 1);
}

#[test]
fn ten_thousand_attributes_leave_a_whole_record_that_counts_the_rest() {
    let pipeline = device::pipeline();
    let mut span = pipeline.tracer("t").start("s");
    let mut log = pipeline.logger("l").log(Severity::Info).text("body");
    for i in 0..10_000 {
        let key = format!("key{i}");
        span.set(key.as_str(), i);
        log = log.set(key.as_str(), i);
    }
    log.emit();
    span.end();
    let (span, log) = (&spans(pipeline, LOW)[0], &logs(pipeline, LOW)[0]);
    assert_eq!((span.attributes.len(), span.dropped_attributes_count), (128, 9_872));
    assert_eq!((log.attributes.len(), log.dropped_attributes_count), (128, 9_872));
    assert_eq!((span.end_time_unix_nano, log.attributes[127].key.as_str()), (7, "key127"));
}

#[test]
fn texts_over_the_limit_are_cut_at_a_character() {
    let mut device = Device::new(|| 7);
    let attributes = AttributeLimits { value_len: 3, ..AttributeLimits::DEFAULT };
    device.limits = Limits { span: attributes, log: attributes, ..Limits::DEFAULT };
    let pipeline = device::on(device);
    let mut span = pipeline.tracer("t").start("s");
    span.set("text", "äöüß").set("bytes", &b"\xFF\xFF\xFF\xFF"[..]);
    span.end();
    let text = format!("{:?}", spans(pipeline, LOW)[0].attributes);
    assert!(text.contains("\"äöü\"") && text.contains("[255, 255, 255]"), "{text}");
}

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
}

#[test]
fn a_clock_that_runs_backwards_gives_no_negative_span_and_holds_nothing_up() {
    let pipeline: &'static Pipeline = Box::leak(Box::new(Pipeline::new(|| NOW.get())));
    pipeline.init(vec![0; 4096].leak(), vec![[0; 256]; 3].leak(), Seed::Unique([3; 16]));
    NOW.set(1_000);
    let span = pipeline.tracer("t").start("s");
    NOW.set(10);
    span.end();
    let span = &spans(pipeline, LOW)[0];
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (1_000, 1_000));

    const FAR: u64 = 1 << 62;
    let mut http = Http::new("gateway:4318", b"", 5, 1);
    let mut out = [0; 4096];
    let mut transmit = |now| http.transmit(now, pipeline, &mut out).is_some();
    assert!(!transmit(FAR) && !transmit(0), "it waits for company");
    http.flush();
    for now in [FAR, 1_000, 0, FAR, 0] {
        while http.transmit(now, pipeline, &mut out).is_some() {}
        http.receive(now, pipeline, b"HTTP/1.1 503 No\r\nRetry-After: 4294967295\r\n\r\n");
    }
    assert_eq!((pipeline.counters().lost_in_all(), waiting(pipeline, Signal::Traces)), (0, 1));
}

#[test]
fn ids_of_zero_are_never_written() {
    let pipeline = device::pipeline();
    let zeros = |trace, span| SpanContext {
        trace_id: TraceId([trace; 16]),
        span_id: SpanId([span; 8]),
        flags: 1,
        is_remote: true,
    };
    for context in [zeros(0, 0), zeros(0, 1), zeros(1, 0)] {
        pipeline.tracer("t").span("child of nobody").parent(context).start().end();
        pipeline.logger("l").log(Severity::Info).context(context).text("of nobody").emit();
    }
    for span in spans(pipeline, LOW) {
        assert!(span.parent_span_id.is_empty() && span.trace_id.iter().any(|byte| *byte != 0));
    }
    for log in logs(pipeline, LOW) {
        assert!(log.trace_id.is_empty() && log.span_id.is_empty());
    }
    assert!(
        SpanContext::from_traceparent(b"00-00000000000000000000000000000000-00f067aa0ba902b7-01").is_err()
    );
    assert!(
        SpanContext::from_traceparent(b"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01").is_err()
    );
}

#[test]
fn bytes_that_are_no_text_are_refused_where_text_has_to_be() {
    assert_eq!(Response::decode(b"\x0A\x03\x12\x01\xFF"), Err(Malformed));
    assert!(TraceState::parse(b"key=\xFF").is_err());
    assert!(
        SpanContext::from_traceparent(b"00-4bf92f3577b34da6a3ce929d0e0e473\xFF-00f067aa0ba902b7-01").is_err()
    );
    let baggage = Baggage::parse(b"bad=\xFF,good=%FF");
    assert_eq!((baggage.entries().count(), baggage.dropped()), (1, 1));
    assert_eq!(baggage.get("good").unwrap().value.to_string(), "\u{FFFD}");
}

proptest! {
    #[test]
    fn an_answer_of_any_bytes_leaves_the_record_waiting_or_counted(answer in any::<Vec<u8>>(), head in 0..4usize) {
        let heads = [&b""[..], b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 ", b"HTTP/1.1 400 No\r\nContent-Length: "];
        let pipeline = with_memory::<256>(1024, 2, 0);
        pipeline.logger("l").info("text");
        let mut http = Http::new("gateway:4318", b"", 5, 1);
        http.flush();
        let mut out = [0; 512];
        while http.transmit(0, pipeline, &mut out).is_some() {}
        http.receive(1, pipeline, &[heads[head], &answer].concat());
        let _ = http.transmit(2, pipeline, &mut out);
        prop_assert!(waiting(pipeline, Signal::Logs) + pipeline.counters().lost_in_all() <= 1);
    }
}
