//! What arrived at a gateway, whatever requests it came in.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The names of the lists, by signal: of resources, of scopes in each, of records in each of those.
const LISTS: [(&str, [&str; 3]); 3] = [
    ("traces", ["resourceSpans", "scopeSpans", "spans"]),
    ("logs", ["resourceLogs", "scopeLogs", "logRecords"]),
    ("metrics", ["resourceMetrics", "scopeMetrics", "metrics"]),
];

/// The records of an archive: a line for each resource, below it one for each of its records, sorted. So a record that came
/// twice has two lines, and how records were put into requests makes no difference. Addresses in the program stand as `0x…`.
pub(crate) fn records(archive: &Value) -> String {
    let mut resources: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (signal, [of_resources, of_scopes, of_records]) in LISTS {
        for resource in list(archive, signal).iter().flat_map(|request| list(request, of_resources)) {
            let lines = resources.entry(without(resource, of_scopes)).or_default();
            for scope in list(resource, of_scopes) {
                let of = without(scope, of_records);
                lines
                    .extend(list(scope, of_records).iter().map(|record| format!("  {signal} {of} {record}")));
            }
        }
    }
    let mut text = String::new();
    for (resource, mut lines) in resources {
        lines.sort_unstable();
        text += &format!("{resource}\n{}\n", lines.join("\n"));
    }
    without_addresses(&text)
}

/// A new compiler puts functions elsewhere.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split("0x");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept += "0x…";
        kept += part.trim_start_matches(|digit: char| digit.is_ascii_hexdigit());
    }
    kept
}

fn list<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// All of an object but that field, as JSON.
fn without(object: &Value, field: &str) -> String {
    let fields = object.as_object().into_iter().flatten();
    let rest: Map<_, _> =
        fields.filter(|(name, _)| *name != field).map(|(n, v)| (n.clone(), v.clone())).collect();
    Value::from(rest).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(records: &[&str]) -> Value {
        let resource = json!({"attributes": []});
        json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": {"name": "s"}, "logRecords": records}]}]})
    }

    #[test]
    fn requests_make_no_difference_and_doubles_do() {
        let together = records(&json!({"logs": [request(&["a", "b"])]}));
        assert_eq!(
            together,
            "{\"resource\":{\"attributes\":[]}}\n  logs {\"scope\":{\"name\":\"s\"}} \"a\"\n  logs {\"scope\":{\"name\":\"s\"}} \"b\"\n"
        );
        assert_eq!(records(&json!({"logs": [request(&["b"]), request(&["a"])]})), together);
        assert_ne!(records(&json!({"logs": [request(&["a", "b"]), request(&["a"])]})), together);
        assert_eq!(records(&json!({})), "");
        assert_eq!(without_addresses("at 0x0012fe, from 0xA"), "at 0x…, from 0x…");
    }
}
