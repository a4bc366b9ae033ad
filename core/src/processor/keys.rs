use super::{Edit, Processor, Record, Verdict};
use crate::wire::Malformed;

/// Whether a rule is about that key: the same, or the beginning of it where the rule ends in `*`.
pub(super) fn matches(rule: &str, key: &str) -> bool {
    match rule.strip_suffix('*') {
        Some(prefix) => key.starts_with(prefix),
        None => rule == key,
    }
}

fn any(rules: &[&str], key: &str) -> bool {
    rules.iter().any(|rule| matches(rule, key))
}

/// Closed by default: a record that could not be read to its end does not go on.
pub(super) fn verdict(edited: Result<(), Malformed>) -> Verdict {
    Verdict::keep_if(edited.is_ok())
}

/// Removes every attribute that is not listed, from records and their events, links, points and
/// exemplars.
///
/// A rule is a key, or the beginning of keys and a `*`: `"http.*"`.
///
/// ```
/// use smoltel_core::processor::{Allow, Processor, Record, Verdict};
/// use smoltel_core::{Signal, platform::Priority};
///
/// let mut span = *b"\x4A\x04\x0A\x02id\x4A\x05\x0A\x03pin"; // attributes: id, pin
/// let mut record = Record::new(Signal::Traces, 0, Priority::Low, &mut span, 13);
/// assert_eq!(Allow::new(&["id", "http.*"]).process(&mut record), Verdict::Keep);
/// assert_eq!(record.bytes(), b"\x4A\x04\x0A\x02id");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Allow<'a>(&'a [&'a str]);

impl<'a> Allow<'a> {
    /// Keeps the attributes that one of `rules` is about.
    pub const fn new(rules: &'a [&'a str]) -> Self {
        Self(rules)
    }
}

impl Processor for Allow<'_> {
    fn process(&self, record: &mut Record<'_>) -> Verdict {
        let edit = |key: &str| if any(self.0, key) { Edit::Keep } else { Edit::Drop };
        verdict(record.edit_attributes(|attribute| edit(attribute.key)))
    }
}

/// Removes every attribute that is listed, from records and their events, links, points and exemplars.
///
/// A rule is a key, or the beginning of keys and a `*`: `"http.*"`.
///
/// ```
/// use smoltel_core::processor::{Deny, Processor, Record, Verdict};
/// use smoltel_core::{Signal, platform::Priority};
///
/// let mut span = *b"\x4A\x04\x0A\x02id\x4A\x05\x0A\x03pin"; // attributes: id, pin
/// let mut record = Record::new(Signal::Traces, 0, Priority::Low, &mut span, 13);
/// assert_eq!(Deny::new(&["pin"]).process(&mut record), Verdict::Keep);
/// assert_eq!(record.bytes(), b"\x4A\x04\x0A\x02id");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Deny<'a>(&'a [&'a str]);

impl<'a> Deny<'a> {
    /// Removes the attributes that one of `rules` is about.
    pub const fn new(rules: &'a [&'a str]) -> Self {
        Self(rules)
    }
}

impl Processor for Deny<'_> {
    fn process(&self, record: &mut Record<'_>) -> Verdict {
        let edit = |key: &str| if any(self.0, key) { Edit::Drop } else { Edit::Keep };
        verdict(record.edit_attributes(|attribute| edit(attribute.key)))
    }
}
