//! What the structural check costs: nanoseconds a span, and instructions where valgrind is installed.
//!
//! `cargo run --profile bench -p smoltel-proto --example check_cost`

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use smoltel_proto::{check, from_json, table};

const SPANS: usize = 512;

/// A request of spans with eight attributes and one event, as the peers are measured with.
fn request() -> Vec<u8> {
    let strings = ["http.request.method", "url.path", "server.address", "user_agent.name"];
    let mut attributes: Vec<String> = strings
        .map(|key| format!(r#"{{"key":"{key}","value":{{"stringValue":"sixteen-bytes-16"}}}}"#))
        .into();
    attributes.push(r#"{"key":"http.status_code","value":{"intValue":"200"}}"#.into());
    attributes.push(r#"{"key":"body.size","value":{"intValue":"48123"}}"#.into());
    attributes.push(r#"{"key":"cache.hit","value":{"boolValue":true}}"#.into());
    attributes.push(r#"{"key":"load.ratio","value":{"doubleValue":0.73}}"#.into());
    let event = r#"{"timeUnixNano":"1790000000100000000","name":"cache lookup","attributes":[{"key":"cache.key","value":{"stringValue":"user:1234"}}]}"#;
    let span = format!(
        r#"{{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","parentSpanId":"00f067aa0ba902b7","flags":257,"name":"GET /api/v1/users","kind":2,"startTimeUnixNano":"1790000000000000001","endTimeUnixNano":"1790000000250000003","attributes":[{}],"events":[{event}],"status":{{"code":1}}}}"#,
        attributes.join(",")
    );
    let spans = vec![span; SPANS].join(",");
    let json = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#);
    let mut wire = Vec::new();
    from_json(&table::EXPORT_TRACE_SERVICE_REQUEST, json.as_bytes(), &mut wire)
        .expect("the request is valid");
    wire
}

fn rounds(request: &[u8], count: usize) {
    for _ in 0..count {
        let summary = check(&table::EXPORT_TRACE_SERVICE_REQUEST, black_box(request)).expect("valid");
        assert_eq!(black_box(summary).items, SPANS as u64);
    }
}

/// Instructions that callgrind counts in a run of this program with so many rounds.
fn instructions(count: usize) -> Option<u64> {
    let valgrind = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let program = std::env::current_exe().ok()?;
    let run = Command::new("valgrind").args(valgrind).arg(program).arg(count.to_string()).output().ok()?;
    let text = String::from_utf8_lossy(&run.stderr).into_owned();
    text.lines().find_map(|line| line.split("Collected :").nth(1))?.trim().parse().ok()
}

fn main() {
    let request = request();
    if let Some(count) = std::env::args().nth(1) {
        return rounds(&request, count.parse().expect("a number of rounds"));
    }
    println!("{} bytes a span", request.len() / SPANS);
    let best = (0..200).map(|_| {
        let start = Instant::now();
        rounds(&request, 20);
        start.elapsed().as_nanos() as f64 / (20 * SPANS) as f64
    });
    println!("{:.0} ns a span", best.fold(f64::INFINITY, f64::min));
    match (instructions(10), instructions(20)) {
        (Some(ten), Some(twenty)) => println!("{} instructions a span", (twenty - ten) / (10 * SPANS as u64)),
        _ => println!("instructions not counted: valgrind is not installed"),
    }
}
