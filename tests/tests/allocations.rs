//! Recording allocates nothing: not in core, and not in an application once it has warmed up.

use std::time::Duration;

use smoltel::bridge::{Events, LogBridge, MetricsRecorder, TracingLayer};
use smoltel::{Telemetry, View};
use smoltel_core::{Key, Pipeline, Seed, Severity, Signal, Value};
use smoltel_tests::allocations::{Counting, during};
use tracing_subscriber::layer::SubscriberExt;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const ATTRIBUTES: usize = 8;
const KEYS: [&str; ATTRIBUTES] =
    ["a.one", "b.two", "c.three", "d.four", "e.five", "f.six", "g.seven", "h.eight"];

/// One of everything that can be recorded.
macro_rules! record {
    ($tracer:expr, $logger:expr, $counter:expr, $bound:expr) => {{
        let mut span = $tracer.start("GET /api/v1/orders");
        for (i, key) in KEYS.iter().enumerate() {
            span.set(*key, i as i64).set(*key, "again");
        }
        span.event("cache.miss", &[(Key::new("cache.key"), Value::Str("x"))]);
        span.fail("deadline exceeded");
        let context = span.context();
        span.end();
        let text = $logger.log(Severity::Warn).set("tank.level", 3).context(context);
        text.body(format_args!("low: {} %", 3)).emit();
        $counter.add(1, &[(Key::new("valve.id"), Value::Int(3))]);
        $bound.add(1);
    }};
}

#[test]
fn core_allocates_nothing() {
    static PIPELINE: Pipeline = Pipeline::new(|| 1);
    let leak = |n| -> &'static mut [u8] { vec![0; n].leak() };
    PIPELINE.init(leak(8192), vec![[0; 1024]; 4].leak(), Seed::Unique([7; 16]));
    PIPELINE.init_metrics(leak(512));
    let (tracer, logger) = (PIPELINE.tracer("t"), PIPELINE.logger("l"));
    let ((), count) = during(|| {
        let counter = PIPELINE.meter("m").counter("valve.moves");
        let bound = counter.bind(&[]);
        for _ in 0..100 {
            record!(tracer, logger, counter, bound);
            PIPELINE.collect();
        }
    });
    assert_eq!(count, 0);
    assert_eq!(PIPELINE.counters().recorded(Signal::Traces), 100);
    assert_eq!(PIPELINE.counters().recorded(Signal::Metrics), 200);
}

#[test]
fn streams_of_views_allocate_nothing() {
    let telemetry = Telemetry::builder("allocations")
        .endpoint("http://127.0.0.1:9")
        .on_message(|_| {})
        .view(View::of("c").name("sum"))
        .view(View::of("c").name("distribution").exponential(16))
        .build()
        .unwrap();
    let counter = telemetry.meter("m").counter("c");
    let bound = counter.bind(&[]);
    let ((), count) = during(|| {
        for _ in 0..1000 {
            counter.add(3, &[(Key::new("valve.id"), Value::Int(3))]);
            bound.add(1);
        }
    });
    assert_eq!((count, telemetry.report().dropped()), (0, 0));
    telemetry.shutdown(Duration::ZERO);
}

#[test]
fn an_application_allocates_nothing_once_it_is_warm() {
    let telemetry =
        Telemetry::builder("allocations").endpoint("http://127.0.0.1:9").on_message(|_| {}).build().unwrap();
    let (tracer, logger) = (telemetry.tracer("t"), telemetry.logger("l"));
    let counter = telemetry.meter("m").counter("valve.moves");
    let bound = counter.bind(&[]);
    // The first records make the slots that the later ones use.
    for _ in 0..4 {
        record!(tracer, logger, counter, bound);
    }
    let ((), count) = during(|| {
        for _ in 0..1000 {
            record!(tracer, logger, counter, bound);
        }
    });
    assert_eq!(count, 0);
    assert_eq!(telemetry.report().dropped(), 0);
    telemetry.shutdown(Duration::ZERO);
}

/// Telemetry that nobody reads.
fn unread() -> Telemetry {
    Telemetry::builder("allocations").endpoint("http://127.0.0.1:9").on_message(|_| {}).build().unwrap()
}

/// Allocations of a thousand rounds, after a few that warm up.
fn when_warm(mut round: impl FnMut(i64)) -> u64 {
    (1000..1040).for_each(&mut round);
    during(|| (1000..2000).for_each(&mut round)).1
}

#[test]
fn bridges_allocate_nothing_once_they_are_warm() {
    let telemetry = unread();
    for events in [Events::AsLogs, Events::InSpans] {
        let layer = TracingLayer::new(&telemetry).events(events);
        let count = tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            when_warm(|n| {
                let span = tracing::info_span!("request", n, text = "north", shown = ?n, late = tracing::field::Empty);
                span.record("late", n);
                span.in_scope(|| tracing::error!(n, shown = %n, "turn {n}"));
            })
        });
        assert_eq!(count, 0, "tracing, {events:?}");
    }
    let logger = LogBridge::new(&telemetry);
    log::set_max_level(log::LevelFilter::Trace);
    assert_eq!(when_warm(|n| log::warn!(logger: logger, n, shown:? = n; "turn {n}")), 0, "log");
    let recorder = MetricsRecorder::new(&telemetry);
    let count = metrics::with_local_recorder(&recorder, || {
        when_warm(|n| {
            metrics::counter!("turns", "valve" => "north").increment(1);
            metrics::gauge!("level").set(n as f64);
            metrics::histogram!("duration").record(n as f64);
        })
    });
    assert_eq!(count, 0, "metrics");
    telemetry.shutdown(Duration::ZERO);
}
