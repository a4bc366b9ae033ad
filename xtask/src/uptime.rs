//! Times in archived requests of a device, which differ from run to run: checked, and taken out of a comparison.

use serde_json::{Map, Value};

/// Replaces each time in `json` by `"uptime"`. Refuses one that cannot be the uptime of a program that has just run:
/// zero, more than a minute, or before its start.
pub(crate) fn blank(json: &mut Value) -> Result<(), String> {
    match json {
        Value::Array(items) => items.iter_mut().try_for_each(blank),
        Value::Object(fields) => blank_fields(fields),
        _ => Ok(()),
    }
}

fn blank_fields(fields: &mut Map<String, Value>) -> Result<(), String> {
    let start = fields.get("startTimeUnixNano").map_or(Some(1), nanoseconds).unwrap_or(1);
    for (name, value) in fields {
        if !name.to_ascii_lowercase().ends_with("timeunixnano") {
            blank(value)?;
        } else if nanoseconds(value).is_some_and(|time| (start..MINUTE).contains(&time)) {
            *value = "uptime".into();
        } else {
            return Err(format!("{name} is {value}: no uptime, or before the start, {start}"));
        }
    }
    Ok(())
}

/// OTLP JSON has numbers of 64 bits as text.
fn nanoseconds(value: &Value) -> Option<u64> {
    value.as_str()?.parse().ok()
}

const MINUTE: u64 = 60_000_000_000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_blanked_and_nothing_else() {
        let mut span = json!([{"startTimeUnixNano": "5", "endTimeUnixNano": "9", "flags": 5}]);
        blank(&mut span).unwrap();
        assert_eq!(span, json!([{"startTimeUnixNano": "uptime", "endTimeUnixNano": "uptime", "flags": 5}]));
    }

    #[test]
    fn what_is_no_uptime_is_refused() {
        for refused in [
            json!({"timeUnixNano": "0"}),
            json!({"timeUnixNano": 7}),
            json!({"timeUnixNano": "1700000000000000000"}),
            json!({"startTimeUnixNano": "9", "endTimeUnixNano": "8"}),
        ] {
            assert!(blank(&mut refused.clone()).is_err(), "{refused}");
        }
    }
}
