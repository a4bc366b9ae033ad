//! Instrumented by `emit`, with `emit_otlp` over HTTP. Its spans have no events, its metrics no counters.

use std::hint::black_box;
use std::time::Duration;

use smoltel_benches::workload::TEXTS;

use crate::program::Program;

const LONG: Duration = Duration::from_secs(100);

pub(crate) fn start(endpoint: &str) -> Program {
    let emitter = emit_otlp::new()
        .resource(emit::props! { #[emit::key("service.name")] service_name: "bench" })
        .traces(emit_otlp::traces_http_proto(format!("{endpoint}/v1/traces")))
        .logs(emit_otlp::logs_http_proto(format!("{endpoint}/v1/logs")))
        .spawn();
    let running = std::sync::Arc::new(emit::setup().emit_to(emitter).init());
    let flushing = std::sync::Arc::clone(&running);
    Program {
        span: Box::new(span),
        log: Some(Box::new(log)),
        count: None,
        flush: Box::new(move || _ = flushing.blocking_flush(LONG)),
        finish: Box::new(move || running.blocking_flush(LONG).to_string()),
    }
}

#[emit::span(
    "GET /api/v1/orders/x",
    #[emit::key("http.request.method")] method: black_box(TEXTS[0]),
    #[emit::key("http.route")] route: black_box(TEXTS[1]),
    #[emit::key("server.address")] address: black_box(TEXTS[2]),
    #[emit::key("user_agent.name")] agent: black_box(TEXTS[3]),
    #[emit::key("http.response.status_code")] status: black_box(404),
    #[emit::key("server.port")] port: black_box(8080),
    #[emit::key("cache.hit")] hit: black_box(true),
    #[emit::key("queue.wait_ms")] wait: black_box(1234.5),
)]
fn span() {}

fn log() {
    emit::info!(
        "an order was placed, paid for, packed, sent off and signed for by a neighbour .....",
        #[emit::key("http.route")] route: black_box(TEXTS[1]),
        #[emit::key("server.address")] address: black_box(TEXTS[2]),
        #[emit::key("user_agent.name")] agent: black_box(TEXTS[3]),
        #[emit::key("http.response.status_code")] status: black_box(404),
        #[emit::key("server.port")] port: black_box(8080),
        #[emit::key("cache.hit")] hit: black_box(true),
    );
}
