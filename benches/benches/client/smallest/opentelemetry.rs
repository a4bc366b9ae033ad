use opentelemetry::trace::{Span, Tracer, TracerProvider};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::trace::SdkTracerProvider;

fn main() {
    let url = std::env::args().nth(1).expect("an endpoint") + "/v1/traces";
    let exporter = SpanExporter::builder().with_http().with_endpoint(url).build().expect("an exporter");
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).build();
    provider.tracer("smallest").start("only").end();
    provider.shutdown().expect("an answer");
}
