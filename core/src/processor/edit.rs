//! Changes to a record's attributes and body, in place: what follows moves, and the lengths of the
//! messages around are written anew.

use core::fmt;
use core::hash::Hasher;
use core::ops::Range;

use siphasher::sip::SipHasher24;

use super::Record;
use crate::otlp::layout::{Message, Role};
use crate::wire::{LEN, Malformed, Payload, Reader, VARINT, varint};

mod field {
    pub(super) const KEY: u32 = 1;
    pub(super) const VALUE: u32 = 2;
    /// Of `AnyValue`.
    pub(super) const STRING: u32 = 1;
}

/// An attribute, as far as deciding on it takes.
///
/// ```
/// use smoltel_core::processor::{Attribute, Edit};
/// /// Keeps card numbers out, whatever attribute they are in.
/// fn masked(attribute: &Attribute<'_>) -> Edit<'static> {
///     let digits = |text: &str| text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit());
///     if attribute.text.is_some_and(digits) { Edit::Mask } else { Edit::Keep }
/// }
/// assert_eq!(masked(&Attribute { key: "memo", text: Some("4111111111111111") }), Edit::Mask);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub struct Attribute<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its value, if that is text.
    pub text: Option<&'a str>,
}

/// What is to become of an attribute or a body.
///
/// A new value that finds no room in the slot takes the whole attribute with it: what was to be hidden
/// never stays. Nothing of this is counted in `dropped_attributes_count`, which is for what was lost
/// against the sender's will.
///
/// ```
/// use smoltel_core::processor::{Edit, HashKey};
/// static KEY: HashKey = HashKey::new(*b"from a safe spot");
/// let rules = [("user.email", Edit::Hash(&KEY)), ("url.full", Edit::Truncate(64)), ("pin", Edit::Mask)];
/// # let _ = rules;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt-1", derive(defmt::Format))]
pub enum Edit<'a> {
    /// It stays.
    #[default]
    Keep,
    /// It goes.
    Drop,
    /// Its value becomes the text `***`, whatever it was.
    Mask,
    /// Its value becomes 16 lower-case hexadecimal digits: [`HashKey::digits`] of its text, or of the
    /// encoded `AnyValue` of one that is not text.
    Hash(&'a HashKey),
    /// Its text is cut behind so many characters; a value that is not text stays.
    Truncate(usize),
}

/// The secret that hashed values depend on. Equal values have equal hashes under one key, so they can be
/// counted and joined, and nobody without the key can try values to find the one behind a hash.
///
/// ```
/// use smoltel_core::processor::HashKey;
/// let key = HashKey::new([7; 16]);
/// assert_eq!(key.digits(b"ada@example.com"), HashKey::new([7; 16]).digits(b"ada@example.com"));
/// assert_ne!(key.digits(b"ada@example.com"), HashKey::new([8; 16]).digits(b"ada@example.com"));
/// assert_eq!(format!("{key:?}"), "HashKey(..)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey([u8; 16]);

impl HashKey {
    /// A key of those bytes. Take them from a random source, and keep them out of the program's image
    /// where others can read it.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// SipHash-2-4 of `bytes`, most significant digit first.
    pub fn digits(&self, bytes: &[u8]) -> [u8; 16] {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(bytes);
        let hash = hasher.finish();
        core::array::from_fn(|at| {
            let digit = (hash >> (60 - 4 * at)) as u8 & 0xF;
            digit + if digit < 10 { b'0' } else { b'a' - 10 }
        })
    }
}

/// Without the secret.
impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(..)")
    }
}

/// The text that hides any value, as an `AnyValue`.
const MASK: &[u8] = b"\x0A\x03***";
/// Room that a value may not grow into: the lengths of the messages around it may each take two bytes
/// more, those of an attribute and its value too.
const RESERVE: usize = 2 * (Message::DEPTH + 2);

impl Record<'_> {
    /// Asks `edit` about each attribute of the record, its events, links, points and exemplars, and does
    /// as it says. The keys within a value that is a map are not asked about.
    ///
    /// A metric's points are told apart by their attributes: where points that differ in nothing else
    /// could become equal, choose the attributes at the instrument instead.
    ///
    /// # Errors
    ///
    /// The record is not what smoltel writes. Drop it: not all of it has been looked at.
    pub fn edit_attributes<'k>(
        &mut self,
        mut edit: impl FnMut(&Attribute<'_>) -> Edit<'k>,
    ) -> Result<(), Malformed> {
        let message = Message::of(self.signal());
        let len = self.len;
        self.edit_message(message, 0..len, &mut edit).map(|_| ())
    }

    /// Asks `edit` about a log record's body, with its text if it is text, and does as it says. Other
    /// records have none.
    ///
    /// # Errors
    ///
    /// The record is not what smoltel writes. Drop it: not all of it has been looked at.
    pub fn edit_body<'k>(&mut self, edit: impl FnOnce(Option<&str>) -> Edit<'k>) -> Result<(), Malformed> {
        let message = Message::of(self.signal());
        let mut at = 0;
        while let Some(field) = self.field_at(at, self.len)? {
            if field.role_in(message) == Role::Body {
                let edit = edit(text(self.at(&field.payload)?));
                if !self.edit_value(&field, edit) {
                    self.replace(field.start..field.payload.end, &[]);
                }
                return Ok(());
            }
            at = field.payload.end;
        }
        Ok(())
    }

    /// Edits the message at `range` and returns its new length.
    fn edit_message<'k>(
        &mut self,
        message: Message,
        range: Range<usize>,
        edit: &mut dyn FnMut(&Attribute<'_>) -> Edit<'k>,
    ) -> Result<usize, Malformed> {
        let (mut at, mut end) = (range.start, range.end);
        while let Some(field) = self.field_at(at, end)? {
            let before = self.len;
            match field.role_in(message) {
                Role::Inner(inner) => {
                    let len = self.edit_message(inner, field.payload.clone(), edit)?;
                    self.set_len_of(&field, len);
                }
                Role::Attribute => self.edit_attribute(&field, edit)?,
                Role::Time | Role::Body | Role::Other => {}
            }
            // Wrapping: it may have grown or shrunk, and never by more than itself.
            let change = self.len.wrapping_sub(before);
            at = field.payload.end.wrapping_add(change);
            end = end.wrapping_add(change);
        }
        Ok(end - range.start)
    }

    fn edit_attribute<'k>(
        &mut self,
        field: &Field,
        edit: &mut dyn FnMut(&Attribute<'_>) -> Edit<'k>,
    ) -> Result<(), Malformed> {
        let (attribute, value) = self.attribute_in(field)?;
        let edit = edit(&attribute);
        let before = self.len;
        match (edit, value) {
            (Edit::Keep, _) | (Edit::Mask | Edit::Hash(_) | Edit::Truncate(_), None) => return Ok(()),
            (edit, Some(value)) if edit != Edit::Drop && self.edit_value(&value, edit) => {}
            _ => {
                self.replace(field.start..field.payload.end, &[]);
                return Ok(());
            }
        }
        let len = field.payload.len().wrapping_add(self.len.wrapping_sub(before));
        self.set_len_of(field, len);
        Ok(())
    }

    /// The `KeyValue` that is `field`, and its value's field if it has one.
    fn attribute_in(&self, field: &Field) -> Result<(Attribute<'_>, Option<Field>), Malformed> {
        let (mut key, mut value) = ("", None);
        let mut at = field.payload.start;
        while let Some(inner) = self.field_at(at, field.payload.end)? {
            at = inner.payload.end;
            match inner.number {
                field::KEY => key = core::str::from_utf8(self.at(&inner.payload)?).map_err(|_| Malformed)?,
                field::VALUE => value = Some(inner),
                _ => {}
            }
        }
        let text = match &value {
            Some(value) => text(self.at(&value.payload)?),
            None => None,
        };
        Ok((Attribute { key, text }, value))
    }

    /// Edits the `AnyValue` that is `field`; `false` when it has to go instead.
    fn edit_value(&mut self, field: &Field, edit: Edit<'_>) -> bool {
        let value = self.bytes().get(field.payload.clone()).unwrap_or_default();
        let len = match edit {
            Edit::Keep => return true,
            Edit::Mask => self.fill(&field.payload, MASK),
            Edit::Hash(key) => {
                let mut hashed = [field::STRING as u8 * 8 + LEN as u8; 18];
                let digits = key.digits(text(value).map_or(value, str::as_bytes));
                hashed[1] = digits.len() as u8;
                hashed[2..].copy_from_slice(&digits);
                self.fill(&field.payload, &hashed)
            }
            Edit::Truncate(chars) => Some(self.truncate(&field.payload, chars)),
            Edit::Drop => None,
        };
        if let Some(len) = len {
            self.set_len_of(field, len);
        }
        len.is_some()
    }

    /// Puts a value in another's place and returns its length, if there is room.
    fn fill(&mut self, range: &Range<usize>, value: &[u8]) -> Option<usize> {
        let grows = value.len().saturating_sub(range.len());
        let room = (self.buffer.len() - self.len).saturating_sub(RESERVE);
        (grows == 0 || grows <= room).then(|| {
            self.replace(range.clone(), value);
            value.len()
        })
    }

    /// Cuts the text of the `AnyValue` at `range`, and returns its new length.
    fn truncate(&mut self, range: &Range<usize>, chars: usize) -> usize {
        let whole = range.len();
        let Ok(Some(field)) = self.field_at(range.start, range.end) else { return whole };
        let Some(text) = text(self.bytes().get(range.clone()).unwrap_or_default()) else { return whole };
        let Some((len, _)) = text.char_indices().nth(chars) else { return whole };
        let before = self.len;
        self.replace(field.payload.start + len..field.payload.end, &[]);
        self.set_len_of(&field, len);
        whole - (before - self.len)
    }

    /// Writes the length of a field's payload anew.
    fn set_len_of(&mut self, field: &Field, len: usize) {
        if len != field.payload.len() {
            let mut bytes = [0; varint::MAX_LEN];
            let n = varint::encode(len as u64, &mut bytes);
            self.replace(field.len_at..field.payload.start, bytes.get(..n).unwrap_or_default());
        }
    }

    /// Puts `bytes` in the place of `range` and moves what follows. Whoever makes a record longer has
    /// made sure of the room.
    fn replace(&mut self, range: Range<usize>, bytes: &[u8]) {
        let len = self.len - range.len() + bytes.len();
        debug_assert!(len <= self.buffer.len(), "a record grew beyond its slot");
        if len > self.buffer.len() {
            return;
        }
        let to = range.start + bytes.len();
        self.buffer.copy_within(range.end..self.len, to);
        if let Some(room) = self.buffer.get_mut(range.start..to) {
            room.copy_from_slice(bytes);
        }
        self.len = len;
    }

    fn at(&self, range: &Range<usize>) -> Result<&[u8], Malformed> {
        self.bytes().get(range.clone()).ok_or(Malformed)
    }

    /// The field at `start` of a message that goes to `end`.
    fn field_at(&self, start: usize, end: usize) -> Result<Option<Field>, Malformed> {
        let bytes = self.at(&(start..end))?;
        let mut fields = Reader::new(bytes);
        let Some((number, payload)) = fields.next().transpose()? else { return Ok(None) };
        let (_, tag_len) = varint::decode(bytes).ok_or(Malformed)?;
        let end = end - fields.rest().len();
        let (wire_type, len) = match payload {
            Payload::Len(payload) => (LEN, payload.len()),
            // None of the others is looked at.
            _ => (VARINT, 0),
        };
        Ok(Some(Field { number, wire_type, start, len_at: start + tag_len, payload: end - len..end }))
    }
}

/// Where a field is: its tag, the length of its payload, its payload.
struct Field {
    number: u32,
    wire_type: u32,
    start: usize,
    len_at: usize,
    payload: Range<usize>,
}

impl Field {
    fn role_in(&self, message: Message) -> Role {
        message.role(self.number, self.wire_type)
    }
}

/// The text of an `AnyValue` that is text.
fn text(value: &[u8]) -> Option<&str> {
    match Reader::new(value).next() {
        Some(Ok((field::STRING, Payload::Len(text)))) => core::str::from_utf8(text).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_siphash_2_4() {
        // The input and result that the authors of SipHash publish.
        let bytes: [u8; 16] = core::array::from_fn(|at| at as u8);
        assert_eq!(&HashKey::new(bytes).digits(&bytes[..15]), b"a129ca6149be45e5");
    }
}
