//! From a frame to a `LogRecord`.

use defmt_decoder::{Frame, Location};
use smoltel_core::otlp::logs::CompleteLog;
use smoltel_core::time::Bounds;
use smoltel_core::wire::Writer;
use smoltel_core::{Key, Severity, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

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
        time: frame.display_timestamp().and_then(|time| time_of(&time.to_string())).unwrap_or(0),
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

/// What defmt's hints for times make of a number, in nanoseconds: of an uptime, or of a date.
fn time_of(shown: &str) -> Option<u64> {
    uptime(shown).or_else(|| date(shown))
}

/// `5.250000` (`:us`, `:ms`), `00:00:05.250` (`:tus`, `:tms`, `:ts`), or `1:00:00:05` with days. A number alone may count anything.
fn uptime(shown: &str) -> Option<u64> {
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

/// `2021-04-20T09:23:44.804Z` (`:iso8601ms`, `:iso8601s`). One from before smoltel's times begin is of a clock that was not set: were it
/// taken, it would pass for an uptime.
fn date(shown: &str) -> Option<u64> {
    let date = OffsetDateTime::parse(shown, &Rfc3339).ok()?;
    let unix = u64::try_from(date.unix_timestamp_nanos()).ok()?;
    Bounds::exactly(unix, 0).map(|_| unix)
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
            ("2021-04-20T09:23:44.804Z", 1_618_910_624_804_000_000),
            ("2021-04-20T09:23:44Z", 1_618_910_624_000_000_000),
        ] {
            assert_eq!(time_of(shown), Some(time), "{shown}");
        }
        let none =
            ["", "5", "1.2.3", "a.b", "t=5.25", "1:1:1:1:1", "99999999999999999999.0", ".", ":.1", "-1.5"];
        assert_eq!(none.map(time_of), [None; 10]);
        let not_set = [
            "1970-01-01T00:00:00.000Z",
            "2000-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "2021-04-31T00:00:00Z",
        ];
        assert_eq!(not_set.map(time_of), [None; 4]);
    }
}
