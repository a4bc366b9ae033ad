//! What we relay is understood by others.

use tempfile::tempdir;

use crate::archive::holds_what_was_recorded;
use crate::peers::{Sdk, collector, example_sends, rotel, victoria_metrics};
use crate::support::{Gateway, get, until};

#[test]
fn rotel_prints_what_is_relayed() {
    let dir = tempdir().unwrap();
    let rotel = rotel(dir.path(), &["--exporter", "blackhole"]);
    let upstream = format!("http://{}", rotel.http);
    let gateway = Gateway::start(&dir.path().join("data"), &["--upstream", &upstream]);
    Sdk::Python.sends(gateway.http, "http");
    example_sends(gateway.http);
    for i in 0..20 {
        rotel.prints(&format!("python-span-{i}\n"), 1);
    }
    rotel.prints("python-log 1", 1);
    rotel.prints("python.counter", 1);
    rotel.prints("python.histogram", 1);
    rotel.prints("adjust", 4);
    rotel.prints("valve opened", 3);
    rotel.prints("is more than the valve can do", 1);
    rotel.prints("valve.moves", 1);
    for (signal, items) in [("traces", 20 + 8), ("metrics", 2 + 1), ("logs", 1 + 4)] {
        until("everything is forwarded", || gateway.sent("forwarded_items_total", signal) == items);
    }
    println!("interop: gateway → rotel, HTTP protobuf | 28, 5, 3 | 28, 5, 3");
}

/// Behind it is another gateway, in whose archive everything has to be.
#[test]
#[ignore = "needs the Collector: cargo xtask interop"]
fn the_collector_takes_what_is_relayed() {
    for protocol in ["http/protobuf", "grpc"] {
        let dir = tempdir().unwrap();
        let last = Gateway::start(dir.path(), &[]);
        let collector = collector(dir.path(), &format!("otlp_http: {{endpoint: 'http://{}'}}", last.http));
        let to = if protocol == "grpc" { collector.grpc } else { collector.http };
        let config = dir.path().join("gateway.toml");
        let destination =
            format!("[[destination]]\nurl = 'http://{to}'\nprotocol = '{protocol}'\ncompression = 'gzip'\n");
        std::fs::write(&config, destination).unwrap();
        let args = ["--config", config.to_str().unwrap()];
        let first = Gateway::start(&dir.path().join("first"), &args);
        Sdk::Python.sends(first.http, "http");
        let pair = format!("gateway → Collector, {protocol}, gzip");
        holds_what_was_recorded(dir.path(), Sdk::Python, &pair);
    }
}

#[test]
#[ignore = "needs VictoriaMetrics: cargo xtask interop"]
fn victoria_metrics_answers_queries_for_what_is_relayed() {
    let dir = tempdir().unwrap();
    let victoria = victoria_metrics(dir.path());
    let config = dir.path().join("gateway.toml");
    let (url, archive) = (format!("http://{}/opentelemetry", victoria.http), dir.path().join("archive"));
    let destinations = format!(
        "[[destination]]\nurl = '{url}'\nsignals = ['metrics']\n\
         [[destination]]\narchive = {archive:?}\nsignals = ['traces', 'logs']\n"
    );
    std::fs::write(&config, destinations).unwrap();
    let gateway = Gateway::start(&dir.path().join("data"), &["--config", config.to_str().unwrap()]);
    Sdk::Python.sends(gateway.http, "http");
    until("both metrics are forwarded", || gateway.sent("forwarded_items_total", "metrics") == 2);
    until("they can be queried", || {
        get(victoria.http, "/internal/force_flush");
        let answer = get(victoria.http, "/api/v1/export?match={__name__=~\"python.*\"}");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        text.contains("python.counter") && text.contains("[41]") && text.contains("python.histogram_count")
    });
    println!("interop: gateway → VictoriaMetrics, HTTP protobuf | 2 metrics | 2 metrics");
}
