//! OTLP's example requests give the same stored model, whether they come as JSON or as protobuf.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use smoltel_proto::from_json;
use smoltel_proto::table::{self, Message};
use support::*;

const EXAMPLES: [(&str, &str, &Message); 4] = [
    ("trace.json", "/v1/traces", &table::EXPORT_TRACE_SERVICE_REQUEST),
    ("metrics.json", "/v1/metrics", &table::EXPORT_METRICS_SERVICE_REQUEST),
    ("logs.json", "/v1/logs", &table::EXPORT_LOGS_SERVICE_REQUEST),
    ("events.json", "/v1/logs", &table::EXPORT_LOGS_SERVICE_REQUEST),
];

/// Our own examples, and the official ones if they are beside the workspace.
fn examples() -> Vec<(PathBuf, &'static str, &'static Message)> {
    let gateway = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["../proto/tests/data", "../../shared/reference/examples"];
    let all = folders
        .iter()
        .flat_map(|folder| EXAMPLES.map(|(name, path, root)| (gateway.join(folder).join(name), path, root)));
    let there: Vec<_> = all.filter(|(file, ..)| file.exists()).collect();
    if there.len() < 4 + 3 {
        eprintln!("NOT COMPARED: the official examples are not here");
    }
    there
}

#[test]
fn an_example_is_stored_the_same_as_json_and_as_protobuf() {
    let examples = examples();
    assert!(examples.len() >= 3);
    for (file, path, root) in examples {
        let dir = tempfile::tempdir().unwrap();
        let gateway = Gateway::start(dir.path(), &["--upstream", "http://127.0.0.1:9"]);
        let json = fs::read(&file).unwrap();
        let mut protobuf = Vec::new();
        from_json(root, &json, &mut protobuf).unwrap();
        assert_eq!(post(gateway.http, path, JSON, &json).status, 200);
        assert_eq!(post(gateway.http, path, PROTOBUF, &protobuf).status, 200);
        assert_eq!(gateway.stop(), Some(0));
        let stored = output(&["spool", "export", "--data-dir", dir.path().to_str().unwrap()]);
        let text = String::from_utf8(stored.stdout).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() == 2 && lines[0] == lines[1], "{}: {lines:?}", file.display());
    }
}
