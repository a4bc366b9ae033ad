//! Telemetry into files and streams: lines of OTLP JSON, as they were recorded, made as the settings say.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use smoltel::transport::JsonLines;
use smoltel::{MetricSettings, Preference, Telemetry};

const AMPLE: Duration = Duration::from_secs(20);

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn each_signal_has_its_file_and_metrics_are_made_as_the_settings_say() {
    let dir = tempfile::tempdir().unwrap();
    let settings = MetricSettings { temporality: Preference::Delta, ..MetricSettings::DEFAULT };
    let telemetry = Telemetry::builder("files")
        .files(dir.path())
        .metrics(move |metrics| *metrics = settings)
        .build()
        .unwrap();
    telemetry.tracer("t").start("s").end();
    telemetry.logger("l").info("hello");
    telemetry.meter("m").counter("c").add(1, &[]);
    let report = telemetry.shutdown(AMPLE);
    assert_eq!((report.exported, report.dropped()), (3, 0), "{report}");
    let spans = &lines(&dir.path().join("traces.jsonl"))[0]["resourceSpans"][0]["scopeSpans"][0]["spans"];
    assert_eq!(spans[0]["name"], "s");
    let logs = &lines(&dir.path().join("logs.jsonl"))[0]["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
    assert_eq!(logs[0]["body"]["stringValue"], "hello");
    let metrics = &lines(&dir.path().join("metrics.jsonl"))[0]["resourceMetrics"][0]["scopeMetrics"][0];
    assert_eq!(metrics["metrics"][0]["sum"]["aggregationTemporality"], 1, "delta");
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn any_stream_gets_a_line_for_each_batch() {
    let out = Shared::default();
    let telemetry = Telemetry::builder("lines").transport(JsonLines::new(out.clone())).build().unwrap();
    (0..100).for_each(|_| telemetry.logger("l").info("hello"));
    assert_eq!(telemetry.shutdown(AMPLE).exported, 100);
    let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "they left together");
    assert_eq!(text.matches("hello").count(), 100);
    assert!(text.ends_with("}\n"));
}
