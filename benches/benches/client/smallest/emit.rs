fn main() {
    let url = std::env::args().nth(1).expect("an endpoint") + "/v1/traces";
    let emitter = emit_otlp::new()
        .resource(emit::props! { #[emit::key("service.name")] service_name: "smallest" })
        .traces(emit_otlp::traces_http_proto(url))
        .spawn();
    let running = emit::setup().emit_to(emitter).init();
    span();
    assert!(running.blocking_flush(std::time::Duration::from_secs(5)));
}

#[emit::span("only")]
fn span() {}
