use std::error::Error;
use std::fmt;
use std::sync::Arc;

use smoltel::bridge::{Events, TracingLayer};
use smoltel::{SpanContext, context};
use tracing::field::Empty;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::with_default;
use tracing::{Level, debug, error, error_span, event, info, info_span, span, warn};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Layer, SubscriberExt};

use crate::receiver::{Harness, shown};

/// Runs `f` with a layer over the harness's telemetry.
fn traced<R>(harness: &Harness, f: impl FnOnce() -> R) -> R {
    with_default(Registry::default().with(TracingLayer::new(&harness.telemetry)), f)
}

#[derive(Debug)]
struct Stuck(std::io::Error);

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("valve stuck")
    }
}

impl Error for Stuck {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn fields_of_every_kind_arrive_as_what_they_are() {
    let harness = Harness::start();
    let stuck = Stuck(std::io::Error::other("no air"));
    traced(&harness, || {
        let cause = &stuck as &(dyn Error + 'static);
        let span = info_span!(
            target: "control", "adjust", int = -3, unsigned = 7_u64, huge = u64::MAX, wide = i128::MAX, double = 0.5,
            flag = true, text = "north", debug = ?[1, 2], display = %"south", bytes = &[1_u8, 2][..], cause, late = Empty
        );
        span.record("late", "recorded");
        span.record("int", 4);
    });
    let arrived = harness.finish();
    assert_eq!(arrived.spans[0].0, "control");
    for (key, value) in [
        ("int", "4"),
        ("unsigned", "7"),
        ("huge", "\"18446744073709551615\""),
        ("wide", &format!("\"{}\"", i128::MAX)),
        ("double", "0.5"),
        ("flag", "true"),
        ("text", "\"north\""),
        ("debug", "\"[1, 2]\""),
        ("display", "\"south\""),
        ("bytes", "[1, 2]"),
        ("cause", "\"valve stuck\""),
        ("exception.message", "\"valve stuck\""),
        ("exception.stacktrace", "\"valve stuck\\nCaused by: no air\""),
        ("late", "\"recorded\""),
        ("level", "\"INFO\""),
        ("code.module.name", "\"bridges::tracing\""),
        ("code.file.path", "\"tests/tests/bridges/tracing.rs\""),
    ] {
        assert_eq!(shown(&arrived.span("adjust").attributes, key), value, "{key}");
    }
}

#[test]
fn spans_nest_link_and_know_their_special_fields() {
    let harness = Harness::start();
    traced(&harness, || {
        let outer =
            info_span!("outer", otel.kind = "server", otel.name = "GET /orders", otel.status_code = "OK");
        let inner =
            outer.in_scope(|| info_span!("inner", otel.kind = %"client", otel.status_description = "gone"));
        let explicit = span!(parent: &outer, Level::INFO, "explicit");
        let root = outer.in_scope(|| span!(parent: None, Level::INFO, "root"));
        explicit.follows_from(&root);
        let other = std::thread::spawn(move || drop(inner));
        other.join().unwrap();
    });
    let arrived = harness.finish();
    let outer = arrived.span("GET /orders");
    assert_eq!((outer.kind, outer.status.as_ref().unwrap().code), (2, 1));
    let (inner, explicit, root) = (arrived.span("inner"), arrived.span("explicit"), arrived.span("root"));
    let status = inner.status.as_ref().unwrap();
    assert_eq!((inner.kind, status.code, status.message.as_str()), (3, 2, "gone"));
    assert_eq!((&inner.parent_span_id, &explicit.parent_span_id), (&outer.span_id, &outer.span_id));
    assert!(root.parent_span_id.is_empty() && root.trace_id != outer.trace_id);
    assert_eq!((&explicit.links[0].trace_id, &explicit.links[0].span_id), (&root.trace_id, &root.span_id));
    assert!(outer.attributes.iter().all(|attribute| !attribute.key.starts_with("otel.")));
}

#[test]
fn spans_of_both_kinds_are_each_others_parents() {
    let harness = Harness::start();
    let tracer = harness.telemetry.tracer("own");
    let remote =
        SpanContext::from_traceparent(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").ok();
    traced(&harness, || {
        let _caller = context::attach(remote);
        let first = info_span!("first").entered();
        let second = tracer.start("second");
        let entered = second.enter();
        info_span!("third").in_scope(|| tracer.start("fourth").end());
        drop(entered);
        drop(first);
        assert_eq!(context::current(), remote);
    });
    let arrived = harness.finish();
    let parents =
        ["first", "second", "third", "fourth"].map(|name| arrived.span(name).parent_span_id.clone());
    assert_eq!(parents[0], remote.unwrap().span_id.0);
    let ids = ["first", "second", "third"].map(|name| arrived.span(name).span_id.clone());
    assert_eq!(parents[1..], ids);
}

#[test]
fn spans_that_are_left_in_another_order_leave_the_right_one_current() {
    let harness = Harness::start();
    traced(&harness, || {
        let (a, b) = (info_span!("a"), info_span!("b"));
        let (in_a, in_b) = (a.enter(), b.enter());
        drop(in_a);
        info_span!("in b").in_scope(|| ());
        drop(in_b);
        info_span!("in none").in_scope(|| ());
    });
    let arrived = harness.finish();
    assert_eq!(arrived.span("in b").parent_span_id, arrived.span("b").span_id);
    assert!(arrived.span("in none").parent_span_id.is_empty());
}

#[test]
fn events_are_log_records_of_their_span() {
    let harness = Harness::start();
    traced(&harness, || {
        let span = info_span!("request").entered();
        warn!(target: "audit", valve = 3, "valve {} stuck", 3);
        let detached = error_span!("detached");
        error!(parent: &detached, error = %"no air", "lost");
        info!(parent: None, "of no span");
        event!(name: "tank.low", Level::INFO, level = 7);
        drop(span);
        debug!("outside");
    });
    let arrived = harness.finish();
    let (request, detached) = (arrived.span("request"), arrived.span("detached"));
    let stuck = arrived.log("valve 3 stuck");
    assert_eq!(
        (stuck.severity_number, &stuck.span_id, &stuck.trace_id),
        (13, &request.span_id, &request.trace_id)
    );
    assert_eq!(shown(&stuck.attributes, "valve"), "3");
    assert!(arrived.logs.iter().any(|(scope, log)| scope == "audit" && log == stuck));
    let lost = arrived.log("lost");
    assert_eq!((lost.severity_number, &lost.span_id), (17, &detached.span_id));
    assert_eq!(shown(&lost.attributes, "exception.message"), "\"no air\"");
    let status = detached.status.as_ref().unwrap();
    assert_eq!((status.code, status.message.as_str()), (2, "lost"), "an ERROR fails the span it happens in");
    assert!(request.status.is_none() && request.events.is_empty());
    assert!(arrived.log("of no span").span_id.is_empty() && arrived.log("outside").span_id.is_empty());
    let named = arrived.logs.iter().find(|(_, log)| log.event_name == "tank.low").unwrap();
    assert_eq!((shown(&named.1.attributes, "level"), &named.1.span_id), ("7".to_owned(), &request.span_id));
    assert!(lost.event_name.is_empty());
}

#[test]
fn events_are_events_of_their_span_when_that_is_asked_for() {
    let harness = Harness::start();
    let layer = TracingLayer::new(&harness.telemetry).events(Events::InSpans);
    with_default(Registry::default().with(layer), || {
        info_span!("request").in_scope(|| {
            info!(valve = 3, ratio = 0.5, name = "north", list = ?[1], "opened {}", 3);
            error!(error = %"no air");
        });
        info!("outside");
    });
    let arrived = harness.finish();
    let request = arrived.span("request");
    let [opened, failed] = &request.events[..] else { panic!("{:?}", request.events) };
    assert_eq!(opened.name, "opened 3");
    for (key, value) in
        [("valve", "3"), ("ratio", "0.5"), ("name", "\"north\""), ("list", "\"[1]\""), ("level", "\"INFO\"")]
    {
        assert_eq!(shown(&opened.attributes, key), value, "{key}");
    }
    assert_eq!(shown(&failed.attributes, "exception.message"), "\"no air\"");
    assert_eq!(request.status.as_ref().unwrap().message, "no air");
    assert_eq!(arrived.logs.len(), 1);
    arrived.log("outside");
}

struct Everything;

impl<S: tracing::Subscriber> Layer<S> for Everything {}

#[test]
fn a_filter_before_the_layer_takes_its_spans_out_of_the_tree() {
    let harness = Harness::start();
    let layer = TracingLayer::new(&harness.telemetry).with_filter(LevelFilter::INFO);
    // Another layer, which hears everything, keeps the filtered spans alive.
    with_default(Registry::default().with(layer).with(Everything), || {
        info_span!("outer").in_scope(|| {
            let hidden = tracing::debug_span!("hidden");
            hidden.in_scope(|| info_span!("inner").in_scope(|| debug!("unheard")));
            span!(parent: &hidden, Level::INFO, "child of hidden");
        });
    });
    let arrived = harness.finish();
    assert_eq!((arrived.spans.len(), arrived.logs.len()), (3, 0));
    let outer = &arrived.span("outer").span_id;
    assert_eq!(&arrived.span("inner").parent_span_id, outer);
    assert_eq!(&arrived.span("child of hidden").parent_span_id, outer);
}

/// What an event or a span shows may make events of its own.
struct Chatty;

impl fmt::Display for Chatty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        error!("from inside");
        f.write_str("chatty")
    }
}

#[test]
fn values_may_record_while_they_are_shown() {
    for events in [Events::AsLogs, Events::InSpans] {
        let harness = Harness::start();
        let layer = TracingLayer::new(&harness.telemetry).events(events);
        with_default(Registry::default().with(layer), || {
            let span = info_span!("request", late = Empty);
            let _entered = span.enter();
            span.record("late", tracing::field::display(Chatty));
            info!(value = %Chatty, "text {Chatty}");
        });
        assert_eq!(shown(&harness.finish().span("request").attributes, "late"), "\"chatty\"");
    }
}

#[test]
fn many_threads_share_a_span() {
    let harness = Harness::start();
    traced(&harness, || {
        let span = Arc::new(info_span!("shared", a = Empty, b = Empty));
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let threads = ["a", "b"].map(|field| {
            let (span, dispatch) = (span.clone(), dispatch.clone());
            std::thread::spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    for n in 0..200 {
                        span.record(field, n);
                        span.in_scope(|| info_span!("child").in_scope(|| ()));
                    }
                });
            })
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let arrived = harness.finish();
    let shared = arrived.span("shared");
    assert_eq!(["a", "b"].map(|key| shown(&shared.attributes, key)), ["199", "199"]);
    let children = arrived.spans.iter().filter(|(_, span)| span.name == "child");
    assert_eq!(children.filter(|(_, child)| child.parent_span_id == shared.span_id).count(), 400);
}
