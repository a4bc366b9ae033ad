use std::fmt;
use std::path::PathBuf;

use serde::{Serialize, Serializer};

use crate::failure::Failure;

/// A serial line: `PATH` or `PATH:BAUD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) path: PathBuf,
    pub(crate) baud: u32,
}

impl Line {
    const BAUD: u32 = 115_200;

    /// Those of the flags, else those of the file.
    pub(super) fn choose(flags: &[String], file: &[String]) -> Result<Vec<Self>, Failure> {
        let lines: Result<Vec<Self>, _> =
            if flags.is_empty() { file } else { flags }.iter().map(|text| Self::parse(text)).collect();
        lines
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        let (path, baud) = match text.rsplit_once(':') {
            Some((path, baud)) if !baud.is_empty() && baud.bytes().all(|byte| byte.is_ascii_digit()) => {
                (path, baud.parse().unwrap_or(0))
            }
            _ => (text, Self::BAUD),
        };
        if path.is_empty() || !(300..=4_000_000).contains(&baud) {
            return Err(Failure::usage(format!(
                "the serial line {text:?} is not a path, or a path, a colon and 300 to 4000000 baud; write it like \
                 /dev/ttyUSB0:115200"
            )));
        }
        Ok(Self { path: path.into(), baud })
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.baud)
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_path_with_or_without_a_speed() {
        let line =
            |text| Line::parse(text).map(|line| line.to_string()).map_err(|failure| failure.to_string());
        assert_eq!(line("/dev/ttyUSB0"), Ok("/dev/ttyUSB0:115200".into()));
        assert_eq!(line("/dev/ttyS1:9600"), Ok("/dev/ttyS1:9600".into()));
        assert_eq!(line("/dev/serial/by-path/a:1.0"), Ok("/dev/serial/by-path/a:1.0:115200".into()));
        for wrong in ["", ":9600", "/dev/ttyS1:0", "/dev/ttyS1:99999999999"] {
            assert!(line(wrong).unwrap_err().contains("/dev/ttyUSB0:115200"), "{wrong}");
        }
    }
}
