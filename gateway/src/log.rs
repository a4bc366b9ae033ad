//! The gateway's own log: plain lines on stderr. Whoever runs it adds the time.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Writes a line. A closed stderr is no reason to stop.
pub(crate) fn line(text: impl Display) {
    let line = format!("smoltel-gateway: {text}\n");
    _ = io::stderr().write_all(line.as_bytes());
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
