//! The gateway's own log: lines on stderr, plain or in JSON. Whoever runs it adds the time to plain ones.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::own::Pace;
use crate::warnings;

static JSON: AtomicBool = AtomicBool::new(false);
/// A log may be on the disk that the spool needs.
static FLOOD: Mutex<Flood> = Mutex::new(Flood::new(200, Duration::from_millis(200)));

/// How bad it is.
#[derive(Clone, Copy, PartialEq)]
enum Severity {
    Info,
    Warning,
    Error,
}

/// Lines from now on are objects of JSON, or text.
pub(crate) fn in_json(json: bool) {
    JSON.store(json, Ordering::Relaxed);
}

/// Writes a line. A closed stderr is no reason to stop.
pub(crate) fn line(text: impl Display) {
    write(Severity::Info, &text.to_string());
}

/// Writes what somebody should look at, and tells the destinations if that is wished.
pub(crate) fn warning(text: impl Display) {
    let text = text.to_string();
    write(Severity::Warning, &text);
    warnings::add(text);
}

/// Writes why the program ends.
pub(crate) fn error(text: impl Display) {
    write(Severity::Error, &text.to_string());
}

fn write(severity: Severity, text: &str) {
    let due = FLOOD.lock().unwrap_or_else(PoisonError::into_inner).due(Instant::now());
    let Some(unsaid) = due else { return };
    if unsaid > 0 {
        put(Severity::Warning, &format!("{unsaid} lines were left out, there were too many"));
    }
    put(severity, text);
}

fn put(severity: Severity, text: &str) {
    let line = match severity {
        _ if JSON.load(Ordering::Relaxed) => object(severity, text),
        Severity::Warning => format!("smoltel-gateway: warning: {text}\n"),
        _ => format!("smoltel-gateway: {text}\n"),
    };
    _ = io::stderr().write_all(line.as_bytes());
}

fn object(severity: Severity, text: &str) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let severity = match severity {
        Severity::Info => "INFO",
        Severity::Warning => "WARN",
        Severity::Error => "ERROR",
    };
    let object = json!({
        "timeUnixNano": since.as_nanos().to_string(), "severityText": severity,
        "service": "smoltel-gateway", "message": text,
    });
    format!("{object}\n")
}

/// Bounds how much is said: so many lines at once, and one more each time that has passed.
pub(crate) struct Flood {
    burst: u32,
    each: Duration,
    spent: Option<Instant>,
    unsaid: u64,
}

impl Flood {
    pub(crate) const fn new(burst: u32, each: Duration) -> Self {
        Self { burst, each, spent: None, unsaid: 0 }
    }

    /// How many lines were left out before this one; `None` if it is to be, too.
    pub(crate) fn due(&mut self, now: Instant) -> Option<u64> {
        let spent = self.spent.map_or(now, |spent| spent.max(now));
        if spent - now > self.each * (self.burst - 1) {
            self.unsaid += 1;
            return None;
        }
        self.spent = Some(spent + self.each);
        Some(std::mem::take(&mut self.unsaid))
    }

    /// Lines were left out elsewhere.
    pub(crate) fn left_out(&mut self, lines: u64) {
        self.unsaid += lines;
    }
}

/// Keeps a trouble that repeats from filling the log: a new text is written at once, the same one again
/// after a minute, with how often it came. The destinations are told ever less often.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    last: Option<(String, Instant)>,
    unsaid: u64,
    silent: bool,
    pace: Pace,
}

impl Repeats {
    const EVERY: Duration = Duration::from_secs(60);

    /// For when somebody else says it.
    pub(crate) fn silent() -> Self {
        Self { silent: true, ..Self::default() }
    }

    pub(crate) fn warning(&mut self, text: String) {
        if self.silent {
            return;
        }
        let now = Instant::now();
        let Some(text) = self.due(text, now) else { return };
        write(Severity::Warning, &text);
        // A trouble that such records themselves make must not keep itself alive.
        if self.pace.due(now) {
            warnings::add(text);
        }
    }

    /// The trouble is over. Whether there was one.
    pub(crate) fn over(&mut self) -> bool {
        self.unsaid = 0;
        self.last.take().is_some()
    }

    fn due(&mut self, text: String, now: Instant) -> Option<String> {
        match &self.last {
            Some((last, said)) if *last == text && now - *said < Self::EVERY => {
                self.unsaid += 1;
                return None;
            }
            _ => {}
        }
        let line = match self.unsaid {
            0 => text.clone(),
            unsaid => format!("{text} (and {unsaid} times before)"),
        };
        (self.last, self.unsaid) = (Some((text, now)), 0);
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted() {
        let (mut flood, start) = (Flood::new(200, Duration::from_millis(200)), Instant::now());
        let said = (0..1000).filter(|_| flood.due(start).is_some()).count();
        assert_eq!(said, 200);
        assert_eq!(flood.due(start + Duration::from_millis(200)), Some(800));
        assert_eq!(flood.due(start + Duration::from_millis(201)), None);
        assert_eq!(flood.due(start + Duration::from_secs(100)), Some(1));
    }

    #[test]
    fn an_object_is_json_whatever_it_says() {
        let line = object(Severity::Warning, "\"a\"\n");
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!((&object["severityText"], &object["message"]), (&"WARN".into(), &"\"a\"\n".into()));
    }

    #[test]
    fn the_same_text_comes_once_a_minute() {
        let (mut repeats, start) = (Repeats::default(), Instant::now());
        let mut due = |text: &str, seconds| repeats.due(text.into(), start + Duration::from_secs(seconds));
        assert_eq!(due("down", 0).as_deref(), Some("down"));
        assert_eq!(due("down", 1), None);
        assert_eq!(due("down", 59), None);
        assert_eq!(due("down", 61).as_deref(), Some("down (and 2 times before)"));
        assert_eq!(due("gone", 62).as_deref(), Some("gone"));
    }
}
