//! From a frame to a `LogRecord`.

use defmt_decoder::{Frame, Location};
use smoltel_core::otlp::logs::CompleteLog;
use smoltel_core::wire::Writer;
use smoltel_core::{Key, Severity, Value};

/// The longest text and path; what is longer is cut. A record is then shorter than the link's longest.
const LONGEST_TEXT: usize = 32 << 10;
const LONGEST_PATH: usize = 4096;

pub(crate) fn record(frame: &Frame<'_>, location: Option<&Location>) -> Option<Vec<u8>> {
    let text = frame.display_message().to_string();
    let level = frame.level().map(|level| level.as_str().to_uppercase()).unwrap_or_default();
    let path = location.map(|location| location.file.to_string_lossy().into_owned());
    let mut attributes = Vec::new();
    if let (Some(path), Some(location)) = (&path, location) {
        let line = i64::try_from(location.line).unwrap_or(i64::MAX);
        attributes.push((Key::new("code.file.path"), Value::Str(cut(path, LONGEST_PATH))));
        attributes.push((Key::new("code.line.number"), Value::Int(line)));
    }
    let log = CompleteLog {
        time: frame.display_timestamp().and_then(|time| nanoseconds(&time.to_string())).unwrap_or(0),
        severity: severity(&level),
        severity_text: &level,
        body: Some(Value::Str(cut(&text, LONGEST_TEXT))),
        attributes: &attributes,
        ..CompleteLog::default()
    };
    let mut bytes = vec![0; LONGEST_TEXT + LONGEST_PATH + 256];
    let mut w = Writer::new(&mut bytes);
    log.encode(&mut w).ok()?;
    let len = w.len();
    bytes.truncate(len);
    Some(bytes)
}

fn severity(level: &str) -> Severity {
    match level {
        "TRACE" => Severity::Trace,
        "DEBUG" => Severity::Debug,
        "INFO" => Severity::Info,
        "WARN" => Severity::Warn,
        "ERROR" => Severity::Error,
        _ => Severity::Unspecified,
    }
}

fn cut(text: &str, longest: usize) -> &str {
    let end = (0..=longest.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// What defmt's hints for times make of a number: `5.250000`, `00:00:05.250`, or `1:00:00:05` with days. A number alone may count
/// anything.
fn nanoseconds(shown: &str) -> Option<u64> {
    let (whole, fraction) = shown.split_once('.').unwrap_or((shown, ""));
    if !whole.contains(':') && fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    let mut units = [1_u64, 60, 3600, 86_400].into_iter();
    let mut seconds = 0_u64;
    for part in whole.rsplit(':') {
        seconds = seconds.checked_add(units.next()?.checked_mul(digits(part)?)?)?;
    }
    let fraction = digits(&format!("{fraction:0<9}"))?;
    seconds.checked_mul(1_000_000_000)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_what_the_hints_show() {
        for (shown, time) in [
            ("5.250000", 5_250_000_000),
            ("0.001", 1_000_000),
            ("00:00:05", 5_000_000_000),
            ("01:02:03.000004", 3_723_000_004_000),
            ("2:00:00:00.001", 172_800_001_000_000),
        ] {
            assert_eq!(nanoseconds(shown), Some(time), "{shown}");
        }
        let none =
            ["", "5", "1.2.3", "a.b", "t=5.25", "1:1:1:1:1", "99999999999999999999.0", ".", ":.1", "-1.5"];
        assert_eq!(none.map(nanoseconds), [None; 10]);
    }
}
