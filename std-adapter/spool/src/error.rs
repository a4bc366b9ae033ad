//! What can go wrong.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A spool that could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// Another process has it open.
    InUse {
        /// The file on which that process holds a lock.
        lock: PathBuf,
    },
    /// Another version of smoltel wrote it: a newer one, or, if it is version 0, one from before the format was frozen. It was
    /// left untouched.
    Newer {
        /// The version found.
        version: u16,
    },
    /// What it holds is encrypted, and no key was given. It was left untouched.
    NoKey,
    /// What it holds is encrypted with another key. It was left untouched.
    WrongKey,
    /// The options do not make sense; the text says what they must be.
    Options(String),
    /// The operating system refused.
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::InUse { lock } => {
                write!(f, "the spool is in use: another process holds the lock {}", lock.display())
            }
            OpenError::Newer { version } => {
                let age = if *version == 0 { "from before it was frozen" } else { "newer than this program" };
                write!(
                    f,
                    "the spool's format is version {version}, {age}: drain it with the program that wrote it"
                )
            }
            OpenError::NoKey if cfg!(not(feature = "encryption")) => {
                f.write_str("the spool is encrypted: open it with a program that has encryption")
            }
            OpenError::NoKey => f.write_str("the spool is encrypted: give the key it was written with"),
            OpenError::WrongKey => {
                f.write_str("the spool is encrypted with another key than the one given: give that one")
            }
            OpenError::Options(problem) => f.write_str(problem),
            OpenError::Io { doing, path, source } => write!(f, "cannot {doing} {}: {source}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OpenError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// A record that was not stored. The caller still has custody of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// There is no room: try again when destinations have released some.
    Full,
    /// Too many bytes are in flight: try again at once.
    Busy,
    /// The payload, compressed if the options say so, does not fit a segment: split it.
    TooLarge {
        /// Its length.
        len: usize,
        /// The longest that fits.
        max: usize,
    },
    /// A disk error, told in the text, has made the spool read-only until it is opened again.
    ReadOnly(String),
    /// The spool is closed.
    Closed,
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AppendError::Full => f.write_str("the spool is full"),
            AppendError::Busy => f.write_str("too many bytes are on their way into the spool"),
            AppendError::TooLarge { len, max } => {
                write!(f, "the record has {len} bytes, the spool takes {max}")
            }
            AppendError::ReadOnly(reason) => {
                write!(f, "the spool is read-only until it is opened again: {reason}")
            }
            AppendError::Closed => f.write_str("the spool is closed"),
        }
    }
}

impl std::error::Error for AppendError {}

/// Something else that the spool could not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A destination's id must have 1 to 64 bytes.
    BadId,
    /// There are 16 destinations already: retire one.
    TooManyDestinations,
    /// A disk error, told in the text.
    Disk(String),
    /// The deadline passed. What was handed over is still being written.
    Deadline,
    /// The spool is closed.
    Closed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::BadId => f.write_str("a destination's id must have 1 to 64 bytes"),
            Error::TooManyDestinations => f.write_str("the spool has 16 destinations already: retire one"),
            Error::Disk(reason) => write!(f, "the spool's disk failed: {reason}"),
            Error::Deadline => f.write_str("the deadline passed before the spool was done"),
            Error::Closed => f.write_str("the spool is closed"),
        }
    }
}

impl std::error::Error for Error {}
