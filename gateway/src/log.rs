//! The gateway's own log: lines on stderr, plain or in JSON. Whoever runs it adds the time to plain ones.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

static JSON: AtomicBool = AtomicBool::new(false);
static FLOOD: Mutex<Flood> = Mutex::new(Flood::new());

/// Lines from now on are objects of JSON, or text.
pub(crate) fn in_json(json: bool) {
    JSON.store(json, Ordering::Relaxed);
}

/// Writes a line. A closed stderr is no reason to stop.
pub(crate) fn line(text: impl Display) {
    let due = FLOOD.lock().unwrap_or_else(PoisonError::into_inner).due(Instant::now());
    let Some(unsaid) = due else { return };
    if unsaid > 0 {
        write(&format!("warning: {unsaid} lines were left out, there were too many"));
    }
    write(&text.to_string());
}

fn write(text: &str) {
    let line = if JSON.load(Ordering::Relaxed) { object(text) } else { format!("smoltel-gateway: {text}\n") };
    _ = io::stderr().write_all(line.as_bytes());
}

fn object(text: &str) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (severity, message) = match text.strip_prefix("warning: ") {
        Some(rest) => ("WARN", rest),
        None => ("INFO", text),
    };
    let object = json!({
        "timeUnixNano": since.as_nanos().to_string(), "severityText": severity,
        "service": "smoltel-gateway", "message": message,
    });
    format!("{object}\n")
}

/// A log may be on the disk that the spool needs: so many lines at once, and one more each time that has passed.
struct Flood {
    spent: Option<Instant>,
    unsaid: u64,
}

impl Flood {
    const BURST: u32 = 200;
    const EACH: Duration = Duration::from_millis(200);

    const fn new() -> Self {
        Self { spent: None, unsaid: 0 }
    }

    /// How many lines were left out before this one; `None` if it is to be, too.
    fn due(&mut self, now: Instant) -> Option<u64> {
        let spent = self.spent.map_or(now, |spent| spent.max(now));
        if spent - now > Self::EACH * (Self::BURST - 1) {
            self.unsaid += 1;
            return None;
        }
        self.spent = Some(spent + Self::EACH);
        Some(std::mem::take(&mut self.unsaid))
    }
}

/// Keeps a trouble that repeats from filling the log: a new text is written at once, the same one again
/// after a minute, with how often it came.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    last: Option<(String, Instant)>,
    unsaid: u64,
    silent: bool,
}

impl Repeats {
    const EVERY: Duration = Duration::from_secs(60);

    /// For when somebody else says it.
    pub(crate) fn silent() -> Self {
        Self { silent: true, ..Self::default() }
    }

    pub(crate) fn line(&mut self, text: String) {
        if self.silent {
            return;
        }
        if let Some(text) = self.due(text, Instant::now()) {
            line(text);
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
        let (mut flood, start) = (Flood::new(), Instant::now());
        let said = (0..1000).filter(|_| flood.due(start).is_some()).count();
        assert_eq!(said, 200);
        assert_eq!(flood.due(start + Duration::from_millis(200)), Some(800));
        assert_eq!(flood.due(start + Duration::from_millis(201)), None);
        assert_eq!(flood.due(start + Duration::from_secs(100)), Some(1));
    }

    #[test]
    fn an_object_is_json_whatever_it_says() {
        let object: serde_json::Value = serde_json::from_str(&object("warning: \"a\"\n")).unwrap();
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
