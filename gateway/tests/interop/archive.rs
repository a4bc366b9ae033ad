//! What arrived: the lines of a gateway's archive.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::peers::Sdk;
use crate::support::until;

/// The lines of one signal, in an archive of that data directory.
pub(crate) fn lines(dir: &Path, signal: &str) -> Vec<Value> {
    let text = fs::read_to_string(dir.join("archive").join(format!("{signal}.jsonl"))).unwrap_or_default();
    // The last one may be in the writing.
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Every value of a member of that name, at any depth.
fn members<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, inner)| {
            if key == name {
                found.push(inner);
            }
            members(inner, name, found);
        }),
        Value::Array(list) => list.iter().for_each(|inner| members(inner, name, found)),
        _ => {}
    }
}

pub(crate) fn texts(lines: &[Value], name: &str) -> Vec<String> {
    let mut found = Vec::new();
    lines.iter().for_each(|line| members(line, name, &mut found));
    found.into_iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

/// Waits for all that an SDK records, each once and whole, and prints that the pair works.
pub(crate) fn holds_what_was_recorded(dir: &Path, sdk: Sdk, pair: &str) {
    let name = sdk.name();
    let spans = || {
        let names = texts(&lines(dir, "traces"), "name");
        names.iter().filter(|found| found.starts_with(&format!("{name}-span-"))).count()
    };
    until("all signals are archived", || {
        spans() >= 20 && ["metrics", "logs"].iter().all(|signal| !lines(dir, signal).is_empty())
    });
    assert_eq!(spans(), 20, "each span once");
    let traces = lines(dir, "traces");
    assert!(texts(&traces, "stringValue").contains(&"\u{e9}".to_owned()), "text is UTF-8 all the way");
    assert!(texts(&traces, "traceId").iter().all(|id| id.len() == 32));
    let logs = texts(&lines(dir, "logs"), "stringValue");
    let logs = logs.iter().filter(|text| **text == format!("{name}-log 1")).count();
    assert_eq!(logs, 1);
    let metrics = lines(dir, "metrics");
    let names = texts(&metrics, "name");
    for metric in ["counter", "histogram"] {
        assert_eq!(names.iter().filter(|found| **found == format!("{name}.{metric}")).count(), 1);
    }
    // 64-bit integers are strings; JavaScript's numbers are all doubles.
    let mut doubles = Vec::new();
    metrics.iter().for_each(|line| members(line, "asDouble", &mut doubles));
    assert!(texts(&metrics, "asInt").contains(&"41".to_owned()) || doubles.contains(&&Value::from(41.0)));
    println!("interop: {pair} | 20, 1, 2 | 20, 1, 2");
}
