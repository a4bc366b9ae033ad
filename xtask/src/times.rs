//! Times in archived requests of a device, which differ from run to run: checked, and taken out of a comparison.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

/// Replaces each time in `json` by `"now"`. Refuses one that is not of a program that has just run: from before the last
/// minute, from the future, or before its start.
pub(crate) fn blank(json: &mut Value) -> Result<(), String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
    blank_at(now.as_nanos(), json)
}

fn blank_at(now: u128, json: &mut Value) -> Result<(), String> {
    match json {
        Value::Array(items) => items.iter_mut().try_for_each(|item| blank_at(now, item)),
        Value::Object(fields) => blank_fields(now, fields),
        _ => Ok(()),
    }
}

fn blank_fields(now: u128, fields: &mut Map<String, Value>) -> Result<(), String> {
    // A device learns the time from a Date of whole seconds.
    let recent = now.saturating_sub(MINUTE)..now + SECOND;
    if fields.get("key").and_then(Value::as_str) == Some(LATEST) {
        return blank_latest(&recent, fields);
    }
    let start = fields.get("startTimeUnixNano").and_then(nanoseconds).unwrap_or(0);
    for (name, value) in fields {
        if !name.to_ascii_lowercase().ends_with("timeunixnano") {
            blank_at(now, value)?;
        } else if nanoseconds(value).is_some_and(|time| time >= start && recent.contains(&time)) {
            *value = "now".into();
        } else {
            return Err(format!("{name} is {value}: not of the last minute, or before the start, {start}"));
        }
    }
    Ok(())
}

/// The time that records of an earlier boot are not later than.
const LATEST: &str = "smoltel.time.latest";

fn blank_latest(recent: &Range<u128>, attribute: &mut Map<String, Value>) -> Result<(), String> {
    let value = attribute.get_mut("value").and_then(|value| value.get_mut("intValue"));
    match value {
        Some(time) if nanoseconds(time).is_some_and(|time| recent.contains(&time)) => *time = "now".into(),
        value => return Err(format!("{LATEST} is {value:?}: not of the last minute")),
    }
    Ok(())
}

/// OTLP JSON has numbers of 64 bits as text.
fn nanoseconds(value: &Value) -> Option<u128> {
    value.as_str()?.parse().ok()
}

const SECOND: u128 = 1_000_000_000;
const MINUTE: u128 = 60 * SECOND;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: u128 = 1_700_000_000_000_000_000;

    #[test]
    fn times_are_blanked_and_nothing_else() {
        let (start, end) = ("1699999999000000000", "1699999999000000001");
        let mut span = json!([{"startTimeUnixNano": start, "endTimeUnixNano": end, "flags": 5}]);
        blank_at(NOW, &mut span).unwrap();
        assert_eq!(span, json!([{"startTimeUnixNano": "now", "endTimeUnixNano": "now", "flags": 5}]));
    }

    #[test]
    fn a_bound_is_a_time_too() {
        let mut bound = json!({"key": LATEST, "value": {"intValue": "1699999999000000000"}});
        blank_at(NOW, &mut bound).unwrap();
        assert_eq!(bound, json!({"key": LATEST, "value": {"intValue": "now"}}));
    }

    #[test]
    fn what_is_not_of_this_run_is_refused() {
        for refused in [
            json!({"key": LATEST, "value": {"intValue": "1"}}),
            json!({"timeUnixNano": "0"}),
            json!({"timeUnixNano": "5000000000"}),
            json!({"timeUnixNano": 1_700_000_000_000_000_000_u64}),
            json!({"timeUnixNano": "1699999900000000000"}),
            json!({"timeUnixNano": "1700000001000000000"}),
            json!({"startTimeUnixNano": "1699999999000000000", "endTimeUnixNano": "1699999998000000000"}),
        ] {
            assert!(blank_at(NOW, &mut refused.clone()).is_err(), "{refused}");
        }
    }
}
