use super::keys::{matches, verdict};
use super::{Edit, Processor, Record, Verdict};

/// Hides or shortens attribute values, by key, in records and their events, links, points and exemplars;
/// and the bodies of log records.
///
/// A rule is a key, or the beginning of keys and a `*`, and what to do; the first rule about a key counts.
/// Names of spans and events, and the message of a status, are not changed: keep secrets out of those.
///
/// ```
/// use smoltel_core::processor::{Edit, HashKey, Processor, Record, Redact, Verdict};
/// use smoltel_core::{Signal, platform::Priority};
///
/// static KEY: HashKey = HashKey::new([7; 16]); // yours, and random
/// static REDACT: Redact<'_> =
///     Redact::new(&[("user.email", Edit::Hash(&KEY)), ("user.*", Edit::Mask)]).body(Edit::Truncate(80));
///
/// let mut span = *b"\x4A\x11\x0A\x07user.id\x12\x06\x0A\x04ada1";
/// let mut record = Record::new(Signal::Traces, 0, Priority::Low, &mut span, 19);
/// assert_eq!(REDACT.process(&mut record), Verdict::Keep);
/// assert_eq!(record.bytes(), b"\x4A\x10\x0A\x07user.id\x12\x05\x0A\x03***");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Redact<'a> {
    rules: &'a [(&'a str, Edit<'a>)],
    body: Edit<'a>,
}

impl<'a> Redact<'a> {
    /// Does to attributes what the first of `rules` about their key says; bodies stay.
    pub const fn new(rules: &'a [(&'a str, Edit<'a>)]) -> Self {
        Self { rules, body: Edit::Keep }
    }

    /// Does that to the bodies of log records.
    pub const fn body(mut self, edit: Edit<'a>) -> Self {
        self.body = edit;
        self
    }
}

impl Processor for Redact<'_> {
    fn process(&self, record: &mut Record<'_>) -> Verdict {
        let edit = |key: &str| {
            self.rules.iter().find(|(rule, _)| matches(rule, key)).map_or(Edit::Keep, |(_, edit)| *edit)
        };
        let edited = record.edit_attributes(|attribute| edit(attribute.key));
        verdict(edited.and_then(|()| match self.body {
            Edit::Keep => Ok(()),
            body => record.edit_body(|_| body),
        }))
    }
}
